package client

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// errOther refuses to follow one channel in two ways.
var errOther = errors.New("this program follows the channel as something else already: a store, a log or a signal")

// A Message is a message of a log. The data is shared: it must not be changed.
type Message struct {
	Position uint64 // several messages can have one; their order is that in which they come
	At       time.Time
	By       string
	Data     json.RawMessage
}

// A Log is the copy of a log that the client keeps up to date.
type Log struct {
	membership

	// Guarded by Client.mu.
	messages []Message // the newest, the oldest of them first
	gap      bool
	watchers []*func([]Message, bool)
}

// AllMessages asks Log for all messages that the hub has kept.
const AllMessages = -1

// Log returns the copy of a log; it is joined at the first call, and always the same. last is how many messages from
// before it is joined are wanted, or AllMessages; after a reconnect nothing is left out.
func (c *Client) Log(channel string, last int) *Log {
	c.mu.Lock()
	defer c.mu.Unlock()
	create := func(m membership) *Log {
		if last >= 0 {
			m.last = &last
		}
		return &Log{membership: m}
	}
	l, ok := openLocked(c, channel, "", create)
	if !ok {
		l = create(membership{c: c, channel: channel, ready: make(chan struct{})})
		l.refusedLocked(errOther)
	}
	return l
}

// Ready returns nil when the first messages are there. It fails as that of a Store does.
func (l *Log) Ready(ctx context.Context) error { return l.wait(ctx) }

// Messages returns the newest messages, the oldest of them first: as many as the hub keeps, and no older ones than there
// is a gap. The slice is the caller's own.
func (l *Log) Messages() []Message {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	return slices.Clone(l.messages)
}

// Gap reports whether messages right before those of Messages are missing, for good: while the client was away, more came
// than the hub keeps, or the log was replaced.
func (l *Log) Gap() bool {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	return l.gap
}

// Watch has f called for new messages, each once and in order; gap says that messages before these are missing, for good.
// The first messages count as new if they come later: call Watch before Messages. The rest is as with a Store's Watch.
func (l *Log) Watch(f func(messages []Message, gap bool)) (stop func()) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	return watchLocked(l.c, &l.watchers, f)
}

// news is what a message of the hub adds to a log.
type news struct {
	messages []Message
	gap      bool
}

func (l *Log) joinedLocked(f *wire.Joined, after *effects) {
	gap := f.Gap || f.Mode == wire.Snapshot && l.known // what was known is of another log
	if gap {
		l.messages, l.gap = nil, true
		after.log(l).gap = true
		l.c.logger.Warn("messages of a log are missing", "channel", l.channel, "reason", f.Reason)
	}
	last := uint64(0) // what has come already: the hub may tell it again
	if n := len(l.messages); n > 0 {
		last = l.messages[n-1].Position
	}
	for _, m := range f.Messages {
		if m.Position > last {
			l.addLocked(Message(m), after)
		}
	}
}

func (l *Log) messageLocked(f *wire.Message, after *effects) {
	l.addLocked(Message{Position: f.Position, At: f.At, By: f.By, Data: f.Data}, after)
}

// keepByDefault is how many messages a log has whose rules do not say.
const keepByDefault = 1000

func (l *Log) addLocked(m Message, after *effects) {
	keep := l.c.hub.Channels[l.channel].Keep
	if keep <= 0 {
		keep = keepByDefault
	}
	l.messages = append(l.messages, m)
	if n := len(l.messages) - keep; n > 0 {
		l.messages = slices.Delete(l.messages, 0, n)
	}
	after.log(l).messages = append(after.log(l).messages, m)
}

func (e *effects) log(l *Log) *news {
	if e.logs[l] == nil {
		e.logs[l] = new(news)
	}
	return e.logs[l]
}
