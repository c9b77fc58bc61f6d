package channels_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
)

func cancel(user string, n int, id string) channels.Proposal {
	c := channels.CancelCall{ID: id}
	return propose(user, n, c, c.Decide)
}

func report(n int, id, state string) channels.Proposal {
	r := channels.ReportCall{ID: id, State: state, Result: json.RawMessage(`true`)}
	return channels.Proposal{Op: op("service-1", n), Actor: "service", User: "service", Decide: r.Decide}
}

func TestACallThatWaitsIsCancelledAtOnceAndOneThatWasTakenByItsService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann", "bob", "service")
		enrol(t, s, "sam", "", "staff")
		for n := range 4 {
			mustDo(t, s, call("ann", n+1, "go", 1))
		}
		wantCode(t, s.Do(t.Context(), cancel("bob", 1, "ann-tab.1")), channels.CodeNoTerm) // an operator's command
		mustDo(t, s, cancel("ann", 11, "ann-tab.1"))
		if c := readCall(t, s, "ann-tab.1"); c.State != channels.CallCancelled {
			t.Errorf("it is %s", c.State)
		}
		wantCode(t, s.Do(t.Context(), take(1, "ann-tab.1")), channels.CodeConflict)
		wantCode(t, s.Do(t.Context(), cancel("ann", 12, "ann-tab.1")), channels.CodeConflict)

		mustDo(t, s, take(2, "ann-tab.2"))
		mustDo(t, s, cancel("sam", 1, "ann-tab.2"))
		if c := readCall(t, s, "ann-tab.2"); c.State != channels.CallTaken || !c.Cancel {
			t.Errorf("it is %+v", c)
		}
		mustDo(t, s, cancel("ann", 13, "ann-tab.2")) // twice is once
		mustDo(t, s, report(1, "ann-tab.2", channels.CallFailed))
		if c := readCall(t, s, "ann-tab.2"); c.State != channels.CallCancelled {
			t.Errorf("it is %s", c.State)
		}
		mustDo(t, s, take(3, "ann-tab.3"))
		mustDo(t, s, cancel("ann", 14, "ann-tab.3"))
		mustDo(t, s, report(2, "ann-tab.3", channels.CallDone)) // it had come too far
		if c := readCall(t, s, "ann-tab.3"); c.State != channels.CallDone {
			t.Errorf("it is %s", c.State)
		}
		if records := journal(s, "ann-tab.2"); len(records) != 3 || records[1].Do != "cancel" || records[1].User != "sam" {
			t.Errorf("the journal says %+v", records)
		}
	})
}

func TestACallPastItsDeadlineHasFailedOrIsUnknownAndIsNeverTakenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: richRules()})
		admit(t, s, "ann", "service")
		start := func(n int, deadline time.Duration) {
			c := channels.CallCommand{Command: "go", Args: json.RawMessage(`{"target":1}`), Deadline: deadline}
			mustDo(t, s, propose("ann", n, c, c.Decide))
		}
		start(1, 0)
		start(2, 10*time.Second)
		start(3, time.Hour)
		time.Sleep(5 * time.Second) // in the bubble
		mustDo(t, s, take(1, "ann-tab.1"))
		late := func() (ids []string) {
			s.Read(func(state *channels.State) {
				for _, c := range channels.Calls(state, func(c channels.Call) bool { return c.Late(time.Now()) }) {
					ids = append(ids, c.ID)
				}
			})
			return ids
		}
		time.Sleep(5 * time.Second)
		if ids := late(); len(ids) != 1 || ids[0] != "ann-tab.2" {
			t.Errorf("after 10 s these are late: %v", ids)
		}
		time.Sleep(20 * time.Second)
		if ids := late(); len(ids) != 3 {
			t.Errorf("after 30 s, which the rules give, these are late: %v", ids)
		}
		if o := s.House(t.Context(), channels.LateCalls{IDs: late()}.Decide); o.Err != nil {
			t.Fatal(o.Err)
		}
		for id, want := range map[string]string{"ann-tab.1": channels.CallUnknown, "ann-tab.2": channels.CallFailed, "ann-tab.3": channels.CallFailed} {
			if c := readCall(t, s, id); c.State != want || c.Error == "" {
				t.Errorf("%s is %s (%s), want %s", id, c.State, c.Error, want)
			}
		}
		wantCode(t, s.Do(t.Context(), take(2, "ann-tab.2")), channels.CodeConflict)
		wantCode(t, s.Do(t.Context(), report(1, "ann-tab.1", channels.CallDone)), channels.CodeConflict)
	})
}

func TestATaskCallsInItsOwnName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann")
		as := &channels.Who{User: "task/nightly", Roles: []string{"service"}}
		if o := s.House(t.Context(), channels.CallCommand{Command: "look", As: as}.Decide); o.Err != nil {
			t.Fatal(o.Err)
		}
		wantCode(t, s.House(t.Context(), channels.CallCommand{Command: "go", As: as}.Decide), channels.CodeNoTerm)
	})
}
