package hub

import (
	"slices"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/socket"
)

// What connections have to be alike in, so that one message is made for all of them: all that gather looks at, for a
// connection that has no answers.
const (
	alikeTopics = 8 // more that have changed, or are watched: it gets a message of its own
	shareKinds  = 4 // of those that are served together; the others get messages of their own
)

type alike struct {
	cursor, clock, members, heard uint64
	changed                       [alikeTopics]*topic // that it follows and that have changed since the cursor, by their number
	watched                       [alikeTopics]*topic // on the board
}

// A share is a message for all connections of a room that are alike, and where they are after it.
type share struct {
	of    alike
	alone bool // what it says depends on who it is for, so it is for nobody

	message []byte // see socket.Head
	frame   []byte // the message on its way; nil: there is none
	after   place
	more    bool
}

// A place is where a connection is: what it was written.
type place struct {
	cursor, clock, members, heard uint64
	mark                          channels.Cursor
}

// shares are those of a few connections of one room, made while its mu is held; after that they only go out.
type shares struct {
	made [shareKinds]share
	n    int
}

// ofLocked returns the share of the connection and takes it as written. None is found if the connection needs a message of
// its own.
func (s *shares) ofLocked(c *conn) (found *share) {
	of, plain := c.alikeLocked()
	if !plain {
		return nil
	}
	for i := range s.made[:s.n] {
		if s.made[i].of == of {
			found = &s.made[i]
			break
		}
	}
	if found == nil && s.n < len(s.made) {
		found = &s.made[s.n]
		s.n++
		found.of = of
		found.makeLocked(c)
	}
	if found == nil || found.alone {
		return nil
	}
	after := found.after
	if len(c.watched) == 0 {
		after.clock = c.clock // which is not among what they are alike in
	}
	c.moveLocked(after)
	return found
}

// makeLocked makes the message for the first connection of its kind.
func (s *share) makeLocked(c *conn) {
	before := c.place()
	if s.message == nil || cap(s.message) > 4*maxMessage {
		s.message = make([]byte, socket.Head, 1<<10)
	}
	slots, _ := c.room.ring.after(c.cursor)
	p := &parcel{data: s.message[:socket.Head], from: socket.Head, shared: true}
	s.more = c.gatherHeldLocked(p, slots)
	s.frame = nil
	if !p.empty() {
		p.data = append(p.data, ']')
		s.frame = socket.Frame(p.data)
	}
	s.message, s.after, s.alone = p.data, c.place(), p.personal
	c.moveLocked(before)
}

// alikeLocked tells what the next message of the connection depends on; plain is false if that is more than alike holds.
func (c *conn) alikeLocked() (a alike, plain bool) {
	r := c.room
	if c.standing != welcomed || c.cursor+1 < r.ring.first || len(c.watched) > alikeTopics || c.hasOwn() {
		return a, false
	}
	a.cursor, a.members, a.heard = c.cursor, c.members, c.heard
	n := 0
	for _, m := range c.feeds {
		switch {
		case m.topic.touched <= c.cursor:
		case m.from > c.cursor || n == alikeTopics:
			return a, false
		default:
			a.changed[n] = m.topic
			n++
		}
	}
	sortTopics(a.changed[:n])
	for i, m := range c.watched {
		if m.from > c.clock {
			return a, false
		}
		a.watched[i], a.clock = m.topic, c.clock
	}
	sortTopics(a.watched[:len(c.watched)])
	return a, true
}

func sortTopics(topics []*topic) {
	if len(topics) > 1 {
		slices.SortFunc(topics, func(a, b *topic) int { return int(a.number) - int(b.number) })
	}
}

// hasOwn reports whether something is only for this connection.
func (c *conn) hasOwn() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.answers) > 0 || c.parted
}

func (c *conn) place() place { return place{c.cursor, c.clock, c.members, c.heard, c.mark} }

func (c *conn) moveLocked(to place) {
	c.cursor, c.clock, c.members, c.heard, c.mark = to.cursor, to.clock, to.members, to.heard, to.mark
}
