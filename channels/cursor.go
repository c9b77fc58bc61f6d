package channels

import (
	"fmt"
	"strconv"
	"strings"
)

// A Cursor says "I have seen everything up to here": a position in one life of a log. Clients get it as an opaque
// string and give it back unread.
type Cursor struct {
	Epoch    string // which life of the log: it changes when history was replaced, see State.Epoch
	Position uint64

	// Base is set while a first reading in pages is not complete, see State.Page: where the log was when it began. The
	// reader has seen the values that last changed up to Position, and no others.
	Base uint64
}

// String returns the form that clients carry. The zero Cursor is the empty string.
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return ""
	}
	s := c.Epoch + "-" + strconv.FormatUint(c.Position, 36)
	if c.Base > 0 {
		s += "-" + strconv.FormatUint(c.Base, 36)
	}
	return s
}

// ParseCursor reads what String wrote; the empty string is the zero Cursor, which has seen nothing.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	parts := strings.Split(s, "-")
	wrong := fmt.Errorf("%.64q is not a cursor of this hub: go on without one", s)
	if len(s) > 64 || len(parts) < 2 || len(parts) > 3 || parts[0] == "" {
		return Cursor{}, wrong
	}
	c := Cursor{Epoch: parts[0]}
	for i, into := range []*uint64{&c.Position, &c.Base}[:len(parts)-1] {
		n, err := strconv.ParseUint(parts[i+1], 36, 64)
		if err != nil {
			return Cursor{}, wrong
		}
		*into = n
	}
	if c.String() != s {
		return Cursor{}, wrong
	}
	return c, nil
}
