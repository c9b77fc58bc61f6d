package channels

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// MergePatch applies a JSON Merge Patch (RFC 7396) to a value; no value counts as an empty object. Numbers keep their
// digits; the members of a patched object come out sorted.
func MergePatch(value, patch json.RawMessage) (json.RawMessage, error) {
	var target, change any
	if len(value) > 0 {
		if err := decodeExactly(value, &target); err != nil {
			return nil, fmt.Errorf("reading the value: %w", err)
		}
	}
	if err := decodeExactly(patch, &change); err != nil {
		return nil, fmt.Errorf("reading the patch: %w", err)
	}
	return encode(merge(target, change))
}

func decodeExactly(data []byte, into *any) error {
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

// result is the value that an effect makes of the one that was there. Patches were applied once when they were decided;
// one that fails now, which no version of this package writes, leaves the value as it is.
func (e Effect) result(was json.RawMessage) json.RawMessage {
	if len(e.Patch) == 0 {
		return e.Value
	}
	value, err := MergePatch(was, e.Patch)
	if err != nil {
		return was
	}
	return value
}
