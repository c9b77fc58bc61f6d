package channels_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/channels"
)

const motorSchema = `{"type":"object","required":["target"],"additionalProperties":false,
	"properties":{"target":{"type":"number","maximum":100},"limits":{"type":"array","items":{"type":"number"}}}}`

// richRules are testRules with schemas, scopes and defaults, as a newer version.
func richRules() *channels.Rules {
	member := []channels.Right{"member"}
	return &channels.Rules{
		Version: 2,
		Channels: map[string]channels.ChannelRules{
			"open":   {Kind: channels.KindStore, Write: member},
			"plans":  {Kind: channels.KindStore, Write: member, Schema: json.RawMessage(motorSchema), Default: values("new", `{"target":1}`)},
			"shared": {Kind: channels.KindStore, Scope: channels.ScopeGroup, Write: []channels.Right{"member", "staff"}},
			"ui":     {Kind: channels.KindStore, Scope: channels.ScopeUser, Write: []channels.Right{"owner", "service"}},
			"log":    {Kind: channels.KindLog, Write: member, Schema: json.RawMessage(`{"type":"string"}`), KeepFor: 60_000},
		},
		Commands: map[string]channels.CommandRules{
			"go": {
				Call: member, Args: json.RawMessage(motorSchema), Progress: json.RawMessage(`{"type":"number"}`),
				Result: json.RawMessage(`{"type":"boolean"}`), Deadline: 30_000,
			},
		},
	}
}

func TestAValueHasToFitItsSchema(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.openWith(channels.Options{Rules: richRules()})
		admit(t, s, "ann")
		mustDo(t, s, set("ann", 1, "plans", "omega", `{"target":12.5}`))
		for n, c := range []struct {
			p    channels.Proposal
			path string
		}{
			{set("ann", 11, "plans", "omega", `{"target":101}`), "/target"},
			{set("ann", 12, "plans", "omega", `{"target":1,"limits":[1,"two"]}`), "/limits/1"},
			{set("ann", 13, "plans", "omega", `{}`), ""},
			{set("ann", 14, "plans", "omega", `7`), ""},
			{set("ann", 15, "plans", "omega", "", patch("omega", `{"target":null}`)), ""},
		} {
			r := refusal(t, s.Do(t.Context(), c.p))
			if r.Code != channels.CodeSchema || r.More["path"] != c.path || r.More["key"] != "omega" {
				t.Errorf("%d: refused with %s %v", n, r.Code, r.More)
			}
			if got := string(r.Current["omega"]); !strings.Contains(got, `{"target":12.5}`) {
				t.Errorf("%d: the present value is told as %s", n, got)
			}
		}
		a := channels.Append{Channel: "log", Data: json.RawMessage(`{"text":"no"}`)}
		wantCode(t, s.Do(t.Context(), propose("ann", 20, a, a.Decide)), channels.CodeSchema)
		if got := get(s, "plans", "omega"); got != `{"target":12.5}` {
			t.Errorf("a refused value was stored: %s", got)
		}

		// After a start from a snapshot, too: the schemas are in the rules, and those are in the log.
		if err := s.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		again := b.openWith(channels.Options{Rules: richRules()})
		wantCode(t, again.Do(t.Context(), set("ann", 30, "plans", "omega", `{"target":101}`)), channels.CodeSchema)
	})
}

func TestArgumentsProgressAndResultHaveToFitTheirSchemas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: richRules()})
		admit(t, s, "ann", "service")
		bad := channels.CallCommand{Command: "go", Args: json.RawMessage(`{"target":"far"}`)}
		if r := refusal(t, s.Do(t.Context(), propose("ann", 1, bad, bad.Decide))); r.Code != channels.CodeSchema || r.More["path"] != "/target" {
			t.Errorf("refused with %s %v", r.Code, r.More)
		}
		none := channels.CallCommand{Command: "go"}
		wantCode(t, s.Do(t.Context(), propose("ann", 2, none, none.Decide)), channels.CodeSchema)
		good := channels.CallCommand{Command: "go", Args: json.RawMessage(`{"target":5}`)}
		mustDo(t, s, propose("ann", 3, good, good.Decide))
		mustDo(t, s, take(1, "ann-tab.3"))
		report := func(n int, r channels.ReportCall) channels.Outcome {
			r.ID = "ann-tab.3"
			return s.Do(t.Context(), channels.Proposal{Op: op("service-1", n), Actor: "service", User: "service", Decide: r.Decide})
		}
		wantCode(t, report(1, channels.ReportCall{State: channels.CallTaken, Progress: json.RawMessage(`"half"`)}), channels.CodeSchema)
		wantCode(t, report(2, channels.ReportCall{State: channels.CallDone}), channels.CodeSchema)
		if o := report(3, channels.ReportCall{State: channels.CallDone, Result: json.RawMessage(`true`)}); o.Err != nil {
			t.Error(o.Err)
		}
	})
}

func TestASchemaRefersToNothingOutsideItself(t *testing.T) {
	for schema, works := range map[string]bool{
		`{"type":"number"}`: true,
		`true`:              true,
		`{"$ref":"#/$defs/n","$defs":{"n":{"type":"number"}}}`: true,
		`{"$ref":"file:///etc/passwd"}`:                        false,
		`{"$ref":"other.json"}`:                                false,
		`{"$schema":"http://example.org/mine"}`:                false,
		`{"type":"nonsense"}`:                                  false,
		`{"pattern":"("}`:                                      false,
		`[]`:                                                   false,
		`{`:                                                    false,
		`{"description":"` + strings.Repeat("x", channels.MaxSchema) + `"}`: false,
	} {
		if err := channels.CheckSchema(json.RawMessage(schema)); (err == nil) != works {
			t.Errorf("%.80s: %v", schema, err)
		}
	}
}

func TestAPatchOfAMissingKeyBeginsWithItsDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: richRules()})
		admit(t, s, "ann")
		mustDo(t, s, set("ann", 1, "plans", "new", "", patch("new", `{"limits":[1]}`), ifAt("new", 0)))
		if got := get(s, "plans", "new"); got != `{"limits":[1],"target":1}` {
			t.Errorf("the value is %s", got)
		}
	})
}

// enrol signs somebody in for a proposal.
func enrol(t *testing.T, s *channels.Space, user, proposal string, roles ...string) {
	t.Helper()
	o := s.House(t.Context(), func(d *channels.Draft) (any, error) {
		d.Set(channels.Ref{Channel: channels.SessionsStore, Key: user}, channels.Who{ID: user, User: user, Proposal: proposal, Roles: roles})
		return nil, nil
	})
	if o.Err != nil {
		t.Fatal(o.Err)
	}
}

func TestScopedValuesBelongToTheProposalOrTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: richRules()})
		admit(t, s, "nobody")
		enrol(t, s, "ann", "mx-1")
		enrol(t, s, "bob", "mx-1")
		enrol(t, s, "eve", "mx-2")
		enrol(t, s, "sam", "", "staff")
		enrol(t, s, "robot", "", "service")
		of := func(owner string) func(*channels.Write) { return func(w *channels.Write) { w.Owner = owner } }

		p := mustDo(t, s, set("ann", 1, "shared", "k", `"ann"`)).Position
		mustDo(t, s, set("bob", 1, "shared", "k", `"bob"`, ifAt("k", p)))
		mustDo(t, s, set("eve", 1, "shared", "k", `"eve"`, ifAt("k", 0)))
		mustDo(t, s, set("sam", 1, "shared", "k", `"sam"`, of("mx-2")))
		wantCode(t, s.Do(t.Context(), set("sam", 2, "shared", "k", `1`)), channels.CodeForbidden) // for no proposal
		wantCode(t, s.Do(t.Context(), set("eve", 2, "shared", "k", `1`, of("mx-1"))), channels.CodeForbidden)
		mustDo(t, s, set("eve", 3, "shared", "own", `1`, of("mx-2"))) // one's own may be named

		mustDo(t, s, set("ann", 2, "ui", "zoom", `3`))
		mustDo(t, s, set("robot", 1, "ui", "zoom", `4`, of("ann")))
		wantCode(t, s.Do(t.Context(), set("bob", 2, "ui", "zoom", `5`, of("ann"))), channels.CodeForbidden)
		wantCode(t, s.Do(t.Context(), set("sam", 3, "open", "k", `5`, of("ann"))), channels.CodeInvalid)

		s.Read(func(state *channels.State) {
			for _, c := range []struct{ channel, owner, key, want string }{
				{"shared", "mx-1", "k", `"bob"`}, {"shared", "mx-2", "k", `"sam"`}, {"ui", "ann", "zoom", `4`},
			} {
				if v, _ := state.Get(channels.Ref{Channel: c.channel, Owner: c.owner, Key: c.key}); string(v.Data) != c.want {
					t.Errorf("%+v: it is %s", c, v.Data)
				}
			}
			if owners := state.Owners("shared"); len(owners) != 2 || owners[0] != "mx-1" {
				t.Errorf("the owners are %v", owners)
			}
		})
	})
}
