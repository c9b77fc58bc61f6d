// Package wire is the protocol baton.v1 as Go types: what a client may ask, what a hub answers and pushes.
//
// Every WebSocket message, both ways, is a JSON array of frames, and a frame is an object with a "type". The package
// is pure data: it opens nothing, knows no clock and imports nothing of the project. The files in testdata hold every
// frame in several forms; the tests of the Go and of the TypeScript client read the same ones, so the two cannot drift
// apart unnoticed. Package asyncapi makes the protocol's document from the types, their comments and these files: a
// comment here is read by people who do not write Go.
//
// The two directions are read differently, on purpose:
//
//   - A hub reads what strangers send. [DecodeRequests] is strict, and it is the only door: what encoding/json would
//     let pass (duplicate keys, names in the wrong case, unknown fields, broken UTF-8) is refused with a [BadFrame]
//     that says what to do. One bad frame refuses its whole message: nothing of it is done.
//   - A client reads a hub that may be newer than itself. [DecodeFrames] skips the types and fields that it does not
//     know, and refuses only what is not JSON.
//
// So a version of the protocol may add types and fields to what hubs send, and optional fields and types to what they
// accept; a client uses those only with a hub whose welcome shows that it knows them (its rules, its limits, its version).
// A field that is there keeps its meaning, and words that clients branch on (codes, states, modes) are only added where an
// unknown one is harmless. What cannot be said that way is another [Subprotocol], which hubs speak beside this one for
// as long as there are clients of the old. What the nodes write for each other is bound by the rule at
// channels.EntryVersion.
//
// Values (set, data, args, result and the like) stay [json.RawMessage]. They are checked and stripped of white space,
// never read into a float and written again: 0.1e1 and a number of 30 digits arrive as they were sent.
//
// Writing is the same both ways: [AppendFrame] encodes a frame once, and [JoinFrames] makes a message of frames that are
// encoded already, so that a hub encodes a change once for all its readers.
package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Subprotocol is the WebSocket subprotocol that both ends name.
const Subprotocol = "baton.v1"

// Path is the HTTP path of the WebSocket endpoint. Its query has client=<client id>: 4 to 40 of A-Z a-z 0-9 _ and -,
// random, new for every page load or process, kept in memory only. It is a secret until its first operation; who connects
// with that of another user is refused with 409 and takes a new one.
const Path = "/api/v1/ws"

// The codes with which a hub closes a connection. After SignedOut, Forbidden and Replaced a client does not come back
// by itself; after the others it does.
const (
	CloseLeaving    = 1012 // this node is leaving: reconnect, after the time that bye names
	CloseTooSlow    = 4008 // the client took nothing for 10 s
	CloseBadFrame   = 4400 // a message could not be read
	CloseSignedOut  = 4401 // the session or token has ended
	CloseForbidden  = 4403 // the origin, or a right that is missing
	CloseUnfinished = 4408 // a message did not come in whole within 10 s
	CloseReplaced   = 4409 // another login took this one's place
	CloseTooMany    = 4429 // more messages than the limit allows
)

// The codes of an [Error] that come from the connection itself. All others come from the decision, see package
// channels.
const (
	CodeBadFrame   = "bad_frame"  // DecodeRequests refused the message
	CodeRate       = "rate"       // too many messages for a while
	CodeUnanswered = "unanswered" // too many requests wait for their answer
)

// A Frame is one object of a message, in either direction.
type Frame interface {
	// FrameType is the frame's "type". A call and a control frame exist in both directions and differ.
	FrameType() string
}

// AppendFrame appends the JSON of one frame to dst. Raw values are JSON without white space, as DecodeRequests returns them;
// frames that are rare are looked through again, and one in which such a value is not JSON makes it panic.
func AppendFrame(dst []byte, f Frame) []byte {
	if q, ok := f.(quick); ok {
		dst = append(append(append(dst, `{"type":"`...), q.FrameType()...), '"')
		return append(q.appendMembers(dst), '}')
	}
	body, err := encode(f)
	if err != nil {
		panic(fmt.Sprintf("wire: encoding a %s frame: %v", f.FrameType(), err))
	}
	dst = append(dst, `{"type":"`...)
	dst = append(dst, f.FrameType()...)
	dst = append(dst, '"')
	if !bytes.Equal(body, []byte("{}")) {
		dst = append(dst, ',')
	}
	return append(dst, body[1:]...)
}

// JoinFrames makes one message of frames that AppendFrame encoded.
func JoinFrames(frames [][]byte) []byte {
	size := len(frames) + 2
	for _, f := range frames {
		size += len(f)
	}
	message := append(make([]byte, 0, size), '[')
	for i, f := range frames {
		if i > 0 {
			message = append(message, ',')
		}
		message = append(message, f...)
	}
	return append(message, ']')
}

// Encode makes one message of frames.
func Encode(frames ...Frame) []byte {
	message := []byte{'['}
	for i, f := range frames {
		if i > 0 {
			message = append(message, ',')
		}
		message = AppendFrame(message, f)
	}
	return append(message, ']')
}

// encode is json.Marshal without the escapes for HTML, which would change raw values.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// A List is a slice that is [] in JSON when it is nil, never null. A []T can be assigned to it.
type List[T any] []T

// MarshalJSON writes the list.
func (l List[T]) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return encode([]T(l))
}

// A Table is a map that is {} in JSON when it is nil, never null. A map[string]T can be assigned to it.
type Table[T any] map[string]T

// MarshalJSON writes the table.
func (t Table[T]) MarshalJSON() ([]byte, error) {
	if t == nil {
		return []byte("{}"), nil
	}
	return encode(map[string]T(t))
}
