package channels_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
)

func TestAClientThatComesBackWhileItIsForgottenIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		mustDo(t, s, set("ann", 1, "open", "k", `1`))
		s.Close()
		time.Sleep(channels.ForgetAfter + time.Hour) // in the bubble
		s = b.open()
		admit(t, s, "ann") // the log's clock moves with its records
		say := channels.Append{Channel: "log", Data: json.RawMessage(`"once"`)}
		p := channels.Proposal{Op: op("ann-tab", 2), Actor: "ann", User: "ann", Decide: say.Decide}
		forget := channels.Proposal{Op: op("hub-x", 1), Decide: channels.Forget()}
		outcomes := together(s, p, forget)
		if outcomes[0].Err != nil || outcomes[1].Err != nil || outcomes[0].Position != outcomes[1].Position {
			t.Fatalf("said: %+v, forgotten: %+v: not in one entry", outcomes[0], outcomes[1])
		}
		again := mustDo(t, s, p)
		if n := b.appliedTimes(p.Op); n != 1 || again.Position != outcomes[0].Position {
			t.Errorf("the retry was answered with %d; it is in the log %d times", again.Position, n)
		}
	})
}

// A node may have an operation that its client has sent once more, to another node, and been refused.
func TestWhatWasRefusedWhenItWasSentAgainIsNeverDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		here, there := b.open(), b.open()
		admit(t, here, "ann", "bob")
		first := mustDo(t, here, set("ann", 1, "open", "k", `1`))
		late := set("ann", 2, "open", "k", `2`, ifAt("k", 0)) // it is there
		again := late
		again.Again = true
		refused := here.Do(t.Context(), again)
		wantCode(t, refused, channels.CodeConflict)
		gone := mustDo(t, here, remove("bob", 1, "open", "k"))
		for name, s := range map[string]*channels.Space{"here": here, "there": there, "a new replica": b.open()} {
			for _, p := range []channels.Proposal{late, again} {
				if err := s.WaitFor(t.Context(), gone.Position); err != nil {
					t.Fatal(err)
				}
				o := s.Do(t.Context(), p)
				wantCode(t, o, channels.CodeConflict)
				if o.Position != refused.Position || o.Err.Error() != refused.Err.Error() {
					t.Errorf("%s: it is answered %+v, it was %+v", name, o, refused)
				}
				var current struct{ Position uint64 }
				if r := o.Err.(*channels.Refusal); json.Unmarshal(r.Current["k"], &current) != nil || current.Position != first.Position {
					t.Errorf("%s: it does not say what was there: %s", name, r.Current)
				}
			}
		}
		if n := b.appliedTimes(late.Op); n != 1 || get(here, "open", "k") != "" {
			t.Errorf("it is in the log %d times, and the key is %q", n, get(here, "open", "k"))
		}
		other := set("ann", 2, "open", "k", `3`)
		wantCode(t, here.Do(t.Context(), other), channels.CodeOpReused)
	})
}

func TestWhatIsRefusedOnceIsNotInTheLogAndIsDecidedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		mustDo(t, s, set("ann", 1, "open", "k", `1`))
		p := set("ann", 2, "open", "k", `2`, ifAt("k", 0))
		wantCode(t, s.Do(t.Context(), p), channels.CodeConflict)
		unnamed := p
		unnamed.Op, unnamed.Unnamed, unnamed.Again = op("http-1", 1), true, true
		wantCode(t, s.Do(t.Context(), unnamed), channels.CodeConflict)
		stranger := set("eve", 1, "open", "k", `2`)
		stranger.Again = true
		wantCode(t, s.Do(t.Context(), stranger), channels.CodeSignedOut)
		for _, o := range []channels.Op{p.Op, unnamed.Op, stranger.Op} {
			if n := b.appliedTimes(o); n != 0 {
				t.Errorf("%s is in the log %d times", o, n)
			}
		}
		mustDo(t, s, remove("ann", 3, "open", "k"))
		mustDo(t, s, p)
	})
}

func TestALongRefusalIsKeptWithoutWhatWasThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann")
		long, _ := json.Marshal(strings.Repeat("x", 10_000))
		mustDo(t, s, set("ann", 1, "open", "k", string(long)))
		p := set("ann", 2, "open", "k", `2`, ifAt("k", 0))
		p.Again = true
		for _, told := range []bool{true, false} {
			o := s.Do(t.Context(), p)
			wantCode(t, o, channels.CodeConflict)
			if r := o.Err.(*channels.Refusal); (len(r.Current) > 0) != told || r.Detail == "" {
				t.Errorf("it is answered %v", r)
			}
		}
	})
}

// Both are in one entry: what is sent twice is refused alike.
func TestTwoThatAreSentAgainAtOnceAreRefusedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		mustDo(t, s, set("ann", 1, "open", "k", `1`))
		p := set("ann", 2, "open", "k", `2`, ifAt("k", 0))
		p.Again = true
		outcomes := together(s, p, remove("ann", 3, "open", "k"), p)
		wantCode(t, outcomes[0], channels.CodeConflict)
		wantCode(t, outcomes[2], channels.CodeConflict)
		if n := b.appliedTimes(p.Op); n != 1 || outcomes[1].Err != nil || outcomes[0].Position != outcomes[2].Position {
			t.Errorf("it is in the log %d times: %+v", n, outcomes)
		}
	})
}
