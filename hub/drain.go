package hub

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// A stage is how far a node is on its way out.
type stage int32

const (
	serving  stage = iota
	leaving        // not ready: whatever is in front of it should send nobody any more. Who comes all the same is served
	emptying       // nobody gets in any more, and those who are here are told to go on at another node
)

// The pace of a drain. It is so slow that the nodes that are left are not overrun, and fast enough for the time there is.
const (
	drainStep  = 100 * time.Millisecond
	drainBatch = 20                     // connections that are told in one step, and closed; more if they would not be done in time
	moveTime   = 5 * time.Second        // to open the next connection, at most; then it is closed
	partTime   = time.Second            // for what was asked over it until then
	handover   = 500 * time.Millisecond // until other nodes have surely said who has come to them
)

func (h *Hub) at() stage { return stage(h.stage.Load()) }

// Unready makes the node not ready, so that whatever is in front of it sends it nobody any more. It serves on as ever.
func (h *Hub) Unready() { h.stage.CompareAndSwap(int32(serving), int32(leaving)) }

// Leave lets nobody in any more, and ends the event streams and the requests that wait for a change, each with what there
// is: their clients go on at another node. A server that shuts down would wait for them; see http.Server.RegisterOnShutdown.
// WebSockets are Drain's, or Close's.
func (h *Hub) Leave() {
	h.stage.Store(int32(emptying))
	h.leave()
}

// errLeaving refuses who wants to come in.
var errLeaving = &problem{
	status: http.StatusServiceUnavailable, code: "not_ready", detail: "This node is leaving. Try again: another one takes you.", retry: 1,
}

// admits refuses who wants to come in when the node is on its way out.
func (h *Hub) admits() error {
	if h.at() == emptying {
		return errLeaving
	}
	return nil
}

// Drain leaves, and sends everybody who is connected to other nodes: it tells them, some at a time, to open their next
// connection before this one ends. Services are told first. Others find them on either node meanwhile, and should there be no
// other node yet, they have the longest to try again. Who does not go in time is closed, some at a time, when what they asked
// for is answered. It returns when nobody is here any more, before the deadline of ctx in any case if it has one.
func (h *Hub) Drain(ctx context.Context) {
	h.Leave()
	tick := time.NewTicker(drainStep)
	defer tick.Stop()
	e := h.newExodus(ctx)
	for h.connections.Load() > 0 || h.lingering() {
		e.step(time.Now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// An exodus sends the connections of a hub away.
type exodus struct {
	hub   *Hub
	stay  time.Duration // how long a connection stays after it was told
	batch int           // how many are told, and closed, in one step
}

func (h *Hub) newExodus(ctx context.Context) *exodus {
	e := &exodus{hub: h, stay: moveTime, batch: drainBatch}
	if end, ok := ctx.Deadline(); ok {
		half := max(drainStep, (time.Until(end)-partTime-2*byeTime)/2)
		e.stay = min(e.stay, half)
		e.batch = max(e.batch, int((h.connections.Load()*int64(drainStep)+int64(half)-1)/int64(half)))
	}
	return e
}

// step tells the next ones, and closes those whose time is up.
func (e *exodus) step(now time.Time) {
	left := e.batch
	for _, services := range []bool{true, false} {
		e.each(func(c *conn) {
			if left > 0 && c.told.IsZero() && services == (len(c.commands) > 0) {
				c.tellLocked(now, e.stay)
				left--
			}
		})
	}
	left = e.batch
	e.each(func(c *conn) {
		if left > 0 && !c.told.IsZero() && now.Sub(c.told) >= e.stay && c.part() {
			left--
		}
	})
}

// each calls f for the connections, with the mu of their room.
func (e *exodus) each(f func(*conn)) {
	for _, r := range e.hub.rooms {
		r.mu.Lock()
		for c := range r.conns {
			f(c)
		}
		r.mu.Unlock()
	}
}

func (c *conn) tellLocked(now time.Time, stay time.Duration) {
	c.told = now
	if !c.follows { // streams are sent away by Leave
		c.reply(0, &wire.Leaving{WithinMS: stay.Milliseconds()})
	}
}

// part closes the connection when what was asked over it is answered, or soon; it reports whether it was not about to be.
func (c *conn) part() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parted {
		return false
	}
	c.parted = true
	time.AfterFunc(partTime, c.sendAway)
	c.rouse()
	return true
}

// deaf reports whether nothing more is read.
func (c *conn) deaf() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parted
}

// answered reports whether the connection is to be closed and has all answers.
func (c *conn) answered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parted && c.underWay.Load() == 0 && len(c.answers) == 0
}

// settle notes that the answer to a changing request was handed in.
func (c *conn) settle() {
	c.underWay.Add(-1)
	if c.deaf() {
		c.rouse()
	}
}

// lingerLocked keeps a connection among those who are here for a moment after it has gone to another node. That node has
// said so by then: nobody sees the client gone, the operator lost or a service missing in between.
func (r *room) lingerLocked(c *conn, was attendant) {
	r.moved[c] = was
	time.AfterFunc(handover, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.letGoLocked(c)
	})
}

func (r *room) letGoLocked(c *conn) {
	a, lingers := r.moved[c]
	if !lingers {
		return
	}
	delete(r.moved, c)
	r.wentLocked(a)
}

// lingering reports whether somebody is kept so.
func (h *Hub) lingering() bool {
	n := 0
	for _, r := range h.rooms {
		r.mu.Lock()
		n = cmp.Or(n, len(r.moved))
		r.mu.Unlock()
	}
	return n > 0
}
