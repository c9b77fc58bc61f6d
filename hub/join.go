package hub

import (
	"slices"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// join subscribes to channels, all at one position. What they have goes out before any change of them does.
func (c *conn) join(joins []*wire.Join) {
	joins = slices.DeleteFunc(slices.Clone(joins), func(j *wire.Join) bool {
		if _, err := channels.ParseCursor(j.Cursor); err != nil {
			c.refuse(j.ID, "", 0, channels.Refuse(channels.CodeInvalid, "%v", err))
			return true
		}
		return false
	})
	// One wait for all. A cursor that is still ahead after it gets a snapshot; `seen` is a demand.
	for _, j := range joins {
		if c.waitForSeen(j.Cursor) != nil {
			break
		}
	}
	for _, j := range joins {
		if err := c.waitForSeen(j.Seen); err != nil {
			for _, j := range joins {
				c.refuse(j.ID, "", 0, err)
			}
			return
		}
	}
	c.room.replica().Read(func(state *channels.State) {
		c.room.mu.Lock()
		defer c.room.mu.Unlock()
		for _, j := range joins {
			joined, err := c.joinLocked(state, j)
			if err != nil {
				c.refuse(j.ID, "", state.Position(), err)
				continue
			}
			c.push(joined)
		}
	})
}

// joinLocked joins one channel and returns the answer, or refuses.
func (c *conn) joinLocked(state *channels.State, j *wire.Join) (a answer, err error) {
	rules, f, err := readable(state, c.who, j.Channel, j.Owner)
	limit := c.room.hub.options.Limits.Joined
	switch {
	case err != nil:
		return a, err
	case len(c.feeds)+len(c.watched)-len(c.alwaysOn()) >= limit:
		return a, channels.Refuse(channels.CodeTooLarge, "a connection joins %d channels at most: leave one first", limit)
	case c.joinedLocked(f):
		return a, channels.Refuse(channels.CodeInvalid, "%s is joined already: leave it first", j.Channel)
	case j.Last != nil && rules.Kind != channels.KindLog:
		return a, channels.Refuse(channels.CodeInvalid, "last is for logs, %s is a %s: join it without", j.Channel, rules.Kind)
	}
	key, encode := joinedKey{feed: f, last: -1}, func() *wire.Joined { return &wire.Joined{Mode: wire.Snapshot, Reason: wire.ReasonNew} }
	switch {
	case rules.Kind == channels.KindSignal:
		c.room.watchLocked(c, f, c.room.board.now(), false)
	case rules.Live:
		key.clock, encode = c.joinLiveLocked(f, rules)
	default:
		c.room.followLocked(c, f, state.Position())
		key.since, key.reason = resumeFrom(state, j.Cursor)
		if j.Last != nil {
			key.last = *j.Last
		}
		encode = func() *wire.Joined { return resume(state, key) }
	}
	joined := c.room.joinedLocked(state, key, encode)
	c.room.counts.joined(joined.got)
	return answer{position: state.Position(), first: true, data: wire.AppendJoinedStart(nil, j.ID), tail: joined.tail, shows: j.ID}, nil
}

// readable finds a channel and whose values of it a client reads, or refuses if it may not.
func readable(state *channels.State, who channels.Who, channel, owner string) (rules channels.ChannelRules, f feed, err error) {
	rules, ok := state.Rules().Channels[channel]
	if channel == channels.ControlLog {
		rules, ok = channels.ChannelRules{Kind: channels.KindLog}, true
	}
	scoped := rules.Scope == channels.ScopeUser || rules.Scope == channels.ScopeGroup
	switch {
	case !ok:
		return rules, f, unknownChannel(channel)
	case rules.MayRead(who, "join", channel) != nil:
		return rules, f, rules.MayRead(who, "join", channel)
	case owner != "" && !scoped:
		return rules, f, channels.Refuse(channels.CodeInvalid, "%s is the same for everybody: leave owner out", channel)
	}
	f.channel = channel
	own, err := rules.OwnerFor(who)
	if owner == "" || owner == own {
		f.owner = own
		return rules, f, err
	}
	f.owner, f.foreign = owner, true
	if !channels.Permits(rules.ReadersOfAll(), who) {
		return rules, f, channels.Refuse(channels.CodeForbidden, "you may not read what belongs to %.64q in %s: it is for %s", owner, channel, rules.ReadersOfAll())
	}
	return rules, f, nil
}

// resume is what a client that joins must be sent: the difference to its cursor, or everything if it has none or one that
// does not tell the difference, and then why.
func resume(state *channels.State, key joinedKey) *wire.Joined {
	frame := joinedFrame(state, key.feed, key.since)
	if key.reason != "" {
		frame.Mode, frame.Reason, frame.Removed = wire.Snapshot, key.reason, nil
	}
	if key.last >= 0 && len(frame.Messages) > key.last {
		frame.Messages = frame.Messages[len(frame.Messages)-key.last:]
		frame.Gap = key.reason == "" // those between what the client has and these; without any it asked for no more
	}
	return frame
}

// resumeFrom tells from where on a client must be sent what there is, and if that is the beginning why.
func resumeFrom(state *channels.State, given string) (since uint64, reason string) {
	cursor, err := channels.ParseCursor(given)
	switch {
	case err != nil || cursor == (channels.Cursor{}) || cursor.Base != 0:
		return 0, wire.ReasonNew
	case cursor.Epoch != state.Epoch():
		return 0, wire.ReasonEpoch
	case cursor.Position > state.Position():
		return 0, wire.ReasonAhead
	}
	return cursor.Position, ""
}

// joinLiveLocked joins a live store as of a clock of the board, and returns that and how the answer is made.
func (c *conn) joinLiveLocked(f feed, rules channels.ChannelRules) (clock uint64, encode func() *wire.Joined) {
	values, clock := c.room.board.all(f)
	if len(c.watched) == 0 {
		c.clock = clock // nothing before it is for this connection
	}
	c.room.watchLocked(c, f, clock, true)
	return clock, func() *wire.Joined { return liveFrame(rules, values) }
}

func (c *conn) joinedLocked(f feed) bool {
	t := c.room.topics[f]
	return t != nil && c.memberOf(t) != nil
}

// alwaysOn are the feeds that every connection has.
func (c *conn) alwaysOn() []feed { return []feed{controlFeed, callsFeed(c.who.User)} }

// leave ends all joins of a channel, one's own values and others'.
func (c *conn) leave(l *wire.Leave) {
	r := c.room
	r.mu.Lock()
	defer r.mu.Unlock()
	r.quitLocked(c, func(f feed) bool { return f.channel == l.Channel && !channels.Reserved(f.channel) })
	c.push(answer{first: true, data: wire.AppendFrame(nil, &wire.Left{ID: l.ID})})
}

// liveFrame is all that a live store has.
func liveFrame(rules channels.ChannelRules, values map[string]wire.Value) *wire.Joined {
	return &wire.Joined{Mode: wire.Snapshot, Reason: wire.ReasonNew, Defaults: rules.Default, Values: values}
}

// joinedFrame is what a channel has after a position, or all of it if that cannot be told.
func joinedFrame(state *channels.State, f feed, since uint64) *wire.Joined {
	frame := &wire.Joined{Channel: f.channel, Cursor: state.Cursor().String(), Mode: wire.Delta}
	if f.foreign {
		frame.Owner = f.owner
	}
	rules := state.Rules().Channels[f.channel]
	if rules.Kind == channels.KindLog || f.channel == channels.ControlLog {
		var messages []channels.Message
		messages, frame.Gap = state.Messages(f.channel, since)
		for _, m := range messages {
			frame.Messages = append(frame.Messages, wire.LogMessage{Position: m.Position, At: m.At, By: m.By, Data: m.Data})
		}
		return frame
	}
	frame.Defaults = rules.Default
	changes, ok := state.Since(f.channel, f.owner, since)
	if !ok {
		frame.Mode, frame.Reason = wire.Snapshot, wire.ReasonTrimmed
		changes = state.All(f.channel, f.owner)
	}
	frame.Values = valuesOf(changes.Values)
	frame.Removed = changes.Removed
	return frame
}

func valuesOf(values map[string]channels.Value) map[string]wire.Value {
	table := make(map[string]wire.Value, len(values))
	for key, v := range values {
		table[key] = wire.Value{Value: v.Data, Position: v.Position, By: v.By, At: v.At}
	}
	return table
}

func empty(f *wire.Joined) bool {
	return f.Mode == wire.Delta && len(f.Values)+len(f.Removed)+len(f.Messages) == 0 && !f.Gap
}
