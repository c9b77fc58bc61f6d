package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// A Value is what a store holds under a key. The data is shared: it must not be changed.
type Value struct {
	Data     json.RawMessage // nil: there is no value
	Position uint64          // of the last change; 0 in live stores
	By       string          // who made it; it can be missing in live stores
	At       time.Time       // when; zero in live stores
}

func valueOf(v wire.Value) Value {
	return Value{Data: v.Value, Position: v.Position, By: v.By, At: v.At}
}

// A Store is the copy of a store, live or not, that the client keeps up to date.
type Store struct {
	// Set at construction.
	c       *Client
	channel string
	ready   chan struct{} // closed when the values are there, or err is set

	// Guarded by Client.mu.
	values   map[string]Value
	cursor   string // the values are as of here; none in live stores
	asked    uint64 // id of the join on this connection; 0: none
	known    bool   // ready is closed
	err      error  // the hub refused the join
	watchers []*func(map[string]Value)
}

// Store returns the copy of a store; it is joined at the first call, and always the same.
func (c *Client) Store(channel string) *Store {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.stores {
		if s.channel == channel {
			return s
		}
	}
	s := &Store{c: c, channel: channel, ready: make(chan struct{}), values: map[string]Value{}}
	c.stores = append(c.stores, s)
	c.rouse()
	return s
}

// Ready returns nil when the values are known. It fails when the hub refuses to show them, with an *Error, or when ctx
// or the client ends.
func (s *Store) Ready(ctx context.Context) error {
	select {
	case <-s.ready:
		s.c.mu.Lock()
		defer s.c.mu.Unlock()
		return s.err
	case <-ctx.Done():
		return fmt.Errorf("joining %s: %w", s.channel, context.Cause(ctx))
	case <-s.c.ctx.Done():
		return s.c.Err()
	}
}

// Values returns all values by key, as of the last message. The map is the caller's own. Before Ready it is empty.
func (s *Store) Values() map[string]Value {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return maps.Clone(s.values)
}

// Get returns the value of a key.
func (s *Store) Get(key string) (v Value, ok bool) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	v, ok = s.values[key]
	return v, ok
}

// Watch has f called after every message that changed the store, with the keys it changed; a Value without Data says
// that the key is gone. The first values count as a change if they come later: call Watch before Values, and nothing is
// missed. The calls come one at a time, in order, from the goroutine that reads the connection, so f must be quick and
// must not wait for the client. After stop at most one call that has begun still runs.
func (s *Store) Watch(f func(changed map[string]Value)) (stop func()) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	watcher := &f
	s.watchers = append(s.watchers, watcher)
	return func() {
		s.c.mu.Lock()
		defer s.c.mu.Unlock()
		s.watchers = slices.DeleteFunc(slices.Clone(s.watchers), func(w *func(map[string]Value)) bool { return w == watcher })
	}
}

// joinedLocked takes the values of a store and returns what is different now.
func (s *Store) joinedLocked(f *wire.Joined) (changed map[string]Value) {
	changed = make(map[string]Value)
	if f.Mode == wire.Snapshot {
		for key := range s.values {
			if _, ok := f.Values[key]; !ok {
				changed[key] = Value{}
			}
		}
	}
	for _, key := range f.Removed {
		if _, ok := s.values[key]; ok {
			changed[key] = Value{}
		}
	}
	for key, v := range f.Values {
		now, old := valueOf(v), s.values[key]
		if old.Data == nil || old.Position != now.Position || !bytes.Equal(old.Data, now.Data) {
			changed[key] = now
		}
	}
	s.takeLocked(changed)
	if rules, ok := s.c.hub.Channels[s.channel]; !ok || !rules.Live {
		s.cursor = f.Cursor
	}
	if !s.known {
		s.known = true
		close(s.ready)
	}
	return changed
}

// changeLocked takes one change and returns it.
func (s *Store) changeLocked(f *wire.Change) (changed map[string]Value) {
	changed = make(map[string]Value, len(f.Set)+len(f.Delete))
	for key, data := range f.Set {
		changed[key] = Value{Data: data, Position: f.Position, By: f.By, At: f.At}
	}
	for _, key := range f.Delete {
		changed[key] = Value{}
	}
	s.takeLocked(changed)
	if f.Cursor != "" {
		s.cursor = f.Cursor
	}
	return changed
}

func (s *Store) takeLocked(changed map[string]Value) {
	for key, v := range changed {
		if v.Data == nil {
			delete(s.values, key)
		} else {
			s.values[key] = v
		}
	}
}

// refusedLocked gives up a store that the hub does not show.
func (s *Store) refusedLocked(err error) {
	s.err = fmt.Errorf("joining %s: %w", s.channel, err)
	s.c.logger.Warn("the hub does not show a store", "channel", s.channel, "error", err)
	if !s.known {
		s.known = true
		close(s.ready)
	}
}
