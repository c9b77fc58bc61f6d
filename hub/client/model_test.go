package client

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/hub/wire"
)

// A model is a hub with one store that does what the protocol promises: an operation id is applied once, and a change
// comes before its answer. It cuts its connection after every so many writes, once before and once after the write is
// applied, and once after it is answered.
type model struct {
	// Set at construction.
	t        *testing.T
	cutEvery int

	mu       sync.Mutex
	position uint64
	values   map[string]wire.Value
	done     map[string]uint64 // position by operation
	sent     map[string]int    // how often an operation came
	writes   int               // that came, again or not
	cuts     int
}

func newModel(t *testing.T, cutEvery int) *model {
	return &model{t: t, cutEvery: cutEvery, values: map[string]wire.Value{}, done: map[string]uint64{}, sent: map[string]int{}}
}

func (m *model) cursor() string { return "e1-" + strconv.FormatUint(m.position, 36) }

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{wire.Subprotocol}})
	if err != nil {
		m.t.Error(err)
		return
	}
	defer func() { _ = socket.CloseNow() }()
	socket.SetReadLimit(64 << 10)
	send := func(frames ...wire.Frame) bool {
		return socket.Write(context.Background(), websocket.MessageText, wire.Encode(frames...)) == nil
	}
	hello := welcome("")
	m.mu.Lock()
	hello.Cursor = m.cursor()
	m.mu.Unlock()
	for ok := send(hello); ok; {
		_, data, err := socket.Read(context.Background())
		if err != nil {
			return
		}
		requests, err := wire.DecodeRequests(data)
		if err != nil {
			m.t.Error(err)
			return
		}
		for _, request := range requests {
			frames, cut := m.take(request)
			if len(frames) > 0 && !send(frames...) || cut {
				return
			}
		}
	}
}

// take does what a request asks; cut says that the connection ends then.
func (m *model) take(request wire.Request) (frames []wire.Frame, cut bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch r := request.(type) {
	case *wire.Join:
		values := make(map[string]wire.Value, len(m.values))
		for k, v := range m.values {
			values[k] = v
		}
		return []wire.Frame{&wire.Joined{ID: r.ID, Channel: r.Channel, Cursor: m.cursor(), Mode: wire.Snapshot, Values: values}}, false
	case *wire.Write:
		m.sent[r.Op]++
		m.writes++
		stage := 0
		if m.cutEvery > 0 && m.writes%m.cutEvery == 0 {
			m.cuts++
			stage = 1 + m.cuts%3
		}
		if stage == 1 { // it never arrived
			return nil, true
		}
		frames = m.apply(r)
		if stage == 2 { // it did, but nobody was told
			return nil, true
		}
		return frames, stage == 3
	case *wire.Ping:
		return []wire.Frame{&wire.Pong{ID: r.ID, Cursor: m.cursor()}}, false
	}
	m.t.Errorf("the model was sent a %s frame", request.FrameType())
	return nil, true
}

func (m *model) apply(r *wire.Write) (frames []wire.Frame) {
	position, known := m.done[r.Op]
	if !known {
		m.position++
		position = m.position
		m.done[r.Op] = position
		for k, data := range r.Set {
			m.values[k] = wire.Value{Value: data, Position: position}
		}
		frames = append(frames, &wire.Change{Channel: r.Channel, Position: position, Cursor: m.cursor(), Set: r.Set, Op: r.Op})
	}
	return append(frames, &wire.Written{ID: r.ID, Position: position, Cursor: m.cursor()})
}

// check has eight goroutines write, and then compares what they were told, what was applied, and what the client shows.
func (m *model) check(t *testing.T, options Options, writes int) {
	c, err := Connect(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	store := c.Store("queue")
	if err := store.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	const writers = 8
	told := make([]map[uint64]int, writers) // the value by position, of each writer
	var wg sync.WaitGroup
	for w := range writers {
		told[w] = make(map[uint64]int)
		wg.Go(func() {
			key := fmt.Sprint("key", w)
			for i := range writes / writers {
				position, err := c.Set(t.Context(), "queue", map[string]any{key: i})
				if err != nil {
					t.Error(err)
					return
				}
				told[w][position] = i
				if v, _ := store.Get(key); string(v.Data) != strconv.Itoa(i) {
					t.Errorf("after %s was set to %d it shows %s", key, i, v.Data)
				}
			}
		})
	}
	wg.Wait()

	m.mu.Lock()
	defer m.mu.Unlock()
	if int(m.position) != writes || len(m.sent) != writes {
		t.Errorf("%d writes were applied, under %d operation ids; want %d", m.position, len(m.sent), writes)
	}
	positions := 0
	for w := range told {
		positions += len(told[w])
		if v := m.values[fmt.Sprint("key", w)]; string(v.Value) != strconv.Itoa(writes/writers-1) {
			t.Errorf("the last value of writer %d is %s", w, v.Value)
		}
	}
	if positions != writes {
		t.Errorf("%d positions were told, want %d", positions, writes)
	}
	again := 0
	for _, n := range m.sent {
		again += n - 1
	}
	if m.cuts < writes/m.cutEvery || again < m.cuts/2 {
		t.Errorf("only %d cuts, and %d writes sent again: this proves little", m.cuts, again)
	}
	shown := make(map[string]json.RawMessage)
	for k, v := range store.Values() {
		shown[k] = v.Data
	}
	want := make(map[string]json.RawMessage)
	for k, v := range m.values {
		want[k] = v.Value
	}
	if !reflect.DeepEqual(shown, want) {
		t.Errorf("the client shows %s, the hub has %s", shown, want)
	}
}

func TestThousandWritesOverACutConnectionAreAppliedOnceEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newModel(t, 50)
		m.check(t, servePipe(t, m), 1000)
	})
}

// The same over TCP, with fewer cuts, because here a reconnect takes its time.
func TestWritesOverACutTCPConnectionAreAppliedOnceEach(t *testing.T) {
	m := newModel(t, 50)
	server := httptest.NewServer(m)
	defer server.Close()
	m.check(t, Options{URL: server.URL, Token: "t", Logger: slog.New(slog.DiscardHandler)}, 200)
}
