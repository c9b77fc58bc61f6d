package channels

import (
	"crypto/rand"
	"errors"
	"time"
)

// The bounds of one entry: more waits for the next.
const (
	MaxTransactions = 1_000
	MaxEntryBytes   = 512 << 10
)

// waiting is a proposal with what the space knows about it.
type waiting struct {
	*Proposal
	hash     string
	deadline time.Time
	answered bool // Done was called
	sent     bool // perhaps stored: it was in flight when the replica was built anew
}

func (w *waiting) answer(o Outcome) {
	if !w.answered {
		w.answered = true
		w.Done(o)
	}
}

// A batch is an entry in the making: transactions decided in order on the state at one position, and what each
// proposal is to be answered once the entry is committed. It is pure: a function of the state and the proposals.
type batch struct {
	after    uint64     // the position it was decided on; it is committed at after+1 or not at all
	entry    Entry      // as everybody will read it
	encoded  []byte     // the same, up to its last transaction
	load     int        // bytes of the transactions, and what else they are for those who fold them
	members  []*waiting // in the order in which they were decided
	outcomes []Outcome  // of members, valid if the entry is committed
}

// newBatch decides proposals on top of the state, of which there are about so many: take gives the next one, or nil; one
// that does not fit any more is given to putBack, and the batch is full.
func newBatch(state *State, authority Authority, held int, take func() *waiting, putBack func(*waiting)) *batch {
	held = min(held, MaxTransactions)
	b := &batch{
		after: state.position, entry: Entry{Version: EntryVersion, ID: rand.Text(), Epoch: state.epoch},
		encoded: make([]byte, 0, 512*held), members: make([]*waiting, 0, held), outcomes: make([]Outcome, 0, held),
	}
	b.entry.Transactions = make([]Transaction, 0, held)
	draft := newDraft(state, authority)
	inEntry := make(map[Op]int, held) // members that the entry commits, by operation
	for len(b.members) < MaxTransactions {
		w := take()
		if w == nil {
			return b
		}
		if w.answered {
			continue
		}
		if i, twice := inEntry[w.Op]; twice {
			b.add(w, sameAgain(b.members[i], w, b.outcomes[i]))
			continue
		}
		if !b.decide(draft, w, inEntry) {
			putBack(w)
			return b
		}
	}
	return b
}

// decide adds one proposal; it reports false if that has to wait for the next entry.
func (b *batch) decide(d *Draft, w *waiting, inEntry map[Op]int) (fits bool) {
	done, err := d.state.ops[w.Op.Client].lookUp(w.Op, w.User, w.hash)
	switch {
	case done != nil:
		b.add(w, done.outcome())
		return true
	case err != nil:
		b.add(w, Outcome{Position: b.after, Err: refusalOf(err)})
		return true
	}
	d.begin(w.Proposal)
	answer, err := w.Decide(d)
	if err != nil {
		return b.refuse(d, w, refusalOf(err), inEntry)
	}
	tx := d.transaction(w.hash, answer)
	if !tx.isText() {
		return b.refuse(d, w, Refuse(CodeInvalid, "not all names in this are UTF-8 text"), inEntry)
	}
	encoded, load := b.with(&tx)
	load += d.patched // a patch is small, and what it changes is work for every node
	switch {
	case load > MaxEntryBytes:
		return b.refuse(d, w, Refuse(CodeTooLarge, "this changes %d bytes at once, the limit is %d", load, MaxEntryBytes), inEntry)
	case b.load+load > MaxEntryBytes, d.clashes():
		d.undo()
		return false
	}
	b.put(w, tx, encoded, load, inEntry)
	b.add(w, Outcome{Position: d.Position(), Answer: tx.Answer})
	return true
}

// refuse adds a proposal that is refused, nil if there is only nothing to do. One that was sent before may be on its way to
// another node as well, which could find later that it may be done: so that it is refused stands in the log, for all of them.
func (b *batch) refuse(d *Draft, w *waiting, refusal error, inEntry map[Op]int) (fits bool) {
	d.undo()
	tx, last := d.lastWord(w.hash, refusal)
	if !last {
		b.add(w, Outcome{Position: b.after, Err: refusal})
		return true
	}
	encoded, load := b.with(&tx)
	if b.load+load > MaxEntryBytes {
		return false
	}
	b.put(w, tx, encoded, load, inEntry)
	b.add(w, Outcome{Position: d.Position(), Err: refusal})
	return true
}

// with returns the encoded entry with a transaction more, and how many bytes that has.
func (b *batch) with(tx *Transaction) (encoded []byte, size int) {
	begun := b.begin()
	encoded = tx.appendTo(begun)
	return encoded, len(encoded) - len(begun)
}

// put makes a transaction, of the proposal that is added next, a part of the entry.
func (b *batch) put(w *waiting, tx Transaction, encoded []byte, load int, inEntry map[Op]int) {
	b.load += load
	inEntry[w.Op] = len(b.members)
	b.encoded, b.entry.Transactions = encoded, append(b.entry.Transactions, tx)
}

// begin returns the encoded entry up to where the next transaction is to stand.
func (b *batch) begin() []byte {
	if len(b.entry.Transactions) > 0 {
		return append(b.encoded, ',')
	}
	head := mustJSON(b.entry)
	return append(append(b.encoded, head[:len(head)-1]...), `,"t":[`...) // without the brace
}

// encode returns the entry as Entry.Encode would.
func (b *batch) encode() []byte { return append(b.encoded, "]}"...) }

func (b *batch) add(w *waiting, o Outcome) {
	b.members = append(b.members, w)
	b.outcomes = append(b.outcomes, o)
}

// sameAgain answers a proposal whose operation is in the same entry already.
func sameAgain(first, again *waiting, o Outcome) Outcome {
	if first.hash != again.hash || first.User != again.User {
		return Outcome{Position: o.Position, Err: Refuse(CodeOpReused, "operation %s was something else: take the next number", again.Op)}
	}
	return o
}

// answer tells every proposal its outcome. The state that they were decided on is committed by now, refusals included.
func (b *batch) answer() {
	for i, w := range b.members {
		w.answer(b.outcomes[i])
	}
}

// refusalOf turns what a decision returned into what is answered.
func refusalOf(err error) error {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	if errors.Is(err, ErrNothing) {
		return nil
	}
	return Refuse(CodeInvalid, "%v", err)
}
