package hub

import (
	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/trace"
	"github.com/baton-hub/baton/hub/wire"
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
	if ofStop(request) {
		c.reply(0, &wire.Written{ID: request.Header().ID})
		return
	}
	switch d, err := c.room.decisionOf(request); {
	case err != nil:
		c.refuse(request.Header().ID, "", 0, err)
		return
	case d != nil:
		c.propose(request, d)
		return
	}
	switch f := request.(type) {
	case *wire.Leave:
		c.leave(f)
	case *wire.Send:
		c.sendLive(f)
	case *wire.Serve:
		c.serve(f)
	case *wire.Read:
		if c.room.mute() {
			c.refuse(f.ID, "", 0, errMuteHere)
			return
		}
		c.readValues(f)
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

// propose hands a request to the replica, or through it to the space's home. The answer comes when it is committed, or
// refused on a committed state.
func (c *conn) propose(f wire.Request, d *decision) {
	id, err := channels.ParseOp(d.op)
	if err == nil {
		err = c.mayAsk(f, id)
	}
	if err == nil {
		err = c.openRequest()
	}
	if err != nil {
		c.refuse(f.Header().ID, d.op, 0, err)
		return
	}
	c.room.mu.Lock()
	c.room.touchLocked(c.who.ID, true)
	urgent := c.room.seat.Operator != nil && c.room.seat.Operator.Session == c.who.ID || f.FrameType() == "control"
	c.room.mu.Unlock()
	c.underWay.Add(1)
	request := body(f)
	span := c.traceFrame(f, d.op)
	c.room.forwarder.propose(channels.Proposal{
		Op: id, Actor: c.who.ID, User: c.who.User, Body: request, Trace: span.Parent(), Source: c.number,
		Again: f.Header().Again, Urgent: urgent, Decide: d.decide,
		Done: func(o channels.Outcome) {
			defer c.settle()
			c.closeRequest()
			endWith(span, o)
			if o.Err != nil {
				c.refuseTraced(f.Header().ID, d.op, o.Position, o.Err, span)
				return
			}
			c.reply(o.Position, d.answer(o, channels.Cursor{Epoch: c.room.epochNow(), Position: o.Position}.String()))
		},
	}, request)
}

// mayAsk refuses an operation that this connection may not carry. It carries those of other clients of the same user too:
// the tabs of a browser share one socket, and a page sends what an earlier one could not. But a lock is held as long as
// its client is connected, so it is asked for by that client itself; and the id of a client of somebody else is not
// used up before the log knows whose it is.
func (c *conn) mayAsk(f wire.Request, id channels.Op) error {
	if id.Client == c.client {
		return nil
	}
	if _, lock := f.(*wire.Lock); lock {
		return channels.Refuse(channels.CodeInvalid, "a lock is held by a connected client: number the operation %s as one of this connection's, %s", id, c.client)
	}
	if c.room.taken(c.who, id.Client) {
		return channels.Refuse(channels.CodeInvalid, "somebody else uses the client id of the operation %s: take a new random one", id)
	}
	return nil
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
	c.refuseTraced(id, op, position, err, nil)
}

func (c *conn) refuseTraced(id uint64, op string, position uint64, err error, span *trace.Span) {
	frame := errorFrame(err)
	frame.ID, frame.Op = id, op
	c.reply(position, frame)
	if code := channels.Code(frame.Code); code == channels.CodeForbidden || code == channels.CodeNotOperator || code == channels.CodeOldTerm {
		traced(c.room.hub.logger, span).Info("refused", "space", c.room.name, "user", c.who.User, "session", c.who.ID, "code", frame.Code, "op", op)
	}
}

// pong tells the client how far it is, after everything up to there.
func (c *conn) pong(f *wire.Ping) {
	c.room.replica().Read(func(state *channels.State) {
		c.reply(state.Position(), &wire.Pong{ID: f.ID, Cursor: state.Cursor().String()})
	})
}
