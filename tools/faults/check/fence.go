package check

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/tools/faults/history"
)

// fence is G4: every write and command that was made under a term is in L while that was the term, by the operator of that
// term; what is the operator's alone is under a term; and no service was given the call of a term that is over.
func fence(_ *history.History, l *Ledger) (found []Violation) {
	for n, t := range l.txs {
		tell := func(format string, args ...any) {
			found = append(found, Violation{
				Promise: "G4", What: fmt.Sprintf(format, args...), Op: t.op(), Client: t.Op.Client, Position: t.position,
				Evidence: []string{fmt.Sprintf("by %s in login session %s", t.By.User, t.By.ID)},
			})
		}
		switch {
		case t.Term != 0 && t.Term != t.term:
			tell("it was made under term %d, and is committed under %d", t.Term, t.term)
		case t.Term != 0 && t.By.ID != t.operator:
			tell("it was made under term %d, whose operator is %q", t.Term, t.operator)
		}
		for _, e := range t.Effects {
			if t.Term == 0 && t.By.ID != "" && l.operatorsOnly(n, e) {
				tell("it changes %s, which is the operator's, under no term", e.Channel)
				break
			}
			if call, ok := taken(e); ok && call.Term != 0 && (call.Term != t.term || call.By.ID != t.operator) {
				tell("the call %s of term %d was given to its service under term %d", call.ID, call.Term, t.term)
			}
		}
	}
	return found
}

// operatorsOnly reports whether nobody but the operator may write what an effect changes.
func (l *Ledger) operatorsOnly(n int, e channels.Effect) bool {
	rules, ok := l.rulesAt(n).Channels[e.Channel]
	return ok && len(rules.Write) == 1 && slices.Contains(rules.Write, channels.RightOperator)
}

// taken returns the call that an effect gives to a service.
func taken(e channels.Effect) (call channels.Call, ok bool) {
	if e.Channel != channels.CallsStore || e.Deletes() || json.Unmarshal(e.Value, &call) != nil {
		return call, false
	}
	return call, call.State == channels.CallTaken && call.Progress == nil && !call.Cancel
}
