package baton_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/baton-hub/baton"

// ours says which of our packages a package may import. A package that is not here may not be there: say here what it
// may import, and mean it.
var ours = map[string][]string{
	"":         {},
	"channels": {"channels/mergepatch"},
	"hub/wire": {},
	"frontend": {},

	"channels/mergepatch": {},
	"hub/wire/asyncapi":   {"hub/wire"},

	"channels/natslog": {"channels"},
	"session":          {"channels", "session/control"},
	"session/control":  {"channels"},
	"session/issuer":   {"session"},
	"session/ldap":     {"session"},
	"session/oidc":     {"session"},
	"session/remote":   {"session"},
	"hub":              {"hub/trace", "hub/wire", "hub/wire/asyncapi", "hub/socket", "channels", "session"},
	"hub/socket":       {},
	"hub/trace":        {},
	"hub/client":       {"hub/wire", "channels/mergepatch"},
	"hub/crowd":        {"hub/wire"}, // very many clients in one process

	"channels/backend":          {"channels"},
	"channels/backend/jsonfile": {"channels/backend"},

	"cmd": {
		"channels/backend", "channels/backend/jsonfile",
		"hub", "hub/client", "hub/trace", "hub/wire", "hub/wire/asyncapi", "channels", "channels/natslog", "session", "session/control", "session/issuer", "session/ldap", "session/oidc", "session/remote", "frontend",
		"cmd/baton/beamline", "cmd/bench",
	},
	"cmd/bench":          {"hub/crowd", "hub/wire"}, // a hub from outside
	"cmd/baton":          {"cmd"},
	"cmd/baton/beamline": {"hub/client"}, // the public API only
	"deploy":             {},             // tests, of files

	"frontend/examples":            {}, // tests, of processes
	"frontend/examples/go/greeter": {"hub/client"},

	// Helpers of tests. Tests may import any of them, and so may they each other.
	"channels/channelstest":     {"channels"},
	"channels/porttest":         {},
	"channels/steptest":         {},
	"channels/natslog/natstest": {"channels", "channels/natslog"},
	"session/sessiontest":       {"channels", "session", "session/control"},
	"hub/trace/tracetest":       {},
	"hub/hubtest":               {"hub", "hub/wire", "hub/client", "channels", "channels/natslog", "session", "session/control"},
}

// testsToo says what the tests of a package may import beyond what it may itself.
var testsToo = map[string][]string{
	"hub":                {"channels/natslog", "hub/client", "hub/crowd", "channels/mergepatch", "session/control", "session/issuer", "session/oidc"},
	"hub/client":         {"hub", "channels", "session"},
	"session":            {"channels/natslog"}, // the embedded session store keeps its values there
	"cmd/baton/beamline": {"hub", "channels", "session"},
	"cmd":                {"hub/crowd"},

	"channels/backend":          {"channels/backend/jsonfile"},
	"channels/backend/jsonfile": {"channels"},
}

// doors says which packages may import a module that is not ours, by the longest prefix. A helper of tests may what its
// parent may. A module that is not here has no door yet.
var doors = map[string][]string{
	"github.com/coder/websocket":    {"hub", "hub/client", "hub/socket"},
	"github.com/nats-io/":           {"channels/natslog"},
	"github.com/redis/go-redis/":    {"session"},
	"github.com/alexedwards/scs/v2": {"session"},
	"github.com/go-jose/go-jose/v4": {"session/issuer"},
	"golang.org/x/crypto/":          {"session"},
	"github.com/go-ldap/ldap/v3":    {"session/ldap"},
	"github.com/coreos/go-oidc/v3/": {"session/oidc"},
	"golang.org/x/oauth2":           {"session/oidc"},
	"golang.org/x/time/rate":        {"hub", "session"},
	"golang.org/x/sys/":             {"channels/backend/jsonfile", "cmd/bench", "hub/socket"}, // to exchange two files in one step; the clock of a process; what has arrived over TCP
	"github.com/spf13/":             {"cmd"},
	"go.yaml.in/yaml/v4":            {"cmd", "cmd/baton/beamline", "session", "deploy"},

	"github.com/santhosh-tekuri/jsonschema/v6": {"channels", "hub/wire/asyncapi"}, // the latter's tests only
	"github.com/robfig/cron/v3":                {"channels"},                      // checks what NATS takes as a calendar
	"golang.org/x/text/":                       {"channels", "session"},           // the language of the messages of jsonschema; spellings of an account
	"github.com/danielgtaylor/huma/v2":         {"hub"},
	"github.com/prometheus/client_golang/":     {"cmd", "hub"},
	"github.com/schollz/progressbar/v3":        {"cmd"},
	"go.opentelemetry.io/":                     {"hub/trace"},
	"google.golang.org/protobuf/":              {"hub/trace"}, // what OTLP is encoded with
}

// testDoors are for tests and their helpers, whichever package they are of.
var testDoors = []string{"pgregory.net/rapid", "go.uber.org/goleak", "github.com/evanphx/json-patch/v5"}

// workspaces says which of our npm packages one may import.
var workspaces = map[string][]string{
	"client": {},
	"react":  {"client"},
	"app":    {"client", "react"},
	"e2e":    {"client"},
}

func TestImportsFollowTheDiagram(t *testing.T) {
	root := os.DirFS(".")
	for _, problem := range slices.Concat(goImports(t, root), scriptImports(t, root)) {
		t.Error(problem)
	}
}

func TestTheImportsTestFindsWhatIsPlanted(t *testing.T) {
	file := func(imports ...string) *fstest.MapFile {
		var b strings.Builder
		b.WriteString("package x\n")
		for _, name := range imports {
			fmt.Fprintf(&b, "import _ %q\n", name)
		}
		return &fstest.MapFile{Data: []byte(b.String())}
	}
	script := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	planted := fstest.MapFS{
		"channels/good.go":               file("encoding/json"),
		"channels/bad.go":                file(module + "/hub"),
		"channels/reaches.go":            file("github.com/nats-io/nats.go/jetstream"),
		"channels/natslog/good.go":       file(module+"/channels", "github.com/nats-io/nats.go"),
		"channels/natslog/natstest/x.go": file("github.com/nats-io/nats-server/v2/server"),
		"hub/good_test.go":               file(module+"/hub/hubtest", "pgregory.net/rapid", module+"/channels/natslog"),
		"hub/bad.go":                     file(module+"/channels/natslog", "pgregory.net/rapid", module+"/hub/hubtest"),
		"hub/wire/bad.go":                file("github.com/coder/websocket"),
		"session/bad.go":                 file("github.com/somebody/something"),
		"util/x.go":                      file("fmt"),
		"session/node_modules/x/x.go":    file(module + "/hub"),
		"session/testdata/x.go":          file(module + "/hub"),
		"other/go.mod":                   script("module other\n"),
		"other/x.go":                     file(module + "/hub"),

		"frontend/client/src/good.ts":        script("import { a } from './b';\nexport * from '../src/c';\nexport type S = 'live' | 'stale';"),
		"frontend/client/src/bad.ts":         script("import type {\n  R,\n} from 'react';"),
		"frontend/client/src/good.test.ts":   script("import { test } from 'vitest';"),
		"frontend/react/src/bad.tsx":         script("import { x } from '@baton/app/parts';\nconst y = await import('../../app/src/z');"),
		"frontend/app/src/good.tsx":          script("import { x } from '@baton/react';\nimport 'react';"),
		"frontend/app/node_modules/x/bad.ts": script("import '@baton/e2e';"),
	}
	want := []string{
		"channels/bad.go imports " + module + "/hub: channels may import channels/mergepatch",
		"channels/reaches.go imports github.com/nats-io/nats.go/jetstream: its door is channels/natslog",
		"hub/bad.go imports " + module + "/channels/natslog: hub may import channels, hub/socket, hub/trace, hub/wire, hub/wire/asyncapi, session",
		"hub/bad.go imports pgregory.net/rapid: it is for tests",
		"hub/bad.go imports " + module + "/hub/hubtest: it is for tests",
		"hub/wire/bad.go imports github.com/coder/websocket: its door is hub, hub/client, hub/socket",
		"session/bad.go imports github.com/somebody/something: it has no door yet, see doors",
		"util/x.go: the package util is not in the diagram, see ours",
		"frontend/client/src/bad.ts imports react: client has no dependencies",
		"frontend/react/src/bad.tsx imports @baton/app/parts: react may import client",
		"frontend/react/src/bad.tsx imports ../../app/src/z: it leads out of react",
	}
	got := slices.Concat(goImports(t, planted), scriptImports(t, planted))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("found:\n%s\nplanted:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// goImports returns what is wrong with the imports of the Go files below root.
func goImports(t *testing.T, root fs.FS) (problems []string) {
	t.Helper()
	missing := map[string]bool{}
	files(t, root, ".", []string{".go"}, func(name string, source []byte) {
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		pkg := strings.TrimPrefix(path.Dir(name), ".")
		if _, known := ours[pkg]; !known && !missing[pkg] {
			missing[pkg] = true
			problems = append(problems, fmt.Sprintf("%s: the package %s is not in the diagram, see ours", name, pkg))
		}
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value) // the parser has read it
			if why := refuseImport(pkg, isTest(name), imported); why != "" {
				problems = append(problems, fmt.Sprintf("%s imports %s: %s", name, imported, why))
			}
		}
	})
	return problems
}

// refuseImport says why a package, or its tests, may not import something; "" if they may.
func refuseImport(pkg string, test bool, imported string) string {
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") {
		return "" // the standard library
	}
	if name, isOurs := strings.CutPrefix(imported, module+"/"); isOurs {
		return refuseOurs(pkg, test, name)
	}
	if slices.Contains(testDoors, imported) {
		if !test {
			return "it is for tests"
		}
		return ""
	}
	for prefix, may := range doors {
		if !strings.HasPrefix(imported, prefix) {
			continue
		}
		if slices.Contains(may, pkg) || isHelper(pkg) && slices.Contains(may, path.Dir(pkg)) {
			return ""
		}
		return "its door is " + strings.Join(may, ", ")
	}
	return "it has no door yet, see doors"
}

func refuseOurs(pkg string, test bool, name string) string {
	if isHelper(name) {
		if !test {
			return "it is for tests"
		}
		return ""
	}
	may := slices.Sorted(slices.Values(ours[pkg]))
	if slices.Contains(may, name) || test && (name == pkg || slices.Contains(testsToo[pkg], name)) {
		return ""
	}
	if len(may) == 0 {
		return pkg + " may import none of our packages"
	}
	return pkg + " may import " + strings.Join(may, ", ")
}

// isTest reports whether a file is part of tests only: a test, or a file of a package that helps them.
func isTest(name string) bool {
	return strings.HasSuffix(name, "_test.go") || isHelper(path.Dir(name))
}

// isHelper reports whether a package is for tests: …test.
func isHelper(pkg string) bool { return strings.HasSuffix(pkg, "test") }

var scriptImport = regexp.MustCompile(`(?m)(?:^\s*import\s*|^\s*(?:import|export)\b[^'";]*?\bfrom\s*|\bimport\(\s*)['"]([^'"\n]+)['"]`)

// scriptImports returns what is wrong with the imports of the TypeScript below root/frontend.
func scriptImports(t *testing.T, root fs.FS) (problems []string) {
	t.Helper()
	if _, err := fs.Stat(root, "frontend"); err != nil {
		return nil
	}
	files(t, root, "frontend", []string{".ts", ".tsx"}, func(name string, source []byte) {
		workspace, inside, _ := strings.Cut(strings.TrimPrefix(name, "frontend/"), "/")
		may, known := workspaces[workspace]
		if !known || !strings.HasPrefix(inside, "src/") {
			return // the configuration of a tool
		}
		for _, match := range scriptImport.FindAllSubmatch(source, -1) {
			if why := refuseScript(workspace, may, name, string(match[1])); why != "" {
				problems = append(problems, fmt.Sprintf("%s imports %s: %s", name, match[1], why))
			}
		}
	})
	return problems
}

func refuseScript(workspace string, may []string, name, imported string) string {
	if strings.HasPrefix(imported, ".") {
		if target := path.Join(path.Dir(name), imported); !strings.HasPrefix(target, "frontend/"+workspace+"/") {
			return "it leads out of " + workspace
		}
		return ""
	}
	if rest, isOurs := strings.CutPrefix(imported, "@baton/"); isOurs {
		other, _, _ := strings.Cut(rest, "/")
		if slices.Contains(may, other) || other == workspace {
			return ""
		}
		return workspace + " may import " + strings.Join(may, ", ")
	}
	if workspace == "client" && !strings.Contains(path.Base(name), ".test.") {
		return "client has no dependencies"
	}
	return ""
}

// files calls f for every file below dir with one of the endings. It leaves out what is not our source.
func files(t *testing.T, root fs.FS, dir string, endings []string, f func(name string, source []byte)) {
	t.Helper()
	err := fs.WalkDir(root, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skip := d.Name(); name != "." && (skip == "node_modules" || skip == "testdata" || skip == "dist" || strings.HasPrefix(skip, ".")) {
				return fs.SkipDir
			}
			if _, err := fs.Stat(root, path.Join(name, "go.mod")); err == nil && name != "." {
				return fs.SkipDir // another module
			}
			return nil
		}
		if !slices.Contains(endings, path.Ext(name)) {
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		f(name, source)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
