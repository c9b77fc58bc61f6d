package check

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/tools/faults/history"
)

// seen is the part of G3 about reads and refusals: each is true at one position, at or after what its client had seen.
func seen(h *history.History, l *Ledger) (found []Violation) {
	had, first := newSight(h), map[string]uint64{}
	for _, o := range h.Operations {
		since := had.before(o)
		if o.Op != "" { // one that is refused once more holds where it was refused first
			if before, again := first[o.Op]; again && o.Outcome == history.Refused {
				since = min(since, before)
			} else if !again {
				first[o.Op] = since
			}
		}
		wrong := ""
		switch {
		case o.Read != nil && o.Outcome == history.OK:
			wrong = l.readAt(o, since)
		case o.Outcome == history.Refused && o.Code == string(channels.CodeConflict):
			wrong = l.conflictSince(o, since)
		case o.Outcome == history.Refused && o.Code == string(channels.CodeNotOperator):
			if !l.someSeat(since, func(s seat) bool { return s.operator != o.Session }) {
				wrong = "it was refused because somebody else is in control, and nobody else was"
			}
		case o.Outcome == history.Refused && o.Code == string(channels.CodeOldTerm):
			if !l.someSeat(since, func(s seat) bool { return s.operator == o.Session && s.term != o.Term }) {
				wrong = fmt.Sprintf("it was refused because its term %d is over, and it was not", o.Term)
			}
		}
		if wrong != "" {
			found = append(found, Violation{
				Promise: "G3", What: fmt.Sprintf("%s; its client had seen %d", wrong, since), Op: o.Op, Client: o.Client, Conn: o.Conn, At: o.Begin,
				Evidence: []string{fmt.Sprintf("%s answered %s", o.Node, o.Answer)},
			})
		}
	}
	return found
}

// A sight is what the socket of each client had shown it, and when.
type sight struct{ shown map[string][]step }

func newSight(h *history.History) sight {
	s := sight{map[string][]step{}}
	for _, m := range h.Messages {
		frames, err := wire.DecodeFrames(m.Data)
		if err != nil {
			continue // delivery says so
		}
		steps := s.shown[m.Conn]
		at := uint64(0)
		if len(steps) > 0 {
			at = steps[len(steps)-1].position
		}
		for _, f := range frames {
			at = max(at, positionOf(f))
			if j, ok := f.(*wire.Joined); ok {
				at = max(at, history.PositionOf(j.Cursor))
			}
		}
		s.shown[m.Conn] = append(steps, step{m.At, at})
	}
	return s
}

// before is the position that a client had surely seen when it began something: it said so, or the same socket had shown it.
func (s sight) before(o history.Operation) uint64 {
	since := history.PositionOf(o.Seen)
	steps := s.shown[o.Conn]
	if i, _ := slices.BinarySearchFunc(steps, o.Begin, func(st step, at int64) int { return cmp.Compare(st.at, at) }); i > 0 {
		since = max(since, steps[i-1].position)
	}
	return since
}

// readAt says what is wrong with a read.
func (l *Ledger) readAt(o history.Operation, since uint64) string {
	var answer wire.Values
	if err := json.Unmarshal(o.Answer, &answer); err != nil {
		return fmt.Sprintf("the answer cannot be read: %v", err)
	}
	if o.Position < since {
		return fmt.Sprintf("what was read is as of %d", o.Position)
	}
	rules := l.rulesAt(len(l.txs)).Channels[o.Read.Channel]
	if rules.Live || o.Read.Owner == "" && !l.shared(o.Read.Channel) {
		return ""
	}
	want := l.values(store{o.Read.Channel, o.Read.Owner}, o.Position)
	for key, v := range answer.Values {
		if there := want[key]; !same(there.data, v.Value) || there.position != v.Position {
			return fmt.Sprintf("%s was read as %s of %d as of %d, it was %s of %d", key, v.Value, v.Position, o.Position, text(there.data), there.position)
		}
	}
	for key := range want {
		if _, told := answer.Values[key]; !told && (len(o.Read.Keys) == 0 || slices.Contains(o.Read.Keys, key)) {
			return fmt.Sprintf("%s was not there when it was read as of %d, and it was", key, o.Position)
		}
	}
	return ""
}

// conflictSince says what is wrong with a refusal for a condition that did not hold.
func (l *Ledger) conflictSince(o history.Operation, since uint64) string {
	var answer wire.Error
	if err := json.Unmarshal(o.Answer, &answer); err != nil {
		return fmt.Sprintf("the answer cannot be read: %v", err)
	}
	for _, w := range o.Writes {
		for key, want := range w.If {
			raw, told := answer.Current[key]
			if !told || w.Owner != "" || !l.shared(w.Channel) {
				continue
			}
			var current struct {
				Value    json.RawMessage
				Position uint64
			}
			if err := json.Unmarshal(raw, &current); err != nil {
				return fmt.Sprintf("the present value of %s cannot be read: %v", key, err)
			}
			if current.Position == want {
				return fmt.Sprintf("it was refused though %s is of %d", key, want)
			}
			if !l.wasSince(channels.Ref{Channel: w.Channel, Key: key}, current.Position, current.Value, since) {
				return fmt.Sprintf("it was refused because %s is %s of %d, and it is not any more", key, text(current.Value), current.Position)
			}
		}
	}
	return ""
}

// wasSince reports whether a key had a value of a position, at that which was seen or later.
func (l *Ledger) wasSince(ref channels.Ref, position uint64, value json.RawMessage, since uint64) bool {
	versions := l.keys[ref]
	if position == 0 { // it was not there
		if len(versions) == 0 || versions[0].position > since {
			return true
		}
	}
	for i, v := range versions {
		over := i+1 < len(versions) && versions[i+1].position <= since
		if over {
			continue
		}
		if position == 0 && v.data == nil || position == v.position && same(v.data, value) {
			return true
		}
	}
	return false
}

// someSeat reports whether the seat was so at a position, at that which was seen or later.
func (l *Ledger) someSeat(since uint64, so func(seat) bool) bool {
	if so(l.seatAt(since)) {
		return true
	}
	return slices.ContainsFunc(l.seats, func(s seat) bool { return s.position > since && so(s) })
}
