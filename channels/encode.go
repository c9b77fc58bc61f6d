package channels

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// newEncoder writes JSON as everything here is written, one value a line: without the escapes for HTML, which would
// change the bytes of clients' values.
func newEncoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// encode returns the JSON of v.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	if err := newEncoder(&b).Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// mustJSON returns the JSON of what a decision stores, without white space and in memory of its own.
func mustJSON(v any) json.RawMessage {
	if raw, ok := v.(json.RawMessage); ok {
		return packed(raw)
	}
	data, err := encode(v)
	if err != nil {
		panic(notJSON(err))
	}
	return data
}

// packed returns JSON without white space, in memory of its own.
func packed(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	b := bytes.NewBuffer(make([]byte, 0, len(raw)))
	if err := json.Compact(b, raw); err != nil {
		panic(notJSON(err))
	}
	if b.Len() < len(raw) {
		return bytes.Clone(b.Bytes())
	}
	return b.Bytes()
}

// notJSON is a bug: clients' values were validated at the door.
func notJSON(err error) string { return fmt.Sprintf("a decision stored what is not JSON: %v", err) }

// appendText appends a string as encode writes it.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return append(dst, mustJSON(s)...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
