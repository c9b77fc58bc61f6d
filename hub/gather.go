package hub

import (
	"encoding/json"
	"slices"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// A parcel is a message in the making: frames of one or more whole entries, and answers in between. It begins behind what is
// in front of a message on its way.
type parcel struct {
	data []byte
	from int

	shared   bool // it is made for several connections: nothing is added that is for one alone
	personal bool // what was added, or left out, depends on who it is for
}

func (p *parcel) empty() bool { return len(p.data) == p.from }

func (p *parcel) add(frame []byte) {
	separator := byte(',')
	if p.empty() {
		separator = '['
	}
	p.data = append(append(p.data, separator), frame...)
}

func (p *parcel) addFrame(f wire.Frame) { p.add(wire.AppendFrame(nil, f)) }

// gather moves the cursor forward and adds the message that takes the client there to the buffer, nothing if it is there
// already; more says that there was too much for one message. All of an entry is in one message.
func (c *conn) gather(buffer []byte) (message []byte, more bool) {
	p := &parcel{data: buffer, from: len(buffer)}
	r := c.room
	r.mu.Lock()
	slots, held := r.ring.after(c.cursor)
	if c.ctx.Err() != nil || c.waitsLocked() { // what it may read has been decided anew
		r.mu.Unlock()
		return buffer, false
	}
	if held && c.standing == welcomed {
		more = c.gatherHeldLocked(p, slots)
		r.mu.Unlock()
	} else {
		r.mu.Unlock()
		r.replica().Read(func(state *channels.State) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if c.ctx.Err() != nil {
				return
			}
			c.welcomeAgainLocked(p, state)
			if slots, held := r.ring.after(c.cursor); held {
				more = c.gatherHeldLocked(p, slots)
				return
			}
			c.catchUpLocked(p, state)
			c.gatherRestLocked(p)
			c.mark = channels.Cursor{Epoch: r.epochNow(), Position: c.cursor}
		})
	}
	if !p.empty() {
		p.data = append(p.data, ']')
	}
	return p.data, more
}

// gatherHeldLocked adds what comes after the cursor, which the ring still has.
func (c *conn) gatherHeldLocked(p *parcel, slots []slot) (more bool) {
	more = c.gatherEntriesLocked(p, slots)
	if !more {
		c.gatherRestLocked(p)
	}
	c.mark = channels.Cursor{Epoch: c.room.epochNow(), Position: c.cursor}
	return more
}

// gatherEntriesLocked adds the entries after the cursor, and each answer where it belongs.
func (c *conn) gatherEntriesLocked(p *parcel, slots []slot) (more bool) {
	var few [alikeTopics]membership // of the ring, most are of no entry after the cursor
	changed := few[:0]
	for _, m := range c.feeds {
		if m.topic.touched > c.cursor {
			changed = append(changed, m)
		}
	}
	for _, s := range slots {
		if len(p.data) > maxMessage {
			return true
		}
		c.gatherAnswers(p, func(a answer) bool { return a.position <= c.cursor })
		c.cursor++
		for _, f := range s.frames {
			for _, m := range changed {
				if m.topic == f.topic && c.cursor > m.from {
					p.add(f.data)
				}
			}
		}
	}
	c.gatherAnswers(p, func(answer) bool { return true })
	return false
}

// gatherAnswers adds the answers that are due, in order, up to the first that is not.
func (c *conn) gatherAnswers(p *parcel, due func(answer) bool) {
	if p.shared {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := slices.IndexFunc(c.answers, func(a answer) bool { return !due(a) })
	if n < 0 {
		n = len(c.answers)
	}
	c.addAnswersLocked(p, c.answers[:n])
	c.answers = slices.Delete(c.answers, 0, n)
}

// gatherFirsts adds the answers that start and end subscriptions, ahead of others.
func (c *conn) gatherFirsts(p *parcel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var firsts []answer
	c.answers = slices.DeleteFunc(c.answers, func(a answer) bool {
		if a.first {
			firsts = append(firsts, a)
		}
		return a.first
	})
	c.addAnswersLocked(p, firsts)
}

func (c *conn) addAnswersLocked(p *parcel, answers []answer) {
	for _, a := range answers {
		p.add(a.data)
		p.data = append(p.data, a.tail...)
		c.waiting -= a.size()
	}
	if len(answers) > 0 {
		select {
		case c.taken <- struct{}{}:
		default:
		}
	}
}

// catchUpLocked is for a client so slow that the ring has forgotten what it has not seen: it gets the present values
// of what changed since, and of logs the messages.
func (c *conn) catchUpLocked(p *parcel, state *channels.State) {
	r := c.room
	r.counts.catchUps.Inc()
	c.gatherFirsts(p)
	for _, m := range c.feeds {
		f, since := m.topic.feed, max(m.from, c.cursor)
		if max(m.topic.touched, r.floor) <= since {
			continue
		}
		switch {
		case f == controlFeed:
			frame := r.controlFrameLocked()
			frame.Cursor = state.Cursor().String()
			p.addFrame(frame)
		case f.channel == channels.CallsStore:
			for _, frame := range r.callsLocked(state, f.owner) {
				p.addFrame(frame)
			}
		default:
			if frame := joinedFrame(state, f, since); !empty(frame) {
				p.addFrame(frame)
			}
		}
	}
	c.cursor = state.Position()
	c.gatherAnswers(p, func(answer) bool { return true })
}

// callsLocked are the calls of a user, in flight and lately ended.
func (r *room) callsLocked(state *channels.State, user string) (frames []*wire.CallState) {
	for _, call := range channels.Calls(state, func(c channels.Call) bool { return c.By.User == user }) {
		frames = append(frames, r.calls.frameLocked(call, state))
	}
	return frames
}

// gatherRestLocked adds what has no position: live values, who is here, whether the log is within reach.
func (c *conn) gatherRestLocked(p *parcel) {
	r := c.room
	if !r.muteLocked() {
		if len(c.watched) > 0 {
			c.gatherLiveLocked(p)
		}
		if v := r.shown.version; c.members != v {
			c.members = v
			p.add(wire.AppendPresence(nil, r.shown.members))
		}
	}
	if c.heard != r.news {
		c.heard = r.news
		if r.stale.IsZero() {
			p.addFrame(&wire.Fresh{})
		} else {
			p.addFrame(&wire.Stale{Since: r.stale})
		}
	}
}

// gatherLiveLocked adds the newest of what has no history: one change for each live store, and the signals.
func (c *conn) gatherLiveLocked(p *parcel) {
	board, before := c.room.board, c.clock
	wanted := func(v *posted) bool {
		return slices.ContainsFunc(c.watched, func(m membership) bool { return m.topic.feed == v.feed && v.changed > m.from })
	}
	values, signals, clock := board.since(c.clock, wanted, func(v *posted) bool {
		if !wanted(v) {
			return false
		}
		p.personal = true
		return !c.sent(v)
	})
	c.clock = clock
	whole := map[feed]bool{}
	for _, m := range c.watched {
		if f := m.topic.feed; m.live && board.missed(f, max(m.from, before)) {
			whole[f] = true
			c.gatherWholeLocked(p, f)
		}
	}
	var changes []*wire.Change // one tells of one store and sender
	for _, v := range values {
		if whole[v.feed] {
			continue
		}
		i := slices.IndexFunc(changes, func(f *wire.Change) bool { return f.Channel == v.feed.channel && f.By == v.by })
		if i < 0 {
			i = len(changes)
			changes = append(changes, &wire.Change{Channel: v.feed.channel, Set: map[string]json.RawMessage{}, By: v.by})
		}
		if len(v.data) == 0 {
			changes[i].Delete = append(changes[i].Delete, v.key)
		} else {
			changes[i].Set[v.key] = v.data
		}
	}
	for _, frame := range changes {
		p.addFrame(frame)
	}
	for _, v := range signals {
		p.add(v.data)
	}
}

// sent reports whether a signal is the connection's own.
func (c *conn) sent(v *posted) bool {
	return v.key == signalKey(c.sender, c.who.User)
}

// gatherWholeLocked sends all of a live store to a client so slow that it was forgotten what went away since it last looked.
func (c *conn) gatherWholeLocked(p *parcel, f feed) {
	values, _ := c.room.board.all(f) // what has changed since the clock comes once more
	frame := liveFrame(c.room.channels[f.channel], values)
	frame.Channel, frame.Reason = f.channel, wire.ReasonTrimmed
	frame.Cursor = channels.Cursor{Epoch: c.room.epochNow(), Position: c.cursor}.String()
	p.addFrame(frame)
}
