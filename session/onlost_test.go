package session_test

import (
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// lossy opens a hall in which alice is in control, and a command is called when her link is lost.
func lossy(t *testing.T, at string) *hall {
	t.Helper()
	policy := busyWhile("", `"running"`)
	policy.OnLost = session.OnLost{Call: "queue.stop", At: at}
	h := openHallUnder(t, policy)
	h.enter("alice", "sa")
	h.does("sa", session.Move{Do: "request"})
	return h
}

func (h *hall) calls() (calls []channels.Call) {
	h.Read(func(s *channels.State) {
		calls = channels.Calls(s, func(channels.Call) bool { return true })
	})
	return calls
}

// lose proposes on two nodes that the operator's link is lost, and then that the grace has passed.
func (h *hall) lose() (lost, expired channels.Outcome) {
	h.t.Helper()
	other := h.replica()
	lost = h.must(h.House(h.t.Context(), session.Lost("sa")))
	_ = other.House(h.t.Context(), session.Lost("sa")) // refused: it is lost already
	expired = h.must(h.House(h.t.Context(), session.Expired(lost.Position)))
	_ = other.House(h.t.Context(), session.Expired(lost.Position))
	return lost, expired
}

func TestWhatRunsIsStoppedOnceWhenTheOperatorIsLost(t *testing.T) {
	for _, at := range []string{session.AtLost, session.AtExpired} {
		synctest.Test(t, func(t *testing.T) {
			h := lossy(t, at)
			h.runs(`"running"`)
			lost, expired := h.lose()
			want := expired.Position
			if at == session.AtLost {
				want = lost.Position
			}
			calls := h.calls()
			if len(calls) != 1 || calls[0].Command != "queue.stop" || calls[0].By.User != "service/hub" {
				t.Fatalf("called %+v", calls)
			}
			called := 0
			for _, e := range h.transactionsAt(want)[0].Effects {
				if e.Channel == channels.CallsStore || e.Channel == channels.ControlStore {
					called |= map[string]int{channels.CallsStore: 1, channels.ControlStore: 2}[e.Channel]
				}
			}
			if called != 3 {
				t.Errorf("at %s the call and the seat are not in one transaction", at)
			}
			if h.seat().Operator != nil {
				t.Error("the seat is not vacant")
			}
		})
	}
}

func TestWhatDoesNotRunIsNotStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := lossy(t, session.AtLost)
		h.runs(`"idle"`)
		h.lose()
		if calls := h.calls(); len(calls) != 0 {
			t.Errorf("called %+v", calls)
		}
	})
}

func TestACommandThatCannotBeCalledIsJournaledAndTheSeatFallsVacantAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := busyWhile("", `"running"`)
		policy.OnLost = session.OnLost{Call: "nothing", At: session.AtExpired}
		h := openHallUnder(t, policy)
		h.enter("alice", "sa")
		h.does("sa", session.Move{Do: "request"})
		h.runs(`"running"`)
		h.lose()
		last := h.journal()[len(h.journal())-1]
		if h.seat().Operator != nil || last["command"] != "nothing" || last["result"] != "failed" {
			t.Errorf("the journal ends with %v", last)
		}
	})
}

func TestWhatRunsIsStoppedOnceThoughTheLoginSessionOfTheLostOperatorEndsBeforeTheGrace(t *testing.T) {
	for _, at := range []string{session.AtLost, session.AtExpired} {
		for _, how := range []session.How{session.Idle, session.NoInput, session.OutOfTime} {
			synctest.Test(t, func(t *testing.T) {
				h := lossy(t, at)
				h.runs(`"running"`)
				lost := h.must(h.House(t.Context(), session.Lost("sa")))
				h.must(h.House(t.Context(), session.SignOut{Session: "sa", How: how}.Decide))
				_ = h.House(t.Context(), session.Expired(lost.Position)) // refused: the seat is vacant
				if calls := h.calls(); len(calls) != 1 || h.seat().Operator != nil {
					t.Errorf("at %s, ended as %s: called %+v", at, how, calls)
				}
			})
		}
	}
}
