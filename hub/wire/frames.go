package wire

import (
	"encoding/json"
	"fmt"
)

// DecodeFrames reads a message of a hub. Frames of a type that this package does not know are left out, and fields
// that it does not know are ignored: the hub may be newer. Each frame is a pointer.
func DecodeFrames(data []byte) ([]Frame, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("reading a message: %w", err)
	}
	frames := make([]Frame, 0, len(raw))
	for i, r := range raw {
		var head struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(r, &head); err != nil {
			return nil, fmt.Errorf("reading frame %d: %w", i, err)
		}
		f := newFrame(head.Type)
		if f == nil {
			continue
		}
		if err := json.Unmarshal(r, f); err != nil {
			return nil, fmt.Errorf("reading frame %d, %s: %w", i, head.Type, err)
		}
		frames = append(frames, f)
	}
	return frames, nil
}

// newFrame returns an empty frame of a type that hubs send, nil if there is none.
func newFrame(frameType string) Frame {
	switch frameType {
	case "welcome":
		return new(Welcome)
	case "joined":
		return new(Joined)
	case "left":
		return new(Left)
	case "change":
		return new(Change)
	case "message":
		return new(Message)
	case "written":
		return new(Written)
	case "appended":
		return new(Appended)
	case "called":
		return new(Called)
	case "call":
		return new(CallState)
	case "values":
		return new(Values)
	case "locked":
		return new(Locked)
	case "signal":
		return new(Signal)
	case "cancel":
		return new(Cancelled)
	case "serving":
		return new(Serving)
	case "invoke":
		return new(Invoke)
	case "control":
		return new(ControlState)
	case "controlled":
		return new(Controlled)
	case "presence":
		return new(Presence)
	case "pong":
		return new(Pong)
	case "stale":
		return new(Stale)
	case "idle":
		return new(Idle)
	case "fresh":
		return new(Fresh)
	case "leaving":
		return new(Leaving)
	case "bye":
		return new(Bye)
	case "error":
		return new(Error)
	}
	return nil
}
