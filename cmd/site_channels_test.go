package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/backend"
)

// siteIn writes a site file into a folder of its own, with others beside it.
func siteIn(t *testing.T, text string, others map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	others["site.yaml"] = text
	for name, content := range others {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "site.yaml")
}

func TestWhatTheSiteFileSaysOfChannelsAndCommandsBecomesRules(t *testing.T) {
	s, err := Options{}.readSite(siteIn(t, `version: 7
roles: [detector-group]
cors: ["https://ui.example.org", "http://localhost:5173"]
spaces:
  lab:
    channels:
      recipes:
        kind: store
        scope: group
        write: [owner, detector-group]
        read_all: [staff, detector-group]
        schema: recipe.json
        default: {standard: {beam: 20, day: 2024-05-01, exact: 12345678901234567890, none: null, list: [1, 0x10, 1.50, yes, "no"]}}
      shared: {kind: store, write: [service], backend: recipes}
      log: {kind: log, write: [service], keep: 5, keep_for: 24h}
      cursors: {kind: signal, write: [member], schema: {type: object}}
    commands:
      measure: {call: [operator, service], args: args.yaml, progress: {type: number}, result: true, deadline: 90s}
backends: {recipes: {kind: jsonfile, path: recipes.json, on: fileserver}}
authenticators: [{kind: dev}]
`, map[string]string{"recipe.json": `{"type": "object", "required": [ "beam" ]}`, "args.yaml": "type: object\nproperties: {images: {type: integer}}\n"}))
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.rules("lab")
	if err != nil {
		t.Fatal(err)
	}
	recipes := r.Channels["recipes"]
	const standard = `{"beam":20,"day":"2024-05-01","exact":12345678901234567890,"none":null,"list":[1,16,1.50,"yes","no"]}`
	if string(recipes.Schema) != `{"type":"object","required":["beam"]}` || string(recipes.Default["standard"]) != standard {
		t.Errorf("recipes have schema %s and default %s", recipes.Schema, recipes.Default["standard"])
	}
	if recipes.Scope != channels.ScopeGroup || len(recipes.ReadAll) != 2 || r.Channels["shared"].Backend != "recipes" {
		t.Errorf("recipes are %+v, shared %+v", recipes, r.Channels["shared"])
	}
	if l := r.Channels["log"]; l.Keep != 5 || l.KeepFor != 24*time.Hour.Milliseconds() {
		t.Errorf("log is %+v", l)
	}
	if c := r.Channels["cursors"]; c.Kind != channels.KindSignal || string(c.Schema) != `{"type":"object"}` {
		t.Errorf("cursors is %+v", c)
	}
	m := r.Commands["measure"]
	if string(m.Args) != `{"type":"object","properties":{"images":{"type":"integer"}}}` || string(m.Result) != "true" || m.Deadline != 90_000 {
		t.Errorf("measure is %+v", m)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Errorf("the rules cannot go into the log: %v", err)
	}
}

func TestChannelsAndCommandsThatCannotBeAreRefusedWithTheirLines(t *testing.T) {
	_, err := Options{}.readSite(siteIn(t, `version: 1
roles: [Good Ones, staff, dup, dup]
cors: ["*", "https://ui.example.org/app", "https://UI.example.org", "https://ui.example.org:443", "http://ui.example.org:80", "http://localhost:8080"]
spaces:
  lab:
    channels:
      a: {kind: signal, write: [operator], default: {k: 1}, keep_for: 1h, backend: b, read_all: [staff]}
      b: {kind: store, live: true, scope: group, write: [service], backend: b}
      c: {kind: store, scope: user, write: [owner], backend: b, read_all: [operator, owner, nobody]}
      d: {kind: log, write: [service], keep_for: 10ms, default: {k: 1}, backend: b}
      e: {kind: store, write: [service], schema: {type: number}, default: {k: one, "": 1}}
      f: {kind: store, write: [service], schema: {type: numbr}, default: {k: 1}}
      g: {kind: store, write: [service], schema: missing.json}
      h: {kind: store, write: [service], schema: broken.json}
      i: {kind: store, write: [service], schema: {$ref: "https://example.org/schema"}}
      j: {kind: store, write: [service], default: {k: {a: 1, a: 2}}}
      k: {kind: store, write: [service], backend: recips}
      l: {kind: store, write: [service], backend: recipes}
      m: {kind: store, write: [service], backend: recipes}
    commands:
      n: {call: [operator], args: {type: 5}, deadline: 1ms}
      o: {call: [member], stop: true, deadline: 5s}
backends:
  recipes: {kind: jsonfile, path: r.json}
  noway: {kind: jsonfil, path: r.json}
  nopath: {kind: jsonfile}
  more: {kind: jsonfile, path: r.json, pth: x, on: [a]}
  odd: {kind: jsonfile, pth: x}
  text: recipes.json
  again: {kind: jsonfile, path: ./x/../r.json}
authenticators: [{kind: dev}]
`, map[string]string{"broken.json": `{"type": "object"`}))
	if err == nil {
		t.Fatal("nothing was refused")
	}
	for _, want := range []string{
		`:2: as the name of a role: "Good Ones" is not a name`,
		`:2: "staff" is a right already`,
		`:2: "dup" is a right already`,
		`:3: "*" is not an origin`,
		`:3: "https://ui.example.org/app" is not an origin`,
		`:3: no browser sends "https://UI.example.org" as an origin: write https://ui.example.org`,
		`:3: no browser sends "https://ui.example.org:443" as an origin: write https://ui.example.org`,
		`:3: no browser sends "http://ui.example.org:80" as an origin: write http://ui.example.org`,
		`:24: the backend "again" keeps its values in that file already`,
		`:7: only a store has default values`,
		`:7: keep_for is how long a log keeps messages`,
		`:7: only a store is kept by a backend`,
		`:7: read_all is for a store with scope: user or group`,
		`:7: "operator" cannot be here: a signal is not decided on`,
		`:7: there is no backend "b": use again, more`,
		`:8: a live store is the same for everybody`,
		`:8: a live store is in memory only`,
		`:9: a backend keeps a store that is the same for everybody`,
		`:9: "nobody" is not a right: use admin, dup, member`,
		`:9: "operator" cannot be here: who may read everybody's values is a role`,
		`:9: "owner" cannot be here: who may read everybody's values is a role`,
		`:10: keep_for is 1s to`,
		`:11: the default of "k" does not fit its schema: got string, want number`,
		`:11: a key has 1 to 128 bytes`,
		`:12: reading the schema: `,
		`:13: reading the schema: open `,
		`:14: reading the schema `,
		`:15: reading the schema: `,
		`:16: the default of "k": line 16: the key "a" is there twice`,
		`:17: there is no backend "recips": did you mean "recipes"?`,
		`:19: the backend "recipes" keeps l of lab already`,
		`:21: reading the schema: `,
		`:21: deadline is 1s to`,
		`:22: a command with stop: true does not wait`,
		`:25: there is no kind of backend "jsonfil": did you mean "jsonfile"?`,
		`:26: a jsonfile needs a path`,
		`:27: on is a word, not ["a"]`,
		`:28: reading its options (pth): unknown field "pth"`,
		`:29: a backend is written as {kind: jsonfile, path: values.json}`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 44 || t.Failed() {
		t.Errorf("it says %d things, not 44:\n%v", n, err)
	}
}

func TestTasksThatCannotBeAreRefusedWithTheirLines(t *testing.T) {
	_, err := Options{}.readSite(siteIn(t, `version: 1
spaces:
  lab:
    channels: {c: {kind: log, write: [member]}}
    commands:
      drive: {call: [operator]}
      look: {call: [operator, service], args: {type: object, required: [far]}}
      halt: {call: [member], stop: true}
    tasks:
      a: {every: 30s, cron: "0 0 3 * * *", run: checkpoint}
      b: {run: checkpoint}
      c: {every: 1500ms, run: checkpoint}
      d: {cron: "0 3 * * *", run: checkpoint}
      e: {cron: "0 0 25 * * *", run: checkpoint}
      f: {cron: "@daily", run: checkpoint}
      g: {cron: "0 0 0 30 2 *", run: checkpoint}
      h: {every: 30s, run: chekpoint}
      i: {every: 30s}
      j: {every: 30s, run: checkpoint, call: look}
      k: {every: 30s, call: drive}
      l: {every: 30s, call: halt}
      m: {every: 30s, call: lok}
      n: {every: 30s, call: look, args: {near: true}}
      o: {every: 30s, call: look, args: {far: true}, on: Not a label}
      Not A Name: {every: 30s, run: checkpoint}
      q: {every: 30s, run: checkpoint, args: {a: 1}}
authenticators: [{kind: dev}]
`, map[string]string{}))
	if err == nil {
		t.Fatal("nothing was refused")
	}
	for _, want := range []string{
		`:10: a schedule has a period (every) or a calendar (cron), one of them`,
		`:11: a schedule has a period (every) or a calendar (cron), one of them`,
		`:12: a period is whole seconds, 1 or more, not 1.5s`,
		`:13: a calendar is six fields, seconds first, in UTC, such as "0 30 3 * * *" for half past three: "0 3 * * *" has 5`,
		`:14: a calendar is six fields`,
		`:15: a calendar is six fields`,
		`:16: the calendar "0 0 0 30 2 *" never comes`,
		`:17: there is nothing "chekpoint" to run: did you mean "checkpoint"?`,
		`:18: a task calls a command, such as`,
		`:19: a task calls a command, such as`,
		`:20: a task calls as a service, and "drive" is for [operator] only: add service to its call`,
		`:21: "halt" is a stop`,
		`:22: this space has no command "lok": did you mean "look"?`,
		`:23: args does not fit its schema: missing property 'far'`,
		`:24: as the name of a label: "Not a label"`,
		`:25: as the name of a task: "Not A Name"`,
		`:26: args are for a command; checkpoint takes none`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 17 || t.Failed() {
		t.Errorf("it says %d things, not 17:\n%v", n, err)
	}
}

func TestABinaryOfOnesOwnAddsBackendsAndTasks(t *testing.T) {
	own := Options{
		Backends: map[string]backend.Kind{"folder": func(c backend.Config) (backend.Backend, error) {
			var options struct{ Path string }
			if err := c.Read(&options); err != nil {
				return nil, err
			}
			return nil, fmt.Errorf("no folder %s for %s beside %s", options.Path, c.Name, filepath.Base(c.Dir))
		}},
		Tasks: map[string]Builtin{"tidy": func(context.Context, *channels.Space) (string, error) { return "tidied", nil }},
	}
	const text = `version: 1
spaces:
  lab:
    channels: {c: {kind: log, write: [member]}}
    tasks: {t: {every: 1m, run: tidy}}
backends: {recipes: {kind: folder, path: here}}
authenticators: [{kind: dev}]
`
	_, err := own.parseSite("dir/s.yaml", []byte(text))
	if err == nil || err.Error() != "dir/s.yaml:6: no folder here for recipes beside dir" {
		t.Errorf("with what the binary adds: %v", err)
	}
	_, err = Options{}.parseSite("dir/s.yaml", []byte(text))
	if err == nil || !strings.Contains(err.Error(), `:5: there is nothing "tidy" to run: use checkpoint`) || !strings.Contains(err.Error(), `:6: there is no kind of backend "folder": use jsonfile`) {
		t.Errorf("without: %v", err)
	}
}
