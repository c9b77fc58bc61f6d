package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/baton-hub/baton/cmd/bench"
	"github.com/baton-hub/baton/hub/crowd"
)

// told is what the frames of a message come to.
func told(t *testing.T, d *dialect, message string) (all []string) {
	t.Helper()
	if err := d.Each([]byte(message), func(f crowd.Frame) error {
		all = append(all, fmt.Sprintf("%s %d %s %s %s%s", f.Type, f.ID, f.Mode, f.Cursor, f.Data, f.Messages))
		return nil
	}); err != nil {
		t.Fatalf("%s: %v", message, err)
	}
	return all
}

// commands are those of a message, which has to be one JSON object to a line.
func commands(t *testing.T, message []byte) (all []string) {
	t.Helper()
	for line := range strings.Lines(string(message)) {
		var command map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &command); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		delete(command, "id")
		for name, value := range command {
			all = append(all, name+" "+string(value))
		}
	}
	return all
}

// TestAClientOfCentrifugoComesBackToWhereItWas plays what Centrifugo 6.9 answers.
func TestAClientOfCentrifugoComesBackToWhereItWas(t *testing.T) {
	d := &dialect{token: "T"}
	connect := `connect {"token":"T"}`
	if got, want := commands(t, d.AppendJoin(nil, 7, "log", "")), []string{connect, `subscribe {"channel":"log"}`}; !slices.Equal(got, want) {
		t.Errorf("it joins with %q, want %q", got, want)
	}
	got := told(t, d, `{"id":1,"connect":{"client":"c","version":"6.9.1","ping":25,"pong":true}}`+"\n"+
		`{"id":2,"subscribe":{"recoverable":true,"epoch":"Xyz","offset":4,"positioned":true}}`+"\n")
	got = append(got, told(t, d, `{"push":{"channel":"log","pub":{"data":"v","info":{"user":"u","client":"w"},"offset":5}}}`)...)
	got = append(got, told(t, d, "{}")...)
	if want := []string{"joined 7 snapshot 4 ", "message 0  5 \"v\"", "ping 0   {}"}; !slices.Equal(got, want) {
		t.Errorf("it hears %q, want %q", got, want)
	}
	want := []string{connect, `subscribe {"channel":"log","recover":true,"epoch":"Xyz","offset":5}`}
	if got := commands(t, d.AppendJoin(nil, 8, "log", "5")); !slices.Equal(got, want) {
		t.Errorf("it comes back with %q, want %q", got, want)
	}
	got = told(t, d, `{"id":2,"subscribe":{"recoverable":true,"epoch":"Xyz","publications":[{"data":"w","offset":6}],"recovered":true,"offset":6,"was_recovering":true}}`)
	if want := []string{`joined 8 delta 6 [{"data":"w","offset":6}]`}; !slices.Equal(got, want) {
		t.Errorf("what it missed is %q, want %q", got, want)
	}
	if got := told(t, d, `{"id":2,"subscribe":{"epoch":"Abc","was_recovering":true}}`); !slices.Equal(got, []string{"joined 8 snapshot 0 "}) {
		t.Errorf("what cannot be recovered is %q", got)
	}
}

func TestAWriterConnectsWithItsFirstValueOnly(t *testing.T) {
	d := &dialect{token: "T"}
	publish := `publish {"channel":"c","data":"v"}`
	for n, want := range [][]string{{`connect {"token":"T"}`, publish}, {publish}} {
		if got := commands(t, d.AppendWrite(nil, bench.Write{N: uint64(n + 1), Channel: "c", Value: []byte(`"v"`)})); !slices.Equal(got, want) {
			t.Errorf("value %d goes out with %q, want %q", n+1, got, want)
		}
	}
	if got := told(t, d, `{"id":4,"publish":{}}`); len(got) != 1 || !strings.HasPrefix(got[0], "written") {
		t.Errorf("its answer is %q", got)
	}
}

func TestWhatCentrifugoRefusesIsAnError(t *testing.T) {
	for _, message := range []string{`{"id":4,"error":{"code":103,"message":"permission denied"}}`, `{"push":{"channel":"c","unsubscribe":{"code":2500}}}`} {
		if err := (&dialect{}).Each([]byte(message), func(crowd.Frame) error { return nil }); err == nil {
			t.Errorf("%s is none", message)
		}
	}
}
