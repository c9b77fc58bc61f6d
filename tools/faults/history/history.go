// Package history is what a run of the proof harness leaves behind, and all that a checker may look at: what each client
// asked and was answered, every message that it was sent, and the committed log of the space. Clients write it (Recorder),
// checkers read it (Read), and it lies in a folder in between, one JSON value a line, so that a run that failed can be
// looked into, and checked again when a checker has changed.
//
// Nothing is left out or made sense of while it is written: a message is kept as it came. What it means is for the
// checkers to say, or a mistake of the harness could hide one of Baton.
//
// All times are nanoseconds of one monotonic clock, that of the process which has all the clients, since the run began.
package history

import (
	"encoding/json"

	"github.com/baton-hub/baton/channels"
)

// A History is one run.
type History struct {
	Run        Run
	Operations []Operation // by Begin, as are the others by their time
	Joins      []Join
	Messages   []Message
	Closes     []Closed
	Visits     []Visit
	Bytes      []Bytes
	Events     []Event
	Log        []Entry // L: the committed log of the space, as it was read after the run

	// The logs of other spaces that Visits are about.
	Others map[string][]Entry
}

// A Run says what was run.
type Run struct {
	Seed   uint64   `json:"seed"`
	Space  string   `json:"space"`
	Hub    string   `json:"hub,omitempty"`    // the version that ran: of a mutant, its name
	Nodes  int      `json:"nodes,omitempty"`  // hubs
	Faults []string `json:"faults,omitempty"` // kinds of faults that were allowed
}

// The outcomes of an operation.
const (
	OK      = "ok"      // the hub said that it is done
	Refused = "refused" // the hub said that it is not: Code says why
	Unknown = "unknown" // the hub said that it does not know, or nothing
)

// An Operation is one attempt of a client at one request. The same request sent again is another Operation with the same Op.
type Operation struct {
	Client  string `json:"client"` // its id; new for each page load
	User    string `json:"user"`
	Session string `json:"session"`
	Node    string `json:"node,omitempty"` // that answered, or was asked; "" if that is not known
	Conn    string `json:"conn,omitempty"` // the socket, see Message; "" over HTTP

	Op    string `json:"op,omitempty"`    // client.n; "" for a read
	Again bool   `json:"again,omitempty"` // it said that it was sent before
	Verb  string `json:"verb"`            // the type of the frame: write, append, transact, call, control, read…
	Seen  string `json:"seen,omitempty"`
	Term  uint64 `json:"term,omitempty"` // under which it was meant

	// What it asks for, by its verb: a Transact may have several of the first three.
	Writes  []Write  `json:"writes,omitempty"`
	Appends []Append `json:"appends,omitempty"`
	Calls   []Call   `json:"calls,omitempty"`
	Control *Control `json:"control,omitempty"`
	Read    *Reading `json:"read,omitempty"`

	Begin    int64           `json:"begin"` // before the first byte was sent
	End      int64           `json:"end"`   // after the answer was read, or given up; for Unknown it means nothing
	Outcome  string          `json:"outcome"`
	Position uint64          `json:"position,omitempty"` // of an ok: that it was committed at. Of a read: that it speaks of
	Code     string          `json:"code,omitempty"`     // of a refusal
	Answer   json.RawMessage `json:"answer,omitempty"`   // the whole frame
}

// A Write changes keys of a store.
type Write struct {
	Channel string                     `json:"channel"`
	Owner   string                     `json:"owner,omitempty"`
	Set     map[string]json.RawMessage `json:"set,omitempty"`
	Delete  []string                   `json:"delete,omitempty"`
	Patch   map[string]json.RawMessage `json:"patch,omitempty"`
	If      map[string]uint64          `json:"if,omitempty"`
}

// An Append is a message for a log channel.
type Append struct {
	Channel string          `json:"channel"`
	Data    json.RawMessage `json:"data"`
}

// A Call is a command.
type Call struct {
	Command string          `json:"command"`
	Args    json.RawMessage `json:"args,omitempty"`
}

// A Control is a move on the seat.
type Control struct {
	Do      string `json:"do"`
	Request string `json:"request,omitempty"`
	Session string `json:"session,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// A Reading asks for values of a store.
type Reading struct {
	Channel string   `json:"channel"`
	Owner   string   `json:"owner,omitempty"`
	Keys    []string `json:"keys,omitempty"` // all if there are none
}

// A Join is the request of a client for a channel, as it was sent: what it says that it has seen is what it must be
// brought up to date from.
type Join struct {
	Client  string `json:"client"`
	Conn    string `json:"conn"`
	At      int64  `json:"at"`
	ID      uint64 `json:"id"`
	Channel string `json:"channel"`
	Owner   string `json:"owner,omitempty"`
	Cursor  string `json:"cursor,omitempty"`
	Last    *int   `json:"last,omitempty"`
}

// A Message is one WebSocket message as it came, or one event of a stream: an array of frames that the client applies as
// a whole. The first of a connection has its welcome.
type Message struct {
	Client string          `json:"client"`
	Conn   string          `json:"conn"` // a name for the socket, given by the client that opened it, unique in the run
	At     int64           `json:"at"`
	Data   json.RawMessage `json:"data"`
}

// A Closed ends a socket.
type Closed struct {
	Client string `json:"client"`
	Conn   string `json:"conn"`
	At     int64  `json:"at"`
	Code   int    `json:"code,omitempty"` // 0: without one
	By     string `json:"by,omitempty"`   // client, if it closed it itself
}

// The kinds of visits.
const (
	SignIn  = "sign_in"
	SignOut = "sign_out"
	Use     = "use" // any other request with the cookie, or a socket that was opened with it
)

// A Visit is a request about a login session.
type Visit struct {
	What    string `json:"what"`
	Cookie  string `json:"cookie"` // a name for it, unique in the run: never the cookie. Of a sign-in, what came of it
	User    string `json:"user"`
	Session string `json:"session,omitempty"` // "" for a sign-in that was refused
	Node    string `json:"node,omitempty"`
	Begin   int64  `json:"begin"`
	End     int64  `json:"end"`
	Status  int    `json:"status"` // of HTTP; 101 for a socket that was opened; 0: no answer
	Code    string `json:"code,omitempty"`
	Space   string `json:"space,omitempty"`
	Policy  string `json:"policy,omitempty"` // of a sign-in where one person is let in at a time: "one"

	// Of a sign-out: a time after End at which everything had been read that had reached this machine by then. A byte that
	// is read later was sent after the answer. 0: nobody looked.
	Settled int64 `json:"settled,omitempty"`
}

// Bytes were read from a socket, below HTTP, WebSocket and whatever may have kept them: the raw capture.
type Bytes struct {
	Conn    string `json:"conn"`
	Session string `json:"session"`
	At      int64  `json:"at"`
	Count   int    `json:"count"`
}

// What an Event is.
const (
	Fault  = "fault"  // something was broken
	Healed = "healed" // it is whole again
	Quiet  = "quiet"  // from here on nobody asks for anything any more: clients only listen
	Over   = "over"   // clients have stopped listening
)

// An Event is what the nemesis did, or the phase of the run.
type Event struct {
	At   int64  `json:"at"`
	What string `json:"what"`
	Of   string `json:"of,omitempty"` // which process or link
	How  string `json:"how,omitempty"`
}

// An Entry is one record of L.
type Entry struct {
	Position uint64          `json:"position"`
	Time     string          `json:"time"` // by the log's clock, RFC 3339
	Data     json.RawMessage `json:"data"` // channels.Entry
}

// Decode reads what the entry holds.
func (e Entry) Decode() (*channels.Entry, error) { return channels.DecodeEntry(e.Data) }
