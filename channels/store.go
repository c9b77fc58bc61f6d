package channels

import (
	"cmp"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"time"
)

// A Ref names a key of a store: the channel, whose values they are (user-scoped stores only), and the key.
type Ref struct{ Channel, Owner, Key string }

// A Value is what a key holds, with its last change.
type Value struct {
	Data     json.RawMessage
	Position uint64    // of the entry that last changed it
	At       time.Time // log time of that entry
	By       string    // the user who changed it, "" = the hub
	Client   string    // the client that sent the change
	Other    uint64    // the position of the last change by any other client; in doubt, one that is too high
}

// otherThan returns the position of the last change by any client but this one.
func (v Value) otherThan(client string) uint64 {
	if v.Client != client {
		return v.Position
	}
	return v.Other
}

// KeptTombstones is how many deleted keys a store remembers, for clients that come back with an older cursor.
const KeptTombstones = 10_000

// store holds the values of one channel and owner, and the tombstones of what was deleted lately.
type store struct {
	values map[string]Value
	graves map[string]Value // of deleted keys: Data is empty
	order  []keyAt          // graves, oldest first; an item whose position differs from graves[key] is void
	trail  []keyAt          // what changed, oldest first; an item is void if its key has changed, or was forgotten, since
	floor  uint64           // deletions up to here may have been forgotten

	touched touch // by whom it was last changed
}

// A touch is the last change of a store as a whole.
type touch struct {
	position uint64
	client   string
	other    uint64 // the position of the last change by any other client
}

// otherThan returns the position of the last change by any client but this one.
func (t touch) otherThan(client string) uint64 {
	if t.client != client {
		return t.position
	}
	return t.other
}

// touch notes that a client changes something.
func (s *store) touch(position uint64, client string) {
	s.touched = touch{position, client, s.touched.otherThan(client)}
}

// keyAt is a key as an entry left it.
type keyAt struct {
	key      string
	position uint64
}

func newStore() *store {
	return &store{values: map[string]Value{}, graves: map[string]Value{}}
}

func (s *store) set(key string, v Value) {
	s.follow(key, v.Position)
	delete(s.graves, key)
	s.values[key] = v
}

// follow puts a change of a key on the trail, before it happens. A key that has changed in the same entry is there.
func (s *store) follow(key string, position uint64) {
	if last, ok := s.last(key); ok && last.Position == position {
		return
	}
	if len(s.trail) > 2*(len(s.values)+len(s.graves))+64 {
		s.trail = slices.DeleteFunc(s.trail, func(k keyAt) bool {
			last, ok := s.last(k.key)
			return !ok || last.Position != k.position
		})
	}
	s.trail = append(s.trail, keyAt{key, position})
}

// sortTrail is for a store whose keys came in another order than that of their changes.
func (s *store) sortTrail() {
	slices.SortFunc(s.trail, func(a, b keyAt) int { return cmp.Compare(a.position, b.position) })
}

// last returns the value or the tombstone of a key.
func (s *store) last(key string) (v Value, ok bool) {
	if v, ok = s.values[key]; !ok {
		v, ok = s.graves[key]
	}
	return v, ok
}

// after yields what has changed after a position and how it is now, values and tombstones, in the order of the changes.
// It costs what has changed since, not what there is.
func (s *store) after(position uint64) iter.Seq2[string, Value] {
	from, _ := slices.BinarySearchFunc(s.trail, position+1, func(k keyAt, p uint64) int { return cmp.Compare(k.position, p) })
	return func(yield func(string, Value) bool) {
		for _, k := range s.trail[from:] {
			if v, ok := s.last(k.key); ok && v.Position == k.position && !yield(k.key, v) {
				return
			}
		}
	}
}

func (s *store) remove(key string, tombstone Value) {
	if _, ok := s.values[key]; !ok {
		return
	}
	s.follow(key, tombstone.Position)
	delete(s.values, key)
	s.bury(key, tombstone)
}

func (s *store) bury(key string, tombstone Value) {
	s.graves[key] = tombstone
	s.order = append(s.order, keyAt{key, tombstone.Position})
	s.dig(func(Value) bool { return len(s.graves) > KeptTombstones })
}

// dig forgets tombstones, oldest first, as long as more tells to.
func (s *store) dig(more func(oldest Value) bool) {
	for len(s.order) > 0 {
		oldest := s.order[0]
		if v := s.graves[oldest.key]; v.Position == oldest.position { // else it is void
			if !more(v) {
				return
			}
			s.floor = oldest.position
			delete(s.graves, oldest.key)
		}
		s.order = s.order[1:]
	}
}

// Changes are what happened to a store after a position, as the values that came of it.
type Changes struct {
	Values  map[string]Value
	Removed []string // sorted
}

// since returns the changes after a position; ok is false when deletions since then may have been forgotten.
func (s *store) since(after uint64) (c Changes, ok bool) {
	if after < s.floor {
		return Changes{}, false
	}
	c.Values = map[string]Value{}
	for key, v := range s.after(after) {
		if len(v.Data) > 0 {
			c.Values[key] = v
		} else {
			c.Removed = append(c.Removed, key)
		}
	}
	slices.Sort(c.Removed)
	return c, true
}

func (s *store) sortedKeys() []string { return slices.Sorted(maps.Keys(s.values)) }

// A Message is one item of a log channel. Those of one entry share its position.
type Message struct {
	Position uint64
	At       time.Time
	By       string
	Op       Op
	Data     json.RawMessage
}

// history is the bounded tail of one log channel.
type history struct {
	messages []Message
	floor    uint64 // messages up to here may have been dropped
}

func (h *history) add(m Message, keep int) {
	h.messages = append(h.messages, m)
	if extra := len(h.messages) - keep; extra > 0 {
		h.floor = h.messages[extra-1].Position
		clear(h.messages[:extra]) // so that what was dropped can be freed before the slice is grown again
		h.messages = h.messages[extra:]
	}
}

// trim forgets the messages up to a position, if they are older than a time.
func (h *history) trim(upTo uint64, before time.Time) {
	i, _ := slices.BinarySearchFunc(h.messages, upTo+1, byPosition)
	for i > 0 && h.messages[i-1].At.After(before) {
		i--
	}
	if i > 0 {
		h.floor = h.messages[i-1].Position
		h.messages = slices.Clone(h.messages[i:])
	}
}

// newest returns the position of the last message, or up to which messages were dropped.
func (h *history) newest() uint64 {
	if n := len(h.messages); n > 0 {
		return h.messages[n-1].Position
	}
	return h.floor
}

// byPosition finds the first message at a position or after it.
func byPosition(m Message, p uint64) int {
	if m.Position < p {
		return -1
	}
	return 1
}

// since returns the messages after a position, and whether some of them are gone.
func (h *history) since(after uint64) (messages []Message, gap bool) {
	i, _ := slices.BinarySearchFunc(h.messages, after+1, byPosition)
	return slices.Clone(h.messages[i:]), after < h.floor
}
