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
}

// Header returns h.
func (h *Head) Header() *Head { return h }

// Join asks for a channel: its values or messages now, and every change from then on. Joins of one message are
// answered at one position, in one message. Answered by [Joined].
type Join struct {
	Head
	Channel string `json:"channel"`          // Required.
	Cursor  string `json:"cursor,omitempty"` // Optional. What the client has seen: the answer is the difference if it can be
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
	Set     map[string]json.RawMessage `json:"set,omitempty"`    // Set, Delete or Patch is required.
	Delete  []string                   `json:"delete,omitempty"` // Keys to delete.
	Patch   map[string]json.RawMessage `json:"patch,omitempty"`  // JSON Merge Patches (RFC 7396) of what is there when it is decided
	If      map[string]uint64          `json:"if,omitempty"`     // Optional. Refuse unless each key was last changed at this position; 0: does not exist
	Unseen  string                     `json:"unseen,omitempty"` // Optional. A cursor: refuse if another client changed a key of this write after it
	Term    uint64                     `json:"term,omitempty"`   // The term the user acted under. Required where only the operator may write
	Op      string                     `json:"op"`               // Required. client.n; the same op again gets the first answer
}

// Append adds a message to a log. Answered by [Appended].
type Append struct {
	Head
	Channel string          `json:"channel"`        // Required.
	Data    json.RawMessage `json:"data"`           // Required.
	Term    uint64          `json:"term,omitempty"` // As in Write.
	Op      string          `json:"op"`             // Required.
}

// Send sets values of a live store. It is answered only if it is refused, by an [Error] with its id if it has one.
type Send struct {
	Head
	Channel string                     `json:"channel"` // Required.
	Set     map[string]json.RawMessage `json:"set"`     // Required.
}

// Call asks the service of a command to do it. Answered by [Called], then [CallState] as it goes on.
type Call struct {
	Head
	Command string          `json:"command"`        // Required.
	Args    json.RawMessage `json:"args,omitempty"` // Optional.
	Term    uint64          `json:"term,omitempty"` // As in Write; never for a stop command.
	Op      string          `json:"op"`             // Required.
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
	case "ping":
		return new(Ping)
	}
	return nil
}
