package channels_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/channels"
)

// call proposes a command by a user whose client id is the user's name and "-tab"; the id of the call is the operation's.
func call(user string, n int, command string, term uint64) channels.Proposal {
	c := channels.CallCommand{Command: command, Term: term}
	return channels.Proposal{Op: op(user+"-tab", n), Actor: user, User: user, Decide: c.Decide}
}

// take proposes that the service takes a call.
func take(n int, id string) channels.Proposal {
	c := channels.TakeCall{ID: id, Client: "service-1"}
	return channels.Proposal{Op: op("hub-x", n), Actor: "service", User: "service", Decide: c.Decide}
}

func readCall(t *testing.T, s *channels.Space, id string) (c channels.Call) {
	t.Helper()
	if err := json.Unmarshal([]byte(get(s, channels.CallsStore, id)), &c); err != nil {
		t.Fatalf("call %s: %v", id, err)
	}
	return c
}

// journal returns what the journal says of a call.
func journal(s *channels.Space, id string) (records []channels.JournalRecord) {
	s.Read(func(state *channels.State) {
		messages, _ := state.Messages(channels.ControlLog, 0)
		for _, m := range messages {
			var r channels.JournalRecord
			if json.Unmarshal(m.Data, &r) == nil && r.Call == id {
				records = append(records, r)
			}
		}
	})
	return records
}

func TestACallOfAnEarlierTermIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann", "bob", "service")
		mustDo(t, s, call("ann", 1, "go", 1))
		mustDo(t, s, call("ann", 2, "go", 1))
		mustDo(t, s, call("ann", 3, "look", 1)) // everybody's: it is not bound to the term
		if o := mustDo(t, s, take(1, "ann-tab.1")); string(o.Answer) != `"taken"` {
			t.Errorf("the taker is told %s", o.Answer)
		}
		passSeat(t, s, "bob", 2)
		if o := mustDo(t, s, take(2, "ann-tab.2")); string(o.Answer) != `"failed"` {
			t.Errorf("the taker is told %s", o.Answer)
		}
		mustDo(t, s, take(3, "ann-tab.3"))
		for id, state := range map[string]string{"ann-tab.1": "taken", "ann-tab.2": "failed", "ann-tab.3": "taken"} {
			if c := readCall(t, s, id); c.State != state || (c.Taken == "") != (state == "failed") {
				t.Errorf("%+v, want it %s", c, state)
			}
		}
		if c := readCall(t, s, "ann-tab.2"); c.Error != "control has changed hands" {
			t.Errorf("the reason is %q", c.Error)
		}
		if j := journal(s, "ann-tab.2"); len(j) != 2 || j[1].Result != "failed" {
			t.Errorf("the journal says %+v", j)
		}
	})
}

func TestOnlyCallsThatStillWaitAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann", "service")
		for n := 1; n <= 3; n++ {
			mustDo(t, s, call("ann", n, "look", 0))
		}
		mustDo(t, s, take(1, "ann-tab.1"))
		before := position(s)
		fail := channels.FailWaiting{IDs: []string{"ann-tab.1", "ann-tab.2", "nobody-s.1"}, Reason: "no service took it in 15 s"}
		if o := s.House(t.Context(), fail.Decide); o.Err != nil {
			t.Fatal(o.Err)
		}
		for id, state := range map[string]string{"ann-tab.1": "taken", "ann-tab.2": "failed", "ann-tab.3": "waiting"} {
			if c := readCall(t, s, id); c.State != state || (c.Error == fail.Reason) != (state == "failed") {
				t.Errorf("%+v, want it %s", c, state)
			}
		}
		wantCode(t, s.Do(t.Context(), take(2, "ann-tab.2")), channels.CodeConflict)
		if o := s.House(t.Context(), fail.Decide); o.Err != nil || position(s) != before+1 {
			t.Errorf("once more: %+v, the log went from %d to %d", o, before, position(s))
		}
	})
}
