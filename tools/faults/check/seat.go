package check

import (
	"encoding/json"
	"fmt"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session/control"
	"github.com/baton-hub/baton/tools/faults/history"
)

// oneSeat is G5: each change of operator raises the term by one and has a record in the same transaction that says who did
// it and by what right; nobody is seated by silence, by a page load, or who is not signed in; and no operator is signed out.
func oneSeat(_ *history.History, l *Ledger) (found []Violation) {
	changes := map[int]int{} // by transaction, the last of it
	for i, s := range l.seats {
		changes[s.tx] = i
	}
	var before seat
	for n, t := range l.txs {
		tell := func(format string, args ...any) {
			found = append(found, Violation{
				Promise: "G5", What: fmt.Sprintf(format, args...), Op: t.op(), Client: t.Op.Client, Position: t.position,
				Evidence: []string{fmt.Sprintf("by %q in login session %q, who was operator: %q, term %d", t.By.User, t.By.ID, before.operator, before.term)},
			})
		}
		after := before
		if i, changed := changes[n]; changed {
			after = l.seats[i]
			if why := l.noRight(n, before, after); why != "" {
				tell("%q is operator under term %d: %s", after.operator, after.term, why)
			}
		}
		if after.operator != "" && len(l.after(channels.Ref{Channel: channels.SessionsStore, Key: after.operator}, n).data) == 0 && l.signs {
			tell("%q is operator, and not signed in", after.operator)
		}
		before = after
	}
	return found
}

// noRight says why a change of the seat is not one that somebody was entitled to make; "" if it is.
func (l *Ledger) noRight(n int, before, after seat) string {
	t := l.txs[n]
	if after.term != before.term+1 {
		return fmt.Sprintf("the term before was %d", before.term)
	}
	r, ok := recordOf(t, after.term)
	if !ok {
		return "no record says why"
	}
	byOperator := t.By.ID == before.operator && before.operator != ""
	self := t.By.ID != "" && t.By.ID == after.operator
	switch r.Do {
	case control.DoRequest:
		if before.operator == "" && self {
			return ""
		}
		return "a request seats who makes it if the seat is vacant, and nobody else"
	case control.DoGrant:
		asked := l.before(channels.Ref{Channel: channels.ControlStore, Key: "request/" + r.Request}, n)
		var standing struct{ Session string }
		if byOperator && json.Unmarshal(asked.data, &standing) == nil && standing.Session == after.operator {
			return ""
		}
		return fmt.Sprintf("the operator may grant a request that stands, %q is none of that session", r.Request)
	case control.DoGive:
		if byOperator && after.operator != "" {
			return ""
		}
		return "only the operator gives control"
	case control.DoRelease:
		if byOperator && after.operator == "" {
			return ""
		}
		return "only the operator releases control, to nobody"
	case control.DoTake:
		return l.mayTake(n, self, before, r)
	case control.DoExpired:
		lost := l.before(channels.Ref{Channel: channels.ControlStore, Key: "lost"}, n)
		if t.By.ID == "" && after.operator == "" && lost.data != nil {
			return ""
		}
		return "the seat of an operator who was lost falls vacant, and no other"
	case control.DoEnded:
		if after.operator == "" && before.operator != "" && l.after(channels.Ref{Channel: channels.SessionsStore, Key: before.operator}, n).data == nil {
			return ""
		}
		return "the seat of who is signed out falls vacant, and no other"
	}
	return fmt.Sprintf("%q does not change the operator", r.Do)
}

// mayTake is about control that is taken: by who has it elsewhere, or by staff, who say why.
func (l *Ledger) mayTake(n int, self bool, before seat, r control.Record) string {
	t := l.txs[n]
	switch {
	case !self:
		return "who takes control gets it"
	case before.operator != "" && before.user == t.By.User:
		return ""
	case r.Reason == "":
		return "control was taken without a reason"
	}
	var record struct{ Roles []string }
	_ = json.Unmarshal(l.before(channels.Ref{Channel: channels.SessionsStore, Key: t.By.ID}, n).data, &record) // none has no roles
	for _, role := range record.Roles {
		if role == channels.RoleStaff || role == channels.RoleAdmin {
			return ""
		}
	}
	return fmt.Sprintf("who is not staff (%v) takes control from nobody else", record.Roles)
}

// recordOf returns what the journal says of the change of seat to a term, in the same transaction.
func recordOf(t tx, term uint64) (r control.Record, ok bool) {
	for _, e := range t.Effects {
		var one control.Record
		if e.Channel != channels.ControlLog || !e.Appends() || json.Unmarshal(e.Value, &one) != nil {
			continue
		}
		if one.Term == term && (one.Result == control.Seated || one.Result == control.Emptied) {
			return one, true
		}
	}
	return r, false
}

// after returns what a key is just after a transaction.
func (l *Ledger) after(ref channels.Ref, n int) version { return l.before(ref, n+1) }
