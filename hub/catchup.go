package hub

import (
	"bytes"
	"sync"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/socket"
	"github.com/baton-hub/baton/hub/wire"
)

// A client so slow that the ring has forgotten what it has not seen catches up: it gets the present values of what changed
// since, and of logs the messages. That may be megabytes, so it is in nobody's way: not on a shard, one client of a room at a
// time, and encoded with no lock held that entries wait for. What was encoded for one is sent to all who need the same for as
// long as the ring has what came after it: from there on each goes on with the ring.

// A refresher is what clients of a room are sent to catch up, as of one position.
type refresher struct {
	mu    sync.Mutex // of the client that catches up, until what it is sent is encoded
	at    channels.Cursor
	made  map[joinedKey][]byte // frames without the beginning of the first one, see wire.AppendJoinedStart; nil: nothing
	bytes int
	life  life
}

// A missing is what a client missed of a topic that it follows.
type missing struct {
	topic *topic
	from  uint64
	key   joinedKey
}

// A relief is what takes a client to a position.
type relief struct {
	of       []missing
	made     [][]byte // for each
	at       channels.Cursor
	renewals uint32
}

// refresh is for a connection with a shard whose client has to catch up.
func (c *conn) refresh() {
	p := &parcel{data: make([]byte, socket.Head), from: socket.Head}
	c.catchUp(p)
	if message, tails := p.close(); len(message) > socket.Head {
		if err := c.quick.Write(message, writeTime, tails...); err != nil {
			c.end(causeOf(err))
		} else {
			c.room.counts.wrote(lengthOf(message, tails))
			c.room.flushed(c.mark.Position)
		}
	}
	c.busy.Store(false)
	c.rouse()
}

// catchUp adds what the client missed, and moves the cursor to where the ring goes on.
func (c *conn) catchUp(p *parcel) (more bool) { return c.relieve(p, c.missed()) }

func (c *conn) relieve(p *parcel, by relief) (more bool) {
	r := c.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.ctx.Err() != nil || c.standing != welcomed || c.renewals.Load() != by.renewals || r.epochNow() != by.at.Epoch {
		return true // what it may read was decided anew meanwhile: it begins again
	}
	r.counts.catchUps.Inc()
	c.gatherFirsts(p, by.at.Position)
	for i, m := range by.of {
		now := c.memberOf(m.topic)
		if by.made[i] == nil || now == nil || now.from != m.from { // it has left
			continue
		}
		if m.joined() {
			p.add(wire.AppendJoinedStart(nil, 0))
			p.share(by.made[i])
		} else {
			p.add(by.made[i])
		}
	}
	c.cursor = by.at.Position
	c.gatherAnswers(p, func(a answer) bool { return a.position <= c.cursor })
	slots, held := r.ring.after(c.cursor)
	if !held {
		c.mark = by.at
		return true
	}
	return c.gatherHeldLocked(p, slots)
}

// joined reports whether it is sent as a join would be answered.
func (m missing) joined() bool {
	return m.key.feed != controlFeed && m.key.feed.channel != channels.CallsStore
}

// missed finds what the client missed, and what it is sent for it, as of a position.
func (c *conn) missed() (found relief) {
	f := &c.room.refresher
	f.mu.Lock()
	defer f.mu.Unlock()
	var fresh []*wire.Joined
	c.room.replica().Read(func(state *channels.State) {
		c.room.mu.Lock()
		defer c.room.mu.Unlock()
		found.renewals = c.renewals.Load()
		found.of = c.missedLocked()
		if !f.hasLocked(c.room, found.of) {
			fresh = f.collectLocked(c.room, state, found.of)
		}
	})
	for i, frame := range fresh {
		if frame == nil {
			continue
		}
		tail := wire.ShareJoined(frame)
		c.room.counts.encoded.Inc()
		f.put(found.of[i].key, tail)
	}
	for _, m := range found.of {
		found.made = append(found.made, f.made[m.key])
	}
	found.at = f.at
	f.life.use(&f.mu, func() { f.made, f.bytes = nil, 0 })
	return found
}

func (c *conn) missedLocked() (all []missing) {
	for _, m := range c.feeds {
		since := max(m.from, c.cursor)
		if max(m.topic.touched, c.room.floor) > since {
			all = append(all, missing{m.topic, m.from, joinedKey{feed: m.topic.feed, since: since, last: -1}})
		}
	}
	return all
}

// hasLocked reports whether all of it is there, as of a position from which on the ring goes on.
func (f *refresher) hasLocked(r *room, all []missing) bool {
	if _, held := r.ring.after(f.at.Position); !held || f.made == nil || f.at.Epoch != r.epochNow() {
		return false
	}
	for _, m := range all {
		if _, there := f.made[m.key]; !there || m.key.since > f.at.Position {
			return false
		}
	}
	return true
}

// collectLocked begins anew if the state has moved on, and returns what is to be encoded, by what was missed. That only
// points to the values, which never change.
func (f *refresher) collectLocked(r *room, state *channels.State, all []missing) []*wire.Joined {
	if now := state.Cursor(); f.made == nil || f.at != now || f.bytes > shelfBytes {
		f.at, f.made, f.bytes = now, map[joinedKey][]byte{}, 0
	}
	fresh := make([]*wire.Joined, len(all))
	for i, m := range all {
		if _, there := f.made[m.key]; there {
			continue
		}
		switch {
		case m.joined():
			if frame := joinedFrame(state, m.key.feed, m.key.since); !empty(frame) {
				fresh[i] = frame
				continue
			}
			f.put(m.key, nil)
		case m.key.feed == controlFeed:
			frame := r.controlFrameLocked()
			frame.Cursor = f.at.String()
			f.put(m.key, wire.AppendFrame(nil, frame))
		default:
			var frames [][]byte
			for _, frame := range r.callsLocked(state, m.key.feed.owner) {
				frames = append(frames, wire.AppendFrame(nil, frame))
			}
			f.put(m.key, bytes.Join(frames, []byte{','}))
		}
	}
	return fresh
}

func (f *refresher) put(key joinedKey, data []byte) {
	if len(data) == 0 {
		data = nil
	}
	f.made[key] = data
	f.bytes += len(data)
}

// callsLocked are the calls of a user, in flight and lately ended.
func (r *room) callsLocked(state *channels.State, user string) (frames []*wire.CallState) {
	for _, call := range channels.Calls(state, func(c channels.Call) bool { return c.By.User == user }) {
		frames = append(frames, r.calls.frameLocked(call, state))
	}
	return frames
}
