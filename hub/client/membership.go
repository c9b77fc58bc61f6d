package client

import (
	"context"
	"fmt"

	"github.com/baton-hub/baton/hub/wire"
)

// A member is a channel that is joined on every connection: a Store, a Log, or the signals of a channel.
type member interface {
	base() *membership
	// joinedLocked takes what the channel has, or has since the cursor.
	joinedLocked(f *wire.Joined, after *effects)
}

// A membership is what all members have.
type membership struct {
	// Set at construction.
	c       *Client
	channel string
	owner   string // of a scoped store: whose values; "" = one's own
	last    *int   // of a log
	ready   chan struct{}

	// Guarded by Client.mu.
	cursor string // the channel is as of here; none for what is not in the log
	asked  uint64 // id of the join on this connection; 0: none
	joined bool   // it was answered
	known  bool   // ready is closed
	err    error  // the hub refused the join
}

// openLocked returns the member of a channel, or has a new one joined. It is nil if the channel is followed as something
// else.
func openLocked[M member](c *Client, channel, owner string, create func(membership) M) (m M, ok bool) {
	for _, known := range c.members {
		if k := known.base(); k.channel == channel && k.owner == owner {
			m, ok = known.(M)
			return m, ok
		}
	}
	m = create(membership{c: c, channel: channel, owner: owner, ready: make(chan struct{})})
	c.members = append(c.members, m)
	c.rouse()
	return m, true
}

func (m *membership) base() *membership { return m }

func (m *membership) wait(ctx context.Context) error {
	select {
	case <-m.ready:
		m.c.mu.Lock()
		defer m.c.mu.Unlock()
		return m.err
	case <-ctx.Done():
		return fmt.Errorf("joining %s: %w", m.channel, context.Cause(ctx))
	case <-m.c.ctx.Done():
		return m.c.Err()
	}
}

func (m *membership) knownLocked() {
	if !m.known {
		m.known = true
		close(m.ready)
	}
}

// refusedLocked gives up a channel that the hub does not show.
func (m *membership) refusedLocked(err error) {
	m.err = fmt.Errorf("joining %s: %w", m.channel, err)
	m.c.logger.Warn("the hub does not show a channel", "channel", m.channel, "error", err)
	m.knownLocked()
}

// toldLocked notes how far the hub has told of the channel.
func (m *membership) toldLocked(cursor string) {
	if rules, ok := m.c.hub.Channels[m.channel]; ok && (rules.Live || rules.Kind == "signal") {
		return
	}
	if cursor != "" {
		m.cursor = cursor
	}
}

// joinedLocked returns the member that was joined on this connection, nil if there is none.
func joinedLocked[M member](c *Client, channel, owner string) (none M) {
	for _, known := range c.members {
		if k := known.base(); k.channel == channel && k.owner == owner && k.asked != 0 {
			m, _ := known.(M)
			return m
		}
	}
	return none
}

func (c *Client) collectJoinsLocked(b *batch) (room bool) {
	for _, known := range c.members {
		m := known.base()
		if m.asked != 0 || m.err != nil {
			continue
		}
		join := &wire.Join{
			Head: wire.Head{ID: c.nextIDLocked(), Seen: c.seen}, Channel: m.channel, Owner: m.owner, Cursor: m.cursor,
		}
		if m.cursor == "" {
			join.Last = m.last
		}
		if !b.add(wire.AppendFrame(nil, join)) {
			return false
		}
		m.asked, m.joined = join.ID, false
	}
	return true
}
