package hub

import "sync"

// The bounds of a ring: a connection that is further behind gets present values instead.
const (
	ringEntries = 4096
	ringBytes   = 4 << 20
)

// A feed is what a connection can be subscribed to: a channel, and in a user-scoped store whose values.
type feed struct{ channel, owner string }

// A ring holds the last entries of a space's log as frames, encoded once, by position. Connections read it from their
// own cursors; it knows nothing of them. It is not safe for concurrent use.
type ring struct {
	slots []slot // slots[i] is position first+i
	first uint64 // the oldest position held; slots may be empty
	bytes int
}

// A slot is one entry: its frames by feed, in the order of the log.
type slot struct{ frames []framed }

type framed struct {
	feed feed
	data []byte
}

// reset empties the ring: the next entry has the given position.
func (r *ring) reset(next uint64) { *r = ring{first: next} }

// next is the position that the next entry must have.
func (r *ring) next() uint64 { return r.first + uint64(len(r.slots)) }

// head is the newest position held, or the one before the first.
func (r *ring) head() uint64 { return r.next() - 1 }

// add appends the entry at next and forgets the oldest ones beyond the bounds.
func (r *ring) add(s slot) {
	r.slots = append(r.slots, s)
	r.bytes += s.size()
	for len(r.slots) > ringEntries || r.bytes > ringBytes && len(r.slots) > 1 {
		r.bytes -= r.slots[0].size()
		r.slots[0] = slot{} // the array lives on until the slice is grown again
		r.slots = r.slots[1:]
		r.first++
	}
}

func (s slot) size() (n int) {
	for _, f := range s.frames {
		n += len(f.data)
	}
	return n
}

// after returns the entries after a position, and false if some of them are forgotten.
func (r *ring) after(position uint64) ([]slot, bool) {
	if position+1 < r.first {
		return nil, false
	}
	return r.slots[min(position+1-r.first, uint64(len(r.slots))):], true
}

// A liveBoard holds the last value of every key of the live stores of a space, and in which order they changed, so
// that a connection gets what changed since it last looked, each key once, with its newest value.
type liveBoard struct {
	mu     sync.Mutex
	values map[feed]map[string]*liveValue
	newest *liveValue // a list by growing age
	clock  uint64     // grows with each change
}

type liveValue struct {
	feed         feed
	key          string
	data         []byte // JSON
	changed      uint64
	newer, older *liveValue
}

func newLiveBoard() *liveBoard { return &liveBoard{values: map[feed]map[string]*liveValue{}} }

// set puts a value on the board.
func (b *liveBoard) set(f feed, key string, data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	keys := b.values[f]
	if keys == nil {
		keys = map[string]*liveValue{}
		b.values[f] = keys
	}
	v := keys[key]
	if v == nil {
		v = &liveValue{feed: f, key: key}
		keys[key] = v
	} else {
		b.unlink(v)
	}
	b.clock++
	v.data, v.changed = data, b.clock
	v.older = b.newest
	if v.older != nil {
		v.older.newer = v
	}
	b.newest = v
}

func (b *liveBoard) unlink(v *liveValue) {
	if v.newer != nil {
		v.newer.older = v.older
	} else {
		b.newest = v.older
	}
	if v.older != nil {
		v.older.newer = v.newer
	}
	v.newer, v.older = nil, nil
}

// all returns the values of a live store, and the clock to ask for later changes with.
func (b *liveBoard) all(f feed) (values map[string][]byte, clock uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	values = make(map[string][]byte, len(b.values[f]))
	for key, v := range b.values[f] {
		values[key] = v.data
	}
	return values, b.clock
}

// since returns what changed after a clock, for the feeds that wanted accepts, and the present clock.
func (b *liveBoard) since(clock uint64, wanted func(f feed, changed uint64) bool) (changes map[feed]map[string][]byte, now uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for v := b.newest; v != nil && v.changed > clock; v = v.older {
		if !wanted(v.feed, v.changed) {
			continue
		}
		if changes == nil {
			changes = map[feed]map[string][]byte{}
		}
		if changes[v.feed] == nil {
			changes[v.feed] = map[string][]byte{}
		}
		changes[v.feed][v.key] = v.data
	}
	return changes, b.clock
}
