package check

import (
	"fmt"
	"slices"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/tools/faults/history"
)

// durable is G1: what was acknowledged as done at a position is there in L, and is what was asked for.
func durable(h *history.History, l *Ledger) (found []Violation) {
	for _, o := range h.Operations {
		if o.Outcome != history.OK || o.Position == 0 || o.Verb == "read" {
			continue
		}
		tell := func(format string, args ...any) {
			found = append(found, Violation{
				Promise: "G1", What: fmt.Sprintf(format, args...), Position: o.Position, Op: o.Op, Client: o.Client, Conn: o.Conn, At: o.End,
				Evidence: []string{fmt.Sprintf("answered by %s: %s", o.Node, o.Answer)},
			})
		}
		if o.Op == "" {
			tell("a change without an operation id cannot be found in L: give it one")
			continue
		}
		t, ok := l.find(o.Op, o.Position)
		switch {
		case o.Position > l.last:
			tell("it was acknowledged, and L ends at %d", l.last)
		case !ok && len(l.byOp[o.Op]) > 0:
			tell("it was acknowledged, and L has it at %d", l.positionsOf(o.Op))
		case !ok:
			tell("it was acknowledged, and is not in L")
		default:
			if missing := missing(o, t, l); missing != "" {
				tell("it was acknowledged, and L has something else under its id: %s", missing)
			}
		}
	}
	return found
}

// missing says what a transaction has not done of what it was asked for; "" if it has done all of it.
func missing(o history.Operation, t tx, l *Ledger) string {
	if t.By.User != o.User {
		return fmt.Sprintf("it is by %q", t.By.User)
	}
	for _, w := range o.Writes {
		if what := missingOf(w, o.User, t, l); what != "" {
			return what
		}
	}
	for _, a := range o.Appends {
		if !slices.ContainsFunc(t.Effects, func(e channels.Effect) bool {
			return e.Appends() && e.Channel == a.Channel && same(e.Value, a.Data)
		}) {
			return fmt.Sprintf("no message %s in %s", a.Data, a.Channel)
		}
	}
	for range o.Calls {
		if !slices.ContainsFunc(t.Effects, func(e channels.Effect) bool { return e.Channel == channels.CallsStore }) {
			return "no call"
		}
	}
	return ""
}

func missingOf(w history.Write, user string, t tx, l *Ledger) string {
	owner := w.Owner
	if rules := l.rulesAt(l.number(t)).Channels[w.Channel]; owner == "" && rules.Scope == channels.ScopeUser {
		owner = user
	}
	last := func(key string) (e channels.Effect, ok bool) {
		for _, e := range slices.Backward(t.Effects) {
			if e.Channel == w.Channel && e.Key == key && (e.Owner == owner || owner == "") {
				return e, true
			}
		}
		return e, false
	}
	for key, value := range w.Set {
		if e, ok := last(key); !ok || !same(e.Value, value) {
			return fmt.Sprintf("%s of %s is not set to %s", key, w.Channel, value)
		}
	}
	for key := range w.Patch { // it may be kept as the value that came of it
		if e, ok := last(key); !ok || e.Deletes() {
			return fmt.Sprintf("%s of %s is not patched", key, w.Channel)
		}
	}
	for _, key := range w.Delete {
		e, ok := last(key)
		if ok && e.Deletes() {
			continue
		}
		if v := l.before(channels.Ref{Channel: w.Channel, Owner: owner, Key: key}, l.number(t)); ok || v.data != nil {
			return fmt.Sprintf("%s of %s is not deleted", key, w.Channel)
		}
	}
	return ""
}

// number finds a transaction again.
func (l *Ledger) number(t tx) int {
	n, _ := slices.BinarySearchFunc(l.txs, t, func(a, b tx) int {
		if a.position != b.position {
			return int(a.position) - int(b.position)
		}
		return a.index - b.index
	})
	return n
}

// before returns what a key is just before a transaction.
func (l *Ledger) before(ref channels.Ref, n int) (v version) {
	for _, each := range l.keys[ref] {
		if each.tx >= n {
			break
		}
		v = each
	}
	return v
}
