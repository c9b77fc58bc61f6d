package client

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/baton-hub/baton/hub/wire"
)

// A Write changes keys of a store, all or none.
type Write struct {
	Channel string            // Required.
	Set     map[string]any    // Values by key, encoded by encoding/json. nil is the value null, not a deletion.
	Patch   map[string]any    // JSON Merge Patches by key, encoded in the same way, of what is there when it is decided.
	Delete  []string          // Keys to delete.
	If      map[string]uint64 // Refuse with conflict unless each key was last changed at this position; 0: does not exist.
	Unseen  string            // A cursor: refuse if another client changed a key of this write after it.
	Owner   string            // In a store with a scope: whose values. Default: one's own.
	Held    []*Lock           // Refuse with locked unless this client still holds these locks.
	Term    uint64            // Required where only the operator may write: the term under which this was decided on.
}

// An Option says more about what Set does.
type Option func(*Write)

// If has the write refused with conflict unless the key was last changed at the position; 0 means that it must not
// exist.
func If(key string, position uint64) Option {
	return func(w *Write) {
		w.If = maps.Clone(w.If)
		if w.If == nil {
			w.If = make(map[string]uint64)
		}
		w.If[key] = position
	}
}

// Delete has the write delete keys as well.
func Delete(keys ...string) Option { return func(w *Write) { w.Delete = append(w.Delete, keys...) } }

// Term is the term of control under which the write was decided on.
func Term(term uint64) Option { return func(w *Write) { w.Term = term } }

// Unseen has the write refused with conflict if another client changed a key of it after a cursor, such as a Store's.
func Unseen(cursor string) Option { return func(w *Write) { w.Unseen = cursor } }

// Owner has the write change somebody else's values in a store with a scope, for who may do that.
func Owner(owner string) Option { return func(w *Write) { w.Owner = owner } }

func (w Write) with(options []Option) Write {
	for _, o := range options {
		o(&w)
	}
	return w
}

// Set writes values by key to a store and returns the position of the change.
func (c *Client) Set(ctx context.Context, channel string, set map[string]any, options ...Option) (position uint64, err error) {
	return c.Write(ctx, Write{Channel: channel, Set: set}.with(options))
}

// Patch applies JSON Merge Patches (RFC 7396) by key to what is there when it is decided, and returns the position of the
// change. A member that is null is removed; use a map with nil for it. What is there is a key's value, or its default, or
// else an empty object.
func (c *Client) Patch(ctx context.Context, channel string, patches map[string]any, options ...Option) (position uint64, err error) {
	return c.Write(ctx, Write{Channel: channel, Patch: patches}.with(options))
}

// Write changes keys of a store and returns the position of the change. The error is an *Error if the hub refused.
func (c *Client) Write(ctx context.Context, w Write) (position uint64, err error) {
	f, err := w.frame()
	if err != nil {
		return 0, err
	}
	answer, err := ask[*wire.Written](ctx, c, func(op string) wire.Request { f.Op = op; return f })
	if err != nil {
		return 0, err
	}
	return answer.Position, nil
}

func (w Write) frame() (*wire.Write, error) {
	set, err := marshalAll(w.Set)
	if err != nil {
		return nil, err
	}
	patch, err := marshalAll(w.Patch)
	if err != nil {
		return nil, err
	}
	return &wire.Write{
		Channel: w.Channel, Owner: w.Owner, Set: set, Delete: w.Delete, Patch: patch, If: w.If, Unseen: w.Unseen,
		Held: tokens(w.Held), Term: w.Term,
	}, nil
}

func marshalAll(values map[string]any) (map[string]json.RawMessage, error) {
	set := make(map[string]json.RawMessage, len(values))
	for key, v := range values {
		data, err := marshal("the value of "+key, v)
		if err != nil {
			return nil, err
		}
		set[key] = data
	}
	return set, nil
}

// Append adds a message to a log and returns its position. Of the options only Term matters.
func (c *Client) Append(ctx context.Context, channel string, message any, options ...Option) (position uint64, err error) {
	data, err := marshal("the message", message)
	if err != nil {
		return 0, err
	}
	term := Write{}.with(options).Term
	answer, err := ask[*wire.Appended](ctx, c, func(op string) wire.Request {
		return &wire.Append{Channel: channel, Data: data, Term: term, Op: op}
	})
	if err != nil {
		return 0, err
	}
	return answer.Position, nil
}

// A Move is a transition of the operator's seat: Do is request, cancel, grant, deny, give, release or take.
type Move struct {
	Do      string // Required.
	Request string // the request to grant or deny
	Session string // to whom to give
	Message string // with request
	Reason  string // with deny and take
}

// Control makes a move and returns the answer: the term in force now, and the id of the request that was made.
func (c *Client) Control(ctx context.Context, m Move) (*wire.Controlled, error) {
	return ask[*wire.Controlled](ctx, c, func(op string) wire.Request {
		return &wire.Control{Do: m.Do, Request: m.Request, Session: m.Session, Message: m.Message, Reason: m.Reason, Op: op}
	})
}
