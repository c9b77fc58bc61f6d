package wire

import (
	"embed"
	"strings"
)

// Files holds what the protocol's document is made from: the Go files that declare the frames, with their comments,
// and the golden frames. A program that does not read it does not carry it.
//
//go:embed answers.go parts.go pushes.go requests.go wire.go testdata/*.json
var Files embed.FS

// hubTypes are the frames that newFrame makes, in the order in which to read about them.
const hubTypes = "welcome, joined, left, change, message, signal, values, written, appended, called, call, serving, " +
	"invoke, cancel, controlled, control, locked, presence, idle, pong, stale, fresh, leaving, bye, error"

// EveryFrame returns an empty frame of each type: what clients send, and what hubs send.
func EveryFrame() (requests []Request, pushes []Frame) {
	for t := range strings.SplitSeq(requestTypes, ", ") {
		requests = append(requests, newRequest(t))
	}
	for t := range strings.SplitSeq(hubTypes, ", ") {
		pushes = append(pushes, newFrame(t))
	}
	return requests, pushes
}

// Required returns the names that a request must have besides its type: DecodeRequests refuses it without them.
func Required(r Request) (names []string) {
	for _, f := range allFields(r) {
		if f.required {
			names = append(names, f.name)
		}
	}
	return names
}
