package channels

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// State is the fold of a space's log up to a position: every store, the tails of the log channels, the operation
// records, the rules in force. Folding applies effects and never decides anything, so that every node that has read
// the same records holds the same State. It is not safe for concurrent use; a Space guards its own.
type State struct {
	position uint64
	time     time.Time
	stores   map[storeID]*store
	logs     map[string]*history
	ops      map[string]*clientOps
	clients  map[string]int // how many of ops each user has
	rules    Rules          // decoded from ~site/rules
	epoch    string         // decoded from ~space/epoch
	grown    int            // bytes of log folded since the last checkpoint
	size     int            // bytes of the keys and values held
}

type storeID struct{ channel, owner string }

// NewState returns the state before the first record.
func NewState() *State {
	return &State{stores: map[storeID]*store{}, logs: map[string]*history{}, ops: map[string]*clientOps{}, clients: map[string]int{}}
}

// Position returns how far the log has been folded.
func (s *State) Position() uint64 { return s.position }

// Time returns the log time of the last record folded.
func (s *State) Time() time.Time { return s.time }

// Epoch names this life of the log. It changes when history was replaced (a restore, a log that lost its end), so that
// a cursor from before is not taken for one from after. It is empty until the first entry of the log.
func (s *State) Epoch() string { return s.epoch }

// Cursor returns the present position as clients carry it.
func (s *State) Cursor() Cursor { return s.CursorAt(s.position) }

// CursorAt returns a position of this epoch as clients carry it.
func (s *State) CursorAt(position uint64) Cursor {
	return Cursor{Epoch: s.epoch, Position: position}
}

// Rules returns the rules in force; not to be modified.
func (s *State) Rules() *Rules { return &s.rules }

// Get returns the present value of a key.
func (s *State) Get(ref Ref) (Value, bool) {
	v, ok := s.store(ref).lookUp(ref.Key)
	return v, ok
}

// last returns the value or the tombstone of a key: what changed it last. Of a key without either, it may have been
// deleted by anybody at the position up to which deletions were forgotten.
func (s *State) last(ref Ref) Value {
	st := s.store(ref)
	if st == nil {
		return Value{}
	}
	if v, ok := st.last(ref.Key); ok {
		return v
	}
	return Value{Position: st.floor, Other: st.floor}
}

func (s *State) store(ref Ref) *store { return s.stores[storeID{ref.Channel, ref.Owner}] }

func (s *store) lookUp(key string) (v Value, ok bool) {
	if s != nil {
		v, ok = s.values[key]
	}
	return v, ok
}

// Range calls f for every value of a store, sorted by key, until it returns false.
func (s *State) Range(channel, owner string, f func(key string, v Value) bool) {
	st := s.stores[storeID{channel, owner}]
	if st == nil {
		return
	}
	for _, key := range st.sortedKeys() {
		if !f(key, st.values[key]) {
			return
		}
	}
}

// Since returns what changed in a store after a position. ok is false when that is too long ago to say: then the
// caller sends everything, which is what Since(…, 0) of a store that forgot nothing would be, see All.
func (s *State) Since(channel, owner string, after uint64) (c Changes, ok bool) {
	st := s.stores[storeID{channel, owner}]
	if st == nil {
		return Changes{}, true
	}
	return st.since(after)
}

// All returns every value of a store.
func (s *State) All(channel, owner string) Changes {
	c := Changes{Values: map[string]Value{}}
	if st := s.stores[storeID{channel, owner}]; st != nil {
		for key, v := range st.values {
			c.Values[key] = v
		}
	}
	return c
}

// Touched returns the position at which a store, or a log channel, was last changed; 0 = never.
func (s *State) Touched(channel, owner string) uint64 {
	if h := s.logs[channel]; h != nil && owner == "" {
		return h.newest()
	}
	if st := s.stores[storeID{channel, owner}]; st != nil {
		return st.touched.position
	}
	return 0
}

// Owners returns whose values a scoped store holds, sorted.
func (s *State) Owners(channel string) (owners []string) {
	for id, st := range s.stores {
		if id.channel == channel && id.owner != "" && len(st.values) > 0 {
			owners = append(owners, id.owner)
		}
	}
	slices.Sort(owners)
	return owners
}

// Messages returns what a log channel holds after a position, oldest first; gap says that some of it is gone.
func (s *State) Messages(channel string, after uint64) (messages []Message, gap bool) {
	h := s.logs[channel]
	if h == nil {
		return nil, false
	}
	return h.since(after)
}

// errOtherEpoch says that a record belongs to a life of the log that the state knows nothing of.
var errOtherEpoch = errors.New("the record is of another epoch")

// past reports whether the log was in an epoch before.
func (s *State) past(epoch string) bool {
	_, ok := s.Get(Ref{Channel: SpaceStore, Key: pastKey + epoch})
	return ok
}

// Apply folds the next record and returns the entry that it held. It refuses a record that is not the next, and one
// that it cannot read whole; the state is then unchanged.
func (s *State) Apply(r Record) (*Entry, error) { return s.applyDecoded(decodeRecord(r)) }

func (s *State) applyDecoded(r decodedRecord) (*Entry, error) {
	if r.Position != s.position+1 {
		return nil, fmt.Errorf("applying record %d: the state is at %d", r.Position, s.position)
	}
	if r.err != nil {
		return nil, fmt.Errorf("applying record %d: %w", r.Position, r.err)
	}
	entry := r.entry
	switch {
	case entry.Epoch == s.epoch, entry.Epoch == "":
	case s.past(entry.Epoch):
		// It was decided on a history that the log has lost, and came late: it takes its position and nothing else.
		entry = &Entry{Version: entry.Version}
	default:
		return nil, fmt.Errorf("applying record %d: %w: it is of %s, the state of %s", r.Position, errOtherEpoch, entry.Epoch, s.epoch)
	}
	rules, err := rulesIn(entry)
	if err != nil {
		return nil, fmt.Errorf("applying record %d: %w", r.Position, err)
	}
	s.position, s.time = r.Position, r.Time
	s.grown += len(r.Data)
	if rules != nil {
		s.rules = *rules
	}
	for i := range entry.Transactions {
		s.applyTransaction(&entry.Transactions[i])
	}
	return entry, nil
}

func (s *State) applyTransaction(tx *Transaction) {
	ops := s.ops[tx.Op.Client]
	if ops != nil { // one string for all that the client has done
		tx.Op.Client, tx.By.User = ops.name, same(tx.By.User, ops.User)
	}
	for _, e := range tx.Effects {
		s.applyEffect(tx, e)
	}
	if tx.Unnamed {
		return
	}
	if ops = s.ops[tx.Op.Client]; ops == nil {
		ops = &clientOps{User: tx.By.User, name: tx.Op.Client, At: s.time}
		s.remember(ops)
	}
	ops.remember(doneOp{N: tx.Op.N, Hash: tx.Hash, Position: s.position, Answer: tx.Answer, Refused: tx.Refused}, s.time)
}

func (s *State) applyEffect(tx *Transaction, e Effect) {
	switch {
	case e.Appends():
		s.history(e.Channel).add(
			Message{Position: s.position, At: s.time, By: tx.By.User, Op: tx.Op, Data: e.Value}, s.keep(e.Channel))
		return
	case e.Channel == OpsStore:
		// A client that acts in the very entry in which it is forgotten is not silent any more.
		if ops := s.ops[e.Key]; ops != nil && !ops.At.Equal(s.time) {
			s.forget(ops)
		}
		return
	}
	last := s.last(e.Ref())
	v := Value{
		Data: e.result(last.Data), Position: s.position, At: s.time, By: tx.By.User, Client: tx.Op.Client,
		Other: last.otherThan(tx.Op.Client),
	}
	id := storeID{e.Channel, e.Owner}
	st := s.stores[id]
	if st == nil {
		st = newStore()
		s.stores[id] = st
	}
	st.touch(s.position, tx.Op.Client)
	s.size -= cost(e.Key, st.values[e.Key])
	if e.Deletes() {
		st.remove(e.Key, v)
		return
	}
	st.set(e.Key, v)
	s.size += cost(e.Key, v)
	if e.Channel == SpaceStore {
		s.noteSpace(e)
	}
}

// noteSpace follows what the hub writes about the log itself.
func (s *State) noteSpace(e Effect) {
	switch e.Key {
	case epochKey:
		s.epoch = text(e.Value)
	case checkpointKey:
		s.grown = 0
	case trimKey:
		s.trim(e.Value)
	}
}

func (s *State) history(channel string) *history {
	h := s.logs[channel]
	if h == nil {
		h = &history{}
		s.logs[channel] = h
	}
	return h
}

func (s *State) keep(channel string) int {
	if keep := s.rules.Channels[channel].Keep; keep > 0 {
		return keep
	}
	return DefaultKeep
}

func cost(key string, v Value) int {
	if v.Data == nil {
		return 0
	}
	return len(key) + len(v.Data)
}

// text reads a JSON string, "" if it is none.
func text(data json.RawMessage) (s string) {
	_ = json.Unmarshal(data, &s) // written by this package as a string
	return s
}
