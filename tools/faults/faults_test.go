package main

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Every fault that there is, each a short one, and then others until two minutes are over; with the start, the end and what
// is checked it is three at most. make faults goes on for longer, with longer ones.
// FAULTS_SEED makes the choices of a run again that has failed.
func TestNothingThatIsPromisedBreaksWhenEverythingElseDoes(t *testing.T) {
	seed := rand.Uint64()
	if text := os.Getenv("FAULTS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	// What is broken has to be made whole again before the test is ended from outside: there are mounted disks.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if end, ok := t.Deadline(); ok {
		ctx, cancel = context.WithDeadline(ctx, end.Add(-time.Minute))
		defer cancel()
	}
	if err := prove(ctx, options{
		Seed: seed, Time: 2 * time.Minute, Longest: 3 * time.Second, Bin: "../../bin", Deploy: "../../deploy", Out: t.Output(),
	}); err != nil {
		t.Errorf("%v (FAULTS_SEED=%d makes the same choices)", err, seed)
	}
}

func TestTheCommandSaysWhatItDoesNotKnow(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-only", "earthquake"}, &out); err == nil || !strings.Contains(err.Error(), "earthquake") {
		t.Errorf("an unknown fault: %v", err)
	}
	if err := run(t.Context(), []string{"-bin", t.TempDir(), "-dir", t.TempDir(), "-deploy", "../../deploy"}, io.Discard); err == nil || !strings.Contains(err.Error(), "nats-server") {
		t.Errorf("without a nats-server: %v", err)
	}
}
