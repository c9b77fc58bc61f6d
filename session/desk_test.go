package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/session"
)

var (
	errNoKey     = errors.New("no such key")
	errChanged   = errors.New("changed")
	errStoreDown = errors.New("the store is down")
)

// memory is a KV for tests in fake time. It forgets nothing by itself: the Store over it must know what is over.
type memory struct {
	mu     sync.Mutex
	values map[string][]byte
	last   map[string]uint64
	writes int
	down   bool   // every call fails
	hung   bool   // every call waits for the end of its context
	looked func() // called after the next Get, once
}

func newMemory() *memory { return &memory{values: map[string][]byte{}, last: map[string]uint64{}} }

func (m *memory) enter(ctx context.Context) error {
	switch {
	case m.hung:
		<-ctx.Done()
		return ctx.Err()
	case m.down:
		return errStoreDown
	}
	return nil
}

func (m *memory) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	m.mu.Lock()
	defer func() {
		looked := m.looked
		m.looked = nil
		m.mu.Unlock()
		if looked != nil {
			looked()
		}
	}()
	if err := m.enter(ctx); err != nil {
		return nil, 0, err
	}
	if m.last[key] == 0 {
		return nil, 0, errNoKey
	}
	return m.values[key], m.last[key], nil
}

func (m *memory) Create(ctx context.Context, key string, value []byte, life time.Duration) (uint64, error) {
	return m.Update(ctx, key, value, 0, life)
}

func (m *memory) Update(ctx context.Context, key string, value []byte, revision uint64, _ time.Duration) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.enter(ctx); err != nil {
		return 0, err
	}
	if m.last[key] != revision {
		return 0, errChanged
	}
	m.writes++
	m.values[key], m.last[key] = value, uint64(m.writes)
	return m.last[key], nil
}

// desk is where people sign in: Logins over a store in memory.
func desk(o session.LoginOptions) (*session.Logins, *memory) {
	m := newMemory()
	o.Store = session.NewKVStore(m, errNoKey, errChanged)
	return session.NewLogins(o), m
}

// kept begins and keeps a login session.
func kept(t *testing.T, l *session.Logins, id string) (*http.Cookie, *session.Login) {
	t.Helper()
	login, err := l.Begin(t.Context(), "hall", session.Absolute)
	if err != nil {
		t.Fatal(err)
	}
	if id == "" {
		id = login.Session
	}
	cookie, err := l.Keep(t.Context(), login, id)
	if err != nil {
		t.Fatal(err)
	}
	return cookie, login
}

func with(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}
