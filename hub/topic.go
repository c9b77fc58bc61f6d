package hub

import "slices"

// A topic is a feed as a room has it: who of its connections reads it, and where it last changed. Once an entry has touched
// it, it is the same one for as long as the room is there: the frames of the ring are told apart by it. Guarded by room.mu.
type topic struct {
	room    *room
	feed    feed
	number  uint64 // of the topics of a room, for an order among them
	touched uint64 // where it last changed, as far as known; in the log
	readers int
	lanes   []lane // the readers, by shard; the last is of those that have none
}

// A lane is the readers of a topic that one shard serves.
type lane struct {
	conns   []*conn
	stirred bool // guarded by the shard's mu: it is to look at them
}

// A membership is a topic that a connection reads.
type membership struct {
	topic *topic
	from  uint64 // entries up to the position, or changes of the board up to the clock, are not for it
	live  bool   // a live store, of those on the board
	at    int    // among the readers in its lane
}

// topicLocked finds the topic of a feed, or makes it.
func (r *room) topicLocked(f feed) *topic {
	t := r.topics[f]
	if t == nil {
		r.topicNumbers++
		t = &topic{room: r, feed: f, number: r.topicNumbers}
		r.topics[f] = t
	}
	return t
}

// readLocked reports whether somebody here reads a feed.
func (r *room) readLocked(f feed) bool {
	t := r.topics[f]
	return t != nil && t.readers > 0
}

// followLocked makes the connection a reader of what the log has in a feed, after a position.
func (r *room) followLocked(c *conn, f feed, from uint64) {
	c.feeds = append(c.feeds, r.enlistLocked(c, f, from))
}

// watchLocked makes it one of what the board has, after a clock.
func (r *room) watchLocked(c *conn, f feed, from uint64, live bool) {
	m := r.enlistLocked(c, f, from)
	m.live = live
	c.watched = append(c.watched, m)
}

func (r *room) enlistLocked(c *conn, f feed, from uint64) membership {
	t, n := r.topicLocked(f), r.laneOf(c)
	if t.lanes == nil {
		t.lanes = make([]lane, len(r.hub.shards)+1)
	}
	l := &t.lanes[n]
	l.conns = append(l.conns, c)
	t.readers++
	return membership{topic: t, from: from, at: len(l.conns) - 1}
}

func (r *room) laneOf(c *conn) int {
	if c.shard == nil {
		return len(r.hub.shards)
	}
	return c.shard.index
}

// quitLocked ends the memberships for which gone is true.
func (r *room) quitLocked(c *conn, gone func(feed) bool) {
	quit := func(m membership) bool {
		if !gone(m.topic.feed) {
			return false
		}
		r.delistLocked(c, m)
		return true
	}
	c.feeds = slices.DeleteFunc(c.feeds, quit)
	c.watched = slices.DeleteFunc(c.watched, quit)
}

func anyFeed(feed) bool { return true }

// delistLocked takes a reader out of its lane; the last one there takes its place.
func (r *room) delistLocked(c *conn, m membership) {
	t := m.topic
	l := &t.lanes[r.laneOf(c)]
	last := len(l.conns) - 1
	if moved := l.conns[last]; moved != c {
		l.conns[m.at] = moved
		moved.memberOf(t).at = m.at
	}
	l.conns[last] = nil
	l.conns = l.conns[:last]
	if t.readers--; t.readers == 0 {
		if t.touched == 0 {
			delete(r.topics, t.feed)
		}
	}
}

// memberOf finds the membership of a topic that the connection reads.
func (c *conn) memberOf(t *topic) *membership {
	for _, list := range [][]membership{c.feeds, c.watched} {
		for i := range list {
			if list[i].topic == t {
				return &list[i]
			}
		}
	}
	return nil
}

// wakeLocked has the readers of a topic looked at: each shard that has some is told once, however many they are.
func (r *room) wakeLocked(t *topic) {
	if t.readers == 0 {
		return
	}
	shards := r.hub.shards
	for i, s := range shards {
		if len(t.lanes[i].conns) > 0 {
			s.stir(t)
		}
	}
	for _, c := range t.lanes[len(shards)].conns {
		c.rouse()
	}
}
