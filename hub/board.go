package hub

import (
	"container/list"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// How long a board keeps what is not a present value.
const (
	signalLife = 10 * time.Second // a signal: who has not read it by then does not get it
	goneLife   = time.Minute      // that a live value is gone: who has not read it by then gets all values anew

	// followTime is how long a value may stay that a new follow of the live values did not bring: when the hub's memory of
	// them is gone, whoever sent it does so again in this time.
	followTime = 10 * time.Second

	signalBytes = 4 << 20 // of all signals; the oldest make room
)

// What a live store holds at most, on every node.
const (
	maxLiveKeys  = 10_000 // and so many keys that are gone, for as long as that is remembered
	maxLiveBytes = 16 << 20
)

// A board holds what only the newest of is worth anything: the last value of every key of the live stores of a space, and
// the last signal of every sender. It knows in which order they came, so that a connection gets what is new since it last
// looked, each key and each sender once.
type board struct {
	mu      sync.Mutex
	clock   uint64          // grows with each change
	floors  map[feed]uint64 // values that went up to here may be forgotten
	values  trail
	signals trail
	follow  uint64    // counts the follows of the live values
	brought time.Time // when the last one had brought all there were; zero: it has yet to, or what it did not bring is gone
}

// A posted is one thing on a board.
type posted struct {
	feed    feed
	key     string // of a value; of a signal who sent it
	sender  string // of a signal
	data    []byte // of a value its JSON, empty if it is gone; of a signal its frame
	changed uint64
	follow  uint64 // of a value: which brought it
	at      time.Time
	by      string    // of a value: who sent it
	sent    time.Time // of a value: when that was
}

// A trail holds things by key and by age.
type trail struct {
	byKey map[feed]map[string]*list.Element
	order *list.List // of *posted, the newest first
	sizes map[feed]size
	bytes int // of all feeds
}

// A size is what a trail has of one feed.
type size struct{ keys, gone, bytes int }

// with returns the size with one thing more, or less if n is -1.
func (s size) with(n int, data []byte) size {
	if len(data) == 0 {
		s.gone += n
	} else {
		s.keys += n
	}
	s.bytes += n * len(data)
	return s
}

func newBoard() *board {
	return &board{floors: map[feed]uint64{}, values: newTrail(), signals: newTrail()}
}

func newTrail() trail {
	return trail{byKey: map[feed]map[string]*list.Element{}, order: list.New(), sizes: map[feed]size{}}
}

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
	t.sizes[p.feed] = t.sizes[p.feed].with(1, p.data)
}

func (t *trail) drop(e *list.Element) {
	p := t.order.Remove(e).(*posted)
	t.bytes -= len(p.data)
	t.sizes[p.feed] = t.sizes[p.feed].with(-1, p.data)
	delete(t.byKey[p.feed], p.key)
	if len(t.byKey[p.feed]) == 0 {
		delete(t.byKey, p.feed)
		delete(t.sizes, p.feed)
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
func (b *board) set(f feed, key string, v wire.Value) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.setLocked(f, key, v)
}

func (b *board) setLocked(f feed, key string, v wire.Value) {
	b.clock++
	b.values.put(&posted{feed: f, key: key, data: v.Value, by: v.By, sent: v.At, changed: b.clock, follow: b.follow, at: time.Now()})
}

// value is a live value as clients see it.
func (p *posted) value() wire.Value { return wire.Value{Value: p.data, By: p.by, At: p.sent} }

// followed notes that the live values are followed anew: all of them come again, but those that went away meanwhile.
func (b *board) followed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.follow++
	b.brought = time.Time{}
}

// current notes that all have come.
func (b *board) current() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.brought = time.Now()
}

// settle takes the values away that the last follow did not bring, when whoever sent them had time to do so again. It
// returns the stores that they were in.
func (b *board) settle(now time.Time) (changed map[feed]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.brought.IsZero() || now.Sub(b.brought) < followTime {
		return nil
	}
	b.brought = time.Time{}
	changed = map[feed]bool{}
	for e := b.values.order.Back(); e != nil; {
		newer, p := e.Prev(), e.Value.(*posted)
		if p.follow < b.follow && len(p.data) > 0 {
			b.setLocked(p.feed, p.key, wire.Value{})
			changed[p.feed] = true
		}
		e = newer
	}
	return changed
}

// signal puts a signal on the board.
func (b *board) signal(f feed, user, sender string, frame []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock++
	b.signals.put(&posted{feed: f, key: signalKey(sender, user), sender: sender, data: frame, changed: b.clock, at: time.Now()})
	for b.signals.bytes > signalBytes {
		b.signals.drop(b.signals.order.Back())
	}
}

// signalKey names who sends signals: a client, which may have the id of another user's.
func signalKey(sender, user string) string { return sender + " " + user }

// senderOf is what others know a client by: always the same, and its id cannot be told from it. Who knows the id could
// make operations under it, before the client does.
func senderOf(client string) string {
	sum := sha256.Sum256([]byte("sender " + client))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// room refuses changes for which a live store has no room.
func (b *board) room(f feed, set map[string]json.RawMessage, gone []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.values.sizes[f]
	is := was
	change := func(key string, data []byte) {
		if old := b.values.byKey[f][key]; old != nil {
			is = is.with(-1, old.Value.(*posted).data)
		}
		is = is.with(1, data)
	}
	for key, data := range set {
		change(key, data)
	}
	for _, key := range gone {
		if _, again := set[key]; !again {
			change(key, nil)
		}
	}
	switch {
	case is.keys > max(was.keys, maxLiveKeys):
		return channels.Refuse(channels.CodeTooLarge, "%s would have more than %d keys: delete those that nobody needs", f.channel, maxLiveKeys)
	case is.gone > max(was.gone, maxLiveKeys):
		return channels.Refuse(channels.CodeTooLarge, "%s has had more than %d keys deleted lately, each of which is remembered for a minute: "+
			"delete fewer, or wait a minute", f.channel, maxLiveKeys)
	case is.bytes > max(was.bytes, maxLiveBytes):
		return channels.Refuse(channels.CodeTooLarge, "%s would have %d bytes of values, the limit is %d: send smaller values, or delete those that nobody needs",
			f.channel, is.bytes, maxLiveBytes)
	}
	return nil
}

// all returns the values of a live store, and the clock to ask for later changes with.
func (b *board) all(f feed) (values map[string]wire.Value, clock uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	values = make(map[string]wire.Value, len(b.values.byKey[f]))
	for key, e := range b.values.byKey[f] {
		if p := e.Value.(*posted); len(p.data) > 0 {
			values[key] = p.value()
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

// since returns what came after a clock and is wanted, and the present clock. Whether values have gone in the meantime of
// which nothing is known any more, missed tells after it.
func (b *board) since(clock uint64, value, signal func(*posted) bool) (values, signals []*posted, now uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := time.Now().Add(-signalLife)
	signals = b.signals.since(clock, func(p *posted) bool { return p.at.After(old) && signal(p) })
	return b.values.since(clock, value), signals, b.clock
}

// missed reports whether a value of a live store may have gone after a clock that nothing is known of any more.
func (b *board) missed(f feed, clock uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return clock < b.floors[f]
}

// prune forgets the signals that are old or whose sender is gone, and old news of values that are.
func (b *board) prune(now time.Time, gone func(sender string) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.signals.prune(func(p *posted) bool { return now.Sub(p.at) >= signalLife || gone(p.sender) })
	b.values.prune(func(p *posted) bool {
		forget := len(p.data) == 0 && now.Sub(p.at) >= goneLife
		if forget {
			b.floors[p.feed] = max(b.floors[p.feed], p.changed)
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
