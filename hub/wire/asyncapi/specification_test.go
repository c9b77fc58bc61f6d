package asyncapi

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The schema of AsyncAPI itself, as its project publishes it. It comes with the tools of the frontend.
const specification = "../../../frontend/node_modules/@asyncapi/specs/schemas/3.0.0.json"

func TestTheDocumentIsAsyncAPI(t *testing.T) {
	file, err := os.Open(specification)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the schema of AsyncAPI is not there: run npm ci in frontend; make test does")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rules, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("specification.json", rules); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("specification.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(plainDocument(t)); err != nil {
		t.Error(err)
	}
	broken := plainDocument(t)
	broken["operations"].(map[string]any)["receiveJoin"].(map[string]any)["action"] = "shout"
	if schema.Validate(broken) == nil {
		t.Error("an operation that is neither sent nor received was let pass: the schema checks nothing")
	}
}

// plainDocument is the document as any JSON parser reads it.
func plainDocument(t *testing.T) map[string]any {
	t.Helper()
	text, err := Document("1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return plain.(map[string]any)
}

// The schema of AsyncAPI does not follow references.
func TestEveryReferenceLeadsSomewhere(t *testing.T) {
	whole := plainDocument(t)
	followed := 0
	var follow func(v any)
	follow = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				follow(one)
			}
		case map[string]any:
			if target, ok := v["$ref"].(string); ok {
				followed++
				if !leads(whole, target) {
					t.Errorf("%s leads nowhere", target)
				}
			}
			for _, one := range v {
				follow(one)
			}
		}
	}
	follow(whole)
	if followed < 200 {
		t.Errorf("only %d references", followed)
	}
	if leads(whole, "#/components/schemas/Nothing") {
		t.Error("a reference to nothing was followed")
	}
}

func leads(whole map[string]any, target string) bool {
	path, ok := strings.CutPrefix(target, "#/")
	var at any = whole
	for part := range strings.SplitSeq(path, "/") {
		object, _ := at.(map[string]any)
		if at, ok = object[part], ok && object[part] != nil; !ok {
			return false
		}
	}
	return ok
}
