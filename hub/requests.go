package hub

import (
	"encoding/json"

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
			if c.room.mute() {
				for _, j := range joins {
					c.refuse(j.ID, "", 0, errMuteHere)
				}
			} else {
				c.join(joins)
			}
			requests = requests[len(joins):]
			continue
		}
		c.handleOne(requests[0])
		requests = requests[1:]
	}
	return nil
}

// errMuteHere refuses to show what a node has that was out of touch with the log for long (DESIGN §8).
var errMuteHere = &connectionError{string(channels.CodeUnavailable), "the log is out of reach, and what this node knows may be over: ask again when it is back"}

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
	case *wire.Cancel:
		c.cancelCall(f)
	case *wire.Transact:
		c.transact(f)
	case *wire.Read:
		if c.room.mute() {
			c.refuse(f.ID, "", 0, errMuteHere)
			return
		}
		c.readValues(f)
	case *wire.Lock:
		c.lock(f)
	case *wire.Unlock:
		c.unlock(f)
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

func (c *conn) writeKeys(f *wire.Write) {
	unseen, err := channels.ParseCursor(f.Unseen)
	if err != nil {
		c.refuse(f.ID, f.Op, 0, channels.Refuse(channels.CodeInvalid, "%v", err))
		return
	}
	decide := func(d *channels.Draft) (any, error) {
		return channels.Write{
			Channel: f.Channel, Owner: f.Owner, Set: f.Set, Delete: f.Delete, Patch: f.Patch, If: f.If, Unseen: since(d, unseen),
			Term: f.Term, Held: f.Held,
		}.Decide(d)
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
	c.room.touchLocked(c.who.ID, true)
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

// control answers a Control.
func (c *conn) control(f *wire.Control) {
	move := session.Move{Do: f.Do, Request: f.Request, Session: f.Session, Message: f.Message, Reason: f.Reason, Force: f.Force}
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
