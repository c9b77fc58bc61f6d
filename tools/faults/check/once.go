package check

import (
	"fmt"
	"slices"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/tools/faults/history"
)

// once is G2: an operation is applied once however often it is sent, each time with the same answer, and one that was
// refused, and again when it was sent again, is not applied at all.
func once(h *history.History, l *Ledger) (found []Violation) {
	for op, at := range l.byOp {
		if len(at) > 1 && !l.txs[at[0]].Unnamed {
			found = append(found, Violation{
				Promise: "G2", What: fmt.Sprintf("it was applied %d times, at %d", len(at), l.positionsOf(op)), Op: op,
				Client: l.txs[at[0]].Op.Client, Position: l.txs[at[1]].position,
			})
		}
	}
	for _, t := range l.no {
		if len(t.Effects) > 0 {
			found = append(found, Violation{Promise: "G2", What: "it was refused, and changes something", Op: t.op(), Client: t.Op.Client, Position: t.position})
		}
	}
	for _, group := range attempts(h) {
		found = append(found, retries(group)...)
		if len(l.byOp[group[0].Op]) > 0 {
			found = append(found, refused(group, l)...)
		}
	}
	return found
}

// retries are the attempts of one operation: all that were answered with yes were answered alike, and none was refused
// after that.
func retries(group []history.Operation) (found []Violation) {
	var first *history.Operation
	for i := range group {
		o := &group[i]
		if o.Outcome == history.OK && (first == nil || o.End < first.End) {
			first = o
		}
	}
	if first == nil {
		return nil
	}
	for _, o := range group {
		tell := func(what string) {
			found = append(found, Violation{
				Promise: "G2", What: what, Op: o.Op, Client: o.Client, Position: first.Position, At: o.End,
				Evidence: []string{
					fmt.Sprintf("first, at %d by %s: %s", first.End, first.Node, first.Answer),
					fmt.Sprintf("again, at %d by %s: %s", o.End, o.Node, o.Answer),
				},
			})
		}
		switch {
		case o.Outcome == history.OK && (o.Position != first.Position || !alike(o.Answer, first.Answer)):
			tell("it was sent again and answered otherwise")
		case o.Outcome == history.OK && !sameRequest(*first, o):
			tell("another request under its id was answered as if it had been done")
		case o.Outcome == history.Refused && o.Begin > first.End && decided(o.Code) && sameRequest(*first, o):
			tell("it was done, and was refused when it was sent again")
		}
	}
	return found
}

// refused is about an operation that is in L. It should not be if every attempt was refused; nor if one was that said that it
// was sent again: that was the last word.
func refused(group []history.Operation, l *Ledger) []Violation {
	tell := func(o history.Operation, what string) []Violation {
		return []Violation{{
			Promise: "G2", What: what, Op: o.Op, Client: o.Client, Position: l.positionsOf(o.Op)[0], At: o.End,
			Evidence: []string{fmt.Sprintf("%s answered %s", o.Node, o.Answer)},
		}}
	}
	all := true
	for _, o := range group {
		if all = all && o.Outcome == history.Refused; o.Again && o.Outcome == history.Refused && decided(o.Code) && o.Code != string(channels.CodeOpReused) {
			return tell(o, "it was refused when it was sent again, and was applied")
		}
	}
	if !all {
		return nil
	}
	return tell(group[0], "it was refused each time, and was applied")
}

// decided reports whether a refusal is a decision on the state, and not one to let somebody in, or to try at all.
func decided(code string) bool {
	return !slices.Contains([]channels.Code{
		channels.CodeUnavailable, channels.CodeStale, channels.CodeStorage, channels.CodeOverloaded, channels.CodeSignedOut, "rate", "unanswered",
	}, channels.Code(code))
}

// sameRequest reports whether two operations ask for the same.
func sameRequest(a, b history.Operation) bool {
	key := func(o history.Operation) string {
		return fmt.Sprint(o.Verb, o.Writes, o.Appends, o.Calls, o.Term, controlOf(o))
	}
	return key(a) == key(b)
}

func controlOf(o history.Operation) history.Control {
	if o.Control == nil {
		return history.Control{}
	}
	return *o.Control
}
