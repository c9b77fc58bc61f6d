package wire

import "encoding/json"

// A Request is a frame that a client sends.
type Request interface {
	Frame
	// Header returns the part that all requests share.
	Header() *Head
	// fields lists what the frame may hold, for DecodeRequests.
	fields() []field
}

// Head is the part that all requests share.
type Head struct {
	ID   uint64 `json:"id,omitempty"`   // Required, but for Send. 1 to 2^53, unique among the connection's unanswered requests
	Seen string `json:"seen,omitempty"` // Optional. A cursor: decide, or read, at or after it

	// Optional. The operation was sent before, and may be on its way still: if it is refused now, no node does it later.
	Again bool `json:"again,omitempty"`
}

// Header returns h.
func (h *Head) Header() *Head { return h }

// Join asks for a channel: its values or messages now, and every change from then on. Joins of one message are
// answered at one position, in one message. Answered by [Joined].
type Join struct {
	Head
	Channel string `json:"channel"`          // Required.
	Cursor  string `json:"cursor,omitempty"` // Optional. What the client has seen: the answer is the difference if it can be
	Last    *int   `json:"last,omitempty"`   // Optional. Of a log: only so many messages, the newest; 0 for none. Default: all that are kept
	Owner   string `json:"owner,omitempty"`  // Optional. Of a scoped store: whose values, for who may read them all. Default: one's own
}

// Leave ends a Join. Answered by [Left].
type Leave struct {
	Head
	Channel string `json:"channel"` // Required.
}

// Write changes keys of a store, all or none. Answered by [Written]; the [Change] itself comes first.
type Write struct {
	Head
	Channel string                     `json:"channel"`          // Required.
	Owner   string                     `json:"owner,omitempty"`  // Optional. Of a scoped store: whose values. Default: one's own
	Set     map[string]json.RawMessage `json:"set,omitempty"`    // Set, Delete or Patch is required.
	Delete  []string                   `json:"delete,omitempty"` // Keys to delete.
	Patch   map[string]json.RawMessage `json:"patch,omitempty"`  // JSON Merge Patches (RFC 7396) of what is there when it is decided
	If      map[string]uint64          `json:"if,omitempty"`     // Optional. Refuse unless each key was last changed at this position; 0: does not exist
	Unseen  string                     `json:"unseen,omitempty"` // Optional. A cursor: refuse if another client changed a key of this write after it
	Term    uint64                     `json:"term,omitempty"`   // The term the user acted under. Required where only the operator may write
	Held    map[string]uint64          `json:"held,omitempty"`   // Optional. Refuse unless the client holds these locks: name to token, see Lock
	Op      string                     `json:"op"`               // Required. client.n; the same op again gets the first answer
}

// Transact is several writes, messages and calls, all or none, at one position. Answered by [Written], or by an [Error]
// whose More names the part that was refused.
type Transact struct {
	Head
	Writes  []TransactWrite   `json:"writes,omitempty"`  // Writes, Appends or Calls is required.
	Appends []TransactAppend  `json:"appends,omitempty"` // Messages for logs.
	Calls   []TransactCall    `json:"calls,omitempty"`   // Calls of commands. A stop command is called by itself
	Term    uint64            `json:"term,omitempty"`    // As in Write, for all parts.
	Held    map[string]uint64 `json:"held,omitempty"`    // As in Write, for all parts.
	Op      string            `json:"op"`                // Required.
}

// Append adds a message to a log. Answered by [Appended].
type Append struct {
	Head
	Channel string          `json:"channel"`        // Required.
	Data    json.RawMessage `json:"data"`           // Required.
	Term    uint64          `json:"term,omitempty"` // As in Write.
	Op      string          `json:"op"`             // Required.
}

// Send sets and deletes values of a live store, or sends a signal. It is answered only if it is refused, by an [Error]
// with its id if it has one.
type Send struct {
	Head
	Channel string                     `json:"channel"`          // Required.
	Set     map[string]json.RawMessage `json:"set,omitempty"`    // Of a live store: Set or Delete is required.
	Delete  []string                   `json:"delete,omitempty"` // Keys of a live store to delete.
	Data    json.RawMessage            `json:"data,omitempty"`   // Of a signal: required, and nothing else.
}

// Read asks for values once, without joining. Answered by [Values].
type Read struct {
	Head
	Channel string   `json:"channel"`         // Required. A store
	Keys    []string `json:"keys,omitempty"`  // Optional. Default: all keys
	Owner   string   `json:"owner,omitempty"` // Optional. As in Join; not with All
	All     bool     `json:"all,omitempty"`   // Optional. Of a scoped store: everybody's values, for who may read them all
}

// Call asks the service of a command to do it. Answered by [Called], then [CallState] as it goes on.
type Call struct {
	Head
	Command    string          `json:"command"`               // Required.
	Args       json.RawMessage `json:"args,omitempty"`        // Optional.
	DeadlineMS int64           `json:"deadline_ms,omitempty"` // Optional. How long it may take as a whole, milliseconds, if shorter than the rules say
	Term       uint64          `json:"term,omitempty"`        // As in Write; never for a stop command.
	Op         string          `json:"op"`                    // Required.
}

// Cancel asks for a call to be given up: one that waits is ended at once, the service of one that was taken gets a
// [Cancelled]. Answered by [Written].
type Cancel struct {
	Head
	Call string `json:"call"`           // Required. Its id.
	Term uint64 `json:"term,omitempty"` // As in Write, if somebody else called.
	Op   string `json:"op"`             // Required.
}

// Lock takes a named lock: one client holds it at a time, until it gives it up or has been gone for a while. Answered by
// [Locked], or by an [Error] that names the holder.
type Lock struct {
	Head
	Name string `json:"name"` // Required.
	Op   string `json:"op"`   // Required.
}

// Unlock gives a lock up. Answered by [Written].
type Unlock struct {
	Head
	Name  string `json:"name"`            // Required.
	Token uint64 `json:"token,omitempty"` // Optional. Only if it is held under this token, see Locked
	Op    string `json:"op"`              // Required.
}

// Serve offers to carry out commands; it replaces what the connection served before. Answered by [Serving], then an
// [Invoke] for each call.
type Serve struct {
	Head
	Commands List[string] `json:"commands"` // Required. Empty: serve nothing any more
}

// Progress tells how far a call is. Answered by [Written].
type Progress struct {
	Head
	Call     string          `json:"call"`     // Required. Its id.
	Progress json.RawMessage `json:"progress"` // Required.
	Op       string          `json:"op"`       // Required.
}

// Done ends a call. Answered by [Written].
type Done struct {
	Head
	Call   string          `json:"call"`             // Required.
	Result json.RawMessage `json:"result,omitempty"` // Optional.
	Op     string          `json:"op"`               // Required.
}

// Failed ends a call that could not be carried out. Answered by [Written].
type Failed struct {
	Head
	Call  string `json:"call"`  // Required.
	Error string `json:"error"` // Required. A sentence for the person who called
	Op    string `json:"op"`    // Required.
}

// Control asks for a transition of the operator's seat. Answered by [Controlled].
type Control struct {
	Head
	Do      string `json:"do"`                // Required. request, cancel, grant, deny, give, release or take
	Request string `json:"request,omitempty"` // The request to grant or deny.
	Session string `json:"session,omitempty"` // To whom to give.
	Message string `json:"message,omitempty"` // With request.
	Reason  string `json:"reason,omitempty"`  // With deny and take.
	Force   bool   `json:"force,omitempty"`   // With take, by staff: although the instrument runs, where the space refuses that.
	Op      string `json:"op"`                // Required.
}

// Ping asks for a [Pong].
type Ping struct {
	Head
}

// FrameType returns "join".
func (*Join) FrameType() string { return "join" }

// FrameType returns "leave".
func (*Leave) FrameType() string { return "leave" }

// FrameType returns "write".
func (*Write) FrameType() string { return "write" }

// FrameType returns "append".
func (*Append) FrameType() string { return "append" }

// FrameType returns "send".
func (*Send) FrameType() string { return "send" }

// FrameType returns "call".
func (*Call) FrameType() string { return "call" }

// FrameType returns "serve".
func (*Serve) FrameType() string { return "serve" }

// FrameType returns "progress".
func (*Progress) FrameType() string { return "progress" }

// FrameType returns "done".
func (*Done) FrameType() string { return "done" }

// FrameType returns "failed".
func (*Failed) FrameType() string { return "failed" }

// FrameType returns "control".
func (*Control) FrameType() string { return "control" }

// FrameType returns "ping".
func (*Ping) FrameType() string { return "ping" }

// FrameType returns "transact".
func (*Transact) FrameType() string { return "transact" }

// FrameType returns "read".
func (*Read) FrameType() string { return "read" }

// FrameType returns "cancel".
func (*Cancel) FrameType() string { return "cancel" }

// FrameType returns "lock".
func (*Lock) FrameType() string { return "lock" }

// FrameType returns "unlock".
func (*Unlock) FrameType() string { return "unlock" }

// newRequest returns an empty request of a type, nil if there is none.
func newRequest(frameType string) Request {
	switch frameType {
	case "join":
		return new(Join)
	case "leave":
		return new(Leave)
	case "write":
		return new(Write)
	case "append":
		return new(Append)
	case "send":
		return new(Send)
	case "call":
		return new(Call)
	case "serve":
		return new(Serve)
	case "progress":
		return new(Progress)
	case "done":
		return new(Done)
	case "failed":
		return new(Failed)
	case "control":
		return new(Control)
	case "transact":
		return new(Transact)
	case "read":
		return new(Read)
	case "cancel":
		return new(Cancel)
	case "lock":
		return new(Lock)
	case "unlock":
		return new(Unlock)
	case "ping":
		return new(Ping)
	}
	return nil
}
