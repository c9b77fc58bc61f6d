package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// A Result is what came of a call.
type Result struct {
	Call string          // its id
	Data json.RawMessage // what the service returned; nil if nothing, and for a stop command
}

// A CallOption says more about what Call does.
type CallOption func(*calling)

type calling struct {
	Call
	progress func(json.RawMessage)
}

// Deadline is how long a call may take as a whole, if that is less than the rules of the command say. Then it has failed,
// and its service is told to stop.
func Deadline(d time.Duration) CallOption { return func(c *calling) { c.Deadline = d } }

// OnProgress has f called with what the service reports; of reports that come fast, with the newest.
func OnProgress(f func(progress json.RawMessage)) CallOption {
	return func(c *calling) { c.progress = f }
}

// Call asks the service of a command to carry it out, and waits for the end. args may be nil; term is that of control
// where only the operator may call, else 0. The error is an *Error if the hub refused, or with the code CodeFailed if the
// service could not do it, CodeCancelled if somebody cancelled it, or CodeUnknown if the service was lost on the way. A stop
// command returns when it has been delivered. When ctx ends the call goes on: see Cancel.
func (c *Client) Call(ctx context.Context, command string, args any, term uint64, options ...CallOption) (*Result, error) {
	call := calling{Call: Call{Command: command, Args: args}}
	for _, o := range options {
		o(&call)
	}
	called, err := c.start(ctx, call.Call, term)
	if err != nil {
		return nil, err
	}
	if called.Position == 0 {
		return &Result{Call: called.Call}, nil
	}
	return c.await(ctx, called.Call, call.progress)
}

// Start asks the service of a command to carry it out, and returns the id of the call, for Await and Cancel. term is as
// in Call.
func (c *Client) Start(ctx context.Context, call Call, term uint64) (id string, err error) {
	called, err := c.start(ctx, call, term)
	if err != nil {
		return "", err
	}
	return called.Call, nil
}

// Await waits for the end of a call of this user, by its id, and returns as Call does.
func (c *Client) Await(ctx context.Context, call string) (*Result, error) {
	return c.await(ctx, call, nil)
}

// Cancel asks for a call to be given up. One that no service has taken ends at once; the service of another is asked to
// stop it, and says how it ended. term is needed for the call of somebody else that only the operator may make, else 0.
func (c *Client) Cancel(ctx context.Context, call string, term uint64) error {
	_, err := ask[*wire.Written](ctx, c, func(op string) wire.Request { return &wire.Cancel{Call: call, Term: term, Op: op} })
	return err
}

func (c *Client) start(ctx context.Context, call Call, term uint64) (*wire.Called, error) {
	f, err := call.frame(term)
	if err != nil {
		return nil, err
	}
	return ask[*wire.Called](ctx, c, func(op string) wire.Request { f.Op = op; return f })
}

func (c Call) frame(term uint64) (*wire.Call, error) {
	f := &wire.Call{Command: c.Command, Term: term, DeadlineMS: c.Deadline.Milliseconds()}
	if c.Args == nil {
		return f, nil
	}
	args, err := marshal("the arguments", c.Args)
	f.Args = args
	return f, err
}

// await waits for the end of a call.
func (c *Client) await(ctx context.Context, call string, progress func(json.RawMessage)) (*Result, error) {
	var told json.RawMessage
	for {
		c.mu.Lock()
		state, changed := c.calls[call], c.callers[call]
		if changed == nil {
			changed = make(chan struct{})
			c.callers[call] = changed
		}
		c.mu.Unlock()
		if state != nil && progress != nil && len(state.Progress) > 0 && !bytes.Equal(state.Progress, told) {
			told = state.Progress
			progress(told)
		}
		if state != nil {
			if result, ended, err := ending(state); ended {
				return result, err
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

// ending is how a call ended.
func ending(state *wire.CallState) (result *Result, ended bool, err error) {
	more := map[string]any{"call": state.Call}
	switch state.State {
	case "done":
		return &Result{Call: state.Call, Data: state.Result}, true, nil
	case "failed":
		return nil, true, &Error{Code: CodeFailed, Detail: state.Error, More: more}
	case "cancelled":
		return nil, true, &Error{Code: CodeCancelled, Detail: or(state.Error, state.Command+" was cancelled"), More: more}
	case "unknown":
		return nil, true, &Error{Code: CodeUnknown, Detail: or(state.Error, "the service of "+state.Command+" was lost: it may have done it"), More: more}
	}
	return nil, false, nil
}

func or(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}
