package hub_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
)

// An operation is what the OpenAPI document says of one.
type operation struct {
	method, path string
	ID           string                `json:"operationId"`
	Security     []map[string][]string `json:"security"`
	Parameters   []parameter           `json:"parameters"`
	RequestBody  *struct {
		Required bool
		Content  map[string]struct{ Schema schema }
	} `json:"requestBody"`
	Responses map[string]any `json:"responses"`
}

type parameter struct {
	Name, In    string
	Description string
	Required    bool
	Schema      schema
}

type schema struct {
	Ref                  string `json:"$ref"`
	Type                 string
	Properties           map[string]schema
	Required             []string
	AdditionalProperties any
	Items                *schema
}

// documented reads the operations from the OpenAPI document, and its named schemas.
func documented(t testing.TB) (operations []operation, schemas map[string]schema) {
	t.Helper()
	data, err := hub.OpenAPI("test")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths      map[string]map[string]operation
		Components struct{ Schemas map[string]schema }
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			o := doc.Paths[path][method]
			o.method, o.path = strings.ToUpper(method), path
			operations = append(operations, o)
		}
	}
	return operations, doc.Components.Schemas
}

// good are values for the parameters of paths that lead somewhere.
var good = map[string]string{
	"{space}": "lab", "{channel}": "notes", "{key}": "k", "{command}": "look", "{call}": "none", "{verb}": "cancel", "{token}": "none",
}

func (o operation) url(n *node) string {
	path := o.path
	for name, value := range good {
		path = strings.ReplaceAll(path, name, value)
	}
	return n.url + path
}

func (o operation) member() bool { return len(o.Security) > 0 && len(o.Security[0]) > 0 }

// isProblem fails unless an answer is a problem with a status of 4xx.
func isProblem(t testing.TB, what string, a *hubtest.Answer) {
	t.Helper()
	var p map[string]any
	if a.Status < 400 || a.Status > 499 || a.Header.Get("Content-Type") != "application/problem+json" ||
		json.Unmarshal([]byte(a.Body), &p) != nil || p["code"] == nil || p["detail"] == "" {
		t.Errorf("%s was answered %d, %s: %.300s", what, a.Status, a.Header.Get("Content-Type"), a.Body)
		return
	}
	if !slices.Contains(documentedCodes()[fmt.Sprint(p["code"])], a.Status) {
		t.Errorf("%s was answered %d with the code %v, which is not documented with that status", what, a.Status, p["code"])
	}
}

// documentedCodes reads the statuses of each code from the table in the OpenAPI document.
var documentedCodes = sync.OnceValue(func() map[string][]int {
	data, err := hub.OpenAPI("test")
	if err != nil {
		panic(err)
	}
	var doc struct{ Info struct{ Description string } }
	if err := json.Unmarshal(data, &doc); err != nil {
		panic(err)
	}
	codes := map[string][]int{}
	for line := range strings.Lines(doc.Info.Description) {
		if cells := strings.Split(line, "|"); len(cells) > 3 && strings.Contains(cells[1], "`") {
			for _, status := range strings.Fields(cells[2]) {
				n, _ := strconv.Atoi(status)
				codes[strings.Trim(cells[1], " `")] = append(codes[strings.Trim(cells[1], " `")], n)
			}
		}
	}
	return codes
})

func badNode(t testing.TB) *node {
	return newNode(t, nodeOptions{limits: hub.Limits{Rate: 100_000, Burst: 100_000}})
}

func TestEveryOperationWantsToKnowWhoAsks(t *testing.T) {
	n := badNode(t)
	nobody, stranger := hubtest.NewBrowser(t), hubtest.Program(t, "baton_lab_t7_HUSH")
	operations, schemas := documented(t)
	members := 0
	for _, o := range operations {
		if !o.member() {
			continue
		}
		members++
		body := ""
		if o.RequestBody != nil {
			body = harmless(o.RequestBody.Content["application/json"].Schema, schemas, 0)
		}
		for _, b := range []*hubtest.Browser{nobody, stranger} {
			if a := b.Request(o.method, o.url(n), body); a.Status != http.StatusUnauthorized {
				t.Errorf("%s %s was answered %d: %s", o.method, o.path, a.Status, a.Body)
			}
		}
	}
	if members < 15 {
		t.Errorf("the document has %d operations for members", members)
	}
}

func TestEveryOperationRefusesParametersThatAreNotAsDocumented(t *testing.T) {
	n := badNode(t)
	sam := n.user(t, "sam")
	operations, _ := documented(t)
	for _, o := range operations {
		for _, p := range o.Parameters {
			what := o.method + " " + o.path + " with a bad " + p.Name
			switch {
			case p.In == "query" && (p.Schema.Type == "integer" || p.Schema.Type == "boolean"):
				isProblem(t, what, sam.Request(o.method, o.url(n)+"?"+p.Name+"=many", ""))
			case p.In == "header" && (p.Schema.Type == "integer" || p.Schema.Type == "boolean"):
				isProblem(t, what, sam.Request(o.method, o.url(n), "", p.Name, "many"))
			case p.In == "header" && p.Name == "Baton-Seen":
				isProblem(t, what, sam.Request(o.method, o.url(n), "", p.Name, "no cursor"))
			case p.In == "path":
				long := strings.ReplaceAll(o.path, "{"+p.Name+"}", strings.Repeat("x", 3000))
				isProblem(t, what, sam.Request(o.method, operation{path: long}.url(n), ""))
			}
		}
	}
}

func TestEveryOperationRefusesBodiesThatAreNotAsDocumented(t *testing.T) {
	n := badNode(t)
	operations, schemas := documented(t)
	bodies := 0
	for _, o := range operations {
		if o.RequestBody == nil {
			continue
		}
		for kind, media := range o.RequestBody.Content {
			if !strings.Contains(kind, "json") || strings.Contains(kind, "ndjson") {
				continue
			}
			bodies++
			s := media.Schema
			if name := strings.TrimPrefix(s.Ref, "#/components/schemas/"); s.Ref != "" {
				s = schemas[name]
			}
			sam := n.user(t, "sam")
			for _, bad := range badBodies(s) {
				a := sam.Request(o.method, o.url(n), bad, "Content-Type", kind)
				isProblem(t, fmt.Sprintf("%s %s with the body %.100s", o.method, o.path, bad), a)
				if strings.Contains(a.Body, "HUSH") {
					t.Errorf("%s %s repeats what was sent: %s", o.method, o.path, a.Body)
				}
			}
			if a := sam.Request(o.method, o.url(n), "{}", "Content-Type", "text/xml"); a.Status != http.StatusUnsupportedMediaType {
				t.Errorf("%s %s took XML: %d", o.method, o.path, a.Status)
			}
			if a := sam.Request(o.method, o.url(n), `"`+strings.Repeat("x", 70<<10)+`"`, "Content-Type", kind); a.Status != http.StatusRequestEntityTooLarge {
				t.Errorf("%s %s took 70 KiB: %d", o.method, o.path, a.Status)
			}
		}
	}
	if bodies < 7 {
		t.Errorf("the document has %d bodies", bodies)
	}
}

// badBodies are bodies that a schema does not allow, and some that are no JSON.
func badBodies(s schema) []string {
	bad := []string{
		"{", "\xff", `{"HUSH`, "[HUSH]", "{}{}", `{"a":1,"a":2}`, "\"\xc3\x28\"", strings.Repeat("[", 100), strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), "1e999", "nul", `{"a":"\ud800"}`,
	}
	if s.Type != "object" {
		return bad
	}
	bad = append(bad, `[]`, `"HUSH"`, `7`, `{"no_such_field":"HUSH"}`)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		wrong := map[string]string{
			"string": `["HUSH"]`, "integer": `"HUSH"`, "boolean": `"HUSH"`, "object": `"HUSH"`, "array": `"HUSH"`,
		}[s.Properties[name].Type]
		if wrong == "" {
			continue
		}
		bad = append(bad, fmt.Sprintf(`{%q:%s}`, name, wrong), fmt.Sprintf(`{%q:1}`, strings.ToUpper(name)),
			fmt.Sprintf(`{%q:%s,%[1]q:%[2]s}`, name, harmless(s.Properties[name], nil, 0)), fmt.Sprintf(`{%q:1e400}`, name))
		if s.Properties[name].Type == "integer" {
			bad = append(bad, fmt.Sprintf(`{%q:-1}`, name), fmt.Sprintf(`{%q:1.5}`, name), fmt.Sprintf(`{%q:1e30}`, name),
				fmt.Sprintf(`{%q:%s}`, name, strings.Repeat("9", 400)))
		}
	}
	if len(s.Required) > 0 {
		bad = append(bad, "{}")
	}
	return bad
}

func TestNothingThatAClientSendsIsTheHubsFault(t *testing.T) {
	n := badNode(t)
	sam := n.user(t, "sam")
	operations, _ := documented(t)
	operations = slices.DeleteFunc(operations, func(o operation) bool {
		return o.ID == "sign-out" || o.path == "/readyz" || o.ID == "follow-events" // which would not end
	})
	texts := []string{"", "k", "lab", "notes", "chat", "motors", "control", "~site", "look", "stop", "x.1", "-1", "0", "1", "true", "*", `"`, "%", "30s", "\u202e", "ä", "a b"}
	text := rapid.OneOf(rapid.SampledFrom(texts), rapid.StringN(0, 30, 200))
	rapid.Check(t, func(rt *rapid.T) {
		o := rapid.SampledFrom(operations).Draw(rt, "operation")
		path, query, headers := o.path, url.Values{}, []string(nil)
		for _, p := range o.Parameters {
			value := text.Draw(rt, p.Name)
			switch {
			case p.In == "path" && rapid.IntRange(0, 2).Draw(rt, "good") > 0:
				path = strings.ReplaceAll(path, "{"+p.Name+"}", good["{"+p.Name+"}"])
			case p.In == "path":
				path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(value))
			case p.In == "query" && p.Name != "wait":
				query.Set(p.Name, value)
			case p.In == "header" && p.Schema.Type == "boolean" && rapid.IntRange(0, 3).Draw(rt, "good") > 0:
				headers = append(headers, p.Name, strconv.FormatBool(rapid.Bool().Draw(rt, p.Name+" is")))
			case p.In == "header" && p.Name != "Baton-Seen" && rapid.Bool().Draw(rt, "send"):
				headers = append(headers, p.Name, url.PathEscape(value))
			}
		}
		body := ""
		if o.RequestBody != nil {
			kinds := slices.Sorted(maps.Keys(o.RequestBody.Content))
			headers = append(headers, "Content-Type", kinds[0])
			body = anyBody(rt)
		}
		a := sam.Request(o.method, n.url+path+"?"+query.Encode(), body, headers...)
		if a.Status >= 500 {
			rt.Fatalf("%s %s?%s with %v and %q was answered %d: %s", o.method, path, query.Encode(), headers, body, a.Status, a.Body)
		}
		if a.Status >= 400 && a.Header.Get("Content-Type") != "application/problem+json" {
			rt.Fatalf("%s %s was answered %d with no problem: %s", o.method, path, a.Status, a.Body)
		}
	})
}

// anyBody is JSON that may be nearly what an operation wants.
func anyBody(t *rapid.T) string {
	names := []string{
		"set", "delete", "patch", "if", "since", "unseen", "owner", "data", "term", "held", "op", "args", "deadline_ms", "writes", "appends",
		"calls", "channel", "command", "k", "request", "session", "reason", "space", "user", "password", "name", "roles", "scope", "expires", "origin",
	}
	leaf := rapid.SampledFrom([]string{"null", "true", "0", "-1", "1.5", "18446744073709551615", "1e10", `""`, `"x"`, `"notes"`, `"look"`, "[]", "{}", `["k"]`, `{"k":1}`, `{"k":null}`})
	var value func(depth int) string
	value = func(depth int) string {
		if depth == 0 || rapid.IntRange(0, 2).Draw(t, "leaf") == 0 {
			return leaf.Draw(t, "value")
		}
		var members []string
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 4, rapid.ID).Draw(t, "names") {
			members = append(members, fmt.Sprintf("%q:%s", name, value(depth-1)))
		}
		object := "{" + strings.Join(members, ",") + "}"
		if rapid.IntRange(0, 3).Draw(t, "list") == 0 {
			return "[" + object + "]"
		}
		return object
	}
	return value(3)
}
