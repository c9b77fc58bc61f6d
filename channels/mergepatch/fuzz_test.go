package mergepatch_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/baton-hub/baton/channels/mergepatch"
	jsonpatch "github.com/evanphx/json-patch/v5"
)

func FuzzApply(f *testing.F) {
	for _, c := range patchCases(f) {
		f.Add([]byte(c.Value), []byte(c.Patch))
	}
	f.Add([]byte(`{"a":{"b":[{"c":1}]}}`), []byte(`{"a":{"b":null},"x":{"y":{"z":null}}}`))
	f.Add([]byte(`{"a":1,"a":2}`), []byte(` {"a":1e400,"b":-0,"\u0061":"\ud800"} `))
	f.Add([]byte(`{} `), []byte(`{} {}`))
	f.Fuzz(func(t *testing.T, value, patch []byte) {
		got, err := mergepatch.Apply(value, patch)
		readable := (len(value) == 0 || json.Valid(value)) && json.Valid(patch)
		if (err == nil) != readable {
			t.Fatalf("%s patched with %s: %v", value, patch, err)
		}
		if err != nil {
			return
		}
		if !json.Valid(got) {
			t.Fatalf("%s patched with %s is not JSON: %s", value, patch, got)
		}
		if twice, err := mergepatch.Apply(got, patch); err != nil || !bytes.Equal(twice, got) {
			t.Errorf("%s patched with %s is %s, and patched again %s (%v)", value, patch, got, twice, err)
		}
		if len(value) > 0 {
			compareWithOther(t, value, patch, got)
		}
	})
}

// compareWithOther holds the result against another implementation, where that does what RFC 7396 says and the JSON says
// one thing only.
func compareWithOther(t *testing.T, value, patch, got []byte) {
	t.Helper()
	v, p := decodedJSON(t, value), decodedJSON(t, patch)
	if v == nil || p == nil || nullInArray(p, false) || ambiguous(value) || ambiguous(patch) {
		return
	}
	want, err := jsonpatch.MergePatch(value, patch)
	if err != nil {
		t.Fatalf("%s patched with %s is %s, others say %v", value, patch, got, err)
	}
	if !reflect.DeepEqual(decodedJSON(t, got), decodedJSON(t, want)) {
		t.Errorf("%s patched with %s is %s, others say %s", value, patch, got, want)
	}
}

func decodedJSON(t *testing.T, data []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("decoding %s: %v", data, err)
	}
	return v
}

// nullInArray reports whether there is a null in an array, however deep. RFC 7396 takes arrays as they are; the other
// implementation drops members that are null from the objects in them.
func nullInArray(v any, within bool) bool {
	switch v := v.(type) {
	case nil:
		return within
	case []any:
		for _, item := range v {
			if nullInArray(item, true) {
				return true
			}
		}
	case map[string]any:
		for _, item := range v {
			if nullInArray(item, within) {
				return true
			}
		}
	}
	return false
}

// ambiguous reports whether implementations may read the JSON in different ways: it is not UTF-8, has escapes (of names,
// of half characters), or a name twice in an object.
func ambiguous(data []byte) bool {
	return !utf8.Valid(data) || bytes.Contains(data, []byte(`\`)) || repeats(json.NewDecoder(bytes.NewReader(data)))
}

// repeats reads one value and reports whether an object in it has a name twice.
func repeats(d *json.Decoder) (twice bool) {
	token, _ := d.Token() // it is JSON
	names := map[any]bool{}
	switch token {
	case json.Delim('{'):
		for d.More() {
			name, _ := d.Token()
			twice = twice || names[name]
			names[name] = true
			twice = repeats(d) || twice
		}
		_, _ = d.Token()
	case json.Delim('['):
		for d.More() {
			twice = repeats(d) || twice
		}
		_, _ = d.Token()
	}
	return twice
}
