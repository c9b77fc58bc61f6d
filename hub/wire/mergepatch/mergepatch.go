// Package mergepatch is how a client brings a value up to date with the patch that a change carries: a JSON Merge Patch,
// RFC 7396. Hub and client must make the same value of the same patch, to the byte, so package channels, which imports
// nothing of the project and decides by its own copy, and this package, which programs can import without it, pass the
// same cases. They are in testdata/cases.json for clients in other languages too: to them, alike as JSON is alike enough.
package mergepatch

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Apply returns what a patch makes of a value; no value counts as an empty object. Numbers keep their digits, and the
// members of a patched object come out sorted. It changes neither of the two. An error says that one is not JSON.
func Apply(value, patch json.RawMessage) (json.RawMessage, error) {
	var target, change any
	if len(value) > 0 {
		if err := decode(value, &target); err != nil {
			return nil, fmt.Errorf("reading the value: %w", err)
		}
	}
	if err := decode(patch, &change); err != nil {
		return nil, fmt.Errorf("reading the patch: %w", err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(merge(target, change)); err != nil {
		return nil, fmt.Errorf("writing the value: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// decode reads numbers as they are written: 0.10 and a number of 30 digits stay what they are.
func decode(data []byte, into *any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(into)
}

// merge is MergePatch of RFC 7396, section 2. It may change target.
func merge(target, patch any) any {
	members, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range members {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = merge(object[name], value)
		}
	}
	return object
}
