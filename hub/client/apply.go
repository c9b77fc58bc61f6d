package client

import (
	"maps"
	"slices"

	"github.com/baton-hub/baton/hub/wire"
)

// effects are what a message has to be followed by, when all of it is applied.
type effects struct {
	stores  map[*Store]map[string]Value // what changed
	logs    map[*Log]*news
	signals []Signal
	answers []func()
}

// apply takes a message of the hub as a whole: who asks for values sees those before it or those after it. Then the
// watchers are called, then the requests that it answers return.
// Of what comes over a connection that another has taken over from, only stop commands count: the rest comes over that.
func (c *Client) apply(l *link, frames []wire.Frame) {
	c.applying.Lock()
	defer c.applying.Unlock()
	after := effects{stores: map[*Store]map[string]Value{}, logs: map[*Log]*news{}}
	c.mu.Lock()
	if l != c.link {
		frames = slices.DeleteFunc(frames, func(f wire.Frame) bool { return !stops(f) })
	}
	for _, f := range frames {
		c.applyLocked(l, f, &after)
	}
	var calls []func()
	for s, changed := range after.stores {
		for _, w := range s.watchers {
			calls = append(calls, func() { (*w)(maps.Clone(changed)) })
		}
	}
	for l, n := range after.logs {
		for _, w := range l.watchers {
			calls = append(calls, func() { (*w)(slices.Clone(n.messages), n.gap) })
		}
	}
	for _, signal := range after.signals {
		for _, f := range c.signals.listeners[signal.Channel] {
			calls = append(calls, func() { (*f)(signal) })
		}
	}
	c.mu.Unlock()
	for _, call := range calls {
		call()
	}
	for _, answer := range after.answers {
		answer()
	}
}

// stops reports whether a frame hands a stop command over.
func stops(f wire.Frame) bool {
	invoke, ok := f.(*wire.Invoke)
	return ok && invoke.Stop
}

func (c *Client) applyLocked(l *link, f wire.Frame, after *effects) {
	switch f := f.(type) {
	case *wire.Welcome:
		c.welcomedLocked(f)
	case *wire.Joined:
		c.seenLocked(f.Cursor, f.ID != 0)
		if m := joinedLocked[member](c, f.Channel, f.Owner); m != nil {
			m.joinedLocked(f, after)
			m.base().joined = true
			m.base().toldLocked(f.Cursor)
			m.base().knownLocked()
			c.rouse() // all of them may be there
		}
	case *wire.Change:
		c.seenLocked(f.Cursor, false)
		if s := joinedLocked[*Store](c, f.Channel, f.Owner); s != nil {
			s.changeLocked(f, after)
			s.toldLocked(f.Cursor)
		}
	case *wire.Message:
		c.seenLocked(f.Cursor, false)
		if l := joinedLocked[*Log](c, f.Channel, ""); l != nil {
			l.messageLocked(f, after)
			l.toldLocked(f.Cursor)
		}
	case *wire.Signal:
		after.signals = append(after.signals, Signal{Channel: f.Channel, From: f.From, By: f.By, Data: f.Data})
	case *wire.CallState:
		c.seenLocked(f.Cursor, false)
		c.calledLocked(f)
	case *wire.ControlState:
		c.seenLocked(f.Cursor, false)
		c.seat = *f
	case *wire.Serving:
		if f.ID == c.service.asked {
			c.refusals, c.service.agreed = 0, f.ID
			c.rouse()
			c.serveAnsweredLocked(nil)
		}
	case *wire.Invoke:
		c.seenLocked(f.Cursor, false)
		c.invokedLocked(f)
	case *wire.Cancelled:
		c.service.cancelLocked(f.Call, ErrCancelled)
	case *wire.Leaving:
		select {
		case l.leaving <- struct{}{}:
		default:
		}
	case *wire.Stale:
		c.status = Stale
	case *wire.Fresh:
		c.freshLocked()
	case *wire.Error:
		c.refusedLocked(f, after)
	default:
		c.goodAnswerLocked(f, after)
	}
}

// freshLocked goes on where the log is within the hub's reach again.
func (c *Client) freshLocked() {
	c.status = Live
	for _, l := range c.live { // the hub's memory of them may be gone with what was out of reach
		l.resend()
	}
	c.rouse()
}

// goodAnswerLocked takes what ends a request well.
func (c *Client) goodAnswerLocked(f wire.Frame, after *effects) {
	switch f := f.(type) {
	case *wire.Written:
		c.answerLocked(f, f.Cursor, after)
	case *wire.Appended:
		c.answerLocked(f, f.Cursor, after)
	case *wire.Called:
		c.answerLocked(f, f.Cursor, after)
	case *wire.Controlled:
		c.answerLocked(f, f.Cursor, after)
	case *wire.Values:
		c.answerLocked(f, f.Cursor, after)
	case *wire.Locked:
		c.answerLocked(f, f.Cursor, after)
	}
}

// seenLocked notes how far the hub's words go: what is asked from now on is decided at or after it, on any node. The
// node of a new connection may be behind the last one until it has answered a request.
func (c *Client) seenLocked(cursor string, answer bool) {
	c.caughtUp = c.caughtUp || answer && cursor != ""
	if c.caughtUp && cursor != "" {
		c.seen = cursor
	}
}

// welcomedLocked takes the welcome of a connection, the first or one more: there, what was joined is left, and to be joined
// and served again. A join that has no answer yet will have one.
func (c *Client) welcomedLocked(f *wire.Welcome) {
	for _, known := range c.members {
		m := known.base()
		if m.joined {
			m.asked, m.joined = 0, false
		}
		if before, now := c.hub.Channels[m.channel], f.Channels[m.channel]; before.Scope != now.Scope || c.hub.You.Proposal != f.You.Proposal {
			m.cursor = "" // it is of other values
		}
	}
	for _, l := range c.live {
		l.resend()
	}
	c.service.asked = 0
	clear(c.service.refused)
	c.rouse()
	if c.caughtUp = c.hub.Epoch != f.Epoch; c.caughtUp {
		c.seen = f.Cursor
	}
	c.hub, c.seat = *f, f.Control
	c.calls = make(map[string]*wire.CallState)
	for i := range f.Calls {
		c.calledLocked(&f.Calls[i])
	}
	for call, changed := range c.callers { // look at what the hub knows now
		close(changed)
		delete(c.callers, call)
	}
}

// maxCalls is how many calls are remembered. The hub forgets those that ended a while ago as well.
const maxCalls = 1000

func (c *Client) calledLocked(f *wire.CallState) {
	if len(c.calls) >= maxCalls {
		maps.DeleteFunc(c.calls, func(_ string, s *wire.CallState) bool { return s.State != "waiting" && s.State != "taken" })
	}
	c.calls[f.Call] = f
	if changed := c.callers[f.Call]; changed != nil {
		close(changed)
		delete(c.callers, f.Call)
	}
}

// answerLocked ends a change.
func (c *Client) answerLocked(f wire.Answer, cursor string, after *effects) {
	c.refusals = 0
	if r := c.answeredLocked(f.AnswerTo()); r != nil {
		c.seenLocked(cursor, true)
		after.answers = append(after.answers, func() { r.answer <- f })
	}
}

// refusedLocked takes an error: to a change, a join, a serve frame or live values.
func (c *Client) refusedLocked(f *wire.Error, after *effects) {
	for _, r := range c.unanswered {
		if r.id != f.ID {
			continue
		}
		if again(f.Code) {
			r.sent = false
			c.patienceLocked()
			return
		}
		c.answerLocked(f, "", after)
		return
	}
	for _, known := range c.members {
		m := known.base()
		if m.asked != f.ID || f.ID == 0 {
			continue
		}
		m.asked = 0
		if again(f.Code) {
			c.patienceLocked()
		} else {
			m.refusedLocked(errorOf(f))
		}
		return
	}
	switch {
	case f.ID != 0 && f.ID == c.service.asked && again(f.Code):
		c.service.asked = 0
		c.patienceLocked()
	case f.ID != 0 && f.ID == c.service.asked:
		c.service.agreed = f.ID
		c.serveAnsweredLocked(errorOf(f))
	case c.sendRefusedLocked(f), c.signalRefusedLocked(f):
	default:
		c.logger.Warn("the hub reports an error", "id", f.ID, "code", f.Code, "detail", f.Detail)
	}
}
