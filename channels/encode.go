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

func mustJSON(v any) json.RawMessage {
	data, err := encode(v)
	if err != nil {
		panic(fmt.Sprintf("a decision stored what is not JSON: %v", err)) // a bug: clients' values were validated at the door
	}
	return data
}
