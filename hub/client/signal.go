package client

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/baton-hub/baton/hub/wire"
)

// A Signal is what somebody sent over a signal: it is stored nowhere, and comes at most once.
type Signal struct {
	Channel string
	From    string // names the client that sent it: always the same, and not its id
	By      string // its user
	Data    json.RawMessage
}

// signals is what this program sends and hears. It is guarded by Client.mu.
type signals struct {
	id        uint64                     // of all frames: they are answered only if refused
	unsent    map[string]json.RawMessage // the newest, by channel
	listeners map[string][]*func(Signal)
}

// Signal sends something over a signal, to those who are there now. It does not wait: of several that could not be sent
// yet the newest is, and none while there is no connection. The error says that it cannot be sent; if the hub refuses it,
// that is logged.
func (c *Client) Signal(channel string, data any) error {
	raw, err := marshal("the signal", data)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	if _, err := c.encodeLocked(&wire.Send{Head: wire.Head{ID: wire.MaxNumber}, Channel: channel, Data: raw}); err != nil {
		return err
	}
	if c.status != Connecting {
		c.signals.unsent[channel] = raw
		c.rouse()
	}
	return nil
}

// OnSignal has f called for what others send over a signal, until stop is called. f must be quick and must not wait for the
// client. That the hub does not let this program hear it is logged.
func (c *Client) OnSignal(channel string, f func(Signal)) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := openLocked(c, channel, "", func(m membership) *heard { return &heard{m} }); !ok {
		c.logger.Error("a signal is not heard", "channel", channel, "error", errOther)
	}
	listeners := c.signals.listeners[channel]
	listener := &f
	c.signals.listeners[channel] = append(slices.Clone(listeners), listener)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		left := slices.DeleteFunc(slices.Clone(c.signals.listeners[channel]), func(l *func(Signal)) bool { return l == listener })
		c.signals.listeners[channel] = left
	}
}

// heard is a signal that was joined.
type heard struct{ membership }

func (*heard) joinedLocked(*wire.Joined, *effects) {}

func (c *Client) collectSignalsLocked(b *batch) (room bool) {
	s := &c.signals
	if s.id == 0 {
		s.id = c.nextIDLocked()
	}
	for _, channel := range slices.Sorted(maps.Keys(s.unsent)) {
		if !b.add(wire.AppendFrame(nil, &wire.Send{Head: wire.Head{ID: s.id}, Channel: channel, Data: s.unsent[channel]})) {
			return false
		}
		delete(s.unsent, channel)
	}
	return true
}

// signalRefusedLocked takes an answer to a signal. It is not sent again: the next one will come.
func (c *Client) signalRefusedLocked(f *wire.Error) bool {
	if f.ID == 0 || f.ID != c.signals.id {
		return false
	}
	c.logger.Warn("the hub refused a signal", "code", f.Code, "detail", f.Detail)
	return true
}
