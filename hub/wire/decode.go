package wire

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxNumber is the largest id, position or term: 2^53, up to which a browser counts exactly.
const MaxNumber = 1 << 53

// A BadFrame says why a message was refused.
type BadFrame struct {
	Index  int    // of the frame in the message, from 0; -1: the message itself is wrong
	ID     uint64 // of the frame, 0 if it could not be read
	Detail string // what is wrong, and what to do
}

// Error says which frame, and why.
func (b *BadFrame) Error() string {
	switch {
	case b.Index < 0:
		return "the message: " + b.Detail
	case b.ID == 0:
		return fmt.Sprintf("frame %d: %s", b.Index, b.Detail)
	}
	return fmt.Sprintf("frame %d (id %d): %s", b.Index, b.ID, b.Detail)
}

// Answer returns the frame that tells the client.
func (b *BadFrame) Answer() *Error {
	return &Error{ID: b.ID, Code: CodeBadFrame, Detail: b.Error()}
}

// DecodeRequests reads a message of a client. The error is a *BadFrame; then no frame of the message counts. It checks
// the form of every request, not whether names exist or things are allowed. The requests share no memory with data.
func DecodeRequests(data []byte) ([]Request, error) {
	if !utf8.Valid(data) {
		return nil, &BadFrame{Index: -1, Detail: "it is not valid UTF-8"}
	}
	s := newScanner(data)
	if s.next() != '[' {
		return nil, &BadFrame{Index: -1, Detail: "it is not an array: send [{…}], an array of frames"}
	}
	var requests []Request
	err := s.array(1, func(i int) error {
		if i == MaxFrames {
			return fmt.Errorf("more than %d frames: send several messages", MaxFrames)
		}
		r, err := s.request()
		if err != nil {
			err.Index = i
			return err
		}
		requests = append(requests, r)
		return nil
	})
	if err == nil {
		err = s.end()
	}
	if err == nil && len(requests) == 0 {
		err = errors.New("an empty array: send at least one frame")
	}
	if bad, ok := errors.AsType[*BadFrame](err); ok {
		return nil, bad
	}
	if err != nil {
		return nil, &BadFrame{Index: -1, Detail: err.Error()}
	}
	return requests, nil
}

// A member is a name of a frame with its value, as the scanner has read it.
type member struct{ name, raw []byte }

// request reads one frame.
func (s *scanner) request() (Request, *BadFrame) {
	if s.next() != '{' {
		return nil, &BadFrame{Detail: "a frame is an object with a type"}
	}
	members, err := s.members(2)
	var r Request
	if err == nil {
		r, err = build(members)
	}
	if err != nil {
		return nil, &BadFrame{ID: readID(members), Detail: err.Error()}
	}
	return r, nil
}

// members reads an object at a depth.
func (s *scanner) members(depth int) (members []member, err error) {
	members = make([]member, 0, 8)
	err = s.object(depth, func(name []byte) error {
		start := len(s.out)
		if err := s.value(depth + 1); err != nil {
			return err
		}
		members = append(members, member{name, s.out[start:]})
		return nil
	})
	return members, err
}

// readID returns the id of a frame that is wrong elsewhere, 0 if it has no good one.
func readID(members []member) (id uint64) {
	if raw, ok := find(members, "id"); ok {
		if read(raw, &id) != nil {
			return 0
		}
	}
	return id
}

func find(members []member, name string) (raw []byte, ok bool) {
	for _, m := range members {
		if string(m.name) == name {
			return m.raw, true
		}
	}
	return nil, false
}

// A field is what a frame may hold under a name.
type field struct {
	name     string
	required bool
	into     any // see read
}

// build makes the request that the members of a frame say.
func build(members []member) (Request, error) {
	var frameType string
	raw, ok := find(members, "type")
	if !ok {
		return nil, errors.New(`there is no "type": send {"type":"join",…}`)
	}
	if err := read(raw, &frameType); err != nil {
		return nil, fmt.Errorf(`"type": %w`, err)
	}
	r := newRequest(frameType)
	if r == nil {
		return nil, fmt.Errorf("no request has the type %q: send one of %s", shorten(frameType), requestTypes)
	}
	fields := append(allFields(r), field{"type", required, &frameType})
	if err := fill(fields, members, article(frameType)+" frame"); err != nil {
		return nil, err
	}
	if c, ok := r.(checked); ok {
		if err := c.check(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// article is for the reader of an error: "a join", "an append".
func article(frameType string) string {
	if strings.ContainsRune("aeiou", rune(frameType[0])) {
		return "an " + frameType
	}
	return "a " + frameType
}

// fill puts the members of an object where they belong. What names the object, for the reader of an error.
func fill(fields []field, members []member, what string) error {
	for _, m := range members {
		if err := assign(fields, m, what); err != nil {
			return err
		}
	}
	for _, f := range fields {
		if _, ok := find(members, f.name); f.required && !ok {
			return fmt.Errorf("%s needs %q", what, f.name)
		}
	}
	return nil
}

// requestTypes is for the reader of an error.
const requestTypes = "join, leave, read, write, append, transact, send, call, cancel, serve, progress, done, failed, control, " +
	"lock, unlock, ping"

// assign puts a member where it belongs.
func assign(fields []field, m member, what string) error {
	for _, f := range fields {
		if f.name == string(m.name) {
			if err := read(m.raw, f.into); err != nil {
				return fmt.Errorf("%q: %w", m.name, err)
			}
			return nil
		}
	}
	for _, f := range fields {
		if strings.EqualFold(f.name, string(m.name)) {
			return fmt.Errorf("%q is written %q", shorten(string(m.name)), f.name)
		}
	}
	return fmt.Errorf("%s has no %q: leave it out", what, shorten(string(m.name)))
}
