package cmd

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
)

// The forms of words in the site file.
const (
	nameForm     = `^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$`
	durationForm = `^[+-]?(0|([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*)$`
)

// A siteKey is a key of the site file, found in the types that it is read into.
type siteKey struct {
	name  string
	path  string // see siteEntries
	typed reflect.Type
}

// siteKeys are the keys of a struct, in its order.
func siteKeys(t reflect.Type, path string) (keys []siteKey) {
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			keys = append(keys, siteKey{name, strings.TrimPrefix(path+"."+name, "."), bare(t.Field(i).Type)})
		}
	}
	return keys
}

func bare(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// siteKinded is what has other keys for each kind.
type siteKinded struct {
	common reflect.Type // what all kinds have
	kinds  map[string]reflect.Type
	own    []string // kinds that a binary of one's own adds: of their keys nothing is known
}

type siteBackendKeys struct {
	Kind string `yaml:"kind"`
	On   string `yaml:"on"`
}

type siteJSONFile struct {
	Path string `yaml:"path"`
}

type siteAuthenticatorKeys struct {
	Kind string `yaml:"kind"`
}

// kinded tells the kinds of a type that has some.
func (o Options) kinded(t reflect.Type) (k siteKinded, ok bool) {
	k.kinds = map[string]reflect.Type{}
	switch t {
	case reflect.TypeFor[siteBackend]():
		k.common, k.own = reflect.TypeFor[siteBackendKeys](), slices.Sorted(maps.Keys(o.Backends))
		k.kinds["jsonfile"] = reflect.TypeFor[siteJSONFile]()
	case reflect.TypeFor[siteAuthenticator]():
		k.common, k.own = reflect.TypeFor[siteAuthenticatorKeys](), slices.Sorted(maps.Keys(o.Authenticators))
		for kind, settings := range siteKinds {
			k.kinds[kind] = reflect.TypeOf(settings()).Elem()
		}
	default:
		return k, false
	}
	return k, true
}

// keys are those of a kind beside what all have; base is where the kinds are.
func (k siteKinded) keys(kind, base string) []siteKey {
	return slices.DeleteFunc(siteKeys(k.kinds[kind], base+"."+kind), func(key siteKey) bool {
		return slices.ContainsFunc(siteKeys(k.common, ""), func(common siteKey) bool { return common.name == key.name })
	})
}

// A siteSchema makes the JSON Schema of the site file from the types that it is read into, and from siteEntries. What the
// check accepts fits it. It does not say all that the check does, which knows what goes together.
type siteSchema struct{ own Options }

type object = map[string]any

// schema is the JSON Schema (2020-12) of the site file.
func (o Options) schema() ([]byte, error) {
	s := siteSchema{o}.of(reflect.TypeFor[site](), "", siteEntry{must: true})
	s["$schema"], s["title"] = "https://json-schema.org/draft/2020-12/schema", "Site file of Baton"
	s["description"] = "`baton config check FILE` says more: what does not go together. `baton config docs` prints a reference."
	data, err := json.MarshalIndent(s, "", "  ")
	return append(data, '\n'), err
}

// of is the schema of what is at a path.
func (s siteSchema) of(t reflect.Type, path string, e siteEntry) object {
	t = bare(t)
	if kinded, ok := s.own.kinded(t); ok {
		return s.ofKinds(kinded, path)
	}
	switch t {
	case reflect.TypeFor[time.Duration]():
		return optional(object{"type": "string", "pattern": durationForm}, e)
	case reflect.TypeFor[siteJSON]():
		return s.ofJSON(path)
	case reflect.TypeFor[siteOnLost]():
		return object{"anyOf": []any{object{"enum": []any{"keep", nil}}, s.ofKeys(siteKeys(t, path))}}
	case reflect.TypeFor[channels.Right]():
		words := object{"enum": slices.Sorted(maps.Keys(siteRights))}
		return object{"anyOf": []any{words, object{"type": "string", "pattern": nameForm}}}
	}
	switch t.Kind() {
	case reflect.Struct:
		return optional(s.ofKeys(siteKeys(t, path)), e)
	case reflect.Slice:
		return optional(object{"type": "array", "items": s.of(t.Elem(), path+".*", siteEntry{must: true})}, e)
	case reflect.Map:
		m := object{"type": "object", "additionalProperties": s.of(t.Elem(), path+".*", siteEntry{})}
		if e.names {
			m["propertyNames"] = object{"pattern": nameForm, "maxLength": channels.MaxName}
		}
		return optional(m, e)
	case reflect.Bool:
		return optional(object{"type": "boolean"}, e)
	case reflect.Int:
		return optional(object{"type": "integer", "minimum": e.least}, e)
	}
	if len(e.words) > 0 {
		words := []any{}
		for _, word := range e.words {
			words = append(words, word)
		}
		if !e.must {
			words = append(words, nil)
		}
		return object{"enum": words}
	}
	return optional(object{"type": "string"}, e)
}

// optional lets a key that may be left out be there without a value, too.
func optional(schema object, e siteEntry) object {
	if !e.must {
		schema["type"] = []any{schema["type"], "null"}
	}
	return schema
}

// ofJSON is for what is JSON to everybody else: anything, or a schema.
func (s siteSchema) ofJSON(path string) object {
	switch path[strings.LastIndex(path, ".")+1:] {
	case "schema", "progress", "result":
		return object{"type": []any{"object", "boolean", "string"}}
	case "args":
		if strings.Contains(path, ".commands.") {
			return object{"type": []any{"object", "boolean", "string"}}
		}
	}
	return object{}
}

func (s siteSchema) ofKeys(keys []siteKey) object {
	properties, required := object{}, []any{}
	for _, key := range keys {
		e := siteEntries[key.path]
		property := s.of(key.typed, key.path, e)
		describe(property, e)
		properties[key.name] = property
		if e.must {
			required = append(required, key.name)
		}
	}
	schema := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		schema["required"] = required
	}
	return schema
}

// describe tells an editor what there is to say of a key.
func describe(property object, e siteEntry) {
	property["description"] = e.about
	if e.standard == "" {
		return
	}
	property["description"] = e.about + " Default: " + e.standard + "."
	var standard any
	if json.Unmarshal([]byte(e.standard), &standard) != nil && !strings.HasPrefix(e.standard, "[") {
		standard = e.standard
	}
	if standard != nil {
		property["default"] = standard
	}
}

// ofKinds is a schema that depends on the kind.
func (s siteSchema) ofKinds(k siteKinded, path string) object {
	base, _ := strings.CutSuffix(path, ".*")
	schema := s.ofKeys(siteKeys(k.common, path))
	common := schema["properties"].(object)
	delete(schema, "additionalProperties")
	words, cases := []any{}, []any{}
	for _, kind := range slices.Sorted(maps.Keys(k.kinds)) {
		words = append(words, kind)
		one := s.ofKeys(k.keys(kind, base))
		maps.Copy(one["properties"].(object), common)
		is := object{"properties": object{"kind": object{"const": kind}}, "required": []any{"kind"}}
		cases = append(cases, object{"if": is, "then": one})
	}
	for _, kind := range k.own {
		words = append(words, kind)
	}
	kind := maps.Clone(common["kind"].(object))
	delete(kind, "type")
	kind["enum"] = words
	schema["properties"] = object{"kind": kind}
	maps.Copy(schema["properties"].(object), without(common, "kind"))
	schema["allOf"] = cases
	return schema
}

func without(o object, key string) object {
	o = maps.Clone(o)
	delete(o, key)
	return o
}
