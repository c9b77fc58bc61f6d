package hub

import (
	"container/list"
	"slices"
	"sync"
	"time"

	"github.com/baton-hub/baton/channels"
)

// How long a board keeps what is not a present value.
const (
	signalLife = 10 * time.Second // a signal: who has not read it by then does not get it
	goneLife   = time.Minute      // that a live value is gone: who has not read it by then gets all values anew

	signalBytes = 4 << 20 // of all signals; the oldest make room
)

// A board holds what only the newest of is worth anything: the last value of every key of the live stores of a space, and
// the last signal of every sender. It knows in which order they came, so that a connection gets what is new since it last
// looked, each key and each sender once.
type board struct {
	mu      sync.Mutex
	clock   uint64 // grows with each change
	floor   uint64 // values that went up to here may be forgotten
	values  trail
	signals trail
}

// A posted is one thing on a board.
type posted struct {
	feed    feed
	key     string // of a value; of a signal who sent it
	client  string // of a signal: that sent it
	data    []byte // of a value its JSON, empty if it is gone; of a signal its frame
	changed uint64
	at      time.Time
}

// A trail holds things by key and by age.
type trail struct {
	byKey map[feed]map[string]*list.Element
	order *list.List // of *posted, the newest first
	bytes int
}

func newBoard() *board { return &board{values: newTrail(), signals: newTrail()} }

func newTrail() trail { return trail{map[feed]map[string]*list.Element{}, list.New(), 0} }

// put takes the place of what was there for the key.
func (t *trail) put(p *posted) {
	if old := t.byKey[p.feed][p.key]; old != nil {
		t.drop(old)
	}
	if t.byKey[p.feed] == nil {
		t.byKey[p.feed] = map[string]*list.Element{}
	}
	t.byKey[p.feed][p.key] = t.order.PushFront(p)
	t.bytes += len(p.data)
}

func (t *trail) drop(e *list.Element) {
	p := t.order.Remove(e).(*posted)
	t.bytes -= len(p.data)
	delete(t.byKey[p.feed], p.key)
	if len(t.byKey[p.feed]) == 0 {
		delete(t.byKey, p.feed)
	}
}

// since lists what came after a clock and is wanted, the oldest first.
func (t *trail) since(clock uint64, wanted func(*posted) bool) (found []*posted) {
	for e := t.order.Front(); e != nil && e.Value.(*posted).changed > clock; e = e.Next() {
		if p := e.Value.(*posted); wanted(p) {
			found = append(found, p)
		}
	}
	slices.Reverse(found)
	return found
}

// set puts a live value on the board; no data means that it is gone.
func (b *board) set(f feed, key string, data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock++
	b.values.put(&posted{feed: f, key: key, data: data, changed: b.clock, at: time.Now()})
}

// signal puts a signal on the board.
func (b *board) signal(f feed, user, client string, frame []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock++
	b.signals.put(&posted{feed: f, key: sender(client, user), client: client, data: frame, changed: b.clock, at: time.Now()})
	for b.signals.bytes > signalBytes {
		b.signals.drop(b.signals.order.Back())
	}
}

// sender names who sends signals: a client, which may have the id of another user's.
func sender(client, user string) string { return client + " " + user }

// room refuses keys for which a live store has no room.
func (b *board) room(f feed, keys []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.values.byKey[f])
	for _, key := range keys {
		if b.values.byKey[f][key] == nil {
			n++
		}
	}
	if n > maxLiveKeys {
		return channels.Refuse(channels.CodeTooLarge, "%s would have more than %d keys: delete those that nobody needs", f.channel, maxLiveKeys)
	}
	return nil
}

// all returns the values of a live store, and the clock to ask for later changes with.
func (b *board) all(f feed) (values map[string][]byte, clock uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	values = make(map[string][]byte, len(b.values.byKey[f]))
	for key, e := range b.values.byKey[f] {
		if p := e.Value.(*posted); len(p.data) > 0 {
			values[key] = p.data
		}
	}
	return values, b.clock
}

// now returns the clock to ask for later signals with.
func (b *board) now() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock
}

// since returns what came after a clock and is wanted, and the present clock. known is false if values may have gone in
// the meantime of which nothing is known any more.
func (b *board) since(clock uint64, value, signal func(*posted) bool) (values, signals []*posted, now uint64, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := time.Now().Add(-signalLife)
	signals = b.signals.since(clock, func(p *posted) bool { return p.at.After(old) && signal(p) })
	return b.values.since(clock, value), signals, b.clock, clock >= b.floor
}

// prune forgets the signals that are old or whose sender is gone, and old news of values that are.
func (b *board) prune(now time.Time, gone func(client string) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.signals.prune(func(p *posted) bool { return now.Sub(p.at) >= signalLife || gone(p.client) })
	b.values.prune(func(p *posted) bool {
		forget := len(p.data) == 0 && now.Sub(p.at) >= goneLife
		if forget {
			b.floor = max(b.floor, p.changed)
		}
		return forget
	})
}

func (t *trail) prune(forget func(*posted) bool) {
	for e := t.order.Back(); e != nil; {
		newer := e.Prev()
		if forget(e.Value.(*posted)) {
			t.drop(e)
		}
		e = newer
	}
}
