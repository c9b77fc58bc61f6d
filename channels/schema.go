package channels

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// MaxSchema is how many bytes one schema may have.
const MaxSchema = 64 << 10

// CheckSchema refuses what is not a JSON Schema (2020-12, unless its $schema names another draft) that can be used:
// it refers to nothing outside itself.
func CheckSchema(schema json.RawMessage) error {
	_, err := compileSchema(schema)
	return err
}

func compileSchema(schema json.RawMessage) (*jsonschema.Schema, error) {
	if len(schema) > MaxSchema {
		return nil, fmt.Errorf("a schema has at most %d bytes, this one has %d", MaxSchema, len(schema))
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	const name = "baton:///schema"
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(nothingOutside{})
	if err := c.AddResource(name, doc); err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	compiled, err := c.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	return compiled, nil
}

// nothingOutside keeps schemas from reading files or the network: the library would by default.
type nothingOutside struct{}

func (nothingOutside) Load(url string) (any, error) {
	return nil, fmt.Errorf("it refers to %s: write that into the schema itself, under $defs", url)
}

// A schemaCache holds the compiled schemas of one version of the rules, by their text.
type schemaCache struct {
	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

func (c *schemaCache) get(schema json.RawMessage) (*jsonschema.Schema, error) {
	if c == nil {
		return compileSchema(schema)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.compiled[string(schema)]; ok {
		return s, nil
	}
	s, err := compileSchema(schema)
	if err == nil {
		c.compiled[string(schema)] = s
	}
	return s, err
}

// readRules decodes rules as they are in the log.
func readRules(data []byte) (*Rules, error) {
	r := &Rules{schemas: &schemaCache{compiled: map[string]*jsonschema.Schema{}}}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("reading the rules: %w", err)
	}
	return r, nil
}

// CheckValue refuses a value or message that the schema of its channel does not allow, with CodeSchema and the path of
// what is wrong. A decision does that by itself; this is for what is not decided, live values and signals.
func (r *Rules) CheckValue(channel, key string, value json.RawMessage) error {
	schema := r.Channels[channel].Schema
	if len(schema) == 0 {
		return nil
	}
	what := channel
	if key != "" {
		what = fmt.Sprintf("%s %q", channel, key)
	}
	refusal := r.violation(schema, value, what)
	if refusal == nil {
		return nil
	}
	refusal.More["channel"] = channel
	if key != "" {
		refusal.More["key"] = key
	}
	return refusal
}

// CheckArgs refuses arguments that the schema of their command does not allow, like CheckValue. A decision does that by
// itself; this is for stop commands, which are not decided.
func (r *Rules) CheckArgs(command string, args json.RawMessage) error {
	return orNil(r.violation(r.Commands[command].Args, args, "the arguments of "+command))
}

// maxViolations is how many of the things that are wrong with a value are told.
const maxViolations = 10

// A Violation is one thing that is wrong with a value.
type Violation struct {
	Path   string `json:"path"` // JSON Pointer (RFC 6901) into the value; "" is the value as a whole
	Detail string `json:"detail"`
}

// violation is nil if the value is as the schema says, or if there is no schema; what says whose value it is.
func (r *Rules) violation(schema, value json.RawMessage, what string) *Refusal {
	if len(schema) == 0 {
		return nil
	}
	compiled, err := r.schemas.get(schema)
	if err != nil {
		return schemaRefusal(what, []Violation{{"", fmt.Sprintf("its schema cannot be used: %v", err)}})
	}
	if len(value) == 0 {
		value = json.RawMessage("null")
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return schemaRefusal(what, []Violation{{"", "it is not JSON"}})
	}
	if path, found := unwieldy(instance, ""); found {
		return schemaRefusal(what, []Violation{{path, "the number has too many digits, or too large an exponent: send it as a string"}})
	}
	var invalid *jsonschema.ValidationError
	if errors.As(validate(compiled, instance), &invalid) {
		return schemaRefusal(what, violations(invalid, nil))
	}
	return nil
}

// validate is Validate of a schema by a library that is not ours: what makes it panic is refused, and ends no hub.
func validate(schema *jsonschema.Schema, instance any) (err error) {
	defer func() {
		if recover() != nil {
			err = &jsonschema.ValidationError{ErrorKind: &kind.FalseSchema{}}
		}
	}()
	return schema.Validate(instance)
}

// The numbers that schemas are asked about: comparing others exactly, as the library does, takes long.
const (
	maxNumber   = 64  // characters
	maxExponent = 400 // of ten; a 64 bit float has none beyond 324
)

// unwieldy finds a number that is not to be compared.
func unwieldy(v any, at string) (path string, found bool) {
	switch v := v.(type) {
	case json.Number:
		digits := string(v)
		exponent := 0
		if i := strings.IndexAny(digits, "eE"); i >= 0 {
			var err error
			if exponent, err = strconv.Atoi(digits[i+1:]); err != nil {
				return at, true
			}
		}
		return at, len(digits) > maxNumber || exponent > maxExponent || exponent < -maxExponent
	case []any:
		for i, item := range v {
			if path, found = unwieldy(item, at+"/"+strconv.Itoa(i)); found {
				return path, true
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if path, found = unwieldy(v[name], at+"/"+pointer.Replace(name)); found {
				return path, true
			}
		}
	}
	return "", false
}

// pointer escapes a step of a JSON Pointer (RFC 6901).
var pointer = strings.NewReplacer("~", "~0", "/", "~1")

func schemaRefusal(what string, found []Violation) *Refusal {
	slices.SortStableFunc(found, func(a, b Violation) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Detail, b.Detail)) })
	found = found[:min(len(found), maxViolations)]
	first := found[0]
	at := ""
	if first.Path != "" {
		at = " at " + first.Path
	}
	refusal := Refuse(CodeSchema, "%s does not fit its schema%s: %s", what, at, first.Detail)
	refusal.More = map[string]any{"path": first.Path, "violations": found}
	return refusal
}

var english = message.NewPrinter(language.English)

// violations lists the leaves of what the validator found, in any order.
func violations(e *jsonschema.ValidationError, found []Violation) []Violation {
	for _, cause := range e.Causes {
		found = violations(cause, found)
	}
	if len(e.Causes) > 0 {
		return found
	}
	var path strings.Builder
	for _, step := range e.InstanceLocation {
		path.WriteByte('/')
		path.WriteString(pointer.Replace(step))
	}
	return append(found, Violation{path.String(), e.ErrorKind.LocalizedString(english)})
}
