package channels_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/channels"
)

// propose makes a proposal of a user whose client id is the user's name and "-tab".
func propose(user string, n int, what any, decide channels.Decide) channels.Proposal {
	body, _ := json.Marshal(what)
	return channels.Proposal{Op: op(user+"-tab", n), Actor: user, User: user, Body: body, Decide: decide}
}

func transact(user string, n int, t channels.Transact) channels.Proposal {
	return propose(user, n, t, t.Decide)
}

func refusal(t *testing.T, o channels.Outcome) *channels.Refusal {
	t.Helper()
	var r *channels.Refusal
	if !errors.As(o.Err, &r) {
		t.Fatalf("the outcome is %+v, want a refusal", o)
	}
	return r
}

func values(pairs ...string) map[string]json.RawMessage {
	m := map[string]json.RawMessage{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return m
}

func TestATransactionHappensAtOnePositionOrNotAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann", "bob")
		whole := channels.Transact{
			Writes: []channels.Write{
				{Channel: "queue", Set: values("q1", `{"sample":"1:03"}`)},
				{Channel: "open", Set: values("note", `"mounted"`)},
			},
			Appends: []channels.Append{{Channel: "log", Data: json.RawMessage(`"queued"`)}},
			Calls:   []channels.CallCommand{{Command: "go"}, {Command: "look"}},
			Term:    1,
		}
		o := mustDo(t, s, transact("ann", 1, whole))
		var answer channels.TransactAnswer
		if err := json.Unmarshal(o.Answer, &answer); err != nil || !slices.Equal(answer.Calls, []string{"ann-tab.1", "ann-tab.1-2"}) {
			t.Errorf("the answer is %s", o.Answer)
		}
		s.Read(func(state *channels.State) {
			for _, ref := range []channels.Ref{
				{Channel: "queue", Key: "q1"},
				{Channel: "open", Key: "note"},
				{Channel: channels.CallsStore, Key: "ann-tab.1"},
				{Channel: channels.CallsStore, Key: "ann-tab.1-2"},
			} {
				if v, ok := state.Get(ref); !ok || v.Position != o.Position {
					t.Errorf("%v is at %d, the transaction at %d", ref, v.Position, o.Position)
				}
			}
			if m, _ := state.Messages("log", 0); len(m) != 1 || m[0].Position != o.Position {
				t.Errorf("the log has %+v", m)
			}
		})
		if c := readCall(t, s, "ann-tab.1-2"); c.Term != 0 {
			t.Errorf("a call of everybody's command is bound to term %d", c.Term)
		}

		before := position(s)
		for part, broken := range map[string]func(*channels.Transact){
			"writes/1":  func(t *channels.Transact) { t.Writes[1].If = map[string]uint64{"note": 1} },
			"writes/0":  func(t *channels.Transact) { t.Term = 0 },
			"appends/0": func(t *channels.Transact) { t.Appends[0].Channel = "nowhere" },
			"calls/1":   func(t *channels.Transact) { t.Calls[1].Command = "nothing" },
		} {
			one := whole
			one.Writes, one.Appends, one.Calls = slices.Clone(one.Writes), slices.Clone(one.Appends), slices.Clone(one.Calls)
			broken(&one)
			if r := refusal(t, s.Do(t.Context(), transact("ann", 100+len(part)+int(part[len(part)-1]), one))); r.More["part"] != part {
				t.Errorf("refused in %v, want %s: %v", r.More["part"], part, r)
			}
		}
		if now := position(s); now != before {
			t.Errorf("refused transactions moved the log from %d to %d", before, now)
		}
	})
}

func TestATransactionIsRefusedWhenItSaysOneThingTwiceOrNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann")
		twice := channels.Write{Channel: "open", Set: values("k", `1`)}
		for n, bad := range []channels.Transact{
			{},
			{Writes: []channels.Write{twice, twice}},
			{Writes: []channels.Write{twice, {Channel: "open", Delete: []string{"k"}}}},
		} {
			wantCode(t, s.Do(t.Context(), transact("ann", n+1, bad)), channels.CodeInvalid)
		}
		stop := channels.Transact{Calls: []channels.CallCommand{{Command: "halt"}}}
		wantCode(t, s.Do(t.Context(), transact("ann", 8, stop)), channels.CodeInvalid)
		many := channels.Transact{}
		for range channels.MaxParts + 1 {
			many.Appends = append(many.Appends, channels.Append{Channel: "log", Data: json.RawMessage(`1`)})
		}
		wantCode(t, s.Do(t.Context(), transact("ann", 9, many)), channels.CodeTooLarge)
	})
}

func TestSinceRefusesWhateverElseChangedInTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann", "bob")
		seen := mustDo(t, s, set("ann", 1, "open", "mine", `1`)).Position
		since := func(p uint64) func(*channels.Write) { return func(w *channels.Write) { w.Since = &p } }
		mustDo(t, s, set("ann", 2, "open", "mine", `2`)) // one's own changes are known
		mustDo(t, s, set("ann", 3, "open", "other", `1`, since(seen)))
		theirs := mustDo(t, s, set("bob", 1, "open", "theirs", `1`)).Position
		wantCode(t, s.Do(t.Context(), set("ann", 4, "open", "mine", `3`, since(seen))), channels.CodeConflict)
		mustDo(t, s, set("ann", 5, "open", "mine", `3`, since(theirs)))

		// Also when the other's change is in the same entry, and after a start from a snapshot.
		last := position(s)
		outcomes := together(s, set("bob", 2, "open", "theirs", `2`), set("ann", 6, "open", "mine", `4`, since(last)))
		wantCode(t, outcomes[1], channels.CodeConflict)
		if err := s.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantCode(t, b.open().Do(t.Context(), set("ann", 7, "open", "mine", `5`, since(last))), channels.CodeConflict)
	})
}

func TestAPatchIsInTheLogAsThePatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s, other := b.open(), b.open()
		admit(t, s, "ann")
		mustDo(t, s, set("ann", 1, "open", "k", `{"big":"`+string(make64k())+`","n":1}`))
		o := mustDo(t, s, set("ann", 2, "open", "k", "", patch("k", `{"n":2}`)))
		entries := b.entries()
		effect := entries[len(entries)-1].Transactions[0].Effects[0]
		if string(effect.Patch) != `{"n":2}` || effect.Value != nil {
			t.Errorf("the log holds %d bytes of value and the patch %s", len(effect.Value), effect.Patch)
		}
		if err := other.WaitFor(t.Context(), o.Position); err != nil {
			t.Fatal(err)
		}
		if a, b := get(s, "open", "k"), get(other, "open", "k"); a != b || len(a) < 60_000 || a[len(a)-6:] != `"n":2}` {
			t.Errorf("one replica has %d bytes, the other %d", len(a), len(b))
		}
		if a, b := snapshotOf(t, s), snapshotOf(t, other); a != b {
			t.Error("the replicas differ")
		}
	})
}

func make64k() []byte {
	data := make([]byte, 60_000)
	for i := range data {
		data[i] = 'x'
	}
	return data
}

func TestAKeyIsNotInATransactionTwiceUnderTwoNamesOfItsOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: richRules()})
		admit(t, s, "ann")
		wantCode(t, s.Do(t.Context(), transact("ann", 1, channels.Transact{Writes: []channels.Write{
			{Channel: "ui", Set: values("k", `1`)}, {Channel: "ui", Owner: "ann", Set: values("k", `2`)},
		}})), channels.CodeInvalid)
	})
}

func TestATransactionWithoutWritesNeedsItsLocksToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: richRules()})
		admit(t, s, "ann")
		held := map[string]uint64{"changer": 7} // that nobody holds
		for n, tr := range []channels.Transact{
			{Held: held, Appends: []channels.Append{{Channel: "log", Data: json.RawMessage(`"moved"`)}}},
			{Held: held, Calls: []channels.CallCommand{{Command: "go", Args: json.RawMessage(`{"target":1}`)}}},
		} {
			wantCode(t, s.Do(t.Context(), transact("ann", n+1, tr)), channels.CodeLocked)
		}
	})
}
