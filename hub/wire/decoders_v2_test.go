//go:build goexperiment.jsonv2

package wire

import (
	"bytes"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"io"
)

func init() {
	// It refuses names that come twice, in another case or that nobody knows, and what is no UTF-8. What it leaves to do is the
	// limits of depth, strings and digits, half surrogates, and to say which frame was wrong and what to do.
	decoders["json-v2"] = func(message []byte) (int, error) {
		var frames []jsontext.Value
		if err := json.Unmarshal(message, &frames); err != nil {
			return 0, err
		}
		for _, frame := range frames {
			r, err := typed(frame, func(data []byte, into any) error { return json.Unmarshal(data, into) })
			if err != nil {
				return 0, err
			}
			if err := json.Unmarshal(frame, r, json.RejectUnknownMembers(true)); err != nil {
				return 0, err
			}
		}
		return len(frames), nil
	}
	// Only the tokens, of which nothing is made: what a decoder built on jsontext costs at least.
	decoders["jsontext"] = func(message []byte) (n int, err error) {
		d := jsontext.NewDecoder(bytes.NewReader(message))
		for {
			if _, err := d.ReadToken(); err == io.EOF {
				return n, nil
			} else if err != nil {
				return 0, err
			}
			n++
		}
	}
}
