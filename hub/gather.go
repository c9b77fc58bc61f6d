package hub

import (
	"encoding/json"
	"slices"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// A parcel is a message in the making: frames of one or more whole entries, and answers in between.
type parcel struct{ data []byte }

func (p *parcel) add(frame []byte) {
	separator := byte(',')
	if len(p.data) == 0 {
		separator = '['
	}
	p.data = append(append(p.data, separator), frame...)
}

func (p *parcel) addFrame(f wire.Frame) { p.add(wire.AppendFrame(nil, f)) }

// gather moves the cursor forward and returns the message that takes the client there, empty if it is there already;
// more says that there was too much for one message. All of an entry is in one message.
func (c *conn) gather(buffer []byte) (message []byte, more bool) {
	p := &parcel{buffer}
	r := c.room
	r.mu.Lock()
	slots, held := r.ring.after(c.cursor)
	if held {
		more = c.gatherEntriesLocked(p, slots)
		if !more {
			c.gatherRestLocked(p)
		}
		r.mu.Unlock()
	} else {
		r.mu.Unlock()
		r.replica().Read(func(state *channels.State) {
			r.mu.Lock()
			defer r.mu.Unlock()
			c.catchUpLocked(p, state)
			c.gatherRestLocked(p)
		})
	}
	if len(p.data) > 0 {
		p.data = append(p.data, ']')
	}
	return p.data, more
}

// gatherEntriesLocked adds the entries after the cursor, and each answer where it belongs.
func (c *conn) gatherEntriesLocked(p *parcel, slots []slot) (more bool) {
	for _, s := range slots {
		if len(p.data) > maxMessage {
			return true
		}
		c.gatherAnswers(p, func(a answer) bool { return a.position <= c.cursor })
		c.cursor++
		for _, f := range s.frames {
			if from, joined := c.feeds[f.feed]; joined && c.cursor > from {
				p.add(f.data)
			}
		}
	}
	c.gatherAnswers(p, func(answer) bool { return true })
	return false
}

// gatherAnswers adds the answers that are due, in order, up to the first that is not.
func (c *conn) gatherAnswers(p *parcel, due func(answer) bool) {
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
		c.waiting -= len(a.data)
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
	c.gatherFirsts(p)
	for f, from := range c.feeds {
		since := max(from, c.cursor)
		if touched := r.touched[f]; max(touched, r.floor) <= since {
			continue
		}
		switch {
		case f == controlFeed:
			frame := r.controlFrameLocked()
			frame.Cursor = state.Cursor().String()
			p.addFrame(frame)
		case f.channel == channels.CallsStore:
			for _, frame := range callsOf(state, f.owner) {
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

func callsOf(state *channels.State, user string) (frames []*wire.CallState) {
	for _, call := range channels.Calls(state, func(c channels.Call) bool { return c.By.User == user }) {
		frames = append(frames, callFrame(call))
	}
	return frames
}

// gatherRestLocked adds what has no position: live values, who is here, whether the log is within reach.
func (c *conn) gatherRestLocked(p *parcel) {
	r := c.room
	if !r.muteLocked() {
		if len(c.live) > 0 {
			c.gatherLiveLocked(p)
		}
		if v := r.presence.version; c.members != v {
			c.members = v
			p.addFrame(&wire.Presence{Members: r.presence.members()})
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

func (c *conn) gatherLiveLocked(p *parcel) {
	changes, clock := c.room.board.since(c.clock, func(f feed, changed uint64) bool {
		from, joined := c.live[f]
		return joined && changed > from
	})
	c.clock = clock
	for f, values := range changes {
		frame := &wire.Change{Channel: f.channel, Set: map[string]json.RawMessage{}}
		for key, data := range values {
			if len(data) == 0 {
				frame.Delete = append(frame.Delete, key)
			} else {
				frame.Set[key] = data
			}
		}
		p.addFrame(frame)
	}
}

// joinedFrame is what a channel has after a position, or all of it if that cannot be told.
func joinedFrame(state *channels.State, f feed, since uint64) *wire.Joined {
	frame := &wire.Joined{Channel: f.channel, Cursor: state.Cursor().String(), Mode: wire.Delta}
	if rules := state.Rules().Channels[f.channel]; rules.Kind == channels.KindLog || f.channel == channels.ControlLog {
		var messages []channels.Message
		messages, frame.Gap = state.Messages(f.channel, since)
		for _, m := range messages {
			frame.Messages = append(frame.Messages, wire.LogMessage{Position: m.Position, At: m.At, By: m.By, Data: m.Data})
		}
		return frame
	}
	changes, ok := state.Since(f.channel, f.owner, since)
	if !ok {
		frame.Mode = wire.Snapshot
		changes = state.All(f.channel, f.owner)
	}
	frame.Values = make(map[string]wire.Value, len(changes.Values))
	for key, v := range changes.Values {
		frame.Values[key] = wire.Value{Value: v.Data, Position: v.Position, By: v.By, At: v.At}
	}
	frame.Removed = changes.Removed
	return frame
}

func empty(f *wire.Joined) bool {
	return f.Mode == wire.Delta && len(f.Values)+len(f.Removed)+len(f.Messages) == 0 && !f.Gap
}
