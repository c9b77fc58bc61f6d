package hub

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// transaction makes the decision of a Transact.
func (r *room) transaction(f *wire.Transact) (*decision, error) {
	decide, err := r.transacting(f)
	if err != nil {
		return nil, err
	}
	return &decision{f.Op, decide, func(o channels.Outcome, cursor string) wire.Frame {
		var done channels.TransactAnswer
		_ = json.Unmarshal(o.Answer, &done)
		return &wire.Written{ID: f.ID, Position: o.Position, Cursor: cursor, Calls: done.Calls}
	}}, nil
}

// transacting returns the decision of a transaction, whose calls refuse if nobody on any node serves them now.
func (r *room) transacting(f *wire.Transact) (channels.Decide, error) {
	t := channels.Transact{Term: f.Term, Held: f.Held}
	unseen := make([]channels.Cursor, len(f.Writes))
	for i, w := range f.Writes {
		cursor, err := channels.ParseCursor(w.Unseen)
		if err != nil {
			return nil, inPart("writes", i, channels.Refuse(channels.CodeInvalid, "%v", err))
		}
		unseen[i] = cursor
		t.Writes = append(t.Writes, channels.Write{
			Channel: w.Channel, Owner: w.Owner, Set: w.Set, Delete: w.Delete, Patch: w.Patch, If: w.If,
		})
	}
	for _, a := range f.Appends {
		t.Appends = append(t.Appends, channels.Append{Channel: a.Channel, Data: a.Data})
	}
	unserved := -1
	for i, c := range f.Calls {
		t.Calls = append(t.Calls, channels.CallCommand{Command: c.Command, Args: c.Args, Deadline: milliseconds(c.DeadlineMS)})
		if unserved < 0 && !r.served(c.Command) {
			unserved = i
		}
	}
	return func(d *channels.Draft) (any, error) {
		t := t
		t.Writes = slices.Clone(t.Writes)
		for i := range t.Writes {
			t.Writes[i].Unseen = since(d, unseen[i])
		}
		answer, err := t.Decide(d)
		if err == nil && unserved >= 0 { // whatever else is wrong with it is told first
			return nil, inPart("calls", unserved, noService(t.Calls[unserved].Command))
		}
		return answer, err
	}, nil
}

// since is the position of a cursor for a decision; nil if none was given. Of a client whose cursor is of another epoch,
// nothing here was seen.
func since(d *channels.Draft, cursor channels.Cursor) *uint64 {
	switch {
	case cursor == (channels.Cursor{}):
		return nil
	case cursor.Epoch != d.Epoch():
		return new(uint64)
	}
	return &cursor.Position
}

// inPart says which part of a transaction a refusal is about.
func inPart(list string, i int, refused *channels.Refusal) *channels.Refusal {
	refused.More = map[string]any{"part": fmt.Sprintf("%s/%d", list, i)}
	return refused
}
