package channels_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/channelstest"
)

// What a member can do to a space that nobody else should notice.

func TestNoNumberMakesASchemaPanic(t *testing.T) {
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("checking the value panics: %v", p)
		}
	}()
	_ = richRules().CheckValue("plans", "k", json.RawMessage(`{"target":1e-1000001}`))
}

func TestNumbersAreComparedWithASchemaInAMoment(t *testing.T) {
	r := &channels.Rules{Channels: map[string]channels.ChannelRules{
		"a": {Kind: channels.KindStore, Schema: json.RawMessage(`{"type":"array","items":{"type":"number","minimum":0}}`)},
	}}
	const n = 20 // a value of 64 KiB has room for 6,500 of them
	channelstest.Within(t, n*5*time.Millisecond, func() {
		_ = r.CheckValue("a", "k", json.RawMessage("["+strings.Repeat(`1e-999999,`, n)+"0]"))
	})
}

func fillBig(t *testing.T, s *channels.Space, keys int) {
	t.Helper()
	n := 0
	for from := 0; from < keys; from += 8 {
		w := channels.Write{Channel: "open", Set: map[string]json.RawMessage{}}
		for i := range 8 {
			w.Set[fmt.Sprintf("k%d", from+i)] = json.RawMessage(`{"a":"` + strings.Repeat("x", 15<<10) + `","b":"` + strings.Repeat("x", 15<<10) + `","c":"` + strings.Repeat("x", 15<<10) + `","d":"` + strings.Repeat("x", 15<<10) + `"}`)
		}
		n++
		mustDo(t, s, propose("ann", n, w, w.Decide))
	}
}

func TestARefusalIsNotAThousandTimesTheRequest(t *testing.T) {
	s := newBench(t).openWith(channels.Options{Rules: richRules()})
	admit(t, s, "ann")
	fillBig(t, s, 200)
	w := channels.Write{Channel: "open", Set: values("new", `1`), If: map[string]uint64{}}
	for i := range 200 {
		w.If[fmt.Sprintf("k%d", i)] = 0
	}
	size := 0
	for _, v := range refusal(t, s.Do(t.Context(), propose("ann", 1000, w, w.Decide))).Current {
		size += len(v)
	}
	if size > 4<<20 {
		t.Errorf("a request of 10 KB makes a refusal of %d bytes", size)
	}
}

func TestAPatchOfManyLargeValuesDoesNotHoldEverybodyUp(t *testing.T) {
	s := newBench(t).openWith(channels.Options{Rules: richRules()})
	admit(t, s, "ann")
	fillBig(t, s, 200)
	w := channels.Write{Channel: "open", Patch: map[string]json.RawMessage{}}
	for i := range 200 {
		w.Patch[fmt.Sprintf("k%d", i)] = json.RawMessage(`{"e":1}`)
	}
	// 12 MB to decode and encode, by everybody, for a request of 4 KB.
	wantCode(t, s.Do(t.Context(), propose("ann", 1000, w, w.Decide)), channels.CodeTooLarge)
	few := channels.Write{Channel: "open", Patch: map[string]json.RawMessage{"k1": json.RawMessage(`{"e":1}`), "k2": json.RawMessage(`{"e":1}`)}}
	mustDo(t, s, propose("ann", 1001, few, few.Decide))
}

func TestTheOperationsOfOneUserAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: richRules()})
		admit(t, s, "ann")
		for i := range 20_000 {
			p := set("ann", 1, "open", "k", `1`)
			p.Op = op(fmt.Sprintf("client-%d", i), 1)
			mustDo(t, s, p)
		}
		if n := strings.Count(snapshotOf(t, s), `{"client":{"id"`); n > channels.MaxClients+10 {
			t.Errorf("one user made the hub remember %d clients for three days", n)
		}
	})
}

func TestAWriterIsNotShownWhatTheyMayNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := richRules()
		rules.Channels["box"] = channels.ChannelRules{
			Kind: channels.KindStore, Write: []channels.Right{"member"}, Read: []channels.Right{"staff"}, Schema: json.RawMessage(`{"type":"string"}`),
		}
		s := newBench(t).openWith(channels.Options{Rules: rules})
		admit(t, s, "ann", "bob")
		mustDo(t, s, set("ann", 1, "box", "k", `"a secret"`))
		for n, p := range []channels.Proposal{set("bob", 1, "box", "k", `"x"`, ifAt("k", 0)), set("bob", 2, "box", "k", `7`)} {
			if r := refusal(t, s.Do(t.Context(), p)); strings.Contains(string(r.Current["k"]), "a secret") {
				t.Errorf("%d: who may not read it is told %s", n, r.Current["k"])
			}
		}
	})
}

func TestTheRoleUserDoesNotWriteWhatIsAnothersOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := richRules()
		rules.Channels["prefs"] = channels.ChannelRules{Kind: channels.KindStore, Scope: channels.ScopeUser, Write: []channels.Right{"user"}}
		s := newBench(t).openWith(channels.Options{Rules: rules})
		admit(t, s, "x")
		enrol(t, s, "ann", "", "user")
		w := channels.Write{Channel: "prefs", Owner: "bob", Set: values("k", `1`)}
		wantCode(t, s.Do(t.Context(), propose("ann", 1, w, w.Decide)), channels.CodeForbidden)
	})
}

func TestTheSameWrongValueHasTheSamePath(t *testing.T) {
	seen := map[any]bool{}
	r := &channels.Rules{Channels: map[string]channels.ChannelRules{"a": {Kind: channels.KindStore, Schema: json.RawMessage(
		`{"properties":{"a":{"type":"number"},"b":{"type":"number"},"c":{"type":"number"}}}`)}}}
	for range 100 {
		refused := r.CheckValue("a", "k", json.RawMessage(`{"a":"x","b":"x","c":"x"}`)).(*channels.Refusal)
		seen[refused.More["path"]] = true
	}
	if len(seen) != 1 {
		t.Errorf("it is refused at %v", seen)
	}
}

func TestADeadlineOfTheRulesCannotBeEscaped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: richRules()})
		admit(t, s, "ann")
		c := channels.CallCommand{Command: "go", Args: json.RawMessage(`{"target":1}`), Deadline: 448384}
		var id string
		_ = json.Unmarshal(mustDo(t, s, propose("ann", 1, c, c.Decide)).Answer, &id)
		if c := readCall(t, s, id); c.Deadline == 0 {
			t.Error("the call may take any time, the rules say 30 s")
		}
	})
}
