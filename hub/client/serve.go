package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// A Handler carries out one call. It returns the result, or why it could not be done: the error's text is for the
// person who called. ctx ends when the caller wants the call no more (its cause is ErrCancelled), when its time is up
// (ErrDeadline), and when the client is being closed. A handler that returns an error then ends the call as cancelled or
// failed; one that had come too far returns its result as ever.
type Handler func(ctx context.Context, call *Invocation) (result any, err error)

// An Invocation is a call that was handed to this program.
type Invocation struct {
	Call    string          // its id
	Command string          // what to do
	Args    json.RawMessage // null if there are none
	By      wire.Person     // who called
	Term    uint64          // the term of control it was called under
	Stop    bool            // it is a stop command: nobody was asked for permission

	c *Client
}

// Progress tells the caller how far the call is. It returns when the hub has it.
func (i *Invocation) Progress(ctx context.Context, progress any) error {
	data, err := marshal("the progress", progress)
	if err != nil {
		return err
	}
	_, err = ask[*wire.Written](ctx, i.c, func(op string) wire.Request {
		return &wire.Progress{Call: i.Call, Progress: data, Op: op}
	})
	return err
}

// service is what this program serves. It is guarded by Client.mu.
type service struct {
	handlers map[string]Handler // by command
	refused  map[string]bool    // commands that the hub had agreed to before its last welcome, and refuses since
	asked    uint64             // id of the serve frame on this connection; 0: none
	agreed   uint64             // id of the last one that was answered
	waiting  []offer            // for the answer to it
	known    map[string]bool    // calls that are being handled, and the last maxHandled that were
	handled  []string           // calls that were handled, the oldest first
	running  map[string]context.CancelCauseFunc
}

// An offer is of commands that the hub has yet to agree to.
type offer struct {
	commands []string
	answer   chan error
}

// cancelLocked ends the context of a call.
func (s *service) cancelLocked(call string, cause error) {
	if cancel := s.running[call]; cancel != nil {
		cancel(cause)
	}
}

// Serve begins to serve commands, in addition to those before, and returns when the hub has agreed; if it refuses, those
// before are served on. Each call runs in a goroutine of its own, so a stop command is handled while another runs. If ctx
// ends first the commands are served all the same as soon as the hub can be reached.
func (c *Client) Serve(ctx context.Context, handlers map[string]Handler) error {
	answer, err := c.offer(handlers)
	if err != nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("serving: %w", context.Cause(ctx))
	case <-c.ctx.Done():
		return c.Err()
	}
}

func (c *Client) offer(handlers map[string]Handler) (answer chan error, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.service
	for command := range handlers {
		if _, ok := s.handlers[command]; ok {
			return nil, fmt.Errorf("%s is served already", command)
		}
	}
	maps.Copy(s.handlers, handlers)
	s.asked = 0
	answer = make(chan error, 1)
	s.waiting = append(s.waiting, offer{slices.Collect(maps.Keys(handlers)), answer})
	c.rouse()
	return answer, nil
}

// commands are those to ask for.
func (s *service) commands() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.handlers)), func(command string) bool { return s.refused[command] })
}

// settled reports whether all of them are served over the present connection.
func (s *service) settled() bool {
	return len(s.commands()) == 0 || s.asked != 0 && s.agreed == s.asked
}

func (c *Client) collectServeLocked(b *batch) (room bool) {
	s := &c.service
	commands := s.commands()
	if s.asked != 0 || len(commands) == 0 {
		return true
	}
	f := &wire.Serve{Head: wire.Head{ID: c.nextIDLocked()}, Commands: commands}
	if !b.add(wire.AppendFrame(nil, f)) {
		return false
	}
	s.asked = f.ID
	return true
}

// serveAnsweredLocked takes the answer to the newest serve frame.
func (c *Client) serveAnsweredLocked(err error) {
	if err != nil {
		c.withdrawLocked(err)
		return
	}
	for _, o := range c.service.waiting {
		o.answer <- nil
	}
	c.service.waiting = nil
}

// withdrawLocked takes back what the hub has refused, and has it asked for the rest: it refuses a frame as a whole. That is
// the offer with the command that it names; or, if the hub has agreed to that before, under other rules, the command alone,
// until the next welcome.
func (c *Client) withdrawLocked(err error) {
	c.logger.Error("the hub does not let this program serve", "error", err)
	s := &c.service
	command := ""
	if refusal, ok := errors.AsType[*Error](err); ok {
		command, _ = refusal.More["command"].(string)
	}
	_, named := s.handlers[command]
	waiting := s.waiting
	s.waiting = nil
	for _, o := range waiting {
		if named && !slices.Contains(o.commands, command) {
			s.waiting = append(s.waiting, o)
			continue
		}
		for _, command := range o.commands {
			delete(s.handlers, command)
		}
		o.answer <- err
	}
	if len(s.waiting) == len(waiting) { // nothing of it is new
		if !named || s.refused[command] {
			return
		}
		s.refused[command] = true
	}
	s.asked = 0
	c.rouse()
}

// invokedLocked begins to handle a call, unless that has been done: after a reconnect the hub hands over again what it
// does not know the end of.
func (c *Client) invokedLocked(f *wire.Invoke) {
	h := c.service.handlers[f.Command]
	if c.closing || h == nil || c.service.known[f.Call] {
		return
	}
	c.service.known[f.Call] = true
	i := &Invocation{Call: f.Call, Command: f.Command, Args: f.Args, By: f.By, Term: f.Term, Stop: f.Stop, c: c}
	ctx, cancel := context.WithCancelCause(c.handling)
	c.service.running[f.Call] = cancel
	c.handlers.Go(func() {
		defer cancel(nil)
		if f.DeadlineMS > 0 {
			var stop context.CancelFunc
			ctx, stop = context.WithTimeoutCause(ctx, time.Duration(f.DeadlineMS)*time.Millisecond, ErrDeadline)
			defer stop()
		}
		c.handle(ctx, i, h)
	})
}

// handle carries out a call and tells the hub how it ended.
func (c *Client) handle(handling context.Context, i *Invocation, h Handler) {
	result, err := h(handling, i)
	if err != nil && errors.Is(err, handling.Err()) {
		err = context.Cause(handling) // it says more
	}
	var data json.RawMessage
	if err == nil && result != nil {
		data, err = marshal("the result", result)
	}
	if err := c.report(i.Call, data, err); err != nil {
		c.logger.Error("the hub was not told how a call ended", "command", i.Command, "call", i.Call, "error", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.service.running, i.Call)
	c.service.handled = append(c.service.handled, i.Call)
	if len(c.service.handled) > maxHandled {
		delete(c.service.known, c.service.handled[0])
		c.service.handled = c.service.handled[1:]
	}
}

// report tells the hub how a call ended. A result that the hub does not take ends it, too: as failed, for that reason.
func (c *Client) report(call string, result json.RawMessage, failure error) error {
	ctx, cancel := c.untilReported()
	defer cancel()
	if failure == nil {
		_, err := ask[*wire.Written](ctx, c, func(op string) wire.Request { return &wire.Done{Call: call, Result: result, Op: op} })
		refusal, refused := errors.AsType[*Error](err)
		if !refused {
			return err
		}
		c.logger.Warn("the hub does not take the result of a call", "call", call, "error", refusal)
		failure = fmt.Errorf("it was carried out, but its result was refused: %s", refusal.Detail)
	}
	_, err := ask[*wire.Written](ctx, c, func(op string) wire.Request { return &wire.Failed{Call: call, Error: readable(failure), Op: op} })
	return err
}

// maxHandled is how many calls are remembered after their end: the hub may hand one over twice, on two ways.
const maxHandled = 1000

// reportTime is how long a report may take to reach the hub once the client is being closed.
const reportTime = 2 * time.Second

// untilReported returns a context for a report: without an end while the client lives.
func (c *Client) untilReported() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(c.ctx)
	stop := context.AfterFunc(c.handling, func() {
		select {
		case <-time.After(reportTime):
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, func() { stop(); cancel() }
}

// readable is the text of an error as the hub takes it.
func readable(err error) string {
	const most = 2000
	text := err.Error()
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "�")
}
