package check_test

import (
	"encoding/json"
	"testing"

	"github.com/baton-hub/baton/tools/faults/check"
	"github.com/baton-hub/baton/tools/faults/history"
)

func TestACheckerSaysHowMuchThereWasToCheck(t *testing.T) {
	r := told(t)
	r.gets("s1", all(four, fives)...)
	r.joins("s2", 1, "notes", at(4))
	r.did(write("c1ab.1", "alice", "notes", "a", "1", 2))
	r.did(when(2, write("c1ab.3", "alice", "notes", "a", `{"x":1}`, 4)))
	r.did(when(2, write("c1ab.3", "alice", "notes", "a", `{"x":1}`, 4)))
	r.did(conflict("1", 2, 2, when(1, write("c1ab.9", "alice", "notes", "a", "7", 0))))
	r.did(reads("", "1", 2, 2, 0))
	r.Visits = []history.Visit{
		{What: history.SignOut, Session: "s-alice", Cookie: "k1", Status: 204, Begin: 1, End: 2, Settled: 3},
		{What: history.Use, Cookie: "k1", Status: 401, Begin: 4, End: 5},
	}
	r.Bytes = []history.Bytes{{Conn: "s1", Session: "s-alice", At: 1, Count: 7}}
	r.Events = []history.Event{{At: r.now + 1, What: history.Over}}
	for promise, want := range map[string]string{
		"G1": "3 acknowledged",
		"G2": "9 operations in L, 1 sent again, 1 not applied, 0 refused for good",
		"G3": "2 in L by clients, 2 with a condition, 1 refused, 1 reads",
		"G4": "0 under a term, of 9",
		"G5": "1 changes of operator",
		"G6": "3 messages, 3 joins, 1 of them with a cursor",
		"G7": "2 channels of sockets that were open at the end",
		"G8": "1 login sessions with sockets signed out",
		"G9": "1 cookies signed out, 1 uses after that were answered",
	} {
		for _, c := range check.Checkers {
			if got := c.Measure(&r.History); c.Promise == promise && got != want {
				t.Errorf("%s measures %q, not %q", promise, got, want)
			}
		}
	}
	if text := check.Checkers[0].Measure(&history.History{Log: []history.Entry{{Position: 7, Data: json.RawMessage("{}")}}}); text == "" {
		t.Error("a log that is not whole is measured")
	}
}
