package client

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/baton-hub/baton/channels/mergepatch"
	"github.com/baton-hub/baton/hub/wire"
)

// A Value is what a store holds under a key. The data is shared: it must not be changed.
type Value struct {
	Data     json.RawMessage // nil: there is no value
	Position uint64          // of the last change; 0 in live stores, and of a default that nobody has changed
	By       string          // who made it; it can be missing in live stores
	At       time.Time       // when; zero in live stores
}

func valueOf(v wire.Value) Value {
	return Value{Data: v.Value, Position: v.Position, By: v.By, At: v.At}
}

// valuesOf are values with the defaults of the keys that have none.
func valuesOf(values map[string]wire.Value, defaults map[string]json.RawMessage) map[string]Value {
	all := make(map[string]Value, len(values)+len(defaults))
	for key, data := range defaults {
		all[key] = Value{Data: data}
	}
	for key, v := range values {
		all[key] = valueOf(v)
	}
	return all
}

// A Store is the copy of a store, live or not, that the client keeps up to date.
type Store struct {
	membership

	// Guarded by Client.mu.
	values   map[string]Value
	defaults map[string]json.RawMessage // of keys without a value
	reason   string
	watchers []*func(map[string]Value)
}

// Store returns the copy of a store; it is joined at the first call, and always the same. Of a store with a scope it has
// one's own values.
func (c *Client) Store(channel string) *Store { return c.StoreOf(channel, "") }

// StoreOf returns the copy of somebody else's values in a store with a scope, for who may read everybody's.
func (c *Client) StoreOf(channel, owner string) *Store {
	c.mu.Lock()
	defer c.mu.Unlock()
	create := func(m membership) *Store { return &Store{membership: m, values: map[string]Value{}} }
	s, ok := openLocked(c, channel, owner, create)
	if !ok { // it is a mistake of the program; Ready says so
		s = create(membership{c: c, channel: channel, owner: owner, ready: make(chan struct{})})
		s.refusedLocked(errOther)
	}
	return s
}

// Ready returns nil when the values are known. It fails when the hub refuses to show them, with an *Error, or when ctx
// or the client ends.
func (s *Store) Ready(ctx context.Context) error { return s.wait(ctx) }

// Values returns all values by key, as of the last message; a key that nobody has set has its default, if the store has
// one for it. The map is the caller's own. Before Ready it is empty.
func (s *Store) Values() map[string]Value {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	all := maps.Clone(s.values)
	for key, data := range s.defaults {
		if _, ok := all[key]; !ok {
			all[key] = Value{Data: data}
		}
	}
	return all
}

// Get returns the value of a key, or its default.
func (s *Store) Get(key string) (v Value, ok bool) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	v = s.getLocked(key)
	return v, v.Data != nil
}

// Cursor says up to where the values are those of the hub, for Unseen. Ask for it before Values: then what comes in between
// counts as not seen.
func (s *Store) Cursor() string {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.cursor
}

// Reason says why the hub sent all values the last time, instead of what had changed: new (nothing was known), epoch (the
// log is another, after a restore), trimmed (the client was away for too long) or ahead.
func (s *Store) Reason() string {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.reason
}

// Watch has f called after every message that changed the store, with the keys it changed; a Value without Data says
// that the key is gone. The first values count as a change if they come later: call Watch before Values, and nothing is
// missed. The calls come one at a time, in order, from the goroutine that reads the connection, so f must be quick and
// must not wait for the client. After stop at most one call that has begun still runs.
func (s *Store) Watch(f func(changed map[string]Value)) (stop func()) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return watchLocked(s.c, &s.watchers, f)
}

// watchLocked adds a watcher to a list that is guarded by Client.mu.
func watchLocked[F any](c *Client, watchers *[]*F, f F) (stop func()) {
	watcher := &f
	*watchers = append(*watchers, watcher)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		*watchers = slices.DeleteFunc(slices.Clone(*watchers), func(w *F) bool { return w == watcher })
	}
}

func (s *Store) getLocked(key string) Value {
	if v, ok := s.values[key]; ok {
		return v
	}
	return Value{Data: s.defaults[key]}
}

// joinedLocked takes the values of a store and notes what is different now.
func (s *Store) joinedLocked(f *wire.Joined, after *effects) {
	before := make(map[string]Value) // of the keys that may be different
	for _, keys := range []func(func(string) bool){
		slices.Values(f.Removed), maps.Keys(f.Values), maps.Keys(f.Defaults), maps.Keys(s.defaults),
	} {
		for key := range keys {
			before[key] = s.getLocked(key)
		}
	}
	if f.Mode == wire.Snapshot {
		maps.Copy(before, s.values)
		s.values = make(map[string]Value, len(f.Values))
		s.reason = f.Reason
		if s.known {
			s.c.logger.Info("the hub sent all of a store again", "channel", s.channel, "reason", f.Reason)
		}
	}
	for _, key := range f.Removed {
		delete(s.values, key)
	}
	for key, v := range f.Values {
		s.values[key] = valueOf(v)
	}
	s.defaults = f.Defaults
	for key, old := range before {
		if now := s.getLocked(key); old.Position != now.Position || !bytes.Equal(old.Data, now.Data) || (old.Data == nil) != (now.Data == nil) {
			after.change(s, key, now)
		}
	}
}

// changeLocked takes one change and notes it.
func (s *Store) changeLocked(f *wire.Change, after *effects) {
	put := func(key string, data json.RawMessage) {
		s.values[key] = Value{Data: data, Position: f.Position, By: f.By, At: f.At}
		after.change(s, key, s.values[key])
	}
	for key, data := range f.Set {
		put(key, data)
	}
	for key, patch := range f.Patch {
		data, err := mergepatch.Apply(s.values[key].Data, patch)
		if err != nil { // no hub sends such a thing
			s.c.logger.Error("a patch cannot be applied", "channel", s.channel, "key", key, "error", err)
			continue
		}
		put(key, data)
	}
	for _, key := range f.Delete {
		delete(s.values, key)
		after.change(s, key, s.getLocked(key))
	}
}

// change notes a key of a store for the watchers.
func (e *effects) change(s *Store, key string, now Value) {
	if e.stores[s] == nil {
		e.stores[s] = make(map[string]Value)
	}
	e.stores[s][key] = now
}
