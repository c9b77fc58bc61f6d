package channels

import (
	"encoding/json"
	"slices"
)

// The states of a call.
const (
	CallWaiting = "waiting" // for a service to take it
	CallTaken   = "taken"
	CallDone    = "done"
	CallFailed  = "failed"
	CallUnknown = "unknown" // the service that took it is gone; it is never given to another
)

// A Call is the record of a command in CallsStore, under its id.
type Call struct {
	ID       string          `json:"call"`
	Command  string          `json:"command"`
	Args     json.RawMessage `json:"args,omitempty"`
	By       Who             `json:"by"`
	Term     uint64          `json:"term,omitempty"` // that it is bound to, where the command is the operator's
	State    string          `json:"state"`
	Taken    string          `json:"taken,omitempty"` // the client that serves it
	Progress json.RawMessage `json:"progress,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Error    string          `json:"error,omitempty"`
}

// Ended reports whether nothing more happens to the call.
func (c Call) Ended() bool { return c.State != CallWaiting && c.State != CallTaken }

// The bounds on calls of one user: those under way, and those that ended and are kept to be found again.
const (
	MaxCalls  = 32
	KeptCalls = 32
)

func callRef(id string) Ref { return Ref{Channel: CallsStore, Key: id} }

// Calls returns the calls that the filter accepts, by id.
func Calls(v View, accept func(Call) bool) (calls []Call) {
	v.Range(CallsStore, "", func(_ string, value Value) bool {
		var c Call
		if json.Unmarshal(value.Data, &c) == nil && accept(c) {
			calls = append(calls, c)
		}
		return true
	})
	return calls
}

// CallCommand asks a service to do something. The answer is the id of the call.
type CallCommand struct {
	Command string
	Args    json.RawMessage
	Term    uint64 // where the command is the operator's
}

// Decide is the Decide of a CallCommand.
func (c CallCommand) Decide(d *Draft) (any, error) {
	who, err := d.Who()
	if err != nil {
		return nil, err
	}
	if err := c.Allowed(d, who); err != nil {
		return nil, err
	}
	var underWay, ended []Value
	var oldest []string
	d.Range(CallsStore, "", func(key string, v Value) bool {
		var call Call
		switch {
		case json.Unmarshal(v.Data, &call) != nil || call.By.User != who.User:
		case call.Ended():
			ended, oldest = append(ended, v), append(oldest, key)
		default:
			underWay = append(underWay, v)
		}
		return true
	})
	if len(underWay) >= MaxCalls {
		return nil, Refuse(CodeBusy, "%d of your calls are under way: wait for one to end", MaxCalls)
	}
	if len(ended) >= KeptCalls {
		d.Delete(callRef(oldest[oldestOf(ended)]))
	}
	id := d.Op().String()
	who.Roles = nil // who they were is enough
	d.Set(callRef(id), Call{ID: id, Command: c.Command, Args: c.Args, By: who, Term: d.term, State: CallWaiting})
	d.Append(ControlLog, JournalRecord{Do: "call", User: who.User, Name: who.Name, Session: who.ID, Term: d.term, Command: c.Command, Call: id})
	return id, nil
}

func oldestOf(values []Value) (oldest int) {
	for i, v := range values {
		if v.Position < values[oldest].Position {
			oldest = i
		}
	}
	return oldest
}

// Allowed refuses a command that is not there, or that who may not call now.
func (c CallCommand) Allowed(d *Draft, who Who) error {
	rules, ok := d.Rules().Commands[c.Command]
	if !ok {
		return Refuse(CodeUnknownName, "this space has no command %.128q: the welcome lists those it has", c.Command)
	}
	return d.allow(rules.Call, who, c.Term, "call "+c.Command)
}

// TakeCall gives a waiting call to the client that serves it. It is committed before the service hears of the call,
// so that no call is ever given twice. The answer is the state that the call is in then: CallTaken, or CallFailed if
// control has changed hands since it was called, for what a former operator asked for must not begin any more.
type TakeCall struct{ ID, Client string }

// Decide is the Decide of a TakeCall.
func (t TakeCall) Decide(d *Draft) (any, error) {
	who, err := d.Who()
	if err != nil {
		return nil, err
	}
	call, err := d.call(t.ID)
	if err != nil {
		return nil, err
	}
	if err := d.mayServe(call.Command, who); err != nil {
		return nil, err
	}
	if call.State != CallWaiting {
		return nil, Refuse(CodeConflict, "the call is %s", call.State)
	}
	if call.Term != 0 && d.authority.Fence(d, call.By, call.Term) != nil {
		d.endCall(call, CallFailed, "control has changed hands")
		return CallFailed, nil
	}
	call.State, call.Taken = CallTaken, t.Client
	d.Set(callRef(t.ID), call)
	return CallTaken, nil
}

func (d *Draft) mayServe(command string, who Who) error {
	return d.allow(d.Rules().Commands[command].Servers(), who, 0, "serve "+command)
}

func (d *Draft) call(id string) (call Call, err error) {
	v, ok := d.Get(callRef(id))
	if !ok {
		return call, Refuse(CodeUnknownName, "there is no call %.64q", id)
	}
	return call, json.Unmarshal(v.Data, &call)
}

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
	call.State = r.State
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

// LoseCalls marks the calls as unknown whose service is gone: those taken by clients that are not in alive. A call that
// nobody took is not touched.
type LoseCalls struct{ Alive []string }

// Decide is the Decide of a LoseCalls; it is the hub's own.
func (l LoseCalls) Decide(d *Draft) (any, error) {
	lost := Calls(d, func(c Call) bool { return c.State == CallTaken && !slices.Contains(l.Alive, c.Taken) })
	if len(lost) == 0 {
		return nil, errNothing
	}
	for _, call := range lost {
		d.endCall(call, CallUnknown, "the service that took it is gone; look at the instrument before you call again")
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
		return nil, errNothing
	}
	return nil, nil
}

// endCall ends a call without its service.
func (d *Draft) endCall(call Call, state, reason string) {
	call.State, call.Error = state, reason
	d.Set(callRef(call.ID), call)
	d.Append(ControlLog, ended(call))
}

// JournalRecord is a message of ControlLog: who did what, under which term, and what came of it.
type JournalRecord struct {
	Do      string `json:"do"`
	User    string `json:"user,omitempty"`
	Name    string `json:"name,omitempty"`
	Session string `json:"session,omitempty"`
	Term    uint64 `json:"term,omitempty"`
	Command string `json:"command,omitempty"`
	Call    string `json:"call,omitempty"`
	Result  string `json:"result,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

func ended(c Call) JournalRecord {
	return JournalRecord{
		Do: "call", User: c.By.User, Name: c.By.Name, Session: c.By.ID, Term: c.Term, Command: c.Command, Call: c.ID,
		Result: c.State, Reason: c.Error,
	}
}

// JournalStop records that a stop command was sent to its service, which did not wait for the log.
type JournalStop struct {
	Command string
	By      Who
	Result  string
}

// Decide is the Decide of a JournalStop; it is the hub's own, and never refused.
func (j JournalStop) Decide(d *Draft) (any, error) {
	d.Append(ControlLog, JournalRecord{
		Do: "stop", User: j.By.User, Name: j.By.Name, Session: j.By.ID, Command: j.Command, Result: j.Result,
	})
	return nil, nil
}
