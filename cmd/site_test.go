package cmd

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/cmd/baton/beamline"
	"github.com/baton-hub/baton/session"
)

func TestTheSitesThatAreBuiltInCanBeUsed(t *testing.T) {
	dev, err := (Options{}).readSite("")
	if err != nil {
		t.Fatal(err)
	}
	if !dev.needsDev() {
		t.Error("the dev site can be served without --dev")
	}
	example, err := (Options{}).readSite(file(t, "site.yaml", string(siteExample)))
	if err != nil {
		t.Fatal(err)
	}
	if example.needsDev() {
		t.Error("the example needs --dev")
	}
}

func TestTheDevSiteHasTheRulesThatTheDemoNeeds(t *testing.T) {
	s, err := (Options{}).readSite("")
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.rules("demo")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range beamline.Commands() {
		c, there := r.Commands[name]
		if !there {
			t.Errorf("the beamline serves %s, which the site does not have", name)
		}
		stops := name == "abort" || strings.HasSuffix(name, ".stop")
		if c.Stop != stops || stops && c.Call[0] != channels.RightMember {
			t.Errorf("%s is %+v", name, c)
		}
	}
	if len(r.Commands) != len(beamline.Commands()) {
		t.Errorf("the site has %d commands, the beamline serves %d", len(r.Commands), len(beamline.Commands()))
	}
	if m := r.Channels["motors"]; !m.Live || m.Kind != channels.KindStore || m.Write[0] != "service" {
		t.Errorf("motors is %+v", m)
	}
	want := session.Policy{Busy: &session.Busy{
		Store: "run", Key: "queue", Path: "/state", Is: []json.RawMessage{json.RawMessage(`"running"`), json.RawMessage(`"stopping"`)},
	}}.Filled().JSON()
	if r.Version != 4 || string(r.Policy) != string(want) {
		t.Errorf("version %d, policy %s", r.Version, r.Policy)
	}
}

func TestDefaultsOfThePolicy(t *testing.T) {
	s, err := (Options{}).parseSite("x", []byte("version: 3\nspaces: {a: {channels: {c: {kind: log, write: [member]}}}}\nauthenticators: [{kind: dev}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	r, _ := s.rules("a")
	want := `{"other_user":"observe","same_user":"ask","logout":"refused_while_running","take":"now","on_lost":{"at":"expired"},` +
		`"grace":30000000000,"linger":2000000000,"idle":1800000000000,"absolute":86400000000000}`
	if string(r.Policy) != want || r.Version != 3 {
		t.Errorf("version %d, policy %s", r.Version, r.Policy)
	}
}

func TestEverythingThatIsWrongIsSaidAtOnceWithItsLine(t *testing.T) {
	_, err := (Options{}).parseSite("s.yaml", []byte(`version: 0
tilte: typo
spaces:
  demo:
    login: {other_user: admire}
    control: {grace: 100h}
    channels:
      motors:
        kind: store
        live: true
        write: [operator]
      Queue: {kind: store, write: [oprator]}
      ui: {kind: store, live: true, scope: user, wirte: [owner], write: [owner]}
      log: {kind: log, scope: user, live: true, write: [owner], keep: -1}
      control: {kind: log, write: [service]}
      s: {kind: signal, write: [service], read: [operator, owner]}
      x: {kind: heap}
      y: {kind: store, scope: planet, write: [service], keep: 5}
    commands:
      stop: {call: [operator], stop: true}
      go: {serve: [operator]}
  empty: {}
authenticators: [{kind: file}, {kind: magic}, {kind: dev, path: x}]
`))
	if err == nil {
		t.Fatal("nothing was refused")
	}
	for _, want := range []string{
		"s.yaml:1: version has to be 1 or more",
		`s.yaml:2: there is no key "tilte" here: did you mean "title"?`,
		`s.yaml:5: other_user is not "admire": use observe, reject`,
		"s.yaml:6: grace is 1s to 1h0m0s, not 100h0m0s",
		`s.yaml:11: "operator" cannot be here: a live store is not decided on, so it cannot be fenced by who is in control: use write: [service]`,
		`s.yaml:12: as the name of a channel: "Queue" is not a name`,
		`s.yaml:12: "oprator" is not a right: did you mean "operator"?`,
		`s.yaml:13: there is no key "wirte" here: did you mean "write"?`,
		"s.yaml:13: a live store is the same for everybody",
		"s.yaml:14: only a store has a scope",
		"s.yaml:14: only a store can be live",
		`s.yaml:14: "owner" cannot be here: only a store with scope: user or group has owners`,
		"s.yaml:14: keep is how many messages",
		`s.yaml:15: every space has the channel "control" already`,
		`s.yaml:16: "operator" cannot be here: who may join`,
		`s.yaml:16: "owner" cannot be here: everybody reads their own values of a scoped store`,
		`s.yaml:17: kind is store, log or signal, not "heap"`,
		"s.yaml:17: nobody may write this",
		`s.yaml:18: scope is space, group or user, not "planet"`,
		"s.yaml:18: keep is how many",
		`s.yaml:20: "operator" cannot be here: a command with stop: true`,
		"s.yaml:21: nobody may call this",
		`s.yaml:21: "operator" cannot be here: a command is served by a program`,
		"s.yaml:22: the space has no channels",
		"s.yaml:23: the file authenticator needs a path",
		`s.yaml:23: there is no kind of authenticator "magic": use dev, file, http, ldap, oidc`,
		`s.yaml:23: there is no key "path" here: use kind`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 27 {
		t.Errorf("it says %d things, not 27:\n%v", n, err)
	}
}

func TestValuesOfAnotherTypeAreRefusedWithTheirLines(t *testing.T) {
	for text, want := range map[string]string{
		"version: one\n": "s.yaml:1: cannot construct",
		"version: 1\nspaces: {a: {control: {grace: 30}}}\n":      "s.yaml:2: cannot construct !!int `30` into a duration, such as 30s",
		"version: 1\nspaces: {a: {channels: {c: {live: ja}}}}\n": "s.yaml:2: cannot construct !!str `ja` into bool",
		"version: 1\nversion: 2\n":                               "s.yaml:2: mapping key \"version\" already defined at line 1",
		"version: [\n":                                           "s.yaml: ",
		"":                                                       "s.yaml: ",
		"--- {}\n--- {}\n":                                       "s.yaml: ",
		"- a\n":                                                  "s.yaml:1: ",
		"version: &v 1\nspaces: *v\n":                            "s.yaml:2: aliases are not used",
	} {
		_, err := (Options{}).parseSite("s.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, which does not say %q", text, err, want)
		}
	}
}
