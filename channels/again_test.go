package channels_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/channels"
)

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
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		mustDo(t, s, set("ann", 1, "open", "k", `"<\u2028>"`))
		p := set("ann", 2, "open", "k", `2`, ifAt("k", 0))
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
