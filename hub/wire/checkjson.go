package wire

import (
	"errors"
	"unicode/utf8"
)

// CheckJSON reads one JSON value by the same letter and within the same limits as DecodeRequests does, and returns it
// without white space. Duplicate names, broken UTF-8, depth over MaxDepth and what else encoding/json would let pass are
// errors that say what to do. It is for the bodies of HTTP requests.
func CheckJSON(data []byte) ([]byte, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("it is not valid UTF-8")
	}
	s := newScanner(data)
	if err := s.value(1); err != nil {
		return nil, err
	}
	if s.next(); s.at < len(s.in) {
		return nil, s.wrong("there is more after the end of the value: send one value")
	}
	return s.out, nil
}
