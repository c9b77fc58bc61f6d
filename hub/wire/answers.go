package wire

import (
	"encoding/json"
	"time"
)

// An Answer is a frame that ends a request.
type Answer interface {
	Frame
	// AnswerTo returns the id of the request; 0 if the frame came by itself, as a Joined or an Error can.
	AnswerTo() uint64
}

// A Value is a value of a store with its origin.
type Value struct {
	Value    json.RawMessage `json:"value"`
	Position uint64          `json:"position,omitempty"` // of its last change; none in live stores
	By       string          `json:"by,omitempty"`       // who changed it
	At       time.Time       `json:"at,omitzero"`        // when
}

// A LogMessage is a message of a log within Joined. Several can have one position; their order is that of the list.
type LogMessage struct {
	Position uint64          `json:"position"`
	At       time.Time       `json:"at"`
	By       string          `json:"by,omitempty"`
	Data     json.RawMessage `json:"data"`
}

// Joined holds what a channel has, or what it has since a cursor. Without an id it can come at any time for a joined
// channel, to a client that was too slow for the single changes: it is applied in the same way. A field that is
// missing is empty.
type Joined struct {
	ID       uint64                     `json:"id,omitempty"`
	Channel  string                     `json:"channel"`
	Owner    string                     `json:"owner,omitempty"` // of a scoped store: whose values, if the Join named somebody
	Cursor   string                     `json:"cursor"`
	Mode     string                     `json:"mode"`               // Snapshot: forget what you have. Delta: change what you have
	Reason   string                     `json:"reason,omitempty"`   // of a snapshot
	Values   map[string]Value           `json:"values,omitempty"`   // of a store
	Removed  []string                   `json:"removed,omitempty"`  // keys of a store that are gone; in a delta only
	Defaults map[string]json.RawMessage `json:"defaults,omitempty"` // of a store: what keys without a value are; their position is 0
	Messages []LogMessage               `json:"messages,omitempty"` // of a log
	Gap      bool                       `json:"gap,omitempty"`      // of a log: messages before these are missing, for good
}

// The modes of Joined.
const (
	Snapshot = "snapshot"
	Delta    = "delta"
)

// The reasons for a snapshot.
const (
	ReasonNew     = "new"     // the client has not seen anything yet
	ReasonEpoch   = "epoch"   // its cursor is of another history: the log was restored, or has lost its end
	ReasonTrimmed = "trimmed" // deletions after its cursor were forgotten
	ReasonAhead   = "ahead"   // its cursor is after the end of the log
)

// Values answers Read.
type Values struct {
	ID       uint64                      `json:"id"`
	Channel  string                      `json:"channel"`
	Cursor   string                      `json:"cursor"`
	Values   map[string]Value            `json:"values,omitempty"`
	Defaults map[string]json.RawMessage  `json:"defaults,omitempty"` // as in Joined
	Owners   map[string]map[string]Value `json:"owners,omitempty"`   // everybody's, by whose they are, if all was asked for
}

// Locked answers Lock.
type Locked struct {
	ID       uint64 `json:"id"`
	Name     string `json:"name"`
	Token    uint64 `json:"token"` // for Held
	Position uint64 `json:"position"`
	Cursor   string `json:"cursor"`
}

// Left answers Leave.
type Left struct {
	ID uint64 `json:"id"`
}

// Written answers Write, Transact, Cancel, Unlock, Progress, Done and Failed. The client has been sent the change before.
type Written struct {
	ID       uint64   `json:"id"`
	Position uint64   `json:"position"`
	Cursor   string   `json:"cursor"`
	Calls    []string `json:"calls,omitempty"` // the ids of the calls of a Transact, in order
}

// Appended answers Append.
type Appended struct {
	ID       uint64 `json:"id"`
	Position uint64 `json:"position"`
	Cursor   string `json:"cursor"`
}

// Called answers Call. A stop command has no position: it did not wait for the log.
type Called struct {
	ID       uint64 `json:"id"`
	Call     string `json:"call"`
	Position uint64 `json:"position,omitempty"`
	Cursor   string `json:"cursor,omitempty"`
}

// Serving answers Serve.
type Serving struct {
	ID       uint64       `json:"id"`
	Commands List[string] `json:"commands"`
}

// Controlled answers Control.
type Controlled struct {
	ID       uint64 `json:"id"`
	Term     uint64 `json:"term"` // in force now
	Position uint64 `json:"position"`
	Cursor   string `json:"cursor"`
	Request  string `json:"request,omitempty"` // the id of the request that was made
}

// Pong answers Ping.
type Pong struct {
	ID     uint64 `json:"id"`
	Cursor string `json:"cursor"`
}

// Error refuses a request, or says that its outcome is not known. Without an id it speaks of a frame that had none.
type Error struct {
	ID      uint64                     `json:"id,omitempty"`
	Code    string                     `json:"code"`
	Detail  string                     `json:"detail"`            // a sentence: what is so, and what to do next
	Current map[string]json.RawMessage `json:"current,omitempty"` // with conflict: each a Value, or null if there is none
	Op      string                     `json:"op,omitempty"`
	More    map[string]any             `json:"more,omitempty"` // named facts, such as the holder of the seat
}

// FrameType returns "joined".
func (*Joined) FrameType() string { return "joined" }

// FrameType returns "values".
func (*Values) FrameType() string { return "values" }

// FrameType returns "locked".
func (*Locked) FrameType() string { return "locked" }

// FrameType returns "left".
func (*Left) FrameType() string { return "left" }

// FrameType returns "written".
func (*Written) FrameType() string { return "written" }

// FrameType returns "appended".
func (*Appended) FrameType() string { return "appended" }

// FrameType returns "called".
func (*Called) FrameType() string { return "called" }

// FrameType returns "serving".
func (*Serving) FrameType() string { return "serving" }

// FrameType returns "controlled".
func (*Controlled) FrameType() string { return "controlled" }

// FrameType returns "pong".
func (*Pong) FrameType() string { return "pong" }

// FrameType returns "error".
func (*Error) FrameType() string { return "error" }

// AnswerTo returns the id of the Join, 0 if none was asked for.
func (f *Joined) AnswerTo() uint64 { return f.ID }

// AnswerTo returns the id of the Read.
func (f *Values) AnswerTo() uint64 { return f.ID }

// AnswerTo returns the id of the Lock.
func (f *Locked) AnswerTo() uint64 { return f.ID }

// AnswerTo returns the id of the Leave.
func (f *Left) AnswerTo() uint64 { return f.ID }

// AnswerTo returns the id of the request.
func (f *Written) AnswerTo() uint64 { return f.ID }

// AnswerTo returns the id of the Append.
func (f *Appended) AnswerTo() uint64 { return f.ID }

// AnswerTo returns the id of the Call.
func (f *Called) AnswerTo() uint64 { return f.ID }

// AnswerTo returns the id of the Serve.
func (f *Serving) AnswerTo() uint64 { return f.ID }

// AnswerTo returns the id of the Control.
func (f *Controlled) AnswerTo() uint64 { return f.ID }

// AnswerTo returns the id of the Ping.
func (f *Pong) AnswerTo() uint64 { return f.ID }

// AnswerTo returns the id of the refused request, 0 if it had none.
func (f *Error) AnswerTo() uint64 { return f.ID }
