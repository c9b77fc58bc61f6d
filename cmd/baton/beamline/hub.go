package beamline

import (
	"context"
	"encoding/json"
	"errors"
)

// A Hub is what the beamline needs of Baton. Over makes one of the Go client; tests have one in memory.
//
// Every method may be called from several goroutines. Write and Append return when it is known whether the hub has
// committed, however often the connection drops meanwhile, or when the context ends. Send does not wait for the hub, and
// what was sent last is sent again after a reconnect.
type Hub interface {
	// Follow joins a store and returns when its values are known. From then on values returns the newest ones that have
	// arrived, in a map that is the caller's own, and changed is called after every change. It must not block.
	Follow(ctx context.Context, store string, changed func()) (values func() map[string]Stored, err error)
	// Write sets and (value nil) deletes keys of a store, all or none. Keys in onlyIf must be at that position, 0 meaning
	// that they do not exist; else the error is ErrConflict.
	Write(ctx context.Context, store string, set map[string]any, onlyIf map[string]uint64) error
	// Append appends a message to a log channel.
	Append(ctx context.Context, log string, message any) error
	// Send sets keys of a live store.
	Send(live string, set map[string]any) error
	// Listen has heard called for what others send over a signal. It must not block.
	Listen(signal string, heard func(user string, data json.RawMessage))
	// Serve begins to serve commands, and returns when the hub has agreed or ctx has ended. Each call has a goroutine of its own, whose context ends when the hub is closed.
	Serve(ctx context.Context, handlers map[string]Handler) error
}

// Stored is a value of a store and the position at which it was written; 0 in a live store.
type Stored struct {
	Data     json.RawMessage
	Position uint64
}

// A Handler answers the calls of a command.
type Handler func(ctx context.Context, call Call) (result any, err error)

// A Call is a call of a command: its id, its arguments, and who called, by name and as the hub calls them.
type Call struct {
	ID   string
	Args json.RawMessage
	By   string
	User string
}

// ErrConflict is returned by Hub.Write when a key is not at the position it should be.
var ErrConflict = errors.New("somebody else has changed this meanwhile")
