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
}

// String returns the form that clients carry. The zero Cursor is the empty string.
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return ""
	}
	return c.Epoch + "-" + strconv.FormatUint(c.Position, 36)
}

// ParseCursor reads what String wrote; the empty string is the zero Cursor, which has seen nothing.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	epoch, position, ok := strings.Cut(s, "-")
	n, err := strconv.ParseUint(position, 36, 64)
	c := Cursor{Epoch: epoch, Position: n}
	if !ok || err != nil || len(s) > 64 || epoch == "" || c.String() != s {
		return Cursor{}, fmt.Errorf("%.64q is not a cursor of this hub: join without one", s)
	}
	return c, nil
}
