package sessiontest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/baton-hub/baton/session"
)

// The errors that a KV is known by.
var (
	ErrNotFound = errors.New("no such key")
	ErrChanged  = errors.New("the key has changed")
	ErrDown     = errors.New("the store is down")
)

// A KV is a session.KV in memory. Unlike a real one it works in the bubble of a synctest. Safe for concurrent use.
type KV struct {
	mu     sync.Mutex
	values map[string]kvValue
	last   uint64
	down   bool
}

type kvValue struct {
	data     []byte
	revision uint64
	until    time.Time
}

var _ session.KV = (*KV)(nil)

// Down makes every call fail, until it is called with false.
func (k *KV) Down(down bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.down = down
}

// Keys are those that have a value.
func (k *KV) Keys() (keys []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key := range k.values {
		if _, ok := k.presentLocked(key); ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (k *KV) presentLocked(key string) (kvValue, bool) {
	v, ok := k.values[key]
	return v, ok && time.Now().Before(v.until)
}

// Get is the Get of a session.KV.
func (k *KV) Get(_ context.Context, key string) (value []byte, revision uint64, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.presentLocked(key)
	switch {
	case k.down:
		return nil, 0, ErrDown
	case !ok:
		return nil, 0, ErrNotFound
	}
	return slices.Clone(v.data), v.revision, nil
}

// Create is the Create of a session.KV.
func (k *KV) Create(_ context.Context, key string, value []byte, lifetime time.Duration) (revision uint64, err error) {
	return k.put(key, value, 0, lifetime)
}

// Update is the Update of a session.KV.
func (k *KV) Update(_ context.Context, key string, value []byte, revision uint64, lifetime time.Duration) (newer uint64, err error) {
	return k.put(key, value, revision, lifetime)
}

func (k *KV) put(key string, value []byte, expected uint64, lifetime time.Duration) (uint64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.presentLocked(key)
	switch {
	case k.down:
		return 0, ErrDown
	case ok != (expected != 0), ok && v.revision != expected:
		return 0, ErrChanged
	}
	if k.values == nil {
		k.values = map[string]kvValue{}
	}
	if lifetime == 0 {
		lifetime = 1 << 62 // for ever
	}
	k.last++
	k.values[key] = kvValue{slices.Clone(value), k.last, time.Now().Add(lifetime)}
	return k.last, nil
}
