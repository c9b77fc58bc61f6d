package hub

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// handle takes the requests of one message, in order. Joins that follow each other are answered together.
func (c *conn) handle(requests []wire.Request) error {
	for len(requests) > 0 {
		if err := c.waitForRoom(); err != nil {
			return err
		}
		joins := joinsOf(requests)
		if len(joins) > 0 {
			c.join(joins)
			requests = requests[len(joins):]
			continue
		}
		c.handleOne(requests[0])
		requests = requests[1:]
	}
	return nil
}

func joinsOf(requests []wire.Request) (joins []*wire.Join) {
	for _, r := range requests {
		j, ok := r.(*wire.Join)
		if !ok {
			break
		}
		joins = append(joins, j)
	}
	return joins
}

func (c *conn) handleOne(request wire.Request) {
	if err := c.waitForSeen(request.Header().Seen); err != nil {
		c.refuse(request.Header().ID, "", 0, err)
		return
	}
	switch f := request.(type) {
	case *wire.Leave:
		c.leave(f)
	case *wire.Write:
		c.writeKeys(f)
	case *wire.Append:
		message := channels.Append{Channel: f.Channel, Data: f.Data, Term: f.Term}
		c.propose(f, f.Op, message.Decide, func(o channels.Outcome, cursor string) wire.Frame {
			return &wire.Appended{ID: f.ID, Position: o.Position, Cursor: cursor}
		})
	case *wire.Send:
		c.sendLive(f)
	case *wire.Call:
		c.call(f)
	case *wire.Serve:
		c.serve(f)
	case *wire.Progress:
		c.report(f, f.Op, f.Call, channels.ReportCall{State: channels.CallTaken, Progress: f.Progress})
	case *wire.Done:
		c.report(f, f.Op, f.Call, channels.ReportCall{State: channels.CallDone, Result: f.Result})
	case *wire.Failed:
		c.report(f, f.Op, f.Call, channels.ReportCall{State: channels.CallFailed, Error: f.Error})
	case *wire.Control:
		c.control(f)
	case *wire.Ping:
		c.pong(f)
	}
}

// waitForSeen lets a request wait until this node has caught up with what its client has seen. A cursor of another
// epoch says nothing about this log.
func (c *conn) waitForSeen(seen string) error {
	if seen == "" {
		return nil
	}
	cursor, err := channels.ParseCursor(seen)
	if err != nil {
		return channels.Refuse(channels.CodeInvalid, "%v", err)
	}
	if cursor.Epoch != c.room.replica().Epoch() {
		return nil
	}
	return c.room.replica().WaitFor(c.ctx, cursor.Position)
}

// join subscribes to channels, all at one position. What they have goes out before any change of them does.
func (c *conn) join(joins []*wire.Join) {
	joins = slices.DeleteFunc(slices.Clone(joins), func(j *wire.Join) bool {
		if _, err := channels.ParseCursor(j.Cursor); err != nil {
			c.refuse(j.ID, "", 0, channels.Refuse(channels.CodeInvalid, "%v", err))
			return true
		}
		return false
	})
	// One wait for all. A cursor that is still ahead after it gets a snapshot; `seen` is a demand.
	for _, j := range joins {
		if c.waitForSeen(j.Cursor) != nil {
			break
		}
	}
	for _, j := range joins {
		if err := c.waitForSeen(j.Seen); err != nil {
			for _, j := range joins {
				c.refuse(j.ID, "", 0, err)
			}
			return
		}
	}
	c.room.replica().Read(func(state *channels.State) {
		c.room.mu.Lock()
		defer c.room.mu.Unlock()
		for _, j := range joins {
			frame, err := c.joinLocked(state, j)
			if err != nil {
				c.refuse(j.ID, "", state.Position(), err)
				continue
			}
			c.push(answer{position: state.Position(), first: true, data: wire.AppendFrame(nil, frame)})
		}
	})
}

func (c *conn) joinLocked(state *channels.State, j *wire.Join) (*wire.Joined, error) {
	rules, ok := state.Rules().Channels[j.Channel]
	if j.Channel == channels.ControlLog {
		rules, ok = channels.ChannelRules{Kind: channels.KindLog}, true
	}
	switch {
	case !ok:
		return nil, channels.Refuse(channels.CodeUnknownName, "this space has no channel %q: the welcome lists those it has", j.Channel)
	case !channels.Permits(rules.Readers(), c.who):
		return nil, channels.Refuse(channels.CodeForbidden, "you may not join %s: it is for %s", j.Channel, rules.Readers())
	case len(c.feeds)+len(c.live)-len(c.alwaysOn()) >= c.room.hub.options.Limits.Joined:
		return nil, channels.Refuse(channels.CodeTooLarge, "a connection joins %d channels at most: leave one first", c.room.hub.options.Limits.Joined)
	}
	f := feed{channel: j.Channel}
	if rules.Scope == channels.ScopeUser {
		f.owner = c.who.User
	}
	if c.joinedLocked(f) {
		return nil, channels.Refuse(channels.CodeInvalid, "%s is joined already: leave it first", j.Channel)
	}
	c.room.subscribeLocked(c, f)
	if rules.Live {
		return c.joinLiveLocked(state, j, f), nil
	}
	c.feeds[f] = state.Position()
	since, mode := resumeFrom(state, j.Cursor)
	frame := joinedFrame(state, f, since)
	frame.ID = j.ID
	if mode == wire.Snapshot {
		frame.Mode, frame.Removed = mode, nil
	}
	return frame, nil
}

// resumeFrom tells what a client with a cursor must be sent: the difference, or everything if it has no cursor, or one
// of a history that this log does not have.
func resumeFrom(state *channels.State, given string) (since uint64, mode string) {
	cursor, err := channels.ParseCursor(given)
	if err != nil || cursor == (channels.Cursor{}) || cursor.Epoch != state.Epoch() || cursor.Position > state.Position() {
		return 0, wire.Snapshot
	}
	return cursor.Position, wire.Delta
}

func (c *conn) joinLiveLocked(state *channels.State, j *wire.Join, f feed) *wire.Joined {
	values, clock := c.room.board.all(f)
	c.live[f] = clock
	frame := &wire.Joined{ID: j.ID, Channel: j.Channel, Cursor: state.Cursor().String(), Mode: wire.Snapshot}
	frame.Values = make(map[string]wire.Value, len(values))
	for key, data := range values {
		if len(data) > 0 {
			frame.Values[key] = wire.Value{Value: data}
		}
	}
	return frame
}

func (c *conn) joinedLocked(f feed) bool {
	_, decided := c.feeds[f]
	_, live := c.live[f]
	return decided || live
}

// alwaysOn are the feeds that every connection has.
func (c *conn) alwaysOn() []feed { return []feed{controlFeed, callsFeed(c.who.User)} }

func (c *conn) leave(l *wire.Leave) {
	r := c.room
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range []feed{{channel: l.Channel}, {l.Channel, c.who.User}} {
		r.unsubscribeLocked(c, f)
	}
	c.push(answer{first: true, data: wire.AppendFrame(nil, &wire.Left{ID: l.ID})})
}

func (c *conn) writeKeys(f *wire.Write) {
	w := channels.Write{Channel: f.Channel, Set: f.Set, Delete: f.Delete, Patch: f.Patch, If: f.If, Term: f.Term}
	decide := w.Decide
	if f.Unseen != "" {
		cursor, err := channels.ParseCursor(f.Unseen)
		if err != nil {
			c.refuse(f.ID, f.Op, 0, channels.Refuse(channels.CodeInvalid, "%v", err))
			return
		}
		decide = func(d *channels.Draft) (any, error) {
			w := w
			w.Unseen = new(uint64) // of a client whose cursor is from another epoch, nothing here was seen
			if cursor.Epoch == d.Epoch() {
				*w.Unseen = cursor.Position
			}
			return w.Decide(d)
		}
	}
	c.propose(f, f.Op, decide, func(o channels.Outcome, cursor string) wire.Frame {
		return &wire.Written{ID: f.ID, Position: o.Position, Cursor: cursor}
	})
}

// propose hands a request to the replica. The answer comes when it is committed, or refused on a committed state.
func (c *conn) propose(f wire.Request, op string, decide channels.Decide, ok func(o channels.Outcome, cursor string) wire.Frame) {
	id, err := channels.ParseOp(op)
	if err == nil && id.Client != c.client {
		err = channels.Refuse(channels.CodeInvalid, "the operation id %.64q is another client's: this connection is %s", op, c.client)
	}
	if err == nil {
		err = c.openRequest()
	}
	if err != nil {
		c.refuse(f.Header().ID, op, 0, err)
		return
	}
	space := c.room.replica()
	c.room.mu.Lock()
	urgent := c.room.seat.Operator != nil && c.room.seat.Operator.Session == c.who.ID || f.FrameType() == "control"
	c.room.mu.Unlock()
	space.Propose(channels.Proposal{
		Op: id, Actor: c.who.ID, User: c.who.User, Body: body(f), Source: c.number, Urgent: urgent, Decide: decide,
		Done: func(o channels.Outcome) {
			c.closeRequest()
			if o.Err != nil {
				c.refuse(f.Header().ID, op, o.Position, o.Err)
				return
			}
			c.reply(o.Position, ok(o, channels.Cursor{Epoch: c.room.epochNow(), Position: o.Position}.String()))
		},
	})
}

// body is what an operation id is bound to: the request without what may differ when it is sent again.
func body(f wire.Request) []byte {
	head := *f.Header()
	*f.Header() = wire.Head{}
	defer func() { *f.Header() = head }()
	return wire.AppendFrame(nil, f)
}

// openRequest counts a changing request until it is answered.
func (c *conn) openRequest() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if limit := c.room.hub.options.Limits.Unanswered; c.open >= limit {
		return &connectionError{wire.CodeUnanswered, "too many requests wait for an answer: wait for one, then send this again"}
	}
	c.open++
	return nil
}

func (c *conn) closeRequest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
}

// refuse answers a request with an error.
func (c *conn) refuse(id uint64, op string, position uint64, err error) {
	frame := errorFrame(err)
	frame.ID, frame.Op = id, op
	c.reply(position, frame)
	if code := channels.Code(frame.Code); code == channels.CodeForbidden || code == channels.CodeNotOperator || code == channels.CodeOldTerm {
		c.room.hub.logger.Info("refused", "space", c.room.name, "user", c.who.User, "session", c.who.ID, "code", frame.Code, "op", op)
	}
}

func (c *conn) sendLive(f *wire.Send) {
	var refusal error
	c.room.replica().Read(func(state *channels.State) {
		rules, ok := state.Rules().Channels[f.Channel]
		switch {
		case !ok:
			refusal = channels.Refuse(channels.CodeUnknownName, "this space has no channel %q", f.Channel)
		case !rules.Live:
			refusal = channels.Refuse(channels.CodeInvalid, "%s is not a live store: write to it", f.Channel)
		case !channels.Permits(rules.Write, c.who):
			refusal = channels.Refuse(channels.CodeForbidden, "you may not send to %s: it is for %s", f.Channel, rules.Write)
		}
	})
	for _, key := range slices.Sorted(maps.Keys(f.Set)) {
		refusal = errors.Join(refusal, channels.CheckKey(key))
	}
	if refusal != nil {
		c.refuse(f.ID, "", 0, refusal)
		return
	}
	for key, data := range f.Set {
		live := channels.LiveKey{Space: c.room.name, Channel: f.Channel, Key: key}
		if err := c.room.hub.options.Live.Publish(c.ctx, live, data, 0); err != nil {
			c.refuse(f.ID, "", 0, &channels.Uncertain{Code: channels.CodeUnavailable, Detail: "live values cannot be passed on now: send the newest again"})
			return
		}
	}
}

// control answers a Control.
func (c *conn) control(f *wire.Control) {
	move := session.Move{Do: f.Do, Request: f.Request, Session: f.Session, Message: f.Message, Reason: f.Reason}
	c.propose(f, f.Op, move.Decide, func(o channels.Outcome, cursor string) wire.Frame {
		var done session.Moved
		_ = json.Unmarshal(o.Answer, &done)
		return &wire.Controlled{ID: f.ID, Term: done.Term, Request: done.Request, Position: o.Position, Cursor: cursor}
	})
}

// pong tells the client how far it is, after everything up to there.
func (c *conn) pong(f *wire.Ping) {
	c.room.replica().Read(func(state *channels.State) {
		c.reply(state.Position(), &wire.Pong{ID: f.ID, Cursor: state.Cursor().String()})
	})
}
