// Package mergepatch makes of a value and a JSON Merge Patch (RFC 7396) the patched value. Every replica and every client
// that is sent the patch of a change must make the same value of it, to the byte, so there is one package for both. It
// imports nothing of the project. Clients in other languages pass the cases in testdata/cases.json; to them, alike as JSON
// is alike enough.
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
	if err := d.Decode(into); err != nil {
		return err
	}
	if rest := bytes.Trim(data[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return fmt.Errorf("%.20q comes after the end of the JSON", rest)
	}
	return nil
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
