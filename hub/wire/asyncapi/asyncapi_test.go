package asyncapi

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/baton-hub/baton/hub/wire"
)

// made returns the document as a test reads it, and a compiler that knows it.
func made(t *testing.T) (*document, *jsonschema.Compiler) {
	t.Helper()
	text, err := Document("1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	if err := c.AddResource("asyncapi.json", plain); err != nil {
		t.Fatal(err)
	}
	return &d, c
}

// valid returns nil if a value is as a schema of the document says.
func valid(t *testing.T, c *jsonschema.Compiler, schema string, value []byte) error {
	t.Helper()
	s, err := c.Compile("asyncapi.json#/components/schemas/" + schema)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(plain)
}

// named returns every frame by the name of its Go type.
func named() map[string]wire.Frame {
	frames := make(map[string]wire.Frame)
	requests, pushes := wire.EveryFrame()
	for _, r := range requests {
		pushes = append(pushes, r)
	}
	for _, f := range pushes {
		frames[reflect.TypeOf(f).Elem().Name()] = f
	}
	return frames
}

// The types are found in the source: whatever says that it is a frame.
func TestEveryFrameTypeIsInTheDocument(t *testing.T) {
	d, _ := made(t)
	declared := 0
	paths, _ := fs.Glob(wire.Files, "*.go")
	for _, path := range paths {
		text, err := fs.ReadFile(wire.Files, path)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range file.Decls {
			f, ok := f.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "FrameType" {
				continue
			}
			declared++
			name := f.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name
			m := d.Components.Messages[name]
			if len(m.Examples) == 0 || m.Description == "" || m.Summary == "" {
				t.Errorf("the message %s is not told with an example: %+v", name, m)
			}
			_, received := d.Operations["receive"+name]
			_, sent := d.Operations["send"+name]
			if received == sent {
				t.Errorf("the hub receives %s: %t, sends it: %t", name, received, sent)
			}
		}
	}
	if declared < 35 || len(d.Components.Messages) != declared || len(d.Operations) != declared {
		t.Errorf("%d frames are declared, %d messages and %d operations documented", declared, len(d.Components.Messages), len(d.Operations))
	}
}

func TestGoldenFramesAreAsTheDocumentSays(t *testing.T) {
	d, c := made(t)
	seen := 0
	for name, m := range d.Components.Messages {
		direction := "HubMessage"
		if _, ok := named()[name].(wire.Request); ok {
			direction = "ClientMessage"
		}
		for _, e := range m.Examples {
			seen++
			if err := valid(t, c, name, e.Payload); err != nil {
				t.Errorf("%s, %s: %v", name, e.Name, err)
			}
			if err := valid(t, c, direction, slices.Concat([]byte("["), e.Payload, []byte("]"))); err != nil {
				t.Errorf("%s, %s, as a message: %v", name, e.Name, err)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d golden frames", seen)
	}
}

// What the decoder refuses for its form, the document refuses as well. What it refuses for a limit or as JSON is beyond
// a schema, and so is a fraction that is a whole number.
func TestWhatTheHubRefusesIsNotAsTheDocumentSays(t *testing.T) {
	_, c := made(t)
	var cases []struct{ Name, Message, Reason string }
	text, err := fs.ReadFile(wire.Files, "testdata/rejected.json")
	if err == nil {
		err = json.Unmarshal(text, &cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, test := range cases {
		if !json.Valid([]byte(test.Message)) || slices.Contains([]string{"a field twice", "an id with a fraction"}, test.Name) {
			continue
		}
		_, err := wire.DecodeRequests([]byte(test.Message))
		if err == nil || strings.Contains(err.Error(), "at byte") {
			continue
		}
		refused++
		if valid(t, c, "ClientMessage", []byte(test.Message)) == nil {
			t.Errorf("%s: the hub says %v, the document lets it pass", test.Name, err)
		}
	}
	if refused < 40 {
		t.Errorf("only %d messages were refused for their form", refused)
	}
}

func TestEveryAnswerIsNamed(t *testing.T) {
	frames := named()
	answered := map[string]bool{"Error": true}
	for name, f := range frames {
		_, isRequest := f.(wire.Request)
		answer, ok := answers[name]
		if isRequest != ok {
			t.Errorf("%s: a request %t, with an answer %t", name, isRequest, ok)
		}
		answered[answer] = true
	}
	for name, f := range frames {
		if _, ok := f.(wire.Answer); ok != answered[name] {
			t.Errorf("%s: an answer %t, to some request %t", name, ok, answered[name])
		}
	}
}

// A table that speaks of a type or field that is gone would say nothing, silently.
func TestTheTablesSpeakOfWhatThereIs(t *testing.T) {
	d, _ := made(t)
	for name := range words {
		typeName, _, _ := strings.Cut(name, ".")
		s := d.Components.Schemas[typeName]
		if s == nil || !slices.ContainsFunc(slices.Collect(maps.Values(s.Properties)), func(p *schema) bool { return slices.Equal(p.Enum, words[name]) }) {
			t.Errorf("words for %s, which is not there", name)
		}
	}
	for name := range forms {
		if d.Components.Schemas[name] == nil {
			t.Errorf("a form for %s, which is not there", name)
		}
	}
}

func TestFieldsAreDescribed(t *testing.T) {
	d, _ := made(t)
	for name, field := range map[string]string{"Join": "last", "Transact": "held", "Welcome": "grace_ms", "Ping": "seen", "Cancel": "id"} {
		if s := d.Components.Schemas[name].Properties[field]; s == nil || s.Description == "" {
			t.Errorf("nothing is said about %q of %s", field, name)
		}
	}
	for code, c := range d.Channels {
		for _, want := range []string{"4401: ", "1012: ", wire.Subprotocol} {
			if !strings.Contains(c.Description, want) {
				t.Errorf("channel %s does not tell of %s", code, want)
			}
		}
	}
	for name, s := range d.Components.Schemas {
		for _, text := range []string{s.Description, d.Components.Messages[name].Summary} {
			if strings.Contains(text, "nil") || strings.Contains(text, "Required.") || strings.Contains(text, "[") {
				t.Errorf("%s speaks Go: %s", name, text)
			}
		}
	}
}
