package wire

import (
	"bytes"
	"encoding/json"
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
type member struct {
	name string
	raw  []byte
}

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
	err = s.object(depth, func(name string) error {
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
		if m.name == name {
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
	if err := fill(fields, members, "a "+frameType+" frame"); err != nil {
		return nil, err
	}
	return r, nil
}

// fill puts the members of an object where they belong.
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
		if f.name == m.name {
			if err := read(m.raw, f.into); err != nil {
				return fmt.Errorf("%q: %w", m.name, err)
			}
			return nil
		}
	}
	for _, f := range fields {
		if strings.EqualFold(f.name, m.name) {
			return fmt.Errorf("%q is written %q", shorten(m.name), f.name)
		}
	}
	return fmt.Errorf("%s has no %q: leave it out", what, shorten(m.name))
}

// read puts a raw value into a field; null is nothing but a raw value.
func read(raw []byte, into any) error {
	switch into := into.(type) {
	case *json.RawMessage:
		*into = bytes.Clone(raw)
	case *string:
		if raw[0] != '"' {
			return errors.New("it is a string")
		}
		*into = unquote(raw)
	case *uint64:
		return readNumber(raw, into, 0)
	case *id:
		return readNumber(raw, (*uint64)(into), 1)
	case *int64:
		return readInto(raw, func(n uint64) { *into = int64(n) })
	case **int:
		return readInto(raw, func(n uint64) { *into = new(int(n)) })
	case *bool:
		return readBool(raw, into)
	case *[]TransactWrite:
		return readParts(raw, into, "a write of a transact frame")
	case *[]TransactAppend:
		return readParts(raw, into, "a message of a transact frame")
	case *[]TransactCall:
		return readParts(raw, into, "a call of a transact frame")
	case *[]string:
		return readList(raw, into)
	case *List[string]:
		return readList(raw, (*[]string)(into))
	case *map[string]json.RawMessage:
		return readMap(raw, into, func(raw []byte) (json.RawMessage, error) { return bytes.Clone(raw), nil })
	case *map[string]uint64:
		return readMap(raw, into, func(raw []byte) (n uint64, err error) { return n, readNumber(raw, &n, 0) })
	default:
		panic(fmt.Sprintf("wire: no way to read into %T", into))
	}
	return nil
}

// An id is a number that is not 0.
type id uint64

// readNumber reads plain digits.
func readNumber(raw []byte, into *uint64, least uint64) error {
	var n uint64
	for _, c := range raw {
		if !digit(c) || n > MaxNumber {
			n = MaxNumber + 1
			break
		}
		n = n*10 + uint64(c-'0')
	}
	if n < least || n > MaxNumber {
		return fmt.Errorf("it is a whole number from %d to 2^53, in plain digits", least)
	}
	*into = n
	return nil
}

// readInto reads plain digits into another type; MaxNumber fits into all of them.
func readInto(raw []byte, put func(uint64)) error {
	var n uint64
	if err := readNumber(raw, &n, 0); err != nil {
		return err
	}
	put(n)
	return nil
}

func readBool(raw []byte, into *bool) error {
	switch string(raw) {
	case "true", "false":
		*into = raw[0] == 't'
		return nil
	}
	return errors.New("it is true or false")
}

func readList(raw []byte, into *[]string) error {
	if raw[0] != '[' {
		return errors.New("it is an array of strings")
	}
	s := newScanner(raw)
	return s.array(1, func(int) error {
		start := len(s.out)
		if err := s.value(2); err != nil {
			return err
		}
		var text string
		if err := read(s.out[start:], &text); err != nil {
			return errors.New("it is an array of strings")
		}
		*into = append(*into, text)
		return nil
	})
}

func readMap[T any](raw []byte, into *map[string]T, value func([]byte) (T, error)) error {
	if raw[0] != '{' {
		return errors.New("it is an object")
	}
	s := newScanner(raw)
	return s.object(1, func(name string) error {
		start := len(s.out)
		if err := s.value(2); err != nil {
			return err
		}
		v, err := value(s.out[start:])
		if err != nil {
			return fmt.Errorf("%q: %w", shorten(name), err)
		}
		if *into == nil {
			*into = make(map[string]T)
		}
		(*into)[name] = v
		return nil
	})
}
