package asyncapi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// A schema is a JSON Schema as AsyncAPI has it: draft 7, where nothing may stand beside a $ref.
type schema struct {
	Ref         string             `json:"$ref,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"` // a string or a []string
	Format      string             `json:"format,omitempty"`
	Const       any                `json:"const,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Minimum     *int               `json:"minimum,omitempty"`
	Maximum     *int               `json:"maximum,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"` // a *schema or false
	Items       *schema            `json:"items,omitempty"`
	MinItems    int                `json:"minItems,omitempty"`
	MaxItems    int                `json:"maxItems,omitempty"`
	MinMembers  int                `json:"minProperties,omitempty"`
	AllOf       []*schema          `json:"allOf,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	OneOf       []*schema          `json:"oneOf,omitempty"`
	Not         *schema            `json:"not,omitempty"`
}

func ref(component string) *schema { return &schema{Ref: "#/components/" + component} }

// words are the values that a field can have, by type and name in Go. Where the list may grow, clients are told so by
// the description, and it is not here.
var words = map[string][]string{
	"Control.Do":        {"request", "cancel", "grant", "deny", "give", "release", "take"},
	"Joined.Mode":       {wire.Snapshot, wire.Delta},
	"Joined.Reason":     {wire.ReasonNew, wire.ReasonEpoch, wire.ReasonTrimmed, wire.ReasonAhead},
	"CallState.State":   {"waiting", "taken", "done", "failed", "cancelled", "unknown"},
	"ChannelRules.Kind": {"store", "log", "signal"},
}

// forms are the rules between the fields of a request, those that DecodeRequests checks.
var forms = map[string]func(*schema){
	"Send": func(s *schema) {
		s.OneOf = []*schema{
			{Required: []string{"data"}, Not: &schema{AnyOf: []*schema{some("set"), some("delete")}}},
			{AnyOf: []*schema{some("set"), some("delete")}, Not: &schema{Required: []string{"data"}}},
		}
	},
	"Transact": func(s *schema) { s.AnyOf = []*schema{some("writes"), some("appends"), some("calls")} },
	"Read": func(s *schema) {
		everybodys := &schema{Required: []string{"all"}, Properties: map[string]*schema{"all": {Const: true}}}
		ofOne := &schema{Required: []string{"owner"}, Properties: map[string]*schema{"owner": {Pattern: "."}}}
		s.Not = &schema{AllOf: []*schema{everybodys, ofOne}}
	},
}

// some says that a list or an object is there and not empty.
func some(name string) *schema {
	return &schema{Required: []string{name}, Properties: map[string]*schema{name: {MinItems: 1, MinMembers: 1}}}
}

// schemas makes schemas of Go types.
type schemas struct {
	comments comments
	into     map[string]*schema // by the name of the type
}

// addFrame adds a frame: its fields, and its type.
func (c schemas) addFrame(f wire.Frame) {
	t := reflect.TypeOf(f).Elem()
	s := c.object(t)
	s.Properties["type"] = &schema{Const: f.FrameType()}
	s.Required = append([]string{"type"}, s.Required...)
	if r, ok := f.(wire.Request); ok {
		s.Required = append([]string{"type"}, wire.Required(r)...)
		c.close(s, t)
	}
	if form := forms[t.Name()]; form != nil {
		form(s)
	}
	c.into[t.Name()] = s
}

// close says that nothing else may be in a request, nor in its parts: DecodeRequests is strict. A hub's frames stay open,
// because a newer hub may say more.
func (c schemas) close(s *schema, t reflect.Type) {
	s.Additional = false
	for i := range t.NumField() {
		if f := t.Field(i).Type; f.Kind() == reflect.Slice && f.Elem().Kind() == reflect.Struct {
			c.into[f.Elem().Name()].Additional = false
		}
	}
}

// object is the schema of a struct.
func (c schemas) object(t reflect.Type) *schema {
	s := &schema{Type: "object", Properties: map[string]*schema{}, Description: c.comments.types[t.Name()]}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous {
			continue
		}
		of := c.of(f.Type)
		if name == "id" && f.Type.Kind() == reflect.Uint64 {
			of.Minimum = new(1)
		}
		of.Enum = words[t.Name()+"."+f.Name]
		always := options == ""
		if f.Type.Kind() == reflect.Pointer && always {
			of = &schema{OneOf: []*schema{of, {Type: "null"}}}
		}
		owner := t.Name()
		if len(f.Index) > 1 {
			owner = t.Field(f.Index[0]).Name
		}
		s.Properties[name] = describe(of, c.comments.fields[owner+"."+f.Name])
		if always {
			s.Required = append(s.Required, name)
		}
	}
	return s
}

// describe adds a description, around a reference.
func describe(s *schema, text string) *schema {
	if text == "" {
		return s
	}
	if s.Ref != "" {
		s = &schema{AllOf: []*schema{s}}
	}
	s.Description = text
	return s
}

// of is the schema of a type; a struct is added, and referred to.
func (c schemas) of(t reflect.Type) *schema {
	switch t {
	case reflect.TypeFor[json.RawMessage](), reflect.TypeFor[any]():
		return &schema{}
	case reflect.TypeFor[time.Time]():
		return &schema{Type: "string", Format: "date-time"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return c.of(t.Elem())
	case reflect.String:
		return &schema{Type: "string"}
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return &schema{Type: "integer", Minimum: new(0), Maximum: new(wire.MaxNumber)}
	case reflect.Slice:
		return &schema{Type: "array", Items: c.of(t.Elem())}
	case reflect.Map:
		return &schema{Type: "object", Additional: c.of(t.Elem())}
	case reflect.Struct:
		name := t.Name()
		if reflect.PointerTo(t).Implements(reflect.TypeFor[wire.Frame]()) {
			name += "Body" // a frame within another has no type
		}
		if _, there := c.into[name]; !there {
			c.into[name] = nil // it is on its way, should it hold itself
			c.into[name] = c.object(t)
		}
		return ref("schemas/" + name)
	}
	panic(fmt.Sprintf("asyncapi: no schema for a %s", t))
}
