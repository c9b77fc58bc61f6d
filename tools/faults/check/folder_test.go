package check_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/baton-hub/baton/tools/faults/check"
	"github.com/baton-hub/baton/tools/faults/history"
)

func TestARunThatWasKeptIsJudgedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		position    uint64
		says, fails string
	}{
		"good": {2, "G1 durable: 1 acknowledged\nG2 once: 2 operations in L, 0 sent again, 0 not applied, 0 refused for good\n", ""},
		"bad":  {1, "G1: it was acknowledged, and L has it at [2]", "1 violations in the run of seed 42"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			r.commit(tx("c1ab.1", "alice", say("chat", `"hi"`)))
			dir := t.TempDir()
			rec, err := history.Record(dir, history.Run{Seed: 42})
			if err != nil {
				t.Fatal(err)
			}
			rec.Operation(*r.did(appended("c1ab.1", "alice", "chat", `"hi"`, c.position)))
			rec.Event(history.Over, "", "")
			if err := rec.Log(r.Log); err != nil {
				t.Fatal(err)
			}
			if err := rec.Close(); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			err = check.Folder(dir, &out)
			if !strings.Contains(out.String(), c.says) || (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}
