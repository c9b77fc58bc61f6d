package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// A liveStore is what this program has sent to a live store: the last value of each key. It is guarded by Client.mu.
type liveStore struct {
	id     uint64                     // of all its frames: they are answered only if refused
	values map[string]json.RawMessage // nil: deleted
	unsent map[string]struct{}
	gone   []goneKey            // deletions that were sent, the oldest first
	last   map[string]time.Time // when the deletion of a key was last sent
}

// A goneKey is a deletion that was sent.
type goneKey struct {
	key  string
	sent time.Time
}

// goneLife is how long a deletion is kept after it was sent: if the connection lives by then it has answered a ping since.
const goneLife = time.Minute

// forget drops the keys whose deletion was sent long enough ago.
func (l *liveStore) forget(now time.Time) {
	n := 0
	for ; n < len(l.gone) && now.Sub(l.gone[n].sent) >= goneLife; n++ {
		key := l.gone[n].key
		if l.last[key] != l.gone[n].sent {
			continue // it was deleted once more
		}
		delete(l.last, key)
		if _, unsent := l.unsent[key]; !unsent && l.values[key] == nil {
			delete(l.values, key)
		}
	}
	l.gone = slices.Delete(l.gone, 0, n)
}

// resend has everything sent again.
func (l *liveStore) resend() {
	l.gone = nil
	clear(l.last)
	for key := range l.values {
		l.unsent[key] = struct{}{}
	}
}

// without drops the value of a key that was refused, unless there is a newer one. What was sent with it was refused, too,
// so everything else is sent again.
func (l *liveStore) without(key string) {
	_, newer := l.unsent[key]
	if !newer {
		delete(l.values, key)
	}
	l.resend()
}

// Send sets values of a live store; with the option Delete it deletes keys, set may then be nil. It does not wait: the
// values are sent as soon as the connection takes them, the newest of each key wins, and the last ones are sent again
// after a reconnect, and when the hub has found its log again. The error says that a value cannot be sent; if the hub
// refuses one, that is logged.
func (c *Client) Send(channel string, set map[string]any, options ...Option) error {
	values, err := marshalAll(set)
	if err != nil {
		return err
	}
	w := Write{}.with(options)
	if w.If != nil || w.Unseen != "" || w.Owner != "" || w.Held != nil || w.Term != 0 {
		return errors.New("live values are sent without conditions: Delete is the only option")
	}
	for _, key := range w.Delete {
		values[key] = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	for key, data := range values {
		if _, err := c.encodeLocked(liveFrame(wire.MaxNumber, channel, map[string]json.RawMessage{key: data}, []string{key})); err != nil {
			return fmt.Errorf("sending %s: %w", key, err)
		}
	}
	l := c.live[channel]
	if l == nil {
		l = &liveStore{id: c.nextIDLocked(), values: map[string]json.RawMessage{}, unsent: map[string]struct{}{}, last: map[string]time.Time{}}
		c.live[channel] = l
	}
	maps.Copy(l.values, values)
	for key := range values {
		l.unsent[key] = struct{}{}
	}
	c.rouse()
	return nil
}

// liveFrame sends the values of some keys.
func liveFrame(id uint64, channel string, values map[string]json.RawMessage, keys []string) *wire.Send {
	f := &wire.Send{Head: wire.Head{ID: id}, Channel: channel}
	for _, key := range keys {
		if values[key] == nil {
			f.Delete = append(f.Delete, key)
			continue
		}
		if f.Set == nil {
			f.Set = make(map[string]json.RawMessage, len(keys))
		}
		f.Set[key] = values[key]
	}
	return f
}

// maxLiveKeys is how many keys go into one frame. With 200 of them a frame of motor positions has about 10 KB.
const maxLiveKeys = 200

func (c *Client) collectLiveLocked(b *batch) (room bool) {
	for _, channel := range slices.Sorted(maps.Keys(c.live)) {
		l := c.live[channel]
		l.forget(time.Now())
		for keys := range slices.Chunk(slices.Sorted(maps.Keys(l.unsent)), maxLiveKeys) {
			if !c.addLive(b, channel, l, keys) {
				return false
			}
		}
	}
	return true
}

// addLive adds a frame with some keys, or if that is too large several with fewer.
func (c *Client) addLive(b *batch, channel string, l *liveStore, keys []string) (room bool) {
	data := wire.AppendFrame(nil, liveFrame(l.id, channel, l.values, keys))
	if len(data)+2 > b.limit && len(keys) > 1 {
		half := len(keys) / 2
		return c.addLive(b, channel, l, keys[:half]) && c.addLive(b, channel, l, keys[half:])
	}
	if !b.add(data) {
		return false
	}
	for _, key := range keys {
		delete(l.unsent, key)
		if l.values[key] == nil {
			now := time.Now()
			l.gone, l.last[key] = append(l.gone, goneKey{key, now}), now
		}
	}
	return true
}

// sendRefusedLocked takes an answer to a frame of live values.
func (c *Client) sendRefusedLocked(f *wire.Error) bool {
	for channel, l := range c.live {
		if l.id != f.ID {
			continue
		}
		if again(f.Code) {
			l.resend()
			c.patienceLocked()
		} else {
			c.logger.Warn("the hub refused live values", "channel", channel, "code", f.Code, "detail", f.Detail)
			if key, ok := f.More["key"].(string); ok {
				l.without(key)
				c.rouse()
			}
		}
		return true
	}
	return false
}
