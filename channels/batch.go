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
	if done != nil {
		b.add(w, Outcome{Position: done.Position, Answer: done.Answer})
		return true
	}
	var answer any
	if err == nil {
		d.begin(w.Proposal)
		answer, err = w.Decide(d)
	}
	if err != nil {
		d.undo()
		b.add(w, Outcome{Position: b.after, Err: refusalOf(err)})
		return true
	}
	tx := d.transaction(w.hash, answer)
	if !tx.isText() {
		d.undo()
		b.add(w, Outcome{Position: b.after, Err: Refuse(CodeInvalid, "not all names in this are UTF-8 text")})
		return true
	}
	begun := b.begin()
	encoded := tx.appendTo(begun)
	size := len(encoded) - len(begun)
	load := size + d.patched // a patch is small, and what it changes is work for every node
	switch {
	case load > MaxEntryBytes:
		d.undo()
		b.add(w, Outcome{Position: b.after, Err: Refuse(CodeTooLarge, "this changes %d bytes at once, the limit is %d", load, MaxEntryBytes)})
		return true
	case b.load+load > MaxEntryBytes, d.clashes():
		d.undo()
		return false
	}
	b.load += load
	inEntry[w.Op] = len(b.members)
	b.encoded, b.entry.Transactions = encoded, append(b.entry.Transactions, tx)
	b.add(w, Outcome{Position: d.Position(), Answer: tx.Answer})
	return true
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
	if errors.Is(err, errNothing) {
		return nil
	}
	return Refuse(CodeInvalid, "%v", err)
}
