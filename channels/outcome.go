package channels

import (
	"encoding/json"
	"maps"
	"slices"
)

// ReportCall is what a service says of a call that it took: State is CallTaken for progress, CallDone or CallFailed.
type ReportCall struct {
	ID       string
	State    string
	Progress json.RawMessage
	Result   json.RawMessage
	Error    string
}

// Decide is the Decide of a ReportCall: only the client that took the call may report on it, until it has ended.
func (r ReportCall) Decide(d *Draft) (any, error) {
	who, err := d.Who()
	if err != nil {
		return nil, err
	}
	call, err := d.call(r.ID)
	if err != nil {
		return nil, err
	}
	if err := d.mayServe(call.Command, who); err != nil {
		return nil, err
	}
	if call.State != CallTaken || call.Taken != d.Op().Client {
		return nil, Refuse(CodeConflict, "the call is %s and not yours to report on", call.State)
	}
	if err := r.fits(d, call.Command); err != nil {
		return nil, err
	}
	call.State = r.State
	if call.Cancel && r.State == CallFailed {
		call.State = CallCancelled
	}
	if r.Progress != nil {
		call.Progress = r.Progress
	}
	call.Result, call.Error = r.Result, r.Error
	d.Set(callRef(r.ID), call)
	if call.Ended() {
		d.Append(ControlLog, ended(call))
	}
	return nil, nil
}

// fits refuses what is not as the schemas of the command say.
func (r ReportCall) fits(d *Draft, command string) error {
	rules := d.Rules().Commands[command]
	if size := len(r.Progress) + len(r.Result); size > MaxValue {
		return Refuse(CodeTooLarge, "the report has %d bytes, the limit is %d: put it into a store and name its key", size, MaxValue)
	}
	if r.Progress != nil {
		if refusal := d.Rules().violation(rules.Progress, r.Progress, "the progress of "+command); refusal != nil {
			return refusal
		}
	}
	if r.State != CallDone {
		return nil
	}
	return orNil(d.Rules().violation(rules.Result, r.Result, "the result of "+command))
}

// CancelCall asks for a call to be given up. One that waits is ended at once; the service of one that was taken is asked
// to stop it, and says what became of it. It is for whoever called, for who may call the command, and for staff.
type CancelCall struct {
	ID   string
	Term uint64 // where the command is the operator's
}

// Decide is the Decide of a CancelCall.
func (c CancelCall) Decide(d *Draft) (any, error) {
	who, err := d.Who()
	if err != nil {
		return nil, err
	}
	call, err := d.call(c.ID)
	if err != nil {
		return nil, err
	}
	if err := who.MayUse("cancel", call.Command); err != nil {
		return nil, err
	}
	if call.By.User != who.User && !permitsByRole([]Right{RoleStaff, RoleAdmin}, who) {
		if _, err := d.allow(d.Rules().Commands[call.Command].Call, who, c.Term, "cancel", call.Command); err != nil {
			return nil, err
		}
	}
	by := "cancelled by " + who.User
	switch {
	case call.Ended():
		return nil, Refuse(CodeConflict, "the call is %s: there is nothing to cancel", call.State)
	case call.State == CallWaiting:
		d.endCall(call, CallCancelled, by)
	case !call.Cancel:
		call.Cancel, call.Error = true, by
		d.Set(callRef(call.ID), call)
		d.Append(ControlLog, JournalRecord{
			Do: "cancel", User: who.User, Name: who.Name, Session: who.ID, Term: c.Term, Command: call.Command, Call: call.ID,
		})
	}
	return nil, nil
}

// LateCalls ends calls that have passed their deadline, as whoever proposes it has found by its clock. One that nobody
// took has failed; what became of one that a service took is not known, and its service is to stop it.
type LateCalls struct{ IDs []string }

// Decide is the Decide of a LateCalls; it is the hub's own.
func (l LateCalls) Decide(d *Draft) (any, error) {
	for _, id := range l.IDs {
		call, err := d.call(id)
		switch {
		case err != nil || call.Ended() || call.Deadline == 0:
		case call.State == CallWaiting:
			d.endCall(call, CallFailed, "the deadline passed before a service took it")
		default:
			d.endCall(call, CallUnknown, "the deadline passed; its service was told to stop. Look at the instrument before you call again")
		}
	}
	if len(d.effects) == 0 {
		return nil, ErrNothing
	}
	return nil, nil
}

// LoseCalls marks calls as unknown whose service is gone, as whoever proposes it has found: by id, the client that had
// taken it. One that somebody else has by now, or nobody, is not touched.
type LoseCalls map[string]string

// Decide is the Decide of a LoseCalls; it is the hub's own.
func (l LoseCalls) Decide(d *Draft) (any, error) {
	for _, id := range slices.Sorted(maps.Keys(l)) {
		if call, err := d.call(id); err == nil && call.State == CallTaken && call.Taken == l[id] {
			d.endCall(call, CallUnknown, "the service that took it is gone; look at the instrument before you call again")
		}
	}
	if len(d.effects) == 0 {
		return nil, ErrNothing
	}
	return nil, nil
}

// FailWaiting gives up calls that no service has taken. Whoever proposes it has found, by its own clock, that they have
// waited too long; what is decided is only that they still wait.
type FailWaiting struct {
	IDs    []string
	Reason string
}

// Decide is the Decide of a FailWaiting; it is the hub's own.
func (f FailWaiting) Decide(d *Draft) (any, error) {
	for _, id := range f.IDs {
		if call, err := d.call(id); err == nil && call.State == CallWaiting {
			d.endCall(call, CallFailed, f.Reason)
		}
	}
	if len(d.effects) == 0 {
		return nil, ErrNothing
	}
	return nil, nil
}

// endCall ends a call without its service.
func (d *Draft) endCall(call Call, state, reason string) {
	call.State, call.Error = state, reason
	d.Set(callRef(call.ID), call)
	d.Append(ControlLog, ended(call))
}
