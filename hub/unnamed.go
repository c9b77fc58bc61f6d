package hub

import (
	"encoding/json"
	"sync"

	"github.com/baton-hub/baton/channels"
)

// unnamed are operations that were handed to the home of a space, and that the state does not remember once they are
// committed, because nobody can send them again but this node. It may have to, when the home does not answer. So it looks
// for them in the entries as they come, and what it commits itself is remembered: if the home brings the same later, it is
// not applied again.
type unnamed struct {
	mu      sync.Mutex
	watched map[channels.Op]*spotted
}

// A spotted is what the log has shown of an operation.
type spotted struct {
	position uint64 // 0: it has not come
	answer   json.RawMessage
	missed   bool // some entries did not come one by one: whether it is among them nobody knows
}

// watch begins to look for an operation, until it is done. The proposal that it returns may be made here although the home
// may have done it.
func (u *unnamed) watch(p channels.Proposal) channels.Proposal {
	seen := &spotted{}
	u.mu.Lock()
	if u.watched == nil {
		u.watched = map[channels.Op]*spotted{}
	}
	u.watched[p.Op] = seen
	u.mu.Unlock()
	decide, done := p.Decide, p.Done
	var before *channels.Outcome // what this node's decision has found in the log; of the goroutine that decides
	p.Unnamed = false
	p.Decide = func(d *channels.Draft) (any, error) {
		if before = u.outcome(p.Op, seen); before != nil {
			return nil, channels.ErrNothing // it is not decided again
		}
		return decide(d)
	}
	p.Done = func(o channels.Outcome) {
		u.mu.Lock()
		delete(u.watched, p.Op)
		u.mu.Unlock()
		if before != nil {
			o = *before
		}
		done(o)
	}
	return p
}

// outcome is that of an operation as far as the log has shown it; nil if it has not come and will not have been missed.
func (u *unnamed) outcome(op channels.Op, seen *spotted) *channels.Outcome {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case seen.position > 0:
		return &channels.Outcome{Position: seen.position, Answer: seen.answer}
	case seen.missed:
		return &channels.Outcome{Err: &channels.Uncertain{
			Code: channels.CodeUnknown, Op: op, Detail: "the node that was to do this did not answer, it was perhaps done: look before you send it again",
		}}
	}
	return nil
}

// at is where an operation that is looked for has come.
func (u *unnamed) at(op channels.Op) (position uint64, watched bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := u.watched[op]
	if seen == nil {
		return 0, false
	}
	return seen.position, true
}

// note looks into an entry.
func (u *unnamed) note(c channels.Change) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.watched) == 0 {
		return
	}
	if c.Reset {
		for _, seen := range u.watched {
			seen.missed = true
		}
		return
	}
	for i := range c.Entry.Transactions {
		tx := &c.Entry.Transactions[i]
		if seen := u.watched[tx.Op]; seen != nil && seen.position == 0 && !tx.Refused {
			seen.position, seen.answer = c.Position, tx.Answer
		}
	}
}
