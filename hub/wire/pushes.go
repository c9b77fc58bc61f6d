package wire

import (
	"encoding/json"
	"time"
)

// Welcome is the first frame of a connection. It can come again, on the same connection, when other rules have come into
// force or what the client may do has changed: then all channels that were joined are left, and a client joins them again,
// with its cursors, and serves again. What it has asked for and not heard of is answered once all the same, so a join
// without an answer is not repeated; one that is refused with unavailable is. Calls that a service is at are handed to it
// once more.
type Welcome struct {
	Conn     string              `json:"conn"`    // of this connection, to find it in the hub's log
	Session  string              `json:"session"` // of the login session or token
	Space    string              `json:"space"`
	Title    string              `json:"title"` // of the space, for people
	Epoch    string              `json:"epoch"`
	Cursor   string              `json:"cursor"`
	You      You                 `json:"you"`
	Control  ControlState        `json:"control"`
	Presence List[Member]        `json:"presence"`
	Calls    List[CallState]     `json:"calls"` // of this user, in flight and lately ended
	Channels Table[ChannelRules] `json:"channels"`
	Commands Table[CommandRules] `json:"commands"`
	GraceMS  int64               `json:"grace_ms"` // how long the seat of an operator whose link is lost is kept
	Limits   Limits              `json:"limits"`
	Version  string              `json:"version"` // of the hub
	Node     string              `json:"node"`    // its name
}

// You is who the client is to the hub.
type You struct {
	User     string       `json:"user"`
	Name     string       `json:"name"`
	Roles    List[string] `json:"roles"`
	Session  string       `json:"session"`
	Proposal string       `json:"proposal,omitempty"`
}

// Limits are what the hub accepts from this connection.
type Limits struct {
	Message    int `json:"message"`    // bytes in one message
	Unanswered int `json:"unanswered"` // requests that wait for their answer
	Joined     int `json:"joined"`     // channels
	Rate       int `json:"rate"`       // messages a second
	Burst      int `json:"burst"`      // messages at once
	Signals    int `json:"signals"`    // signals a second on one channel; of faster ones the newest is sent
}

// ChannelRules are the rules of a channel as clients need them: what it is, and who may do what.
type ChannelRules struct {
	Kind    string                     `json:"kind"`               // store, log or signal
	Scope   string                     `json:"scope,omitempty"`    // user: everybody has values of their own; group: every proposal
	Live    bool                       `json:"live,omitempty"`     // a store whose values have no history
	Write   List[string]               `json:"write"`              // roles, or member, operator, owner; any one suffices
	Read    []string                   `json:"read,omitempty"`     // default member
	ReadAll []string                   `json:"read_all,omitempty"` // of a scoped store; default staff, service
	Keep    int                        `json:"keep,omitempty"`     // how many messages a log keeps
	KeepMS  int64                      `json:"keep_ms,omitempty"`  // and for how long, milliseconds
	Default map[string]json.RawMessage `json:"default,omitempty"`  // what keys without a value are
	Schema  json.RawMessage            `json:"schema,omitempty"`   // JSON Schema of each value or message
}

// CommandRules are the rules of a command.
type CommandRules struct {
	Call       List[string]    `json:"call"`                  // as in ChannelRules
	Serve      []string        `json:"serve,omitempty"`       // default service
	Stop       bool            `json:"stop,omitempty"`        // never fenced
	Args       json.RawMessage `json:"args,omitempty"`        // JSON Schema of the arguments
	Progress   json.RawMessage `json:"progress,omitempty"`    // JSON Schema of each progress
	Result     json.RawMessage `json:"result,omitempty"`      // JSON Schema of the result
	DeadlineMS int64           `json:"deadline_ms,omitempty"` // how long a call may take as a whole, milliseconds
}

// Change is one commit in one store. All changes of a commit are in one message. A live store's has neither position,
// cursor, at nor op.
type Change struct {
	Channel  string                     `json:"channel"`
	Owner    string                     `json:"owner,omitempty"` // as in Joined
	Position uint64                     `json:"position,omitempty"`
	Cursor   string                     `json:"cursor,omitempty"`
	At       time.Time                  `json:"at,omitzero"`
	Set      map[string]json.RawMessage `json:"set,omitempty"`
	Patch    map[string]json.RawMessage `json:"patch,omitempty"` // JSON Merge Patches (RFC 7396) of the values that the client has
	Delete   []string                   `json:"delete,omitempty"`
	By       string                     `json:"by,omitempty"`
	Op       string                     `json:"op,omitempty"`
}

// Message is one message of a log.
type Message struct {
	Channel  string          `json:"channel"`
	Position uint64          `json:"position"`
	Cursor   string          `json:"cursor"`
	At       time.Time       `json:"at"`
	By       string          `json:"by,omitempty"`
	Data     json.RawMessage `json:"data"`
	Op       string          `json:"op,omitempty"`
}

// CallState tells all connections of the user who called how a call stands.
type CallState struct {
	Call       string          `json:"call"`
	Command    string          `json:"command"`
	Args       json.RawMessage `json:"args,omitempty"`
	By         string          `json:"by"`
	Term       uint64          `json:"term"`
	State      string          `json:"state"` // waiting, taken, done, failed, cancelled or unknown
	Progress   json.RawMessage `json:"progress,omitempty"`
	Result     json.RawMessage `json:"result,omitempty"`      // when done
	Error      string          `json:"error,omitempty"`       // when failed, cancelled or unknown
	DeadlineMS int64           `json:"deadline_ms,omitempty"` // what is left of the time it may take, as of this frame, milliseconds
	Cancelling bool            `json:"cancelling,omitempty"`  // its service has been asked to stop it
	Cursor     string          `json:"cursor,omitempty"`
}

// Cancelled tells the service that took a call to stop it, and then to answer Failed, or Done if it has come too far.
type Cancelled struct {
	Call string `json:"call"`
}

// Signal is a signal of another client. Of those that were sent faster than they could be read there is only the newest.
type Signal struct {
	Channel string          `json:"channel"`
	From    string          `json:"from"` // names the client that sent it: always the same, and not its id
	By      string          `json:"by"`   // its user
	Data    json.RawMessage `json:"data"`
}

// Invoke hands a call to the service of its command, once.
type Invoke struct {
	Call    string          `json:"call"`
	Command string          `json:"command"`
	Args    json.RawMessage `json:"args"` // null if there were none
	By      Person          `json:"by"`
	Term    uint64          `json:"term"` // it was called under
	Stop    bool            `json:"stop,omitempty"`
	Cursor  string          `json:"cursor,omitempty"` // where it was taken: what is said of it, over another node perhaps, has seen that

	DeadlineMS int64 `json:"deadline_ms,omitempty"` // what is left of the time it may take, as of this frame, milliseconds
}

// A Person is a user in one login session.
type Person struct {
	Session string `json:"session"`
	User    string `json:"user"`
	Name    string `json:"name"`
}

// ControlState is who is operator, and who asks to be.
type ControlState struct {
	Cursor   string               `json:"cursor,omitempty"`
	Term     uint64               `json:"term"`
	Operator *Person              `json:"operator"` // nil: the seat is vacant
	Since    time.Time            `json:"since"`
	Lost     *Lost                `json:"lost"` // nil: the operator's link is up
	Requests List[ControlRequest] `json:"requests"`
}

// Lost says that the operator's link is down.
type Lost struct {
	RemainingMS int64 `json:"remaining_ms"` // milliseconds until the seat falls vacant, as of this frame
}

// ControlRequest is one place in the line for the seat.
type ControlRequest struct {
	ID      string    `json:"id"`
	User    string    `json:"user"`
	Name    string    `json:"name"`
	Session string    `json:"session"`
	Message string    `json:"message"`
	Since   time.Time `json:"since"`
}

// Presence is who is connected to the space, on any node.
type Presence struct {
	Members List[Member] `json:"members"`
}

// A Member is one person, however many tabs they have open.
type Member struct {
	User        string       `json:"user"`
	Name        string       `json:"name"`
	Roles       List[string] `json:"roles"`
	Connections int          `json:"connections"`
	Sessions    List[string] `json:"sessions"`
}

// Stale says that the hub has not heard from the log since a time: what the client shows may be old.
type Stale struct {
	Since time.Time `json:"since"`
}

// Fresh ends Stale.
type Fresh struct{}

// Idle says that the login session ends for want of deliberate input, or, without a time, that it does not any more. Any
// changing request is input, and so is POST /api/v1/session/active.
type Idle struct {
	RemainingMS int64 `json:"remaining_ms,omitempty"`
}

// Leaving says that the node is leaving, and that it closes this connection after so long: open the next connection now, with
// the same client id, join with your cursors and serve over it, then close this one. Until then it works as ever.
type Leaving struct {
	WithinMS int64 `json:"within_ms"` // milliseconds
}

// Bye is the last frame before the hub closes the connection.
type Bye struct {
	Code           int    `json:"code"` // with which it will be closed
	Reason         string `json:"reason"`
	ReconnectAfter int64  `json:"reconnect_after"` // milliseconds; 0: the client's own back-off
}

// FrameType returns "welcome".
func (*Welcome) FrameType() string { return "welcome" }

// FrameType returns "change".
func (*Change) FrameType() string { return "change" }

// FrameType returns "message".
func (*Message) FrameType() string { return "message" }

// FrameType returns "call".
func (*CallState) FrameType() string { return "call" }

// FrameType returns "invoke".
func (*Invoke) FrameType() string { return "invoke" }

// FrameType returns "control".
func (*ControlState) FrameType() string { return "control" }

// FrameType returns "cancel".
func (*Cancelled) FrameType() string { return "cancel" }

// FrameType returns "signal".
func (*Signal) FrameType() string { return "signal" }

// FrameType returns "presence".
func (*Presence) FrameType() string { return "presence" }

// FrameType returns "idle".
func (*Idle) FrameType() string { return "idle" }

// FrameType returns "stale".
func (*Stale) FrameType() string { return "stale" }

// FrameType returns "fresh".
func (*Fresh) FrameType() string { return "fresh" }

// FrameType returns "leaving".
func (*Leaving) FrameType() string { return "leaving" }

// FrameType returns "bye".
func (*Bye) FrameType() string { return "bye" }
