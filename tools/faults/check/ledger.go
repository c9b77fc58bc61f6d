package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sort"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/mergepatch"
	"github.com/baton-hub/baton/tools/faults/history"
)

// A Ledger is L, read: every transaction that counts, in its order, what became of each key, and each log channel.
type Ledger struct {
	txs    []tx // in order
	byOp   map[string][]int
	no     []tx // what is there so that it is never done
	keys   map[channels.Ref][]version
	stores map[store][]string // keys that ever were
	trails map[store][]changed
	logs   map[string][]message
	rules  []atRules
	seats  []seat
	signs  bool   // it has login sessions
	last   uint64 // position of the last record
	epoch  string // at the end
}

// A tx is a committed transaction and where it is.
type tx struct {
	*channels.Transaction
	position uint64
	index    int    // in its entry
	term     uint64 // of the seat before it
	operator string // login session in the seat before it
}

func (t tx) op() string { return t.Op.String() }

type store struct{ channel, owner string }

// A version is what a key became by a transaction: its last in an entry is what others see.
type version struct {
	position uint64
	data     json.RawMessage // nil: deleted
	tx       int
}

// changed is a key, where it did.
type changed struct {
	position uint64
	key      string
}

// A message is one of a log channel.
type message struct {
	position uint64
	by, op   string
	data     json.RawMessage
}

type atRules struct {
	tx    int
	rules *channels.Rules
}

// A seat is what is in the log of the operator, from one transaction on.
type seat struct {
	tx       int
	position uint64
	term     uint64
	operator string // login session, "" = vacant
	user     string
}

// NewLedger reads L. It is an error if L is not whole, from its first position on: nothing could be said then.
func NewLedger(log []history.Entry) (*Ledger, error) {
	l := &Ledger{byOp: map[string][]int{}, keys: map[channels.Ref][]version{}, stores: map[store][]string{}, trails: map[store][]changed{}, logs: map[string][]message{}}
	over := map[string]bool{} // epochs
	for i, record := range log {
		if record.Position != uint64(i)+1 {
			return nil, fmt.Errorf("reading L: it has position %d where %d should be: read it whole, before it is purged", record.Position, i+1)
		}
		entry, err := record.Decode()
		if err != nil {
			return nil, fmt.Errorf("reading L, position %d: %w", record.Position, err)
		}
		l.last = record.Position
		if over[entry.Epoch] { // decided on a history that was lost: it takes its position and nothing else
			continue
		}
		before := l.epoch
		for n := range entry.Transactions {
			if err := l.add(&entry.Transactions[n], record.Position, n); err != nil {
				return nil, fmt.Errorf("reading L, position %d: %w", record.Position, err)
			}
		}
		if before != "" && l.epoch != before {
			over[before] = true
		}
	}
	return l, nil
}

func (l *Ledger) add(t *channels.Transaction, position uint64, index int) error {
	n := len(l.txs)
	now := l.seatNow()
	if t.Refused {
		l.no = append(l.no, tx{t, position, index, now.term, now.operator})
		return nil
	}
	l.txs = append(l.txs, tx{t, position, index, now.term, now.operator})
	l.byOp[t.Op.String()] = append(l.byOp[t.Op.String()], n)
	for _, e := range t.Effects {
		if e.Appends() {
			l.logs[e.Channel] = append(l.logs[e.Channel], message{position, t.By.User, t.Op.String(), e.Value})
			continue
		}
		if err := l.change(e, position, n); err != nil {
			return err
		}
	}
	return nil
}

// change makes a version of a key.
func (l *Ledger) change(e channels.Effect, position uint64, n int) error {
	ref := e.Ref()
	v := version{position, e.Value, n}
	switch {
	case e.Deletes():
		v.data = nil
	case len(e.Patch) > 0:
		patched, err := mergepatch.Apply(l.at(ref, position).data, e.Patch)
		if err != nil {
			return err
		}
		v.data = patched
	}
	s := store{ref.Channel, ref.Owner}
	l.trails[s] = append(l.trails[s], changed{position, ref.Key})
	if _, known := l.keys[ref]; !known {
		l.stores[s] = append(l.stores[s], ref.Key)
	}
	l.keys[ref] = append(l.keys[ref], v)
	l.signs = l.signs || ref.Channel == channels.SessionsStore
	switch {
	case ref == channels.Ref{Channel: channels.SpaceStore, Key: "epoch"}:
		return json.Unmarshal(v.data, &l.epoch)
	case ref == channels.Ref{Channel: channels.SiteStore, Key: "rules"}:
		rules := &channels.Rules{}
		l.rules = append(l.rules, atRules{n, rules})
		return json.Unmarshal(v.data, rules)
	case ref == channels.Ref{Channel: channels.ControlStore, Key: "seat"}:
		return l.reseat(v)
	}
	return nil
}

func (l *Ledger) reseat(v version) error {
	var fact struct {
		Term     uint64
		Operator *struct{ Session, User string }
	}
	if err := json.Unmarshal(v.data, &fact); err != nil {
		return err
	}
	s := seat{tx: v.tx, position: v.position, term: fact.Term}
	if fact.Operator != nil {
		s.operator, s.user = fact.Operator.Session, fact.Operator.User
	}
	l.seats = append(l.seats, s)
	return nil
}

func (l *Ledger) seatNow() seat {
	if len(l.seats) == 0 {
		return seat{}
	}
	return l.seats[len(l.seats)-1]
}

// at returns what a key is at a position; the zero version if it never was.
func (l *Ledger) at(ref channels.Ref, position uint64) version {
	versions := l.keys[ref]
	i := sort.Search(len(versions), func(i int) bool { return versions[i].position > position })
	if i == 0 {
		return version{}
	}
	return versions[i-1]
}

// values returns what a store is at a position.
func (l *Ledger) values(s store, position uint64) map[string]version {
	values := map[string]version{}
	for _, key := range l.stores[s] {
		if v := l.at(channels.Ref{Channel: s.channel, Owner: s.owner, Key: key}, position); v.data != nil {
			values[key] = v
		}
	}
	return values
}

// messages returns those of a log channel after a position and up to another.
func (l *Ledger) messages(channel string, after, upTo uint64) []message {
	all := l.logs[channel]
	from := sort.Search(len(all), func(i int) bool { return all[i].position > after })
	to := sort.Search(len(all), func(i int) bool { return all[i].position > upTo })
	return all[from:max(from, to)]
}

// rulesAt returns the rules under which a transaction was decided; none before the first.
func (l *Ledger) rulesAt(n int) *channels.Rules {
	i := sort.Search(len(l.rules), func(i int) bool { return l.rules[i].tx >= n })
	if i == 0 {
		return &channels.Rules{}
	}
	return l.rules[i-1].rules
}

// find returns the transaction of an operation at a position.
func (l *Ledger) find(op string, position uint64) (tx, bool) {
	for _, n := range l.byOp[op] {
		if l.txs[n].position == position {
			return l.txs[n], true
		}
	}
	return tx{}, false
}

// same reports whether two raw values are the same JSON but for white space.
func same(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// alike reports whether two answers are the same but for what may differ when one is given again: the id of the request,
// and the cursor, which names the present life of the log.
func alike(a, b json.RawMessage) bool {
	strip := func(raw json.RawMessage) string {
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil {
			return string(raw)
		}
		delete(fields, "id")
		delete(fields, "cursor")
		delete(fields, "type")
		data, _ := json.Marshal(fields) // they were JSON
		return string(data)
	}
	return strip(a) == strip(b)
}

// attempts groups the operations that have an id by it, in the order of their first attempt.
func attempts(h *history.History) (groups [][]history.Operation) {
	index := map[string]int{}
	for _, o := range h.Operations {
		if o.Op == "" {
			continue
		}
		i, known := index[o.Op]
		if !known {
			i = len(groups)
			index[o.Op] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], o)
	}
	return groups
}

func (l *Ledger) positionsOf(op string) (positions []uint64) {
	for _, n := range l.byOp[op] {
		positions = append(positions, l.txs[n].position)
	}
	return slices.Clip(positions)
}
