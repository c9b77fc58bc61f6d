package channels_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/channels"
)

// refusable is a write that is refused because the key k of the store is there, with this value.
func refusable(t *testing.T, value string) (b *bench, s *channels.Space, p channels.Proposal) {
	b = newBench(t)
	s = b.open()
	admit(t, s, "ann")
	mustDo(t, s, set("ann", 1, "open", "k", value))
	return b, s, set("ann", 2, "open", "k", `2`, ifAt("k", 0))
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
		b, s, p := refusable(t, `1`)
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
		_, s, p := refusable(t, `"`+strings.Repeat("x", 10_000)+`"`)
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
		b, s, p := refusable(t, `1`)
		p.Again = true
		outcomes := together(s, p, remove("ann", 3, "open", "k"), p)
		wantCode(t, outcomes[0], channels.CodeConflict)
		wantCode(t, outcomes[2], channels.CodeConflict)
		if n := b.appliedTimes(p.Op); n != 1 || outcomes[1].Err != nil || outcomes[0].Position != outcomes[2].Position {
			t.Errorf("it is in the log %d times: %+v", n, outcomes)
		}
	})
}

// Clients send again what is refused because there is too much of it, until there is not.
func TestWhatIsTooMuchNowIsDoneWhenItIsSentAgainLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann", "service")
		for n := 1; n <= channels.MaxCalls; n++ {
			mustDo(t, s, call("ann", n, "look", 0))
		}
		p := call("ann", channels.MaxCalls+1, "look", 0)
		wantCode(t, s.Do(t.Context(), p), channels.CodeOverloaded)
		p.Again = true
		wantCode(t, s.Do(t.Context(), p), channels.CodeOverloaded)
		cancel := channels.CancelCall{ID: "ann-tab.1"}
		mustDo(t, s, channels.Proposal{Op: op("ann-tab", 100), Actor: "ann", User: "ann", Decide: cancel.Decide})
		mustDo(t, s, p)
		if n := b.appliedTimes(p.Op); n != 1 {
			t.Errorf("it is in the log %d times", n)
		}
	})
}

// What is wrong with a value is told with as much of the value as the client sent.
func TestOfARefusalThatIsKeptNoMoreIsKeptThanHalfAKiB(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := *testRules
		rules.Channels = map[string]channels.ChannelRules{"open": {
			Kind: channels.KindStore, Write: []channels.Right{"member"}, Schema: json.RawMessage(`{"additionalProperties":false}`),
		}}
		s := newBench(t).openWith(channels.Options{Rules: &rules})
		admit(t, s, "ann")
		value, _ := json.Marshal(map[string]int{strings.Repeat("\u00ad", 20_000): 1})
		p := set("ann", 1, "open", "k", string(value))
		p.Again = true
		before := savedBytes(t, s)
		o := s.Do(t.Context(), p)
		wantCode(t, o, channels.CodeSchema)
		if kept := savedBytes(t, s) - before; kept > 1<<10 {
			t.Errorf("a snapshot has %d bytes more", kept)
		}
		again := s.Do(t.Context(), p)
		wantCode(t, again, channels.CodeSchema)
		if r := again.Err.(*channels.Refusal); !strings.HasPrefix(r.Detail, `open "k" does not fit its schema`) {
			t.Errorf("it says %.100s", r.Detail)
		}
	})
}

func savedBytes(t *testing.T, s *channels.Space) int {
	t.Helper()
	var b bytes.Buffer
	var err error
	s.Read(func(state *channels.State) { err = state.WriteSnapshot(&b) })
	if err != nil {
		t.Fatal(err)
	}
	return b.Len()
}

func TestARefusalThatIsKeptIsInTheSnapshotAsItIsInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s, p := refusable(t, `"<\u2028>"`)
		p.Again = true
		o := s.Do(t.Context(), p)
		wantCode(t, o, channels.CodeConflict)
		var here, folded, read bytes.Buffer
		s.Read(func(state *channels.State) { _ = state.WriteSnapshot(&here) })
		b.open().Read(func(state *channels.State) { _ = state.WriteSnapshot(&folded) })
		state, err := channels.ReadSnapshot(bytes.NewReader(here.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		_ = state.WriteSnapshot(&read)
		if !strings.Contains(here.String(), `"a":{"code":"conflict"`) || here.String() != folded.String() || here.String() != read.String() {
			t.Errorf("here it is\n%s, in another replica\n%s, and read from it\n%s", &here, &folded, &read)
		}
	})
}
