package channels_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
)

func trimmable(s *channels.Space) (trim channels.Trim, worth bool) {
	s.Read(func(state *channels.State) { trim, worth = state.Trimmable(time.Now()) })
	return trim, worth
}

func TestWhatIsOlderThanItsWindowIsForgottenAlikeOnEveryReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.openWith(channels.Options{Rules: richRules()})
		other := b.openWith(channels.Options{Rules: richRules()})
		admit(t, s, "ann")
		say := func(n int, text string) uint64 {
			a := channels.Append{Channel: "log", Data: json.RawMessage(`"` + text + `"`)}
			return mustDo(t, s, propose("ann", n, a, a.Decide)).Position
		}
		mustDo(t, s, set("ann", 1, "open", "old", `1`))
		seen := mustDo(t, s, set("ann", 2, "open", "young", `1`)).Position
		mustDo(t, s, remove("ann", 3, "open", "old"))
		say(4, "first")
		time.Sleep(channels.KeptFor / 2)
		between := mustDo(t, s, remove("ann", 5, "open", "young")).Position
		last := say(6, "second")
		if trim, worth := trimmable(s); !worth || trim.Tombstones != 0 || trim.Messages["log"] >= last {
			t.Errorf("after half the window, %v is due: %+v", worth, trim)
		}
		time.Sleep(channels.KeptFor*6/10 + time.Second)
		trim, worth := trimmable(s)
		if !worth {
			t.Fatal("nothing is due")
		}
		if o := s.House(t.Context(), trim.Decide); o.Err != nil {
			t.Fatal(o.Err)
		}
		if _, worth := trimmable(s); worth {
			t.Error("there is still something due")
		}
		if err := other.WaitFor(t.Context(), position(s)); err != nil {
			t.Fatal(err)
		}
		if a, b := snapshotOf(t, s), snapshotOf(t, other); a != b {
			t.Error("the replicas differ")
		}
		s.Read(func(state *channels.State) {
			if _, ok := state.Since("open", "", seen); ok {
				t.Error("what was deleted before the floor is told as if it were known")
			}
			if c, ok := state.Since("open", "", between-1); !ok || len(c.Removed) != 1 || c.Removed[0] != "young" {
				t.Errorf("since the floor: %v %+v", ok, c)
			}
			if m, gap := state.Messages("log", 0); len(m) != 0 || !gap {
				t.Errorf("the log has %d messages, gap %v", len(m), gap)
			}
			if at := state.Touched("log", ""); at != last {
				t.Errorf("the log was last changed at %d, it says %d", last, at)
			}
		})
	})
}

func TestANodeWithAWrongClockForgetsNothingEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: richRules()}) // log: keep_for 1 min
		admit(t, s, "ann")
		a := channels.Append{Channel: "log", Data: json.RawMessage(`"hello"`)}
		mustDo(t, s, propose("ann", 1, a, a.Decide))
		mustDo(t, s, set("ann", 2, "open", "k", `1`))
		mustDo(t, s, remove("ann", 3, "open", "k"))
		var due channels.Trim
		s.Read(func(state *channels.State) {
			trim, worth := state.Trimmable(time.Now().Add(24 * time.Hour))
			if !worth {
				t.Fatal("a clock that is a day fast finds nothing to forget")
			}
			due = trim
		})
		if o := s.House(t.Context(), due.Decide); o.Err != nil {
			t.Fatal(o.Err)
		}
		s.Read(func(state *channels.State) {
			if m, _ := state.Messages("log", 0); len(m) != 1 {
				t.Error("a message of this very moment is gone for good, on all nodes")
			}
			if _, ok := state.Since("open", "", 1); !ok {
				t.Error("a deletion of this very moment is forgotten")
			}
		})
	})
}
