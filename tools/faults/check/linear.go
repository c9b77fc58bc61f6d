package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/mergepatch"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/tools/faults/history"
)

// The bounds of what porcupine is asked. A partition that is larger, or takes longer, is a violation: it was not checked.
const (
	maxPartition = 2_000
	maxSearch    = 30 * time.Second
)

// A move is what an operation does to a register, and what its answer says of it. It reports whether it can be so.
type move[S any] struct {
	from, to int64 // the time in which it happened
	turn     int   // the how-manieth change in L it is; 0 = it changes nothing
	client   string
	says     string
	step     func(S) (bool, S)
}

// A place in the order is a state and how many changes have led to it.
type place[S any] struct {
	state S
	turns int
}

// linear asks porcupine whether there is an order of the moves in which each can be so: the order of L as to what changes
// something, each within its time.
func linear[S comparable](what string, start S, moves []move[S]) []Violation {
	tell := func(text string) []Violation { return []Violation{{Promise: "G3", What: what + ": " + text}} }
	if len(moves) > maxPartition {
		return tell(fmt.Sprintf("%d operations are more than can be checked: spread them", len(moves)))
	}
	clients := map[string]int{}
	operations := make([]porcupine.Operation, len(moves))
	for i, m := range moves {
		id, known := clients[m.client]
		if !known {
			id = len(clients)
			clients[m.client] = id
		}
		operations[i] = porcupine.Operation{ClientId: id, Input: m, Call: m.from, Return: m.to}
	}
	model := porcupine.Model{
		Init: func() any { return place[S]{state: start} },
		Step: func(state, input, _ any) (bool, any) {
			at, m := state.(place[S]), input.(move[S])
			if m.turn > 0 {
				if at.turns++; m.turn != at.turns {
					return false, state
				}
			}
			ok, next := m.step(at.state)
			return ok, place[S]{next, at.turns}
		},
		DescribeOperation: func(input, _ any) string { return input.(move[S]).says },
	}
	result, info := porcupine.CheckOperationsVerbose(model, operations, maxSearch)
	switch result {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return tell(fmt.Sprintf("%d operations took longer than %v to check", len(moves), maxSearch))
	}
	found := tell("there is no one order in which these answers can be true")
	found[0].Evidence = stuck(info, moves)
	return found
}

// stuck is the longest order that porcupine found, its end, and what does not go on from there.
func stuck[S any](info porcupine.LinearizationInfo, moves []move[S]) (lines []string) {
	var longest []int
	for _, partial := range info.PartialLinearizations() {
		for _, one := range partial {
			if len(one) > len(longest) {
				longest = one
			}
		}
	}
	placed := map[int]bool{}
	for i, n := range longest {
		placed[n] = true
		if i >= len(longest)-5 {
			lines = append(lines, "after   "+moves[n].line())
		}
	}
	for n, m := range moves {
		if !placed[n] && len(lines) < 15 {
			lines = append(lines, "comes no "+m.line())
		}
	}
	return lines
}

func (m move[S]) line() string {
	to := "?"
	if m.to < endOfTheWorld {
		to = fmt.Sprintf("%.3f", float64(m.to)/1e9)
	}
	return fmt.Sprintf("%.3f to %s s, %s: %s", float64(m.from)/1e9, to, m.client, m.says)
}

// A register is a key: its value and where it was last changed.
type register struct {
	value    string // "" = not there
	position uint64
}

// linearKeys checks each key that clients write.
func linearKeys(h *history.History, l *Ledger, done []commitment) (found []Violation) {
	byTx := map[int]commitment{}
	var order []channels.Ref
	wanted := map[channels.Ref]bool{}
	for _, c := range done {
		byTx[c.tx] = c
		for _, w := range c.Writes {
			for _, key := range keysOf(w) {
				ref := channels.Ref{Channel: w.Channel, Key: key}
				if !wanted[ref] && w.Owner == "" && l.shared(w.Channel) {
					wanted[ref] = true
					order = append(order, ref)
				}
			}
		}
	}
	moves := map[channels.Ref][]move[register]{}
	for _, ref := range order {
		moves[ref] = l.changesOf(ref, byTx)
	}
	earliest := newNotBefore(done)
	for _, o := range h.Operations {
		if o.Read == nil || o.Outcome != history.OK || o.Read.Owner != "" {
			continue
		}
		readMoves(o, earliest.at(history.PositionOf(o.Seen)), func(key string, m move[register]) {
			if ref := (channels.Ref{Channel: o.Read.Channel, Key: key}); wanted[ref] {
				moves[ref] = append(moves[ref], m)
			}
		})
	}
	for _, ref := range order {
		found = append(found, linear(fmt.Sprintf("%s of %s", ref.Key, ref.Channel), register{}, moves[ref])...)
	}
	return found
}

// changesOf are the moves on a key, by L's order: those of clients by what they asked for, others by L.
func (l *Ledger) changesOf(ref channels.Ref, byTx map[int]commitment) (moves []move[register]) {
	versions := l.keys[ref]
	for i, v := range versions {
		if i+1 < len(versions) && versions[i+1].tx == v.tx {
			continue // its transaction has changed it again
		}
		turn := len(moves) + 1
		c, known := byTx[v.tx]
		if known {
			if m, ok := writeMove(c, ref); ok {
				m.turn = turn
				moves = append(moves, m)
				continue
			}
		}
		is := register{string(compact(v.data)), v.position}
		m := move[register]{0, endOfTheWorld, turn, l.txs[v.tx].Op.Client, fmt.Sprintf("becomes %s at %d", text(v.data), v.position), func(register) (bool, register) {
			return true, is
		}}
		if known {
			m.from, m.to = c.begin, c.end
		}
		moves = append(moves, m)
	}
	return moves
}

func keysOf(w history.Write) []string {
	return slices.Concat(slices.Sorted(maps.Keys(w.Set)), w.Delete, slices.Sorted(maps.Keys(w.Patch)))
}

// shared reports whether the values of a store are everybody's.
func (l *Ledger) shared(channel string) bool {
	scope := l.rulesAt(len(l.txs)).Channels[channel].Scope
	return scope == "" || scope == channels.ScopeSpace
}

// writeMove is what an operation does to a key, by what it asks for; not ok if that is several things.
func writeMove(c commitment, ref channels.Ref) (m move[register], ok bool) {
	n := 0
	for _, w := range c.Writes {
		if w.Channel != ref.Channel || !slices.Contains(keysOf(w), ref.Key) {
			continue
		}
		n++
		says, change := changeOf(w, ref.Key)
		want, conditional := w.If[ref.Key]
		if conditional {
			says += fmt.Sprintf(" if it is of %d", want)
		}
		m = move[register]{c.begin, c.end, 0, c.Client, fmt.Sprintf("%s, at %d (%s)", says, c.position, c.Op), func(r register) (bool, register) {
			value, can := change(r)
			return can && (!conditional || r.is(want)), register{value, c.position}
		}}
	}
	return m, n == 1
}

// changeOf is what a write makes of a key.
func changeOf(w history.Write, key string) (says string, change func(register) (string, bool)) {
	if value, ok := w.Set[key]; ok {
		return fmt.Sprintf("set %s", value), func(register) (string, bool) { return string(compact(value)), true }
	}
	if patch, ok := w.Patch[key]; ok {
		return fmt.Sprintf("patch %s", patch), func(r register) (string, bool) {
			value, err := mergepatch.Apply([]byte(r.value), patch)
			return string(value), err == nil
		}
	}
	return "delete", func(register) (string, bool) { return "", true }
}

func compact(data json.RawMessage) []byte {
	var b bytes.Buffer
	if json.Compact(&b, data) != nil {
		return data
	}
	return b.Bytes()
}

// is reports whether a condition on the position holds.
func (r register) is(position uint64) bool {
	if r.value == "" {
		return position == 0
	}
	return r.position == position
}

// readMoves are those of a read on the keys that it tells of. It holds at a position at or after what its client had seen, so
// it can be as old as that, and no newer than its answer.
func readMoves(o history.Operation, earliest int64, add func(string, move[register])) {
	var values wire.Values
	if json.Unmarshal(o.Answer, &values) != nil {
		return // seen says so
	}
	read := func(key string, want register) {
		add(key, move[register]{min(earliest, o.Begin), o.End, 0, o.Client, fmt.Sprintf("read %q of %d, as of %d", want.value, want.position, o.Position), func(r register) (bool, register) {
			return r.value == want.value && (r.value == "" || r.position == want.position), r
		}})
	}
	for key, v := range values.Values {
		read(key, register{string(compact(v.Value)), v.Position})
	}
	for _, key := range o.Read.Keys {
		if _, there := values.Values[key]; !there {
			read(key, register{})
		}
	}
}
