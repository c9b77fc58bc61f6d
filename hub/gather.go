package hub

import (
	"encoding/json"
	"slices"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/socket"
	"github.com/baton-hub/baton/hub/wire"
)

// A parcel is a message in the making: frames of one or more whole entries, and answers in between. It begins behind what is
// in front of a message on its way.
type parcel struct {
	data []byte
	from int

	parts []part // of the message, beside the data

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

// A part is in the message at a place in the data. It never changes, and others may be sent it, too: so a client that is slow
// to take a large store has no copy of it.
type part struct {
	at   int
	data []byte
}

// partBytes is from where on something is worth a part of its own.
const partBytes = 16 << 10

// share adds what a frame goes on with.
func (p *parcel) share(tail []byte) {
	if len(tail) < partBytes {
		p.data = append(p.data, tail...)
		return
	}
	p.parts = append(p.parts, part{len(p.data), tail})
}

// close ends the message, and returns it with the tails that come behind it, see socket.Offer.
func (p *parcel) close() (message []byte, tails [][]byte) {
	if p.empty() {
		return p.data, nil
	}
	p.data = append(p.data, ']')
	if len(p.parts) == 0 {
		return p.data, nil
	}
	first := p.parts[0].at
	behind := slices.Clone(p.data[first:])
	for i, next := range p.parts {
		end := len(p.data)
		if i+1 < len(p.parts) {
			end = p.parts[i+1].at
		}
		tails = append(tails, next.data, behind[next.at-first:end-first])
	}
	return p.data[:first], tails
}

// lengthOf is how long a message is.
func lengthOf(message []byte, tails [][]byte) int {
	n := len(message) - socket.Head
	for _, tail := range tails {
		n += len(tail)
	}
	return n
}

func (p *parcel) addFrame(f wire.Frame) { p.add(wire.AppendFrame(nil, f)) }

// gather moves the cursor forward and adds the message that takes the client there to the parcel, nothing if it is there
// already; more says that there was too much for one message. All of an entry is in one message. behind says that the ring
// has forgotten what comes next, so that catchUp has to follow, which takes its time.
func (c *conn) gather(p *parcel) (more, behind bool) {
	r := c.room
	r.mu.Lock()
	slots, held := r.ring.after(c.cursor)
	if c.ctx.Err() != nil || c.waitsLocked() { // what it may read has been decided anew
		r.mu.Unlock()
		return false, false
	}
	if c.standing == welcomed {
		if held {
			more = c.gatherHeldLocked(p, slots)
		}
		r.mu.Unlock()
		return more, !held
	}
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
		} else {
			behind = true
		}
	})
	return more, behind
}

// gatherAll is for who may wait: it catches up, too.
func (c *conn) gatherAll(p *parcel) (more bool) {
	more, behind := c.gather(p)
	if behind {
		more = c.catchUp(p)
	}
	return more
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

// gatherFirsts adds the answers that start and end subscriptions, up to a position, ahead of others.
func (c *conn) gatherFirsts(p *parcel, position uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var firsts []answer
	over := false // a subscription that starts later may end again: not before it has started
	c.answers = slices.DeleteFunc(c.answers, func(a answer) bool {
		over = over || a.first && a.position > position
		if a.first && !over {
			firsts = append(firsts, a)
		}
		return a.first && !over
	})
	c.addAnswersLocked(p, firsts)
}

func (c *conn) addAnswersLocked(p *parcel, answers []answer) {
	for _, a := range answers {
		p.add(a.data)
		p.share(a.tail)
		c.waiting -= a.size()
	}
	if len(answers) > 0 {
		select {
		case c.taken <- struct{}{}:
		default:
		}
	}
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
