package channelstest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
)

// An attempt is one call of Append.
type attempt struct {
	position uint64 // where it was to be stored
	outcome  string // "stored", "moved" or "unknown"
	err      error
}

// Contend lets a committer on each handle of one log append until it has the given number acknowledged, all at the
// same time. It then checks the log:
//   - every append that returned nil is there, once, at its position;
//   - every append that returned ErrMoved is not there;
//   - every append with an unknown outcome is there, once, at its position, or not at all;
//   - every position holds one record, and nothing that nobody appended.
//
// The log must not be purged meanwhile. Whatever the test does to the servers, they must be there again in the end.
func Contend(t testing.TB, logs []channels.Log, each int) {
	t.Helper()
	_, start, err := logs[0].Bounds(t.Context())
	for late := time.Now().Add(patience); err != nil; _, start, err = logs[0].Bounds(t.Context()) { // the server may be down
		if time.Now().After(late) {
			t.Fatalf("reading the bounds: %v", err)
		}
		<-time.After(10 * time.Millisecond)
	}
	committers := make([]*committer, len(logs))
	var all sync.WaitGroup
	for i, log := range logs {
		c := &committer{name: fmt.Sprintf("c%d", i), log: log, position: start, attempts: map[string]attempt{}}
		committers[i] = c
		all.Go(func() { c.run(t, each) })
	}
	all.Wait()
	attempts, counts := map[string]attempt{}, map[string]int{}
	for _, c := range committers {
		for data, a := range c.attempts {
			attempts[data] = a
			counts[a.outcome]++
		}
	}
	if t.Failed() {
		return
	}
	checkAttempts(t, logs[0], start, attempts)
	t.Logf("%d stored, %d moved, %d unknown", counts["stored"], counts["moved"], counts["unknown"])
}

// A committer appends where it believes the end of the log is.
type committer struct {
	name     string
	log      channels.Log
	position uint64             // the end of the log, as far as it knows
	attempts map[string]attempt // by their data
}

func (c *committer) run(t testing.TB, stored int) {
	deadline := time.Now().Add(10 * patience)
	for n := 0; stored > 0; n++ {
		if time.Now().After(deadline) {
			t.Errorf("%s has %d appends to go after %v", c.name, stored, 10*patience)
			return
		}
		data := fmt.Sprintf("%s-%d", c.name, n)
		switch c.attempt(data) {
		case "stored":
			stored--
		case "unknown":
			for tries := 0; c.attempt(fmt.Sprintf("%s-noop%d", data, tries)) == "unknown"; tries++ {
				if time.Now().After(deadline) {
					t.Errorf("%s cannot settle %d", c.name, c.position+1)
					return
				}
				<-time.After(10 * time.Millisecond)
			}
		}
	}
}

// attempt appends once, and follows to the end of the log when it has moved.
func (c *committer) attempt(data string) (outcome string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	a := attempt{position: c.position + 1}
	a.err = c.log.Append(ctx, c.position, []byte(data))
	switch {
	case a.err == nil:
		a.outcome = "stored"
		c.position++
	case errors.Is(a.err, channels.ErrMoved):
		a.outcome = "moved"
		if _, last, err := c.log.Bounds(ctx); err == nil {
			c.position = max(c.position, last)
		}
	default:
		a.outcome = "unknown"
	}
	c.attempts[data] = a
	return a.outcome
}

// checkAttempts reads the log and compares.
func checkAttempts(t testing.TB, log channels.Log, start uint64, attempts map[string]attempt) {
	t.Helper()
	_, last, err := log.Bounds(t.Context())
	for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); { // faults may go on
		_, last, err = log.Bounds(t.Context())
	}
	if err != nil {
		t.Fatalf("reading the bounds: %v", err)
	}
	records, stop := follow(t, log, start)
	defer stop()
	found := map[string]uint64{}
	for p := start + 1; p <= last; p++ {
		r := soon(t, records, "a record of the contended log")
		data := string(r.Data)
		a, known := attempts[data]
		switch {
		case r.Position != p:
			t.Fatalf("got the position %d, want %d", r.Position, p)
		case !known:
			t.Fatalf("%d holds %q, which nobody appended", p, data)
		case found[data] != 0:
			t.Fatalf("%q is at %d and at %d", data, found[data], p)
		case a.outcome == "moved":
			t.Fatalf("%q is at %d, but its append was refused", data, p)
		case a.position != p:
			t.Fatalf("%q is at %d, it was to be stored at %d", data, p, a.position)
		}
		found[data] = p
	}
	for data, a := range attempts {
		if a.outcome == "stored" && found[data] == 0 {
			t.Errorf("%q was acknowledged at %d and is not there", data, a.position)
		}
	}
}
