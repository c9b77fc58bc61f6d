package channels_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/channels"
)

func lock(user string, n int, name string) channels.Proposal {
	l := channels.Lock{Name: name}
	return propose(user, n, l, l.Decide)
}

func unlock(user string, n int, name string) channels.Proposal {
	l := channels.Unlock{Name: name}
	return propose(user, n, l, l.Decide)
}

func held(name string, token uint64) func(*channels.Write) {
	return func(w *channels.Write) { w.Held = map[string]uint64{name: token} }
}

func TestALockIsHeldByOneClientAndItsTokenFencesWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: richRules()})
		admit(t, s, "ann")
		enrol(t, s, "robot", "", "service")
		enrol(t, s, "backup", "", "service")
		wantCode(t, s.Do(t.Context(), lock("ann", 1, "changer")), channels.CodeForbidden)
		wantCode(t, s.Do(t.Context(), lock("robot", 1, "No Name")), channels.CodeInvalid)

		var answer channels.LockAnswer
		o := mustDo(t, s, lock("robot", 2, "changer"))
		if err := json.Unmarshal(o.Answer, &answer); err != nil || answer.Token != o.Position {
			t.Fatalf("the answer is %s", o.Answer)
		}
		if again := mustDo(t, s, lock("robot", 3, "changer")); string(again.Answer) != string(o.Answer) {
			t.Errorf("its holder is told %s, was told %s", again.Answer, o.Answer)
		}
		r := refusal(t, s.Do(t.Context(), lock("backup", 1, "changer")))
		if holder, _ := r.More["holder"].(map[string]string); r.Code != channels.CodeLocked || holder["user"] != "robot" {
			t.Errorf("refused with %s %v", r.Code, r.More)
		}
		wantCode(t, s.Do(t.Context(), unlock("backup", 2, "changer")), channels.CodeConflict)
		mustDo(t, s, set("robot", 4, "open", "k", `1`, held("changer", answer.Token)))
		wantCode(t, s.Do(t.Context(), set("backup", 3, "open", "k", `2`, held("changer", answer.Token))), channels.CodeLocked)

		// The holder is gone for too long; another takes it; the first comes back with its old token.
		if o := s.House(t.Context(), channels.LoseLocks{"changer": answer.Token}.Decide); o.Err != nil {
			t.Fatal(o.Err)
		}
		wantCode(t, s.Do(t.Context(), set("robot", 5, "open", "k", `3`, held("changer", answer.Token))), channels.CodeLocked)
		mustDo(t, s, lock("backup", 4, "changer"))
		wantCode(t, s.Do(t.Context(), set("robot", 6, "open", "k", `3`, held("changer", answer.Token))), channels.CodeLocked)
		part := channels.Transact{Writes: []channels.Write{{Channel: "open", Set: values("k", `3`)}}, Held: map[string]uint64{"changer": answer.Token}}
		wantCode(t, s.Do(t.Context(), transact("robot", 7, part)), channels.CodeLocked)
		mustDo(t, s, unlock("backup", 5, "changer"))
		if again := mustDo(t, s, lock("robot", 8, "changer")); string(again.Answer) == string(o.Answer) {
			t.Error("the token is the old one")
		}
		if got := get(s, "open", "k"); got != "1" {
			t.Errorf("a write without the lock has landed: %s", got)
		}
	})
}

func TestALockThatWasTakenAnewIsNeitherLostNorGivenUpByWhatWasMeantForTheOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: richRules()})
		admit(t, s, "ann")
		enrol(t, s, "robot", "", "service")
		old := mustDo(t, s, lock("robot", 1, "changer")).Position
		lose := channels.LoseLocks{"changer": old}
		if o := s.House(t.Context(), lose.Decide); o.Err != nil {
			t.Fatal(o.Err)
		}
		now := mustDo(t, s, lock("robot", 2, "changer")).Position
		s.House(t.Context(), lose.Decide)
		late := channels.Unlock{Name: "changer", Token: old}
		wantCode(t, s.Do(t.Context(), propose("robot", 3, late, late.Decide)), channels.CodeConflict)
		mustDo(t, s, set("robot", 4, "open", "k", `1`, held("changer", now)))
		mustDo(t, s, unlock("robot", 5, "changer"))
		s.Read(func(state *channels.State) {
			if held := channels.Locks(state); len(held) != 0 {
				t.Errorf("these are held: %v", held)
			}
		})
	})
}

func TestWhoSignsInAnewOnTheSamePageStillHasTheirLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: richRules()})
		admit(t, s, "ann")
		enrol(t, s, "sam", "", "staff")
		mustDo(t, s, lock("sam", 1, "changer"))
		s.House(t.Context(), func(d *channels.Draft) (any, error) { // a new login session, the same person and page
			d.Set(channels.Ref{Channel: channels.SessionsStore, Key: "sam2"}, channels.Who{ID: "sam2", User: "sam", Roles: []string{"staff"}})
			return nil, nil
		})
		p := unlock("sam", 2, "changer")
		p.Actor = "sam2"
		mustDo(t, s, p)
	})
}
