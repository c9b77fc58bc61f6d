package channels_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/channels"
)

// remove proposes that a user deletes one key.
func remove(user string, n int, channel, key string) channels.Proposal {
	p := set(user, n, channel, key, "")
	w := channels.Write{Channel: channel, Delete: []string{key}}
	p.Body, _ = json.Marshal(w)
	p.Decide = w.Decide
	return p
}

// together proposes on one socket and from the space's own goroutine, so that the proposals share an entry if they can.
func together(s *channels.Space, proposals ...channels.Proposal) (outcomes []channels.Outcome) {
	done := make(chan channels.Outcome, len(proposals))
	nothing := func(*channels.Draft) (any, error) { return nil, channels.Refuse(channels.CodeInvalid, "nothing to do") }
	s.ProposeOwn("", nothing, func(channels.Outcome) {
		for _, p := range proposals {
			p.Source, p.Done = 1, func(o channels.Outcome) { done <- o }
			s.Propose(p)
		}
	})
	for range proposals {
		outcomes = append(outcomes, <-done)
	}
	return outcomes
}

func TestAKeyThatWasDeletedInTheSameEntryDoesNotExist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann")
		mustDo(t, s, set("ann", 1, "open", "k", `1`))
		outcomes := together(s, remove("ann", 2, "open", "k"), set("ann", 3, "open", "k", `2`, ifAt("k", 0)))
		if outcomes[0].Err != nil || outcomes[1].Err != nil || outcomes[0].Position != outcomes[1].Position {
			t.Errorf("deleted: %+v, created: %+v", outcomes[0], outcomes[1])
		}
		if got := get(s, "open", "k"); got != "2" {
			t.Errorf("the value is %q", got)
		}
	})
}

func TestUnseenRefusesADeletionThatWasForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann", "bob")
		seen := mustDo(t, s, set("ann", 1, "open", "mine", `1`)).Position
		mustDo(t, s, remove("bob", 1, "open", "mine"))
		forgotten := 0
		for n := 2; forgotten <= channels.KeptTombstones; n += 2 {
			w := channels.Write{Channel: "open", Set: map[string]json.RawMessage{}}
			for range channels.MaxKeys {
				forgotten++
				w.Set[fmt.Sprint("x", forgotten)] = json.RawMessage("1")
			}
			mustDo(t, s, channels.Proposal{Op: op("bob-tab", n), Actor: "bob", User: "bob", Decide: w.Decide})
			for key := range w.Set {
				w.Delete = append(w.Delete, key)
			}
			w.Set = nil
			mustDo(t, s, channels.Proposal{Op: op("bob-tab", n+1), Actor: "bob", User: "bob", Decide: w.Decide})
		}
		wantCode(t, s.Do(t.Context(), set("ann", 2, "open", "mine", `2`, unseen(seen))), channels.CodeConflict)
		mustDo(t, s, set("ann", 3, "open", "mine", `3`)) // blind
		wantCode(t, s.Do(t.Context(), set("ann", 4, "open", "mine", `4`, unseen(seen))), channels.CodeConflict)
		mustDo(t, s, set("ann", 5, "open", "mine", `5`, unseen(position(s))))
	})
}

func TestUnseenRefusesWhatOthersChangedBeforeOnesOwnBlindWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann", "bob")
		seen := mustDo(t, s, set("ann", 1, "open", "k", `1`)).Position
		mustDo(t, s, set("bob", 1, "open", "k", `"bob"`))
		blind := set("ann", 2, "open", "k", `2`)
		for _, o := range together(s, blind, set("ann", 3, "open", "k", `3`, unseen(seen))) { // in one entry
			if o.Position != position(s) && !channels.IsCode(o.Err, channels.CodeConflict) {
				t.Errorf("%+v", o)
			}
		}
		if got := get(s, "open", "k"); got != "2" {
			t.Errorf("the value is %s", got)
		}
		mustDo(t, s, remove("ann", 4, "open", "k"))
		if err := s.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		late := b.open()
		wantCode(t, late.Do(t.Context(), set("ann", 5, "open", "k", `5`, unseen(seen))), channels.CodeConflict)
		mustDo(t, late, set("ann", 6, "open", "k", `6`, unseen(seen+1))) // that was bob's
	})
}

func TestWhatIsWrittenComesBackByteForByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const raw = `{"s":"a<b&c>d","n":1.50}`
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		mustDo(t, s, set("ann", 1, "open", "set", raw))
		mustDo(t, s, set("ann", 2, "open", "patched", "", patch("patched", `{"n":1.50,"s":"a<b&c>d"}`)))
		say := channels.Append{Channel: "log", Data: json.RawMessage(raw)}
		mustDo(t, s, channels.Proposal{Op: op("ann-tab", 3), Actor: "ann", User: "ann", Decide: say.Decide})
		if err := s.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, replica := range map[string]*channels.Space{"from the log": s, "from the snapshot": b.open()} {
			var messages []channels.Message
			replica.Read(func(state *channels.State) { messages, _ = state.Messages("log", 0) })
			if len(messages) != 1 || string(messages[0].Data) != raw {
				t.Errorf("%s, the messages are %+v", name, messages)
			}
			if got := get(replica, "open", "set"); got != raw {
				t.Errorf("%s, the value is %s", name, got)
			}
			if got := get(replica, "open", "patched"); got != `{"n":1.50,"s":"a<b&c>d"}` {
				t.Errorf("%s, the patched value is %s", name, got)
			}
		}
		clash := s.Do(t.Context(), set("ann", 4, "open", "set", `1`, ifAt("set", 0)))
		var current channels.CurrentValue
		if shown := clash.Err.(*channels.Refusal).Current["set"]; json.Unmarshal(shown, &current) != nil || string(current.Value) != raw {
			t.Errorf("the conflict shows %s", shown)
		}
	})
}
