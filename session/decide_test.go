package session_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

func TestSigningOutVacatesTheSeatInTheSameTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		h.enter("alice", "sa")
		h.enter("bob", "sb")
		term := h.does("sa", session.Move{Do: "request"}).Term
		h.does("sb", session.Move{Do: "request", Message: "please"})
		o := h.must(h.House(t.Context(), session.SignOut{Session: "sa", How: session.SignedOut}.Decide))

		txs := h.transactionsAt(o.Position)
		if len(txs) != 1 {
			t.Fatalf("the entry holds %d transactions", len(txs))
		}
		var changed []string
		for _, e := range txs[0].Effects {
			changed = append(changed, e.Channel+" "+e.Key)
		}
		for _, want := range []string{"~sessions sa", "~control seat", "control "} {
			if !slices.Contains(changed, want) {
				t.Errorf("the transaction changes %q, not %q", changed, want)
			}
		}
		seat := h.seat()
		if seat.Operator != nil || seat.Term != term+1 || len(seat.Requests) != 1 {
			t.Errorf("the seat is %+v: want it vacant, a new term, bob still in line and not seated", seat)
		}
		if r := h.journal(); r[len(r)-1]["do"] != "ended" || r[len(r)-1]["result"] != "vacant" {
			t.Errorf("the journal ends with %v", r[len(r)-1])
		}
	})
}

func TestSigningOutLeavesTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		h.enter("alice", "sa")
		h.enter("bob", "sb")
		h.does("sa", session.Move{Do: "request"})
		asked := h.does("sb", session.Move{Do: "request"}).Request
		h.must(h.House(t.Context(), session.SignOut{Session: "sb", How: session.SignedOut}.Decide))
		if seat := h.seat(); len(seat.Requests) != 0 || !seat.HeldBy("sa") {
			t.Errorf("the seat is %+v", seat)
		}
		h.refused(channels.CodeControl, func() channels.Outcome {
			return h.try("sa", session.Move{Do: "grant", Request: asked})
		})
	})
}

func TestWhoIsSignedOutStaysOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		h.enter("alice", "sa")
		term := h.does("sa", session.Move{Do: "request"}).Term
		h.must(h.House(t.Context(), session.SignOut{Session: "sa", How: session.SignedOut}.Decide))
		h.refused(channels.CodeSignedOut, func() channels.Outcome {
			return h.House(t.Context(), session.SignOut{Session: "sa", How: session.SignedOut}.Decide)
		})
		h.refused(channels.CodeSignedOut, func() channels.Outcome { return h.write("sa", "v", term) })
		h.refused(channels.CodeSignedOut, func() channels.Outcome { return h.try("sa", session.Move{Do: "request"}) })
	})
}

func TestOnlyTheOperatorWritesAndOnlyUnderTheirTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		h.enter("alice", "sa")
		h.enter("bob", "sb")
		refused := func(code channels.Code, id string, term uint64) *channels.Refusal {
			t.Helper()
			return h.refused(code, func() channels.Outcome { return h.write(id, "v", term) })
		}
		refused(channels.CodeNotOperator, "sa", 1) // nobody is in control: signing in gives none
		first := h.does("sa", session.Move{Do: "request"}).Term
		h.must(h.write("sa", "v", first))

		if r := refused(channels.CodeNotOperator, "sb", first); !strings.Contains(r.Detail, "Alice") || r.More["holder"] == nil || r.More["since"] == nil {
			t.Errorf("the refusal does not say who is in control and since when: %+v", r)
		}
		refused(channels.CodeNoTerm, "sa", 0)
		refused(channels.CodeOldTerm, "sa", first+1)

		h.does("sa", session.Move{Do: "give", Session: "sb"})
		back := h.does("sb", session.Move{Do: "give", Session: "sa"}).Term
		refused(channels.CodeOldTerm, "sa", first) // the same person, and what they meant then is over
		h.must(h.write("sa", "v", back))
	})
}

func TestSinceIsWhenThatChangedAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		for user, id := range map[string]string{"alice": "sa", "bob": "sb", "carol": "sc"} {
			h.enter(user, id)
		}
		tick := func() time.Time { time.Sleep(time.Minute); return time.Now() }

		seated := tick()
		h.does("sa", session.Move{Do: "request"})
		bobAsked := tick()
		h.does("sb", session.Move{Do: "request"})
		carolAsked := tick()
		request := h.does("sc", session.Move{Do: "request"}).Request
		tick()
		lost := h.must(h.House(t.Context(), session.Lost("sa"))).Position

		seat := h.seat()
		if !seat.Since.Equal(seated) || seat.Lost == nil || seat.Lost.Position != lost {
			t.Errorf("the seat is %+v: want it since %v, lost at %d", seat, seated, lost)
		}
		if len(seat.Requests) != 2 || !seat.Requests[0].Since.Equal(bobAsked) || !seat.Requests[1].Since.Equal(carolAsked) {
			t.Fatalf("the line is %+v: want bob since %v, carol since %v", seat.Requests, bobAsked, carolAsked)
		}
		tick()
		h.does("sa", session.Move{Do: "deny", Request: request, Reason: "not now"})
		h.does("sb", session.Move{Do: "cancel"})
		seat = h.seat()
		if !seat.Since.Equal(seated) || seat.Lost == nil || seat.Lost.Position != lost || len(seat.Requests) != 0 {
			t.Errorf("the seat is %+v: the end of requests moved it", seat)
		}
	})
}

func TestTheLineIsInTheOrderOfAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		h.enter("alice", "sa")
		h.does("sa", session.Move{Do: "request"})
		h.enter("bob", "sb")
		h.enter("carol", "sc")
		for range 8 { // r1 to r8
			h.does("sb", session.Move{Do: "request"})
			h.does("sb", session.Move{Do: "cancel"})
		}
		h.does("sc", session.Move{Do: "request"}) // r9
		h.does("sb", session.Move{Do: "request"}) // r10
		if line := h.seat().Requests; len(line) != 2 || line[0].ID != "r9" || line[1].ID != "r10" {
			t.Errorf("the line is %+v", line)
		}
	})
}

func TestOnlyTheLossThatWasSeenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		h.enter("alice", "sa")
		h.enter("bob", "sb")
		house := func(d channels.Decide) channels.Outcome { return h.House(t.Context(), d) }
		no := func(d channels.Decide) {
			t.Helper()
			h.refused(channels.CodeControl, func() channels.Outcome { return house(d) })
		}
		no(session.Lost("sa")) // nobody is in control
		term := h.does("sa", session.Move{Do: "request"}).Term
		h.does("sb", session.Move{Do: "request"})
		no(session.Lost("sb"))
		no(session.Back("sa"))

		first := h.must(house(session.Lost("sa"))).Position
		no(session.Lost("sa"))
		h.must(house(session.Back("sa")))
		no(session.Expired(first))
		second := h.must(house(session.Lost("sa"))).Position
		no(session.Expired(first))
		if seat := h.seat(); !seat.HeldBy("sa") || seat.Term != term {
			t.Fatalf("the seat is %+v: a loss alone changed it", seat)
		}
		h.must(h.write("sa", "still mine", term))
		h.must(house(session.Expired(second)))
		no(session.Expired(second))
		no(session.Back("sa"))
		if seat := h.seat(); seat.Operator != nil || seat.Lost != nil || seat.Term != term+1 || len(seat.Requests) != 1 {
			t.Errorf("the seat is %+v: want it vacant with bob still in line", seat)
		}
	})
}

func TestTwoNodesThatSweepAtOnceVacateTheSeatOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		other := h.replica()
		h.enter("alice", "sa")
		term := h.does("sa", session.Move{Do: "request"}).Term
		lost := h.must(h.House(t.Context(), session.Lost("sa"))).Position
		outcomes := make(chan channels.Outcome, 2)
		for _, node := range []*channels.Space{h.Space, other} {
			go func() { outcomes <- node.House(t.Context(), session.Expired(lost)) }()
		}
		one, two := <-outcomes, <-outcomes
		if (one.Err == nil) == (two.Err == nil) {
			t.Errorf("got %v and %v, want one refusal", one.Err, two.Err)
		}
		if seat := h.seat(); seat.Operator != nil || seat.Term != term+1 {
			t.Errorf("the seat is %+v", seat)
		}
	})
}

func TestMovesOfPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		for user, id := range map[string]string{"alice": "sa", "bob": "sb", "sam": "ss"} {
			h.enter(user, id)
		}
		move := func(id string, m session.Move) func() channels.Outcome {
			return func() channels.Outcome { return h.try(id, m) }
		}
		h.does("sa", session.Move{Do: "request"})
		h.refused(channels.CodeForbidden, move("sb", session.Move{Do: "take", Reason: "mine now"}))
		h.refused(channels.CodeInvalid, move("ss", session.Move{Do: "take"}))
		for _, verb := range []string{"lost", "back", "expired", "ended"} {
			h.refused(channels.CodeForbidden, move("ss", session.Move{Do: verb, Session: "sa"}))
		}
		h.refused(channels.CodeInvalid, move("sa", session.Move{Do: "lean"}))
		h.refused(channels.CodeUnknownName, move("sa", session.Move{Do: "give", Session: "sgone"}))

		h.does("ss", session.Move{Do: "take", Reason: "the crane"})
		records := h.journal()
		last := records[len(records)-1]
		if last["do"] != "take" || last["user"] != "sam" || last["from"] != "10.0.0.7" || last["reason"] != "the crane" {
			t.Errorf("the journal has %v", last)
		}
		if was, _ := last["was"].(map[string]any); was["user"] != "alice" {
			t.Errorf("the journal does not say from whom: %v", last)
		}
	})
}

func TestAProgramWritesByItsRoleAndNeverHasControl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		token := session.Token{Space: "hall", ID: "t1", Secret: "hush"}
		h.must(h.House(t.Context(), session.Mint(token, "beamline", []string{"service"})))
		h.must(h.write("t1", "v", 0))
		h.refused(channels.CodeForbidden, func() channels.Outcome { return h.try("t1", session.Move{Do: "request"}) })

		check := func(tok session.Token) (err error) {
			h.Read(func(s *channels.State) { err = tok.Check(s) })
			return err
		}
		parsed, err := session.ParseToken(token.String())
		if err != nil || parsed != token || check(parsed) != nil {
			t.Errorf("the token came back as %+v, %v, %v", parsed, err, check(parsed))
		}
		guess := token
		guess.Secret = "hash"
		if err := check(guess); !channels.IsCode(err, channels.CodeSignedOut) {
			t.Errorf("a guessed secret: %v", err)
		}
		h.must(h.House(t.Context(), session.Revoke("t1")))
		if err := check(token); !channels.IsCode(err, channels.CodeSignedOut) {
			t.Errorf("a revoked token: %v", err)
		}
		h.refused(channels.CodeSignedOut, func() channels.Outcome { return h.write("t1", "v", 0) })
	})
}
