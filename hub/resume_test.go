package hub_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	sockets "github.com/baton-hub/baton/hub/crowd"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// Everybody here follows one count. Transaction n sets one of resumeKeys keys of the notes to n and appends n to the chat. So
// what a client has must at any moment be, to the key, what there was after one n; each message of the chat must be the next;
// and both must be at the same n after each message of the hub, or somebody has seen half a transaction.
const (
	resumeKeys  = 16
	resumeKept  = 300 // messages of the chat: a client that has seen less gets them with a gap
	resumeAhead = 60  // transactions that the writer may be ahead of the clients
)

// resumeSize is how many clients there are, and how many deliveries they count: those of the issue with `make soak`, else a
// tenth.
func resumeSize() (clients int, deliveries int64) {
	if os.Getenv("BATON_SOAK") != "" {
		return 5_000, 10_000_000
	}
	return 500, 1_000_000
}

// TestJoinAndResumeAreExactUnderLoad has clients of two nodes drop and come back at random, on the same node or on the other,
// with the cursor that they have, an older one, none, or one of another history, while somebody writes. Some sleep until the
// ring has forgotten what they need. Nothing is lost, nothing comes twice.
func TestJoinAndResumeAreExactUnderLoad(t *testing.T) {
	size, enough := resumeSize()
	store := natstest.Embedded(t)
	s := &resumption{t: t}
	s.moved.L = &s.mu
	for _, name := range []string{"one", "two"} {
		s.nodes = append(s.nodes, newNode(t, nodeOptions{
			name: name, store: store, limits: noLimits, buffer: 8 << 10,
			rules: func(r *channels.Rules) {
				chat := r.Channels["chat"]
				chat.Keep = resumeKept
				r.Channels["chat"] = chat
			},
		}))
	}
	s.token = s.nodes[0].token(t, "screen")
	var running sync.WaitGroup
	for i := range size {
		running.Go(func() {
			r := &resumer{resumption: s, number: i, random: rand.New(rand.NewPCG(1, uint64(i))), sleeps: i%100 == 0}
			r.run()
		})
	}
	n := s.write(size, enough)
	running.Wait()
	if failed := s.failed.Load(); failed != nil {
		t.Fatal(*failed)
	}
	caughtUp := 0
	for _, node := range s.nodes {
		caughtUp += counted(t, node, "baton_catch_ups_total")
	}
	t.Logf("%d deliveries of %d transactions to %d clients, who came back %d times, %d of them cut off; %d got everything, %d had a gap in the chat, %d fell off the ring",
		s.delivered.Load(), n, size, s.dropped.Load(), s.cut.Load(), s.whole.Load(), s.gaps.Load(), caughtUp)
	// How many of the rest there are is a matter of time; some fall off the ring when they sleep; TestASlowClientCostsACursorAndEndsOnTheLastValue does it.
	if s.delivered.Load() < enough || s.dropped.Load() < int64(size) {
		t.Error("this is not what was to be tried")
	}
}

// A resumption is what all clients share.
type resumption struct {
	t     *testing.T
	nodes []*node
	token string

	delivered, dropped, cut, whole, gaps atomic.Int64
	final                                atomic.Uint64 // the last transaction, once it is known
	failed                               atomic.Pointer[string]

	mu    sync.Mutex
	moved sync.Cond // n has grown
	n     uint64    // guarded by mu: the last transaction that was answered
}

func (s *resumption) fail(format string, arguments ...any) {
	what := fmt.Sprintf(format, arguments...)
	s.failed.CompareAndSwap(nil, &what)
	s.moved.Broadcast()
}

// write is the writer, which goes from one node to the other. It returns the last n.
func (s *resumption) write(size int, enough int64) (n uint64) {
	writer := &counting{resumption: s}
	random := rand.New(rand.NewPCG(2, 2))
	for s.delivered.Load() < enough && s.failed.Load() == nil {
		writer.commit(1 + random.IntN(40))
		if writer.n/300 > writer.floods {
			writer.flood()
		}
		s.await(int64(size) * int64(writer.n-min(writer.n, resumeAhead)))
	}
	s.final.Store(writer.n + 1)
	writer.commit(1)
	return writer.n
}

// await waits until the clients have come nearly as far as the writer.
func (s *resumption) await(delivered int64) {
	for end := time.Now().Add(4 * hubtest.Patience); s.delivered.Load() < delivered && s.failed.Load() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.fail("the clients stand at %d deliveries, %d were to come", s.delivered.Load(), delivered)
		}
	}
}

// A counting is the writer.
type counting struct {
	*resumption
	n      uint64
	op     uint64
	floods uint64
}

// commit makes so many transactions, which are under way together, on one node.
func (w *counting) commit(count int) {
	decisions := make([]channels.Decide, count)
	for i := range decisions {
		w.n++
		value := json.RawMessage(fmt.Sprintf(`{"n":%d}`, w.n))
		decisions[i] = channels.Transact{
			Writes:  []channels.Write{{Channel: "notes", Set: map[string]json.RawMessage{fmt.Sprint("k", w.n%resumeKeys): value}}},
			Appends: []channels.Append{{Channel: "chat", Data: value}},
		}.Decide
	}
	w.do(decisions)
	w.mu.Lock()
	w.resumption.n = w.n
	w.mu.Unlock()
	w.moved.Broadcast()
}

// flood writes more than a ring holds, to a store that only those read who sleep.
func (w *counting) flood() {
	w.floods++
	value := json.RawMessage(`"` + strings.Repeat("x", 60<<10) + `"`)
	for range 10 {
		set := map[string]json.RawMessage{}
		for key := range 8 {
			set[fmt.Sprint("big", key)] = value
		}
		w.do([]channels.Decide{channels.Write{Channel: "settings", Set: set}.Decide})
	}
}

func (w *counting) do(decisions []channels.Decide) {
	space, err := w.nodes[w.op/50%2].Space(w.t.Context(), "lab")
	if err != nil {
		w.fail("%v", err)
		return
	}
	answers := make(chan error, len(decisions))
	for _, decide := range decisions {
		w.op++
		space.Propose(channels.Proposal{
			Op: channels.Op{Client: "the-writer", N: w.op}, Actor: "screen", User: session.ServicePrefix + "screen", Source: 1 << 62, Decide: decide,
			Done: func(o channels.Outcome) { answers <- o.Err },
		})
	}
	for range decisions {
		if err := <-answers; err != nil {
			w.fail("%v", err)
		}
	}
}

// A resumer is one client.
type resumer struct {
	*resumption
	number int
	random *rand.Rand
	sleeps bool // and reads the settings

	view
	older view // what it had a while ago
}

// A view is what a client has of the space.
type view struct {
	cursor string
	chat   uint64
	notes  uint64
	keys   [resumeKeys]uint64
}

func (r *resumer) run() {
	for r.failed.Load() == nil {
		done, err := r.connection()
		if err != nil {
			r.fail("client %d: %v", r.number, err)
		}
		if done {
			return
		}
		r.dropped.Add(1)
		switch chance := r.random.Float64(); {
		case chance < 0.05:
			r.view = view{}
		case chance < 0.08:
			r.view = view{cursor: channels.Cursor{Epoch: "ELSEWHERE0", Position: 5}.String()}
		case chance < 0.2:
			r.view = r.older
		case chance < 0.4:
			r.older = r.view
		}
	}
}

// connection is one connection to either node, until the client drops it or has the last transaction. The node may cut one
// off that takes nothing for too long, such as that of who sleeps: it comes back as after any other drop.
func (r *resumer) connection() (done bool, err error) {
	conn, err := sockets.Dial(r.t.Context(), sockets.Options{
		URL: r.nodes[r.random.IntN(2)].url, Client: fmt.Sprintf("client-%d", r.number), Token: r.token, Wait: 4 * hubtest.Patience,
	})
	var refused *sockets.Refused
	if errors.As(err, &refused) && refused.Status == http.StatusServiceUnavailable { // a busy machine holds the store up
		time.Sleep(max(refused.After, 100*time.Millisecond))
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(8 * hubtest.Patience)) // of a connection that is open
	joins := []wire.Frame{
		&wire.Join{Head: wire.Head{ID: 1}, Channel: "chat", Cursor: r.cursor},
		&wire.Join{Head: wire.Head{ID: 2}, Channel: "notes", Cursor: r.cursor},
	}
	if r.sleeps {
		joins = append(joins, &wire.Join{Head: wire.Head{ID: 3}, Channel: "settings", Cursor: r.cursor})
	}
	if conn.Write(wire.Encode(joins...)) != nil {
		return false, nil
	}
	joined, stay := false, r.random.ExpFloat64()*900
	for stay > 0 {
		if r.sleeps && joined && r.random.IntN(20) == 0 {
			r.sleep()
		}
		message, err := conn.Read()
		if err != nil {
			r.cut.Add(1)
			return false, nil
		}
		if !joined && !bytes.Contains(message, joinedMark) {
			continue // the welcome, and who is here
		}
		joined = true
		count, err := r.take(message)
		if err == nil && r.chat != r.notes {
			err = fmt.Errorf("half a transaction: the chat is at %d, the notes at %d", r.chat, r.notes)
		}
		if err != nil {
			return false, fmt.Errorf("%w, in %.300s", err, message)
		}
		r.delivered.Add(int64(count))
		stay -= float64(count)
		if r.chat > 0 && r.chat == r.final.Load() {
			return true, nil
		}
	}
	return false, nil
}

// sleep waits until the space has gone on, or nothing more comes.
func (r *resumer) sleep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for until := r.n + 400; r.n < until && r.final.Load() == 0 && r.failed.Load() == nil; {
		r.moved.Wait()
	}
}

var (
	joinedMark = []byte(`{"type":"joined"`)
	frameMark  = []byte(`{"type":"`)
	chatMark   = []byte(`message","channel":"chat"`)
	notesMark  = []byte(`change","channel":"notes"`)
	countMark  = []byte(`"n":`)
	cursorMark = []byte(`"cursor":"`)
)

// take applies a message, and counts what it delivered. It looks for what it needs and leaves the rest alone: there are a
// million.
func (r *resumer) take(message []byte) (count int, err error) {
	if bytes.Contains(message, joinedMark) {
		return r.takeJoined(message)
	}
	for rest := message; ; {
		at := bytes.Index(rest, frameMark)
		if at < 0 {
			break
		}
		rest = rest[at+len(frameMark):]
		isChat := bytes.HasPrefix(rest, chatMark)
		if !isChat && !bytes.HasPrefix(rest, notesMark) {
			continue
		}
		n := numberAfter(rest, countMark)
		if err := r.one(isChat, n); err != nil {
			return count, err
		}
		count++
	}
	if at := bytes.LastIndex(message, cursorMark); at >= 0 {
		text := message[at+len(cursorMark):]
		r.cursor = string(text[:bytes.IndexByte(text, '"')])
	}
	return count, nil
}

func numberAfter(text, mark []byte) (n uint64) {
	for _, c := range text[bytes.Index(text, mark)+len(mark):] {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + uint64(c-'0')
	}
	return n
}

// one applies one delivery, which must be the next.
func (v *view) one(isChat bool, n uint64) error {
	last := &v.notes
	if isChat {
		last = &v.chat
	} else {
		v.keys[n%resumeKeys] = n
	}
	switch {
	case n <= *last:
		return fmt.Errorf("%d has come twice, after %d", n, *last)
	case n != *last+1:
		return fmt.Errorf("%d came after %d: what is between is lost", n, *last)
	}
	*last = n
	return nil
}

// takeJoined applies a message in which there are answers to joins, or what they say to a client that was too slow.
func (r *resumer) takeJoined(message []byte) (count int, err error) {
	frames, err := wire.DecodeFrames(message)
	if err != nil {
		return 0, err
	}
	for _, f := range frames {
		var n struct{ N uint64 }
		switch f := f.(type) {
		case *wire.Joined:
			more := 0
			switch f.Channel {
			case "chat":
				more, err = r.chatJoined(f)
			case "notes":
				more, err = r.notesJoined(f)
			}
			count += more
			r.cursor = f.Cursor
		case *wire.Message:
			_ = json.Unmarshal(f.Data, &n)
			err = r.one(true, n.N)
			count++
			r.cursor = f.Cursor
		case *wire.Change:
			r.cursor = f.Cursor
			if f.Channel != "notes" {
				break
			}
			for _, value := range f.Set {
				_ = json.Unmarshal(value, &n)
			}
			err = r.one(false, n.N)
			count++
		case *wire.Error:
			err = errors.New(f.Detail)
		}
		if err != nil {
			return count, err
		}
	}
	return count, nil
}

// chatJoined applies the messages that a client has not seen: each of them, or the last with a stated gap.
func (r *resumer) chatJoined(f *wire.Joined) (count int, err error) {
	jump := f.Gap
	if f.Mode == wire.Snapshot {
		r.whole.Add(1)
		r.chat, jump = 0, true
	} else if f.Gap {
		r.gaps.Add(1)
	}
	for _, m := range f.Messages {
		var n struct{ N uint64 }
		if err := json.Unmarshal(m.Data, &n); err != nil {
			return count, err
		}
		if jump && n.N > r.chat {
			r.chat = n.N - 1
		}
		jump = false
		if err := r.one(true, n.N); err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}

// notesJoined applies what has changed, or all of it. What there is then must be the notes as they were after one n.
func (r *resumer) notesJoined(f *wire.Joined) (count int, err error) {
	if f.Mode == wire.Snapshot {
		r.keys = [resumeKeys]uint64{}
		r.notes = 0
	}
	for key, value := range f.Values {
		var n struct{ N uint64 }
		if err := json.Unmarshal(value.Value, &n); err != nil {
			return count, err
		}
		if key != fmt.Sprint("k", n.N%resumeKeys) || n.N <= r.keys[n.N%resumeKeys] {
			return count, fmt.Errorf("%s is %d after %d", key, n.N, r.keys[n.N%resumeKeys])
		}
		r.keys[n.N%resumeKeys] = n.N
		r.notes = max(r.notes, n.N)
		count++
	}
	for key, n := range r.keys {
		want := r.notes - (r.notes+resumeKeys-uint64(key))%resumeKeys // the last up to notes that set this key
		if r.notes < uint64(key) || want == 0 {
			want = 0
		}
		if n != want {
			return count, fmt.Errorf("k%d is %d when the notes are at %d, it was %d then", key, n, r.notes, want)
		}
	}
	return count, nil
}
