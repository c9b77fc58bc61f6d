package beamline

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"
)

// memoryHub is a Hub without sockets: stores with positions, and what was sent and appended.
type memoryHub struct {
	mu       sync.Mutex
	position uint64
	stores   map[string]map[string]Stored
	follow   map[string][]func()
	sent     []sent
	scan     map[string]any
	heard    map[string]func(user string, data json.RawMessage)
	records  []Record
	handlers map[string]Handler
	serving  chan struct{}                // closed when it serves for the first time
	gone     chan struct{}                // while it is not nil, nothing is committed
	old      map[string]map[string]Stored // while it is not nil, what followers see
	calls    int
}

type sent struct {
	at     time.Time
	motors map[string]Motor
}

func newMemoryHub() *memoryHub {
	return &memoryHub{
		stores: map[string]map[string]Stored{}, follow: map[string][]func(){}, serving: make(chan struct{}),
		scan: map[string]any{}, heard: map[string]func(string, json.RawMessage){},
	}
}

func (h *memoryHub) Follow(_ context.Context, store string, changed func()) (func() map[string]Stored, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.follow[store] = append(h.follow[store], changed)
	return func() map[string]Stored { return h.values(store) }, nil
}

func (h *memoryHub) values(store string) map[string]Stored {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.old != nil {
		return maps.Clone(h.old[store])
	}
	return maps.Clone(h.stores[store])
}

func (h *memoryHub) Write(ctx context.Context, store string, set map[string]any, onlyIf map[string]uint64) error {
	if err := h.wait(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	for key, position := range onlyIf {
		if h.stores[store][key].Position != position {
			h.mu.Unlock()
			return fmt.Errorf("writing %s: %w", key, ErrConflict)
		}
	}
	h.position++
	if h.stores[store] == nil {
		h.stores[store] = map[string]Stored{}
	}
	for key, value := range set {
		if value == nil {
			delete(h.stores[store], key)
			continue
		}
		data, err := json.Marshal(value)
		if err != nil {
			h.mu.Unlock()
			return err
		}
		h.stores[store][key] = Stored{Data: data, Position: h.position}
	}
	var follow []func()
	if h.old == nil {
		follow = h.follow[store]
	}
	h.mu.Unlock()
	for _, changed := range follow {
		changed()
	}
	return nil
}

func (h *memoryHub) Append(ctx context.Context, _ string, message any) error {
	if err := h.wait(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = append(h.records, message.(Record))
	return nil
}

func (h *memoryHub) Listen(signal string, heard func(user string, data json.RawMessage)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard[signal] = heard
}

// say sends something over a signal.
func (h *memoryHub) say(user, signal, data string) {
	h.mu.Lock()
	heard := h.heard[signal]
	h.mu.Unlock()
	heard(user, json.RawMessage(data))
}

func (h *memoryHub) Send(live string, set map[string]any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if live == "scan" {
		maps.Copy(h.scan, set)
		return nil
	}
	s := sent{at: time.Now(), motors: map[string]Motor{}}
	for name, m := range set {
		s.motors[name] = m.(Motor)
	}
	h.sent = append(h.sent, s)
	return nil
}

func (h *memoryHub) Serve(_ context.Context, handlers map[string]Handler) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.handlers == nil {
		close(h.serving)
	}
	h.handlers = handlers
	return nil
}

// call calls a command and waits for its end.
func (h *memoryHub) call(ctx context.Context, name, args string) (any, error) {
	<-h.serving
	h.mu.Lock()
	h.calls++
	id, handler := fmt.Sprintf("call-%d", h.calls), h.handlers[name]
	h.mu.Unlock()
	return handler(ctx, Call{ID: id, Args: json.RawMessage(args), By: "alice", User: "alice"})
}

// goAway lets every write and append hang until come is called.
func (h *memoryHub) goAway() (come func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	gone := make(chan struct{})
	h.gone = gone
	return func() {
		h.mu.Lock()
		h.gone = nil
		h.mu.Unlock()
		close(gone)
	}
}

// lag lets what is committed reach nobody until arrive is called.
func (h *memoryHub) lag() (arrive func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.old = map[string]map[string]Stored{}
	for store, values := range h.stores {
		h.old[store] = maps.Clone(values)
	}
	return func() {
		h.mu.Lock()
		h.old = nil
		follow := h.follow
		h.mu.Unlock()
		for _, all := range follow {
			for _, changed := range all {
				changed()
			}
		}
	}
}

func (h *memoryHub) wait(ctx context.Context) error {
	h.mu.Lock()
	gone := h.gone
	h.mu.Unlock()
	if gone == nil {
		return nil
	}
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// read decodes a value of a store.
func read[T any](t *testing.T, h *memoryHub, store, key string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(h.values(store)[key].Data, &v); err != nil {
		t.Fatalf("reading %s of %s: %v", key, store, err)
	}
	return v
}
