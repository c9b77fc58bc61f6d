package channels_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/channels"
)

// export exports as somebody who may.
func export(t *testing.T, s *channels.Space, actor string, e channels.Export) string {
	t.Helper()
	x, err := s.Export(actor, e)
	if err != nil {
		t.Fatalf("%s may not export %+v: %v", actor, e, err)
	}
	var b strings.Builder
	if _, err := x.Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// holding is what the lines of an export give if they are applied in their order: values by channel, owner and key, and
// messages by channel.
type holding struct {
	values   map[string]string
	messages map[string][]string
	end      channels.ExportEnd
}

func apply(t *testing.T, exported string) holding {
	t.Helper()
	h := holding{values: map[string]string{}, messages: map[string][]string{}}
	lines := strings.Split(strings.TrimSuffix(exported, "\n"), "\n")
	counts := channels.ExportCounts{}
	for _, line := range lines[1 : len(lines)-1] {
		var item channels.ExportItem
		if err := json.Unmarshal([]byte(line), &item); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		name := strings.Join([]string{item.Channel, item.Owner, item.Key}, " ")
		switch {
		case item.Data != nil:
			counts.Messages++
			h.messages[item.Channel] = append(h.messages[item.Channel], string(item.Data))
		case item.Deleted:
			counts.Deleted++
			delete(h.values, name)
		default:
			counts.Values++
			h.values[name] = string(item.Value)
		}
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &h.end); err != nil || h.end.End != counts {
		t.Fatalf("the lines give %+v, and the last one says %s (%v)", counts, lines[len(lines)-1], err)
	}
	return h
}

// inState is what a space holds, as apply gives it.
func inState(s *channels.Space, keyed, logs []string) holding {
	h := holding{values: map[string]string{}, messages: map[string][]string{}}
	s.Read(func(state *channels.State) {
		for _, channel := range keyed {
			for _, owner := range append(state.Owners(channel), "") {
				state.Range(channel, owner, func(key string, v channels.Value) bool {
					h.values[strings.Join([]string{channel, owner, key}, " ")] = string(v.Data)
					return true
				})
			}
		}
		for _, channel := range logs {
			messages, _ := state.Messages(channel, 0)
			for _, m := range messages {
				h.messages[channel] = append(h.messages[channel], string(m.Data))
			}
		}
		h.end.Cursor = state.Cursor().String()
	})
	return h
}

func (h holding) same(other holding) bool {
	return maps.Equal(h.values, other.values) && fmt.Sprint(h.messages) == fmt.Sprint(other.messages)
}

// keys writes many keys of a store, value n, as the hub.
func keys(t *testing.T, s *channels.Space, channel string, from, to int, value string) {
	t.Helper()
	for from < to {
		next := min(from+1_000, to)
		o := s.House(t.Context(), func(d *channels.Draft) (any, error) {
			for n := from; n < next; n++ {
				ref := channels.Ref{Channel: channel, Key: fmt.Sprintf("k%06d", n)}
				if value == "" {
					d.Delete(ref)
				} else {
					d.Set(ref, json.RawMessage(value))
				}
			}
			return nil, nil
		})
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		from = next
	}
}

func TestAnExportIsWhatTheSpaceHoldsAndNothingOfTheHubsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		fill(t, s)
		text := export(t, s, "service", channels.Export{})
		want := inState(s, []string{"queue", "open", "ui"}, []string{"log", channels.ControlLog})
		if got := apply(t, text); !got.same(want) || got.end.Cursor != want.end.Cursor {
			t.Errorf("exported\n%s\nand it holds %+v", text, want)
		}
		if strings.Contains(text, `"channel":"~`) {
			t.Errorf("a reserved store was exported:\n%s", text)
		}
		var head channels.ExportHead
		first, _, _ := strings.Cut(text, "\n")
		if err := json.Unmarshal([]byte(first), &head); err != nil || head.Baton != 1 || head.Space != "lab" ||
			head.Values != len(want.values) || head.Messages != len(want.messages["log"])+len(want.messages["control"]) {
			t.Errorf("the head is %s", first)
		}
	})
}

// interfering changes the space whenever a part of the export goes out.
type interfering struct {
	bytes.Buffer
	steps []func()
}

func (w *interfering) Write(p []byte) (int, error) {
	if len(w.steps) > 0 {
		w.steps[0]()
		w.steps = w.steps[1:]
	}
	return w.Buffer.Write(p)
}

func TestAnExportHoldsAtTheCursorOfItsEndHoweverTheSpaceChangesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		fill(t, s)
		keys(t, s, "open", 0, 15_000, `"old"`)
		w := &interfering{steps: []func(){
			func() { keys(t, s, "open", 14_000, 16_000, `"changed"`) },
			func() { keys(t, s, "open", 0, 1_500, ""); keys(t, s, "queue", 0, 10, `"new store"`) },
			func() { mustDo(t, s, set("bob", 13, "ui", "late", `1`)) },
			func() { keys(t, s, "open", 2_000, 13_500, "") }, // more than it remembers
			func() { keys(t, s, "open", 3_000, 4_200, `"again"`) },
			func() {
				for n := 14; n < 17; n++ {
					log := channels.Append{Channel: "log", Data: json.RawMessage(fmt.Sprint(n))}
					mustDo(t, s, channels.Proposal{Op: op("bob-tab", n), Actor: "bob", User: "bob", Decide: log.Decide})
				}
			},
		}}
		x, err := s.Export("service", channels.Export{Channels: []string{"open", "queue", "ui"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Write(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		if len(w.steps) > 0 {
			t.Fatalf("%d steps were not taken", len(w.steps))
		}
		got, want := apply(t, w.String()), inState(s, []string{"open", "queue", "ui"}, nil)
		if !got.same(want) || got.end.Cursor != want.end.Cursor {
			t.Errorf("it gives %d values at %s, the space holds %d at %s", len(got.values), got.end.Cursor, len(want.values), want.end.Cursor)
		}
	})
}

func TestWhoMayExportWhat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		fill(t, s)
		mustDo(t, s, set("ann", 20, "ui", "tab", `1`))
		for _, c := range []struct {
			actor string
			asked channels.Export
			code  channels.Code // "" = may
		}{
			{actor: "service"},
			{actor: ""},
			{actor: "ann", code: channels.CodeForbidden},
			{actor: "nobody", code: channels.CodeSignedOut},
			{actor: "ann", asked: channels.Export{Channels: []string{"open", "log"}}},
			{actor: "ann", asked: channels.Export{Channels: []string{"ui"}}, code: channels.CodeForbidden},
			{actor: "service", asked: channels.Export{Channels: []string{"ui"}, Owner: "bob"}},
			{actor: "ann", asked: channels.Export{Channels: []string{"ui"}, Owner: "bob"}, code: channels.CodeForbidden},
			{actor: "bob", asked: channels.Export{Channels: []string{"ui"}, Owner: "bob"}},
			{actor: "bob", asked: channels.Export{Channels: []string{"open"}, Mine: true}, code: channels.CodeInvalid},
			{actor: "bob", asked: channels.Export{Owner: "ann"}, code: channels.CodeForbidden},
			{actor: "service", asked: channels.Export{Channels: []string{"motors"}}, code: channels.CodeInvalid},
			{actor: "service", asked: channels.Export{Channels: []string{"~sessions"}}, code: channels.CodeUnknownName},
			{actor: "bob", asked: channels.Export{Mine: true}},
		} {
			_, err := s.Export(c.actor, c.asked)
			if c.code == "" && err != nil || c.code != "" && !channels.IsCode(err, c.code) {
				t.Errorf("%q asks for %+v: %v, want %q", c.actor, c.asked, err, c.code)
			}
		}
	})
}

func TestEverythingOfMineIsMyValuesAndWhatIWrote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		fill(t, s)
		mustDo(t, s, set("ann", 20, "ui", "tab", `"ann's"`))
		log := channels.Append{Channel: "log", Data: json.RawMessage(`"ann says"`)}
		mustDo(t, s, channels.Proposal{Op: op("ann-tab", 21), Actor: "ann", User: "ann", Decide: log.Decide})
		got := apply(t, export(t, s, "ann", channels.Export{Mine: true}))
		if want := map[string]string{"ui ann tab": `"ann's"`}; !maps.Equal(got.values, want) {
			t.Errorf("ann's values are %v", got.values)
		}
		if fmt.Sprint(got.messages["log"]) != `["ann says"]` {
			t.Errorf("ann wrote %v", got.messages)
		}
		theirs := apply(t, export(t, s, "service", channels.Export{Owner: "bob"}))
		if want := map[string]string{"ui bob tab": "null"}; !maps.Equal(theirs.values, want) || len(theirs.messages["log"]) != 4 {
			t.Errorf("bob's are %+v", theirs)
		}
	})
}

func TestAnExportWritesLittleAfterWhoAskedForItIsSignedOutHoweverLargeTheValuesAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		fill(t, s)
		large := `"` + strings.Repeat("x", 60_000) + `"`
		for n := range 60 { // fewer than a page
			mustDo(t, s, set("ann", 20+n, "open", fmt.Sprint("large", n), large))
		}
		before := 0
		w := &interfering{}
		w.steps = []func(){func() {
			before = w.Len()
			s.House(t.Context(), func(d *channels.Draft) (any, error) {
				d.Delete(channels.Ref{Channel: channels.SessionsStore, Key: "service"})
				return nil, nil
			})
		}}
		x, err := s.Export("service", channels.Export{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Write(t.Context(), w); !channels.IsCode(err, channels.CodeSignedOut) {
			t.Errorf("it ended with %v", err)
		}
		if after := w.Len() - before; after > 512<<10 {
			t.Errorf("%d bytes were written after the sign-out", after)
		}
	})
}

func TestAnExportEndsWhenWhoAskedForItIsSignedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		fill(t, s)
		keys(t, s, "open", 0, 5_000, `"a value of some length, so that there is more than one page"`)
		w := &interfering{steps: []func(){func() {
			s.House(t.Context(), func(d *channels.Draft) (any, error) {
				d.Delete(channels.Ref{Channel: channels.SessionsStore, Key: "service"})
				return nil, nil
			})
		}}}
		x, err := s.Export("service", channels.Export{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Write(t.Context(), w); !channels.IsCode(err, channels.CodeSignedOut) {
			t.Errorf("it ended with %v", err)
		}
		if strings.Contains(w.String(), `{"end":`) {
			t.Error("it looks whole")
		}
	})
}

// guardedRules have stores that not every role may read or write.
func guardedRules() *channels.Rules {
	rules := *testRules
	rules.Channels = maps.Clone(rules.Channels)
	staff := []channels.Right{"staff"}
	rules.Channels["minutes"] = channels.ChannelRules{Kind: channels.KindStore, Write: staff, Read: staff}
	rules.Channels["remarks"] = channels.ChannelRules{Kind: channels.KindStore, Scope: channels.ScopeUser, Write: staff, Read: staff}
	rules.Channels["drafts"] = channels.ChannelRules{Kind: channels.KindStore, Scope: channels.ScopeUser, Write: []channels.Right{"owner"}, ReadAll: []channels.Right{"admin"}}
	return &rules
}

func TestExportAndImportReachNoMoreThanReadingAndWritingDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: guardedRules()})
		admit(t, s, "ann", "service", "staff", "admin")
		all := ndjson(
			`{"channel":"minutes","key":"k","value":1}`, `{"channel":"remarks","owner":"ann","key":"k","value":1}`,
			`{"channel":"drafts","owner":"ann","key":"k","value":1}`, `{"channel":"drafts","owner":"staff","key":"k","value":1}`,
		)
		if _, err := importAs(t, s, "admin", all, channels.ImportOptions{ID: "by-admin"}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			actor          string
			asked          channels.Export
			gets, withheld string
			refused        int // lines of the same that may not be imported
		}{
			{"admin", channels.Export{}, "[drafts ann k drafts staff k minutes  k remarks ann k]", "[]", 0},
			{"staff", channels.Export{}, "[minutes  k remarks ann k]", "[drafts]", 1},
			{"service", channels.Export{}, "[]", "[drafts minutes remarks]", 4},
			{"staff", channels.Export{Mine: true}, "[drafts staff k]", "[]", 1},
			{"ann", channels.Export{Mine: true}, "[drafts ann k]", "[remarks]", 3},
		} {
			text := export(t, s, c.actor, c.asked)
			var head channels.ExportHead
			first, _, _ := strings.Cut(text, "\n")
			if err := json.Unmarshal([]byte(first), &head); err != nil {
				t.Fatal(err)
			}
			gets := slices.Sorted(maps.Keys(apply(t, text).values))
			if fmt.Sprint(gets) != c.gets || fmt.Sprint(head.Withheld) != c.withheld {
				t.Errorf("%s gets %v for %+v, and withheld are %v", c.actor, gets, c.asked, head.Withheld)
			}
			report, err := importAs(t, s, c.actor, all, channels.ImportOptions{DryRun: true})
			if err != nil || report.RefusedLines != c.refused {
				t.Errorf("%s may not import %+v, %v", c.actor, report.Refused, err)
			}
		}
		for _, channel := range []string{"minutes", "remarks", "drafts"} {
			if _, err := s.Export("service", channels.Export{Channels: []string{channel}}); !channels.IsCode(err, channels.CodeForbidden) {
				t.Errorf("a service asks for %s: %v", channel, err)
			}
		}
	})
}
