package hub

import (
	"errors"
	"os"
	"sync"
	"time"

	"github.com/baton-hub/baton/hub/socket"
)

// A shard brings its connections up to date: those that were marked since it last looked, each with one message and one
// write that does not wait. There are as many shards as processors, and a connection is with one of them for its life, so
// nothing here runs for a connection that has nothing to send. What comes while a shard is at work waits for its next round,
// and goes out together: under load, messages get larger instead of more.
type shard struct {
	mu     sync.Mutex
	marked []*conn       // guarded by mu
	wake   chan struct{} // something is marked
}

func newShard() *shard { return &shard{wake: make(chan struct{}, 1)} }

// mark has the shard look at a connection.
func (s *shard) mark(c *conn) {
	if c.marked.Swap(true) {
		return
	}
	s.mu.Lock()
	s.marked = append(s.marked, c)
	first := len(s.marked) == 1
	s.mu.Unlock()
	if first {
		s.wake <- struct{}{} // there is room: the one before was taken with what was marked
	}
}

// run serves the connections until the shard is stopped, which is when there are none any more.
func (s *shard) run(stop <-chan struct{}) {
	var marked []*conn
	buffer := make([]byte, socket.Head, 4<<10)
	for {
		select {
		case <-s.wake:
		case <-stop:
			return
		}
		s.mu.Lock()
		marked, s.marked = s.marked, marked[:0]
		s.mu.Unlock()
		for i, c := range marked {
			buffer = c.flush(buffer[:socket.Head])
			marked[i] = nil
		}
		if cap(buffer) > 4*maxMessage {
			buffer = make([]byte, socket.Head, 4<<10)
		}
	}
}

// flush writes the next message of the connection, made in the buffer, and returns that.
func (c *conn) flush(buffer []byte) []byte {
	c.marked.Store(false) // before it looks: what comes from here on marks it again
	switch {
	case c.busy.Load(): // it is marked when what is under way is done
		return buffer
	case c.ctx.Err() != nil:
		c.busy.Store(true) // for good
		go c.finish()
		return buffer
	}
	message, more := c.gather(buffer)
	if len(message) > socket.Head {
		whole, err := c.quick.Offer(message)
		if err != nil {
			c.end(errGone)
			return message
		}
		c.room.counts.wrote(message[socket.Head:])
		c.room.flushed(c.mark.Position)
		if !whole {
			c.room.counts.waits.Inc()
			c.busy.Store(true)
			go c.wait(timeFor(message))
			return message
		}
	}
	if c.answered() {
		c.sendAway()
	}
	if more {
		c.rouse()
	}
	return message
}

// wait is for a client that does not keep up: what it did not take at once is written as it takes it.
func (c *conn) wait(limit time.Duration) {
	if err := c.quick.Write(nil, limit); err != nil {
		c.end(causeOf(err))
	}
	c.busy.Store(false)
	c.rouse()
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
