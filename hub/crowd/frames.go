package crowd

import (
	"errors"
	"fmt"
)

// A Frame is a frame of a hub with the fields that a counting client looks at, as they are in the message: strings without
// their quotes and not unescaped, the rest as JSON. What is missing is empty.
type Frame struct {
	Type, Channel, Cursor, Mode, Code, Op, By, Detail []byte

	ID, Position uint64

	Set, Values, Messages, Data, Members []byte
}

// take notes one field.
func (f *Frame) take(name, value []byte) {
	text := value
	if value[0] == '"' {
		text = value[1 : len(value)-1]
	}
	switch string(name) {
	case "type":
		f.Type = text
	case "channel":
		f.Channel = text
	case "cursor":
		f.Cursor = text
	case "mode":
		f.Mode = text
	case "code":
		f.Code = text
	case "op":
		f.Op = text
	case "by":
		f.By = text
	case "detail":
		f.Detail = text
	case "id":
		f.ID = number(value)
	case "position":
		f.Position = number(value)
	case "set":
		f.Set = value
	case "values":
		f.Values = value
	case "messages":
		f.Messages = value
	case "data":
		f.Data = value
	case "members":
		f.Members = value
	}
}

// number reads an unsigned integer; anything else is 0.
func number(value []byte) (n uint64) {
	for _, b := range value {
		if b < '0' || b > '9' {
			return 0
		}
		n = n*10 + uint64(b-'0')
	}
	return n
}

// Each calls f for every frame of a message, up to the first error.
func Each(message []byte, f func(Frame) error) error {
	return Items(message, func(frame []byte) error {
		var found Frame
		if err := Fields(frame, func(name, value []byte) error { found.take(name, value); return nil }); err != nil {
			return err
		}
		return f(found)
	})
}

// Items calls f for every item of a JSON array without white space, as hubs write it.
func Items(array []byte, f func(item []byte) error) error {
	return parts(array, '[', ']', func(s *scanner) error {
		item, err := s.value()
		if err != nil {
			return err
		}
		return f(item)
	})
}

// Fields calls f for every field of a JSON object without white space.
func Fields(object []byte, f func(name, value []byte) error) error {
	return parts(object, '{', '}', func(s *scanner) error {
		name, err := s.value()
		if err != nil {
			return err
		}
		if name[0] != '"' {
			return s.wrong("a name")
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		value, err := s.value()
		if err != nil {
			return err
		}
		return f(name[1:len(name)-1], value)
	})
}

func parts(data []byte, open, end byte, part func(*scanner) error) error {
	s := &scanner{data: data}
	if err := s.expect(open); err != nil {
		return err
	}
	if s.at < len(s.data) && s.data[s.at] == end {
		return nil
	}
	for {
		if err := part(s); err != nil {
			return err
		}
		if s.at == len(s.data) {
			return errShort
		}
		s.at++
		switch s.data[s.at-1] {
		case end:
			return nil
		case ',':
		default:
			return s.wrong("a comma")
		}
	}
}

// A scanner goes through JSON that a hub has made: it finds where values end, and does not check what is in them.
type scanner struct {
	data []byte
	at   int
}

var errShort = errors.New("the message ends before its JSON does")

func (s *scanner) wrong(wanted string) error {
	return fmt.Errorf("no %s at byte %d of %.200q", wanted, s.at, s.data)
}

func (s *scanner) expect(b byte) error {
	if s.at >= len(s.data) || s.data[s.at] != b {
		return s.wrong(string(b))
	}
	s.at++
	return nil
}

// value passes one value and returns it.
func (s *scanner) value() ([]byte, error) {
	from, depth := s.at, 0
	for s.at < len(s.data) {
		b := s.data[s.at]
		s.at++
		switch b {
		case '"':
			if err := s.text(); err != nil {
				return nil, err
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if depth == 0 {
				s.literal()
			} else {
				continue
			}
		}
		if depth == 0 {
			return s.data[from:s.at], nil
		}
		if depth < 0 {
			s.at--
			return nil, s.wrong("value")
		}
	}
	return nil, errShort
}

// text passes a string, whose first quote is behind.
func (s *scanner) text() error {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return nil
		}
		s.at++
	}
	return errShort
}

// literal passes the rest of a number or word.
func (s *scanner) literal() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ',', ']', '}', ':':
			return
		}
		s.at++
	}
}
