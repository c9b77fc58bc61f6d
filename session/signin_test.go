package session_test

import (
	"encoding/json"
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

func TestUnderObserveAnotherUserIsAdmittedAndDoesNotDisturbTheOperator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		h.enter("alice", "sa")
		h.does("sa", session.Move{Do: "request"})
		before := h.seat()
		h.enter("bob", "sb")
		if after := h.seat(); after.Term != before.Term || !after.HeldBy("sa") || !after.Since.Equal(before.Since) {
			t.Errorf("the seat was %+v and is %+v", before, after)
		}
		if got := h.present(); !slices.Equal(got, []string{"sa", "sb"}) {
			t.Errorf("signed in are %v", got)
		}
	})
}

func TestUnderRejectAnotherUserIsToldWhoIsThereAndSinceWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Reject)
		h.enter("alice", "sa")
		since := time.Now()
		time.Sleep(time.Hour)
		r := h.refused(channels.CodeSeatTaken, func() channels.Outcome {
			return h.House(t.Context(), entering("bob", "sb").Decide)
		})
		if !strings.Contains(r.Detail, "Alice") {
			t.Errorf("the refusal does not name her: %s", r.Detail)
		}
		more, _ := json.Marshal(r.More)
		var told struct {
			Holder struct{ User, Name string }
			Since  time.Time
		}
		if err := json.Unmarshal(more, &told); err != nil {
			t.Fatal(err)
		}
		if told.Holder.User != "alice" || told.Holder.Name != "Alice" || !told.Since.Equal(since) {
			t.Errorf("told %s, want alice since %v", more, since)
		}
		h.must(h.House(t.Context(), session.SignOut{Session: "sa", How: session.SignedOut}.Decide))
		h.enter("bob", "sb")
	})
}

func TestUnderRejectTheRefusalNamesTheOperatorRatherThanWhoCameFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		h.enter("alice", "sa")
		h.enter("bob", "sb")
		h.does("sb", session.Move{Do: "request"})
		h.rules = &channels.Rules{Version: 2, Channels: h.rules.Channels, Policy: session.Policy{OtherUser: session.Reject}.JSON()}
		newer := h.replica()
		o := newer.House(t.Context(), entering("carol", "sc").Decide)
		if !channels.IsCode(o.Err, channels.CodeSeatTaken) || !strings.Contains(o.Err.Error(), "Bob") {
			t.Errorf("got %v, want a refusal that names Bob", o.Err)
		}
	})
}

func TestUnderRejectTheSamePersonSignsInAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Reject)
		h.enter("alice", "sa")
		h.does("sa", session.Move{Do: "request"})
		h.enter("alice", "sb")
		if !h.seat().HeldBy("sa") {
			t.Error("a second sign-in of the same person moved control")
		}
	})
}

func TestOfManyUsersWhoSignInAtOnceUnderRejectExactlyOneGetsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Reject)
		nodes := []*channels.Space{h.Space, h.replica(), h.replica()}
		const many = 100
		outcomes := make([]channels.Outcome, many)
		var all sync.WaitGroup
		for i := range many {
			all.Go(func() {
				in := entering(fmt.Sprint("user", i), fmt.Sprint("s", i))
				outcomes[i] = nodes[i%len(nodes)].House(t.Context(), in.Decide)
			})
		}
		all.Wait()
		var winners []int
		for i, o := range outcomes {
			switch {
			case o.Err == nil:
				winners = append(winners, i)
			case !channels.IsCode(o.Err, channels.CodeSeatTaken):
				t.Errorf("user%d: %v", i, o.Err)
			}
		}
		if len(winners) != 1 {
			t.Fatalf("%v got in", winners)
		}
		for _, node := range nodes {
			if err := node.WaitFor(t.Context(), outcomes[winners[0]].Position); err != nil {
				t.Fatal(err)
			}
			node.Read(func(s *channels.State) {
				if all := session.All(s); len(all) != 1 || all[0].ID != fmt.Sprint("s", winners[0]) {
					t.Errorf("signed in are %+v", all)
				}
			})
		}
		for i, o := range outcomes {
			if o.Err != nil && !strings.Contains(o.Err.Error(), fmt.Sprintf("user%d ", winners[0])) {
				t.Errorf("user%d was told %v, and user%d is in", i, o.Err, winners[0])
			}
		}
	})
}

func TestWithoutARoleNobodyIsLetIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		in := entering("alice", "sa")
		in.Record.Roles = nil
		h.refused(channels.CodeForbidden, func() channels.Outcome { return h.House(t.Context(), in.Decide) })
	})
}

func TestOnesOwnLoginSessionIsTakenUpByItsCookie(t *testing.T) {
	for name, resume := range map[string]string{"by the hash of its token": "hash of sa"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := openHall(t, session.Reject)
				h.enter("alice", "sa")
				h.does("sa", session.Move{Do: "request"})
				before := h.seat()
				time.Sleep(time.Hour)

				again := entering("alice", "snew")
				again.Resume = resume
				var in session.SignedIn
				if err := json.Unmarshal(h.must(h.House(t.Context(), again.Decide)).Answer, &in); err != nil || in.Session != "sa" {
					t.Fatalf("the login session is %q, %v", in.Session, err)
				}
				if after := h.seat(); !after.HeldBy("sa") || after.Term != before.Term {
					t.Errorf("the seat was %+v and is %+v", before, after)
				}
				h.Read(func(s *channels.State) {
					if found, _ := session.Find(s, "sa"); found.Hash != "hash of snew" {
						t.Errorf("the token on record is %q: the old cookie still works", found.Hash)
					}
				})
				if got := h.present(); len(got) != 1 {
					t.Errorf("signed in are %v", got)
				}
				h.must(h.write("sa", "v", before.Term))
			})
		})
	}
}

func TestTheCookieOfSomebodyElseOrOfNobodyIsNotTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		h.enter("alice", "sa")
		h.does("sa", session.Move{Do: "request"})
		for i, resume := range []string{"sa", "hash of sa", "sgone", "", "hash of nothing"} {
			in := entering("bob", fmt.Sprint("sb", i))
			in.Resume = resume
			var got session.SignedIn
			if err := json.Unmarshal(h.must(h.House(t.Context(), in.Decide)).Answer, &got); err != nil || got.Session != in.Session {
				t.Errorf("with %q bob is at %q, %v", resume, got.Session, err)
			}
		}
		if !h.seat().HeldBy("sa") || h.userOf("sa") != "alice" {
			t.Error("alice was disturbed")
		}
	})
}

func TestALoginSessionThatEndedIsNotTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		h.enter("alice", "sa")
		h.must(h.House(t.Context(), session.SignOut{Session: "sa", How: session.SignedOut}.Decide))
		in := entering("alice", "snew")
		in.Resume = "hash of sa"
		h.must(h.House(t.Context(), in.Decide))
		if got := h.present(); !slices.Equal(got, []string{"snew"}) {
			t.Errorf("signed in are %v", got)
		}
	})
}
