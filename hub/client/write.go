package client

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/baton-hub/baton/hub/wire"
)

// A Write changes keys of a store, all or none.
type Write struct {
	Channel string            // Required.
	Set     map[string]any    // Values by key, encoded by encoding/json. nil is the value null, not a deletion.
	Delete  []string          // Keys to delete.
	If      map[string]uint64 // Refuse with conflict unless each key was last changed at this position; 0: does not exist.
	Unseen  string            // A cursor: refuse if another client changed a key of this write after it.
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

// Set writes values by key to a store and returns the position of the change.
func (c *Client) Set(ctx context.Context, channel string, set map[string]any, options ...Option) (position uint64, err error) {
	w := Write{Channel: channel, Set: set}
	for _, o := range options {
		o(&w)
	}
	return c.Write(ctx, w)
}

// Write changes keys of a store and returns the position of the change. The error is an *Error if the hub refused.
func (c *Client) Write(ctx context.Context, w Write) (position uint64, err error) {
	set, err := marshalAll(w.Set)
	if err != nil {
		return 0, err
	}
	answer, err := ask[*wire.Written](ctx, c, func(op string) wire.Request {
		return &wire.Write{Channel: w.Channel, Set: set, Delete: w.Delete, If: w.If, Unseen: w.Unseen, Term: w.Term, Op: op}
	})
	if err != nil {
		return 0, err
	}
	return answer.Position, nil
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

// Append adds a message to a log and returns its position.
func (c *Client) Append(ctx context.Context, channel string, message any) (position uint64, err error) {
	data, err := marshal("the message", message)
	if err != nil {
		return 0, err
	}
	answer, err := ask[*wire.Appended](ctx, c, func(op string) wire.Request {
		return &wire.Append{Channel: channel, Data: data, Op: op}
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

// A Result is what came of a call.
type Result struct {
	Call string          // its id
	Data json.RawMessage // what the service returned; nil if nothing, and for a stop command
}

// Call asks the service of a command to carry it out, and waits for the end. args may be nil; term is that of control
// where only the operator may call, else 0. The error is an *Error if the hub refused, with CodeFailed if the service
// could not do it, or with code unknown if the service was lost on the way. A stop command returns when it has been
// delivered. When ctx ends the call goes on.
func (c *Client) Call(ctx context.Context, command string, args any, term uint64) (*Result, error) {
	call := &wire.Call{Command: command, Term: term}
	if args != nil {
		data, err := marshal("the arguments", args)
		if err != nil {
			return nil, err
		}
		call.Args = data
	}
	called, err := ask[*wire.Called](ctx, c, func(op string) wire.Request { call.Op = op; return call })
	if err != nil {
		return nil, err
	}
	if called.Position == 0 {
		return &Result{Call: called.Call}, nil
	}
	return c.await(ctx, called.Call)
}

// await waits for the end of a call.
func (c *Client) await(ctx context.Context, call string) (*Result, error) {
	for {
		c.mu.Lock()
		state, changed := c.calls[call], c.callers[call]
		if changed == nil {
			changed = make(chan struct{})
			c.callers[call] = changed
		}
		c.mu.Unlock()
		if state != nil {
			switch state.State {
			case "done":
				return &Result{Call: call, Data: state.Result}, nil
			case "failed":
				return nil, &Error{Code: CodeFailed, Detail: state.Error}
			case "unknown":
				return nil, &Error{Code: "unknown", Detail: "the service of " + state.Command + " was lost: it may have done it"}
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the call %s: %w", call, context.Cause(ctx))
		case <-c.ctx.Done():
			return nil, c.Err()
		}
	}
}
