package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// The limits of a message to a hub (RFC 8259 section 9 lets a parser set them). How many bytes a message may have is
// the connection's business.
const (
	MaxFrames = 100      // frames in a message
	MaxDepth  = 32       // arrays and objects within each other; the message is 1, a frame 2
	MaxKeys   = 1000     // members of one object
	MaxString = 16 << 10 // bytes of a string or name, as it is written between its quotes
	MaxDigits = 32       // digits of a number
)

// A scanner reads JSON by the letter of RFC 8259, within the limits, and copies what it reads without white space.
// The input is valid UTF-8.
type scanner struct {
	in  []byte
	at  int    // the next byte of in
	out []byte // has room for all of in, so that slices of it stay good

	names [][]byte // of the objects that are open, those of the innermost last
}

func newScanner(in []byte) *scanner {
	return &scanner{in: in, out: make([]byte, 0, len(in))}
}

// wrong says where reading failed, and why.
func (s *scanner) wrong(format string, args ...any) error {
	return fmt.Errorf("at byte %d: %s", s.at, fmt.Sprintf(format, args...))
}

// next skips white space and returns the byte there, 0 at the end.
func (s *scanner) next() byte {
	for s.at < len(s.in) {
		switch c := s.in[s.at]; c {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// take copies the byte that next returned.
func (s *scanner) take() {
	s.out = append(s.out, s.in[s.at])
	s.at++
}

// end reports an error unless only white space is left.
func (s *scanner) end() error {
	if s.next(); s.at < len(s.in) {
		return s.wrong("there is more after the end of the array: send one array per message")
	}
	return nil
}

// value reads any value; depth is that of an array or object found here.
func (s *scanner) value(depth int) error {
	switch c := s.next(); {
	case c == '{':
		return s.object(depth, nil)
	case c == '[':
		return s.array(depth, nil)
	case c == '"':
		return s.text()
	case c == '-' || digit(c):
		return s.number()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	case s.at == len(s.in):
		return s.wrong("the message ends within a value")
	}
	return s.wrong("no JSON value begins with %q", s.rune())
}

// rune returns the character at the present byte, for messages.
func (s *scanner) rune() rune {
	r, _ := utf8.DecodeRune(s.in[s.at:])
	return r
}

// open takes the bracket at the present byte.
func (s *scanner) open(depth int) error {
	if depth > MaxDepth {
		return s.wrong("deeper than %d: make the value flatter", MaxDepth)
	}
	s.take()
	return nil
}

// more reads what follows an element of an array or object: a comma (true) or the closing bracket (false).
func (s *scanner) more(closing byte) (bool, error) {
	switch c := s.next(); {
	case c == ',':
		s.take()
		return true, nil
	case c == closing:
		s.take()
		return false, nil
	case s.at == len(s.in):
		return false, s.wrong("the message ends where , or %c is missing", closing)
	}
	return false, s.wrong("%q where , or %c should be", s.rune(), closing)
}

// array reads an array; each reads one element, nil: any value.
func (s *scanner) array(depth int, each func(i int) error) error {
	if err := s.open(depth); err != nil {
		return err
	}
	if s.next() == ']' {
		s.take()
		return nil
	}
	for i := 0; ; i++ {
		var err error
		if each == nil {
			err = s.value(depth + 1)
		} else {
			err = each(i)
		}
		if err != nil {
			return err
		}
		if more, err := s.more(']'); !more || err != nil {
			return err
		}
	}
}

// object reads an object; each reads the value of one member, nil: any value. Two members are the same if their names are,
// however they are written: "a" and "\u0061".
func (s *scanner) object(depth int, each func(name []byte) error) error {
	if err := s.open(depth); err != nil {
		return err
	}
	if s.next() == '}' {
		s.take()
		return nil
	}
	begin := len(s.names)
	defer func() { s.names = s.names[:begin] }()
	var many map[string]struct{}
	for {
		name, err := s.name()
		if err != nil {
			return err
		}
		var twice bool
		if many, twice = seen(s.names[begin:], many, name); twice {
			return s.wrong("the name %q is there twice in one object: send it once", shorten(string(name)))
		}
		if len(s.names)-begin == MaxKeys {
			return s.wrong("more than %d members in one object: send several frames", MaxKeys)
		}
		s.names = append(s.names, name)
		if each == nil {
			err = s.value(depth + 1)
		} else {
			err = each(name)
		}
		if err != nil {
			return err
		}
		if more, err := s.more('}'); !more || err != nil {
			return err
		}
	}
}

// fewNames are compared one by one, which takes no memory; of more a map is made.
const fewNames = 16

// seen reports whether a name is among those of an object. The map has those of a large one, and is made when it is needed.
func seen(names [][]byte, many map[string]struct{}, name []byte) (map[string]struct{}, bool) {
	if len(names) < fewNames {
		return nil, slices.ContainsFunc(names, func(other []byte) bool { return bytes.Equal(other, name) })
	}
	if many == nil {
		many = make(map[string]struct{}, 2*fewNames)
		for _, other := range names {
			many[string(other)] = struct{}{}
		}
	}
	_, twice := many[string(name)]
	many[string(name)] = struct{}{}
	return many, twice
}

// name reads the name of a member and the colon after it.
func (s *scanner) name() ([]byte, error) {
	if s.next() != '"' {
		return nil, s.wrong("the name of a member should be here, in double quotes")
	}
	start := len(s.out)
	if err := s.text(); err != nil {
		return nil, err
	}
	name := s.out[start+1 : len(s.out)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		name = []byte(unquote(s.out[start:]))
	}
	if s.next() != ':' {
		return nil, s.wrong("a colon should follow the name %q", shorten(string(name)))
	}
	s.take()
	return name, nil
}

// text reads a string.
func (s *scanner) text() error {
	begin := s.at
	for s.at++; s.at < len(s.in); s.at++ {
		switch c := s.in[s.at]; {
		case c == '"':
			s.at++
			s.out = append(s.out, s.in[begin:s.at]...)
			return nil
		case s.at-begin > MaxString:
			return s.wrong("a string of more than %d bytes: keep large things elsewhere and send where they are", MaxString)
		case c < 0x20:
			return s.wrong("the control character %U in a string: write it as \\u%04x", c, c)
		case c == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		}
	}
	return s.wrong("the message ends within a string")
}

// escape reads an escape within a string, up to its last byte. Half of a surrogate pair is no character: encoding/json
// would make another value of it.
func (s *scanner) escape() error {
	begin := s.at
	s.at++
	if s.at == len(s.in) {
		return s.wrong("the message ends within a string")
	}
	switch s.in[s.at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
	default:
		return s.wrong("no escape \\%c in JSON", s.rune())
	}
	unit, ok := s.hex4(begin)
	low, pair := s.hex4(begin + 6)
	switch {
	case !ok:
		return s.wrong("four hexadecimal digits follow \\u")
	case unit < 0xD800 || unit > 0xDFFF:
		s.at = begin + 5
	case unit < 0xDC00 && pair && low >= 0xDC00 && low <= 0xDFFF:
		s.at = begin + 11
	default:
		return s.wrong("half of a surrogate pair (RFC 8259 section 8.2): send whole characters")
	}
	return nil
}

// hex4 reads \uXXXX at a byte of the input.
func (s *scanner) hex4(at int) (uint64, bool) {
	if at+6 > len(s.in) || s.in[at] != '\\' || s.in[at+1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(s.in[at+2:at+6]), 16, 16)
	return unit, err == nil
}

// number reads a number. One that no 64 bit float holds is refused, because a browser would read it as infinite.
func (s *scanner) number() error {
	begin := s.at
	if s.in[s.at] == '-' {
		s.at++
	}
	whole := s.digits()
	if whole == 0 || whole > 1 && s.in[s.at-whole] == '0' {
		return s.wrong("not a number of JSON: it begins with one digit from 1 to 9, or with a single 0")
	}
	count, exponent := whole, false
	if s.is('.') {
		s.at++
		fraction := s.digits()
		if fraction == 0 {
			return s.wrong("digits should follow the decimal point")
		}
		count += fraction
	}
	if s.is('e') || s.is('E') {
		s.at++
		if s.is('+') || s.is('-') {
			s.at++
		}
		power := s.digits()
		if power == 0 {
			return s.wrong("digits should follow the exponent's e")
		}
		count, exponent = count+power, true
	}
	if count > MaxDigits {
		return s.wrong("a number of more than %d digits: send it as a string", MaxDigits)
	}
	literal := s.in[begin:s.at]
	if exponent {
		// Nor one so small that a browser would read it as zero; others would take long to tell that it is not.
		f, err := strconv.ParseFloat(string(literal), 64)
		if err != nil || f == 0 && bytes.ContainsAny(literal[:bytes.IndexAny(literal, "eE")], "123456789") {
			return s.wrong("the number %s is out of range: send it as a string", shorten(string(literal)))
		}
	}
	s.out = append(s.out, literal...)
	return nil
}

func (s *scanner) is(c byte) bool { return s.at < len(s.in) && s.in[s.at] == c }

// digits skips digits and returns how many there were.
func (s *scanner) digits() int {
	begin := s.at
	for s.at < len(s.in) && digit(s.in[s.at]) {
		s.at++
	}
	return s.at - begin
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// word reads true, false or null.
func (s *scanner) word(w string) error {
	if len(s.in)-s.at < len(w) || string(s.in[s.at:s.at+len(w)]) != w {
		return s.wrong("no such word in JSON; %s?", w)
	}
	s.at += len(w)
	s.out = append(s.out, w...)
	return nil
}

// parts goes through an array or object that a scanner has read, which is as it should be and has no white space: it calls
// each for every element or member, of elements without a name.
func parts(raw []byte, each func(name, value []byte) error) error {
	closing := raw[0] + 2 // of [ and of {
	for at := 1; raw[at] != closing; {
		var name []byte
		if closing == '}' {
			end := valueEnd(raw, at)
			name, at = raw[at:end], end+1
		}
		end := valueEnd(raw, at)
		if err := each(name, raw[at:end]); err != nil {
			return err
		}
		if at = end; raw[at] == ',' {
			at++
		}
	}
	return nil
}

// valueEnd is where the value ends that begins at a byte.
func valueEnd(raw []byte, at int) int {
	for depth := 0; ; at++ {
		switch raw[at] {
		case '"':
			for at++; raw[at] != '"'; at++ {
				if raw[at] == '\\' {
					at++
				}
			}
			if depth == 0 {
				return at + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // of what the value is in
				return at
			}
			if depth--; depth == 0 {
				return at + 1
			}
		case ',':
			if depth == 0 {
				return at
			}
		}
	}
}

// unquote returns what a string that the scanner has read says.
func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') >= 0 {
		var text string
		_ = json.Unmarshal(raw, &text) // the scanner has checked it
		return text
	}
	return string(raw[1 : len(raw)-1])
}

// shorten keeps what a client sent from filling the answer.
func shorten(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
