package hub

import (
	"errors"
	"os"
	"sync"

	"github.com/baton-hub/baton/hub/socket"
)

// A shard brings its connections up to date: those that were marked since it last looked, each with one message and one
// write that does not wait. There are as many shards as processors, and a connection is with one of them for its life, so
// nothing here runs for a connection that has nothing to send. What comes while a shard is at work waits for its next round,
// and goes out together: under load, messages get larger instead of more.
type shard struct {
	index int
	wake  chan struct{} // something is marked or stirred

	mu      sync.Mutex
	marked  []*conn  // guarded by mu
	stirred []*topic // guarded by mu; all of their readers here are to be looked at

	round round // owned by run
}

// A round is what a shard has taken to look at.
type round struct {
	number  uint64
	marked  []*conn
	stirred []*topic
	due     []*conn // all of them, each once
	shares  shares
	turns   [serveAtOnce]turn
	buffer  []byte
}

// serveAtOnce is how many connections of a room are looked at under one hold of its lock, before what they get goes out:
// few enough that those behind get what has come meanwhile.
const serveAtOnce = 64

// A turn is what a connection gets.
type turn struct {
	conn     *conn
	own      bool   // what gather makes for it
	share    *share // nil: nothing
	renewals uint32
}

func newShard(index int) *shard {
	s := &shard{index: index, wake: make(chan struct{}, 1)}
	s.round.buffer = make([]byte, socket.Head, 4<<10)
	return s
}

// mark has the shard look at a connection.
func (s *shard) mark(c *conn) {
	if c.marked.Swap(true) {
		return
	}
	s.mu.Lock()
	s.marked = append(s.marked, c)
	first := len(s.marked)+len(s.stirred) == 1
	s.mu.Unlock()
	if first {
		s.wake <- struct{}{} // there is room: the one before was taken with what was marked
	}
}

// stir has the shard look at all readers of a topic that are its own.
func (s *shard) stir(t *topic) {
	l := &t.lanes[s.index]
	s.mu.Lock()
	first := false
	if !l.stirred {
		l.stirred = true
		s.stirred = append(s.stirred, t)
		first = len(s.marked)+len(s.stirred) == 1
	}
	s.mu.Unlock()
	if first {
		s.wake <- struct{}{}
	}
}

// run serves the connections until the shard is stopped, which is when there are none any more.
func (s *shard) run(stop <-chan struct{}) {
	for {
		select {
		case <-s.wake:
		case <-stop:
			return
		}
		s.take()
		for due := s.round.due; len(due) > 0; {
			n := 1
			for n < min(len(due), serveAtOnce) && due[n].room == due[0].room {
				n++
			}
			s.serve(due[:n])
			due = due[n:]
		}
		clear(s.round.due)
	}
}

// take finds the connections to look at.
func (s *shard) take() {
	r := &s.round
	s.mu.Lock()
	r.marked, s.marked = s.marked, r.marked[:0]
	r.stirred, s.stirred = s.stirred, r.stirred[:0]
	for _, t := range r.stirred {
		t.lanes[s.index].stirred = false // before it looks: what comes from here on stirs it again
	}
	s.mu.Unlock()
	r.number++
	r.due = r.due[:0]
	for _, c := range r.marked {
		c.marked.Store(false) // likewise
		r.note(c)
	}
	for _, t := range r.stirred {
		t.room.mu.Lock()
		for _, c := range t.lanes[s.index].conns {
			r.note(c)
		}
		t.room.mu.Unlock()
	}
	clear(r.marked)
	clear(r.stirred)
}

func (r *round) note(c *conn) {
	if c.round != r.number {
		c.round = r.number
		r.due = append(r.due, c)
	}
}

// serve brings a few connections of one room up to date. Those that are alike are sent the same bytes, which are made once.
func (s *shard) serve(conns []*conn) {
	r, room := &s.round, conns[0].room
	turns := r.turns[:len(conns)]
	r.shares.n = 0
	room.mu.Lock()
	for i, c := range conns {
		turns[i] = turn{conn: c, renewals: c.renewals.Load()}
		switch {
		case c.busy.Load(): // it is marked when what is under way is done
		case c.ctx.Err() != nil:
			turns[i].own = true
		default:
			turns[i].share = r.shares.ofLocked(c)
			turns[i].own = turns[i].share == nil
		}
	}
	room.mu.Unlock()
	for i, t := range turns {
		switch {
		case t.own:
			r.buffer = t.conn.flush(r.buffer[:socket.Head])
		case t.share != nil:
			t.conn.flushShare(t)
		}
		turns[i] = turn{}
	}
	if cap(r.buffer) > 4*maxMessage {
		r.buffer = make([]byte, socket.Head, 4<<10)
	}
}

// flushShare writes a message that others get, too.
func (c *conn) flushShare(t turn) {
	switch {
	case c.ctx.Err() != nil:
		c.finishSoon()
		return
	case t.share.frame != nil && c.renewals.Load() == t.renewals: // else it may not be for it any more
		if !c.wrote(t.share.frame, t.share.message) {
			return
		}
	}
	if t.share.more {
		c.rouse()
	}
}

// flush writes the next message of the connection, made in the buffer, and returns that.
func (c *conn) flush(buffer []byte) []byte {
	switch {
	case c.busy.Load(): // it is marked when what is under way is done
		return buffer
	case c.ctx.Err() != nil:
		c.finishSoon()
		return buffer
	}
	p := &parcel{data: buffer, from: len(buffer)}
	more, behind := c.gather(p)
	message, tails := p.close()
	if len(message) > socket.Head && !c.wrote(socket.Frame(message, tails...), message, tails...) {
		return p.data
	}
	if behind {
		c.busy.Store(true)
		go c.refresh()
		return p.data
	}
	if c.answered() {
		c.sendAway()
	}
	if more {
		c.rouse()
	}
	return p.data
}

// wrote writes a message, and reports whether it is out. If not, the connection is roused when it is, or has ended.
func (c *conn) wrote(frame, message []byte, tails ...[]byte) bool {
	whole, err := c.quick.Offer(frame, tails...)
	if err != nil {
		c.end(errGone)
		return false
	}
	c.room.counts.wrote(lengthOf(message, tails))
	c.room.flushed(c.mark.Position)
	if !whole {
		c.room.counts.waits.Inc()
		c.busy.Store(true)
		go c.wait()
	}
	return whole
}

// wait is for a client that does not keep up: what it did not take at once is written as it takes it.
func (c *conn) wait() {
	if err := c.quick.Write(nil, writeTime); err != nil {
		c.end(causeOf(err))
	}
	c.busy.Store(false)
	c.rouse()
}

// finishSoon has the connection finish, for which its shard has nothing more to do.
func (c *conn) finishSoon() {
	c.busy.Store(true) // for good
	if c.parting.CompareAndSwap(0, finishing) {
		go c.finish()
		return
	}
	c.hand()
}

// finish says why the connection has ended. Nothing is written after it.
func (c *conn) finish() {
	c.bye()
	close(c.gone)
}

// causeOf is why a connection ends when a write has failed.
func causeOf(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errTooSlow
	}
	return errGone
}
