package session_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// whoIsElsewhere opens a hall in which alice is signed in and in control.
func whoIsElsewhere(t *testing.T, choice session.SameUser) *hall {
	t.Helper()
	h := openHallUnder(t, session.Policy{SameUser: choice})
	h.enter("alice", "sa")
	h.does("sa", session.Move{Do: "request"})
	return h
}

func TestTheSamePersonElsewhereIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := whoIsElsewhere(t, session.Ask)
		r := h.refused(channels.CodeElsewhere, func() channels.Outcome {
			return h.House(t.Context(), entering("alice", "sb").Decide)
		})
		if may, _ := r.More["may"].([]string); !slices.Equal(may, []string{"replace"}) || !strings.Contains(r.Detail, "10.0.0.7") {
			t.Errorf("told %s, and may %v", r.Detail, may)
		}
		if ids, _ := r.More[session.SessionsKey].([]string); !slices.Equal(ids, []string{"sa"}) {
			t.Errorf("in the way are %v", ids)
		}
		if !h.seat().HeldBy("sa") {
			t.Error("a question has moved control")
		}
		again := entering("alice", "sb")
		again.Replace = true
		in := answer[session.SignedIn](t, h.must(h.House(t.Context(), again.Decide)))
		if in.Session != "sb" || !slices.Equal(in.Replaced, []string{"sa"}) || !slices.Equal(h.present(), []string{"sb"}) {
			t.Errorf("she is in with %+v, signed in are %v", in, h.present())
		}
	})
}

func TestReplaceEndsTheOldLoginSessionBeforeTheNewOneBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := whoIsElsewhere(t, session.Replace)
		term := h.seat().Term
		o := h.enter("alice", "sb")
		txs := h.transactionsAt(o.Position)
		if len(txs) != 1 {
			t.Fatalf("the entry holds %d transactions", len(txs))
		}
		order := []string{}
		for _, e := range txs[0].Effects {
			if e.Channel == channels.SessionsStore && !strings.Contains(e.Key, "/") {
				order = append(order, e.Key)
			}
		}
		if !slices.Equal(order, []string{"sa", "sb"}) {
			t.Errorf("the login sessions change in the order %v", order)
		}
		if seat := h.seat(); seat.Operator != nil || seat.Term != term+1 {
			t.Errorf("the seat is %+v: nobody gets control by signing in", seat)
		}
		h.Read(func(s *channels.State) {
			how, ok := session.HowEnded(s, "sa")
			if !ok || how.How != session.Replaced || how.By.Session != "sb" || how.User != "alice" || how.From != "10.0.0.7" {
				t.Errorf("it ended so: %+v", how)
			}
			if got := how.Sentence(); got != "Alice signed in on another computer (10.0.0.7)" {
				t.Errorf("she reads %q", got)
			}
		})
		h.refused(channels.CodeSignedOut, func() channels.Outcome { return h.write("sa", "v", term) })
		if r := h.journal(); r[len(r)-1]["do"] != "ended" || r[len(r)-1]["session"] != "sb" {
			t.Errorf("the journal ends with %v", r[len(r)-1])
		}
	})
}

func TestUnderReplaceWhoWasLedHereByAnotherSiteIsAskedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := whoIsElsewhere(t, session.Replace)
		led := entering("alice", "sb")
		led.Led = true
		r := h.refused(channels.CodeElsewhere, func() channels.Outcome { return h.House(t.Context(), led.Decide) })
		if !slices.Equal(r.More["may"].([]string), []string{"replace"}) || !h.seat().HeldBy("sa") {
			t.Errorf("told %v, and the seat is %+v", r.More, h.seat())
		}
		led.Replace = true
		h.must(h.House(t.Context(), led.Decide))
		if !slices.Equal(h.present(), []string{"sb"}) {
			t.Errorf("signed in are %v", h.present())
		}
	})
}

func TestUnderJoinBothStayAndControlStaysWithTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := whoIsElsewhere(t, session.Join)
		h.enter("alice", "sb")
		if !slices.Equal(h.present(), []string{"sa", "sb"}) || !h.seat().HeldBy("sa") {
			t.Errorf("signed in are %v", h.present())
		}
		h.does("sb", session.Move{Do: "take"}) // until it is taken
		if !h.seat().HeldBy("sb") {
			t.Error("the same person cannot take control from elsewhere")
		}
	})
}

func TestOnePersonHasNoMoreThanSomeLoginSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHallUnder(t, session.Policy{SameUser: session.Join})
		for i := range session.MaxSessions {
			h.enter("alice", fmt.Sprint("s", i))
		}
		h.refused(channels.CodeElsewhere, func() channels.Outcome {
			return h.House(t.Context(), entering("alice", "one more").Decide)
		})
		h.enter("bob", "sb")
	})
}

func TestTheSamePersonElsewhereIsRejectedWhateverTheyAskFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := whoIsElsewhere(t, session.RefuseOwn)
		again := entering("alice", "sb")
		again.Replace = true
		r := h.refused(channels.CodeElsewhere, func() channels.Outcome { return h.House(t.Context(), again.Decide) })
		if may, _ := r.More["may"].([]string); may == nil || len(may) != 0 {
			t.Errorf("may %v", may)
		}
		h.must(h.House(t.Context(), session.SignOut{Session: "sa", How: session.Idle}.Decide))
		h.must(h.House(t.Context(), again.Decide))
	})
}

func TestOnesOwnCookieIsNoOtherComputer(t *testing.T) {
	for _, choice := range []session.SameUser{session.Ask, session.Replace, session.RefuseOwn} {
		synctest.Test(t, func(t *testing.T) {
			h := whoIsElsewhere(t, choice)
			since := time.Now()
			time.Sleep(time.Hour)
			again := entering("alice", "snew")
			again.Resume = "hash of sa"
			if in := answer[session.SignedIn](t, h.must(h.House(t.Context(), again.Decide))); in.Session != "sa" || in.Replaced != nil {
				t.Errorf("under %s she is in with %+v", choice, in)
			}
			h.Read(func(s *channels.State) {
				if one, _ := session.Find(s, "sa"); !one.Since.Equal(since) {
					t.Errorf("under %s she has been here since %v, not %v", choice, one.Since, since)
				}
			})
			if !h.seat().HeldBy("sa") {
				t.Errorf("under %s control is gone", choice)
			}
		})
	}
}

func TestOfManySignInsOfOnePersonExactlyOneIsLeft(t *testing.T) {
	for choice, refused := range map[session.SameUser]int{session.Ask: 99, session.RefuseOwn: 99, session.Replace: 0} {
		synctest.Test(t, func(t *testing.T) {
			h := openHallUnder(t, session.Policy{SameUser: choice})
			nodes := []*channels.Space{h.Space, h.replica(), h.replica()}
			var mu sync.Mutex
			var all sync.WaitGroup
			no := 0
			for i := range 100 {
				all.Go(func() {
					o := nodes[i%len(nodes)].House(t.Context(), entering("alice", fmt.Sprint("s", i)).Decide)
					mu.Lock()
					defer mu.Unlock()
					if channels.IsCode(o.Err, channels.CodeElsewhere) {
						no++
					} else if o.Err != nil {
						t.Error(o.Err)
					}
				})
			}
			all.Wait()
			if no != refused || len(h.present()) != 1 {
				t.Errorf("under %s %d were refused, signed in are %v", choice, no, h.present())
			}
		})
	}
}

func TestASignInThatCameToNothingIsTakenBackWithItsFormerToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := whoIsElsewhere(t, session.Ask)
		since := time.Now()
		var before session.Session
		h.Read(func(s *channels.State) { before, _ = session.Find(s, "sa") })
		time.Sleep(time.Hour)
		again := entering("alice", "snew")
		again.Resume = "hash of sa"
		h.must(h.House(t.Context(), again.Decide))
		h.must(h.House(t.Context(), session.TakeBack("hash of snew", &before)))
		h.Read(func(s *channels.State) {
			if now, ok := session.Find(s, "sa"); !ok || now.Hash != "hash of sa" || !now.Since.Equal(since) {
				t.Errorf("she is left with %+v", now)
			}
		})
	})
}

func TestOnlyTheYoungestEndsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHallUnder(t, session.Policy{})
		for i := range 210 {
			id := fmt.Sprint("s", i)
			h.enter("alice", id)
			h.must(h.House(t.Context(), session.SignOut{Session: id, How: session.SignedOut}.Decide))
		}
		h.Read(func(s *channels.State) {
			_, first := session.HowEnded(s, "s9")
			_, last := session.HowEnded(s, "s209")
			_, oldest := session.HowEnded(s, "s10")
			if first || !last || !oldest {
				t.Errorf("remembered are s9 %v, s10 %v, s209 %v", first, oldest, last)
			}
			if len(session.Confirmations(s)) != 0 {
				t.Error("what somebody confirmed has outlived their login session")
			}
		})
	})
}
