package channels

import (
	"errors"
	"fmt"
)

// A Transact is several writes, messages and calls in one: all of it happens, at one position, or nothing does. Each
// part is decided on what the parts before it have changed.
type Transact struct {
	Writes  []Write
	Appends []Append
	Calls   []CallCommand
	Term    uint64            // of all parts
	Held    map[string]uint64 // of all parts, see Write
}

// MaxParts is how many parts a Transact may have. All its writes together may touch MaxKeys keys.
const MaxParts = 100

// TransactAnswer is the answer of a Transact.
type TransactAnswer struct {
	Calls []string `json:"calls,omitempty"` // the ids of its calls, in order
}

// Decide is the Decide of a Transact. A refusal names the part that it is about, in More: "writes/0".
func (t Transact) Decide(d *Draft) (any, error) {
	if err := t.check(d); err != nil {
		return nil, err
	}
	if err := d.holds(t.Held); err != nil {
		return nil, err
	}
	for i, w := range t.Writes {
		w.Term = t.Term
		if _, err := w.Decide(d); err != nil {
			return nil, inPart("writes", i, err)
		}
	}
	for i, a := range t.Appends {
		a.Term = t.Term
		if _, err := a.Decide(d); err != nil {
			return nil, inPart("appends", i, err)
		}
	}
	var answer TransactAnswer
	for i, c := range t.Calls {
		if d.Rules().Commands[c.Command].Stop {
			return nil, inPart("calls", i, Refuse(CodeInvalid, "%s stops something, so it does not wait for a transaction: call it by itself", c.Command))
		}
		c.Term = t.Term
		id, err := c.Decide(d)
		if err != nil {
			return nil, inPart("calls", i, err)
		}
		answer.Calls = append(answer.Calls, id.(string))
	}
	return answer, nil
}

func (t Transact) check(d *Draft) error {
	who, err := d.Who()
	if err != nil {
		return err
	}
	switch n := len(t.Writes) + len(t.Appends) + len(t.Calls); {
	case n == 0:
		return Refuse(CodeInvalid, "the transaction is empty: give writes, appends or calls")
	case n > MaxParts:
		return Refuse(CodeTooLarge, "the transaction has %d parts, the limit is %d", n, MaxParts)
	}
	keys := map[Ref]bool{}
	for i, w := range t.Writes {
		owner := w.Owner
		if owner == "" {
			owner, _ = d.Rules().Channels[w.Channel].OwnerFor(who) // if there is none, its own decision refuses
		}
		for _, key := range w.touched() {
			ref := Ref{w.Channel, owner, key}
			if keys[ref] {
				return inPart("writes", i, Refuse(CodeInvalid, "the key %q of %s is in the transaction twice", key, w.Channel))
			}
			keys[ref] = true
		}
	}
	if len(keys) > MaxKeys {
		return Refuse(CodeTooLarge, "the transaction touches %d keys, the limit is %d", len(keys), MaxKeys)
	}
	return nil
}

// inPart says which part of a transaction was refused.
func inPart(list string, i int, err error) error {
	var r *Refusal
	if !errors.As(err, &r) {
		return err
	}
	named := *r
	named.More = map[string]any{"part": fmt.Sprintf("%s/%d", list, i)}
	for name, fact := range r.More {
		named.More[name] = fact
	}
	return &named
}
