package channels

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"
)

// Decide is the rule of one operation: a pure function of the state that it will apply to. It changes the draft and
// returns a small answer (kept in the log, so that a retry gets it again), or refuses with a *Refusal, and then
// nothing that it did to the draft remains. It may run more than once, whenever the log moved on meanwhile.
type Decide func(d *Draft) (answer any, err error)

// A Draft is the state on which a transaction is decided: the folded log, plus what the transactions before it in the
// same entry have changed, plus its own changes so far. It implements View.
type Draft struct {
	state     *State
	authority Authority
	overlay   map[Ref]Value // what the entry has changed; no Data = deleted

	// Of the transaction being decided.
	asked   *Proposal
	who     Who // once it is known
	known   bool
	term    uint64
	called  int // commands called
	patched int // bytes of the values that patches made
	effects []Effect
	before  []overlaid // to take it back
}

// overlaid is what the overlay held for a key before a change.
type overlaid struct {
	ref   Ref
	value Value
	had   bool
}

// newDraft begins an entry on top of a state, which must not change while the draft is in use.
func newDraft(state *State, authority Authority) *Draft {
	return &Draft{state: state, authority: authority, overlay: map[Ref]Value{}}
}

// begin starts the next transaction of the entry.
func (d *Draft) begin(p *Proposal) {
	d.asked, d.known, d.term, d.called, d.patched, d.effects, d.before = p, false, 0, 0, 0, nil, d.before[:0]
}

// undo takes back what the transaction did.
func (d *Draft) undo() {
	for _, b := range slices.Backward(d.before) {
		if b.had {
			d.overlay[b.ref] = b.value
		} else {
			delete(d.overlay, b.ref)
		}
	}
	d.effects, d.before = nil, d.before[:0]
}

// Position is the position that the entry takes if it is committed: it is committed there or nowhere.
func (d *Draft) Position() uint64 { return d.state.position + 1 }

// Epoch is the life of the log in which it is committed.
func (d *Draft) Epoch() string { return d.state.epoch }

// Time is the log time of the entry before: the same on every node, and never later than that of this one.
func (d *Draft) Time() time.Time { return d.state.time }

// Op is the id of the operation being decided.
func (d *Draft) Op() Op { return d.asked.Op }

// Who returns the person or program that asks, from the logged record of their login session or token, which must
// still be there.
func (d *Draft) Who() (Who, error) {
	if !d.known {
		who, err := d.authority.Identify(d, d.asked.Actor)
		if err != nil {
			return Who{}, err
		}
		d.who, d.known = who, true
	}
	return d.who, nil
}

// Actor is the id of the login session or token that asks; "" is the hub itself.
func (d *Draft) Actor() string { return d.asked.Actor }

// Rules returns the rules that hold for this transaction.
func (d *Draft) Rules() *Rules {
	if v, ok := d.overlay[Ref{Channel: SiteStore, Key: rulesKey}]; ok {
		if rules, err := readRules(v.Data); err == nil {
			return rules
		}
	}
	return d.state.Rules()
}

// SetTerm records the term that the transaction was allowed under.
func (d *Draft) SetTerm(term uint64) { d.term = term }

// Get returns the present value of a key.
func (d *Draft) Get(ref Ref) (Value, bool) {
	if v, ok := d.overlay[ref]; ok {
		if v.Data == nil {
			return Value{}, false
		}
		return v, true
	}
	return d.state.Get(ref)
}

// last returns the value or the tombstone of a key.
func (d *Draft) last(ref Ref) Value {
	if v, ok := d.overlay[ref]; ok {
		return v
	}
	return d.state.last(ref)
}

// Range calls f for every value of a store, sorted by key, until it returns false.
func (d *Draft) Range(channel, owner string, f func(key string, v Value) bool) {
	var keys []string
	if st := d.state.stores[storeID{channel, owner}]; st != nil {
		keys = st.sortedKeys()
	}
	logged := keys
	for ref := range d.overlay {
		if ref.Channel == channel && ref.Owner == owner && !contains(logged, ref.Key) {
			keys = append(keys, ref.Key)
		}
	}
	if len(keys) > len(logged) {
		sort.Strings(keys)
	}
	for _, key := range keys {
		if v, ok := d.Get(Ref{channel, owner, key}); ok && !f(key, v) {
			return
		}
	}
}

func contains(sorted []string, s string) bool {
	_, found := slices.BinarySearch(sorted, s)
	return found
}

// Set gives a key a value: any JSON-able one; a json.RawMessage is taken as it is.
func (d *Draft) Set(ref Ref, v any) {
	data := mustJSON(v)
	d.change(ref, data, Effect{Value: data})
}

// patch gives a key that has a value the one that a JSON Merge Patch makes of it.
func (d *Draft) patch(ref Ref, value, patch json.RawMessage) {
	d.change(ref, value, Effect{Patch: packed(patch)})
}

// Delete removes a key; nothing happens if it is not there.
func (d *Draft) Delete(ref Ref) {
	if _, ok := d.Get(ref); ok || ref.Channel == OpsStore {
		d.change(ref, nil, Effect{})
	}
}

// change gives a key a value in this entry, by an effect of which only the ref is missing.
func (d *Draft) change(ref Ref, data json.RawMessage, e Effect) {
	old, had := d.overlay[ref]
	d.before = append(d.before, overlaid{ref, old, had})
	d.overlay[ref] = Value{
		Data: data, Position: d.Position(), At: d.state.time, By: d.asked.User, Client: d.asked.Op.Client,
		Other: d.last(ref).otherThan(d.asked.Op.Client),
	}
	e.Channel, e.Owner, e.Key = ref.Channel, ref.Owner, ref.Key
	d.effects = append(d.effects, e)
}

// touched returns the last change of a store as a whole by any client but this one.
func (d *Draft) touched(channel, owner, client string) (position uint64) {
	if st := d.state.stores[storeID{channel, owner}]; st != nil {
		position = st.touched.otherThan(client)
	}
	for ref, v := range d.overlay {
		if ref.Channel == channel && ref.Owner == owner && v.Client != client {
			return d.Position()
		}
	}
	return position
}

// Append adds a message to a log channel.
func (d *Draft) Append(channel string, data any) {
	d.effects = append(d.effects, Effect{Channel: channel, Value: mustJSON(data)})
}

// transaction returns what was decided, for the log.
func (d *Draft) transaction(hash string, answer any) Transaction {
	tx := Transaction{
		Op: d.asked.Op, Unnamed: d.asked.Unnamed, Hash: hash, By: Actor{ID: d.asked.Actor, User: d.asked.User}, Term: d.term, Effects: d.effects, Trace: d.asked.Trace,
	}
	if answer != nil {
		tx.Answer = mustJSON(answer)
	}
	return tx
}

// maxKeptRefusal is how many bytes of a refusal are kept with its operation: of what is longer, only its code and its detail, or
// the beginning of that, come when it is asked for once more.
const maxKeptRefusal = 512

// lastWord is the transaction that keeps the operation from being done by whoever else has it; ok if there has to be one. Not
// for who has signed out, or asks for too much at once: clients send that again, signed in anew or a little later, to have it done.
func (d *Draft) lastWord(hash string, refusal error) (tx Transaction, ok bool) {
	var r *Refusal
	if !d.asked.Again || d.asked.Unnamed || !errors.As(refusal, &r) || r.Code == CodeSignedOut || r.Code == CodeOverloaded {
		return tx, false
	}
	tx = d.transaction(hash, nil)
	tx.Refused = true
	tx.Term = 0 // it was not allowed under any

	beginning := fmt.Sprintf("%.70s", r.Detail) // a character has at most 6 bytes
	for _, kept := range []Refusal{*r, {Code: r.Code, Detail: r.Detail}, {Code: r.Code, Detail: beginning}} {
		if tx.Answer = mustJSON(kept); len(tx.Answer) <= maxKeptRefusal {
			break
		}
	}
	return tx, tx.isText()
}

// clashes reports whether the transaction changes a key that another client has changed earlier in this entry. Both
// would carry the same position, and a compare-and-set on it could not tell them apart; so it waits for the next.
func (d *Draft) clashes() bool {
	return slices.ContainsFunc(d.before, func(b overlaid) bool {
		return b.had && !Reserved(b.ref.Channel) && b.value.Client != d.asked.Op.Client
	})
}
