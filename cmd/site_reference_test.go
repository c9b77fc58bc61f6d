package cmd

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/baton-hub/baton/channels"
)

// allSiteKeys walks the types of the site file.
func allSiteKeys(t reflect.Type, path string) (keys []siteKey) {
	t = bare(t)
	if kinded, ok := (Options{}).kinded(t); ok {
		keys = allSiteKeys(kinded.common, path)
		for kind := range kinded.kinds {
			keys = append(keys, below(kinded.keys(kind, strings.TrimSuffix(path, ".*")))...)
		}
		return keys
	}
	switch {
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		return allSiteKeys(t.Elem(), path+".*")
	case t.Kind() == reflect.Struct && t != reflect.TypeFor[siteJSON]():
		return below(siteKeys(t, path))
	}
	return nil
}

// below are keys with all that is in them.
func below(keys []siteKey) (all []siteKey) {
	for _, key := range keys {
		all = append(append(all, key), allSiteKeys(key.typed, key.path)...)
	}
	return all
}

func TestEveryKeyOfTheSiteFileIsExplained(t *testing.T) {
	known := map[string]bool{}
	for _, key := range allSiteKeys(reflect.TypeFor[site](), "") {
		known[key.path] = true
		if siteEntries[key.path].about == "" {
			t.Errorf("siteEntries does not explain %s: `config docs` and editors would not either", key.path)
		}
	}
	for path := range siteEntries {
		if !known[path] {
			t.Errorf("siteEntries explains %s, which the site file does not have", path)
		}
	}
	reference := (Options{}).reference()
	for path, e := range siteEntries {
		if !strings.Contains(reference, e.about) {
			t.Errorf("the reference does not explain %s", path)
		}
	}
}

// fits validates a site file against the schema.
func fitsSchema(t *testing.T, schema json.RawMessage, text []byte) error {
	t.Helper()
	var root yaml.Node
	if err := yaml.Load(text, &root); err != nil {
		t.Fatal(err)
	}
	var value siteJSON
	if err := value.UnmarshalYAML(document(&root)); err != nil || value.err != nil {
		t.Fatal(err, value.err)
	}
	rules := channels.Rules{Channels: map[string]channels.ChannelRules{"site": {Schema: schema}}}
	return rules.CheckValue("site", "", value.value)
}

func siteSchemaForTest(t *testing.T) json.RawMessage {
	t.Helper()
	schema, err := (Options{}).schema()
	if err != nil {
		t.Fatal(err)
	}
	if err := channels.CheckSchema(schema); err != nil {
		t.Fatalf("the schema of the site file is none: %v", err)
	}
	return schema
}

// everySite finds the site files of the project, and those that its tests have in their text.
func everySite(t *testing.T) (sites map[string][]byte) {
	t.Helper()
	sites = map[string][]byte{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // what a test beside this one has removed
			return nil
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"node_modules", ".git", "dist"}, d.Name()):
			return fs.SkipDir
		case strings.HasSuffix(path, ".yaml"):
			data, err := os.ReadFile(path)
			if strings.Contains(string(data), "\nspaces:") {
				sites[path] = data
			}
			return err
		case strings.HasSuffix(path, "_test.go"):
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					if text, err := strconv.Unquote(l.Value); err == nil && strings.Contains(text, "\nspaces:") {
						sites[path+":"+strconv.Itoa(int(l.Pos()))] = []byte(text)
					}
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sites
}

func TestWhatTheCheckAcceptsFitsTheSchema(t *testing.T) {
	schema, accepted := siteSchemaForTest(t), 0
	for name, text := range everySite(t) {
		if _, err := (Options{}).parseSite("site.yaml", text); err != nil {
			continue
		}
		accepted++
		if err := fitsSchema(t, schema, text); err != nil {
			t.Errorf("%s does not fit the schema: %v", name, err)
		}
	}
	if accepted < 5 {
		t.Errorf("only %d site files were found", accepted)
	}
	for _, text := range []string{
		"version: 1\ntitle:\nroles:\nspaces: {a: {login:, control: {on_lost: keep}, channels: {c: {kind: log, write: [member], scope: }}}}\nauthenticators: [{kind: dev}]\n",
		"version: 1\nspaces: {a: {control: {grace: 1.5m, linger: 0m1.5s}, channels: {c: {kind: log, write: [member], keep_for: +1h30m}}}}\nauthenticators: [{kind: dev}]\n",
		`version: 1
spaces: {a: {listed: false, admit: [user], channels: {c: {kind: log, write: [member]}}}}
authenticators:
  - kind: ldap
    urls: [ldaps://ldap1.example.org]
    base: ou=people,dc=example,dc=org
    groups: {base: "ou=groups,dc=example,dc=org", filter: "(member={dn})"}
    roles: {"*": [user], "cn=Staff,dc=example": [user, staff]}
    proposals: {pattern: "proposal-(mx-[0-9]+)"}
    timeout: 3s
  - {kind: http, url: "https://users.example.org/baton/login"}
`,
	} {
		if _, err := (Options{}).parseSite("site.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if err := fitsSchema(t, schema, []byte(text)); err != nil {
			t.Errorf("%s does not fit the schema: %v", text, err)
		}
	}
}

// TestAnUnknownKeyFailsInBoth puts one into every mapping of the example that has keys of the file's own.
func TestAnUnknownKeyFailsInBoth(t *testing.T) {
	schema := siteSchemaForTest(t)
	const planted = "no-such-key"
	seen := 0
	for n := range 1000 {
		var root yaml.Node
		if err := yaml.Load(siteExample, &root); err != nil {
			t.Fatal(err)
		}
		at, count := plantKey(document(&root), reflect.TypeFor[site](), n, planted)
		if n >= count {
			break
		}
		text, err := yaml.Dump(&root)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if _, err := (Options{}).parseSite("site.yaml", text); err == nil || !strings.Contains(err.Error(), planted) {
			t.Errorf("the check accepts an unknown key in line %d: %v", at, err)
		}
		if fitsSchema(t, schema, text) == nil {
			t.Errorf("the schema accepts an unknown key in line %d", at)
		}
	}
	if seen < 15 {
		t.Errorf("it was planted in %d places only", seen)
	}
}

// plantKey adds a key to the nth mapping whose keys are the file's own, and counts those.
func plantKey(node *yaml.Node, t reflect.Type, n int, key string) (line, count int) {
	t = bare(t)
	if t == reflect.TypeFor[siteJSON]() || node.Kind == yaml.ScalarNode {
		return 0, 0
	}
	types := map[string]reflect.Type{}
	if t.Kind() == reflect.Struct {
		if count = 1; n == 0 {
			line = node.Line
			node.Content = append(node.Content, scalar(key), scalar("x"))
		}
		if _, kinded := (Options{}).kinded(t); kinded {
			return line, count
		}
		for _, k := range siteKeys(t, "") {
			types[k.name] = k.typed
		}
	}
	for i, child := range node.Content {
		of := t
		switch {
		case node.Kind == yaml.MappingNode && i%2 == 0:
			continue
		case t.Kind() == reflect.Struct:
			if of = types[node.Content[i-1].Value]; of == nil {
				continue
			}
		default:
			of = t.Elem()
		}
		l, c := plantKey(child, of, n-count, key)
		line, count = max(line, l), count+c
	}
	return line, count
}

func TestTheSiteThatIsShownMeansTheSame(t *testing.T) {
	for name, text := range everySite(t) {
		s, err := (Options{}).parseSite("site.yaml", text)
		if err != nil {
			continue
		}
		shown, err := s.filled().yaml(Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, err := (Options{}).parseSite("site.yaml", shown)
		if err != nil {
			t.Errorf("%s: what is shown cannot be used: %v\n%s", name, err, shown)
			continue
		}
		twice, err := again.filled().yaml(Options{})
		if err != nil || string(twice) != string(shown) {
			t.Errorf("%s: shown again it is another, %v:\n%s\n%s", name, err, shown, twice)
		}
		for space := range s.Spaces {
			before, errBefore := s.rules(space)
			after, errAfter := again.rules(space)
			if errBefore != nil || errAfter != nil || string(before.Policy) != string(after.Policy) {
				t.Errorf("%s: the policy of %s was %s and is %s", name, space, before.Policy, after.Policy)
			}
		}
	}
}

func TestWhatAPresetStandsForIsShown(t *testing.T) {
	path := file(t, "site.yaml", `version: 1
spaces:
  lab:
    login: {preset: mxcube-2016, same_user: join}
    busy: {store: run, key: k, is: [running]}
    channels: {run: {kind: store, write: [service]}}
    commands: {queue.stop: {call: [member], stop: true}}
authenticators: [{kind: dev}]
`)
	got := baton(t, nil, "", "config", "show", path)
	for _, want := range []string{"other_user: reject", "same_user: join", "idle: 30m\n", "absolute: 24h\n", "linger: 0s", "call: queue.stop", "at: lost", "read: [member]", "serve: [service]"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if got.code != 0 || strings.Contains(got.out, "preset") || t.Failed() {
		t.Errorf("it exited with %d and said\n%s%s", got.code, got.out, got.errors)
	}
}

func TestTheSchemaAndTheReferenceArePrinted(t *testing.T) {
	if got := baton(t, nil, "", "config", "schema"); got.code != 0 || !json.Valid([]byte(got.out)) {
		t.Errorf("it exited with %d: %.200s", got.code, got.out)
	}
	if got := baton(t, nil, "", "config", "docs"); got.code != 0 || !strings.Contains(got.out, "| `other_user` |") {
		t.Errorf("it exited with %d: %.200s", got.code, got.out)
	}
}
