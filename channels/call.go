package channels

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// The states of a call.
const (
	CallWaiting   = "waiting" // for a service to take it
	CallTaken     = "taken"
	CallDone      = "done"
	CallFailed    = "failed"
	CallCancelled = "cancelled" // before a service took it, or by the service that was asked to
	CallUnknown   = "unknown"   // the service that took it is gone, or late; it is never given to another
)

// A Call is the record of a command in CallsStore, under its id.
type Call struct {
	ID       string          `json:"call"`
	Command  string          `json:"command"`
	Args     json.RawMessage `json:"args,omitempty"`
	By       Who             `json:"by"`
	Term     uint64          `json:"term,omitempty"` // that it is bound to, where the command is the operator's
	State    string          `json:"state"`
	Taken    string          `json:"taken,omitempty"`       // the client that serves it
	Called   time.Time       `json:"called,omitzero"`       // log time of the call; while it waits it is that of the record, see CalledAt
	Deadline int64           `json:"deadline_ms,omitempty"` // how long it may take as a whole; 0 = any time
	Cancel   bool            `json:"cancel,omitempty"`      // its service has been asked to stop it
	Progress json.RawMessage `json:"progress,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Error    string          `json:"error,omitempty"`

	value Value // that it was read from
}

// CalledAt returns when it was called, log time.
func (c Call) CalledAt() time.Time {
	if c.Called.IsZero() {
		return c.value.At
	}
	return c.Called
}

// Late reports whether the call has not ended by its deadline.
func (c Call) Late(now time.Time) bool {
	return !c.Ended() && c.Deadline > 0 && now.Sub(c.CalledAt()) >= time.Duration(c.Deadline)*time.Millisecond
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
		if c, err := readCall(value); err == nil && accept(c) {
			calls = append(calls, c)
		}
		return true
	})
	return calls
}

func readCall(v Value) (c Call, err error) {
	c.value = v
	return c, json.Unmarshal(v.Data, &c)
}

// CallCommand asks a service to do something. The answer is the id of the call.
type CallCommand struct {
	Command  string
	Args     json.RawMessage
	Term     uint64        // where the command is the operator's
	Deadline time.Duration // how long it may take as a whole, if that is less than the rules say; 0 = as they say
	As       *Who          // the hub itself, for a task; else who asks
}

// Decide is the Decide of a CallCommand.
func (c CallCommand) Decide(d *Draft) (any, error) {
	who, err := c.caller(d)
	if err != nil {
		return nil, err
	}
	term, err := c.allowed(d, who)
	if err != nil {
		return nil, err
	}
	if err := makeRoom(d, who); err != nil {
		return nil, err
	}
	id := d.Op().String()
	if d.called++; d.called > 1 {
		id = fmt.Sprintf("%s-%d", id, d.called)
	}
	who.Roles, who.Scope = nil, nil // who they were is enough
	d.Set(callRef(id), Call{
		ID: id, Command: c.Command, Args: c.Args, By: who, Term: term, State: CallWaiting, Deadline: c.deadline(d).Milliseconds(),
	})
	d.Append(ControlLog, JournalRecord{Do: "call", User: who.User, Name: who.Name, Session: who.ID, Term: term, Command: c.Command, Call: id, From: who.From})
	return id, nil
}

func (c CallCommand) caller(d *Draft) (Who, error) {
	if c.As != nil {
		return *c.As, nil
	}
	return d.Who()
}

// deadline is the shorter of what the caller and the rules give.
func (c CallCommand) deadline(d *Draft) time.Duration {
	rule := time.Duration(d.Rules().Commands[c.Command].Deadline) * time.Millisecond
	if c.Deadline > 0 && (rule == 0 || c.Deadline < rule) {
		return max(c.Deadline, time.Millisecond)
	}
	return rule
}

// makeRoom refuses one call too many of a user, and forgets the oldest of those that have ended.
func makeRoom(d *Draft, who Who) error {
	underWay, ended := 0, []Call{}
	for _, call := range Calls(d, func(call Call) bool { return call.By.User == who.User }) {
		if call.Ended() {
			ended = append(ended, call)
		} else {
			underWay++
		}
	}
	if underWay >= MaxCalls {
		return Refuse(CodeOverloaded, "%d of your calls are under way: wait for one to end", MaxCalls)
	}
	if len(ended) >= KeptCalls {
		oldest := slices.MinFunc(ended, func(a, b Call) int { return cmp.Compare(a.value.Position, b.value.Position) })
		d.Delete(callRef(oldest.ID))
	}
	return nil
}

// Allowed refuses a command that is not there, that who may not call now, or whose arguments are not as its schema says.
func (c CallCommand) Allowed(d *Draft, who Who) error {
	_, err := c.allowed(d, who)
	return err
}

func (c CallCommand) allowed(d *Draft, who Who) (term uint64, err error) {
	rules, ok := d.Rules().Commands[c.Command]
	if !ok {
		return 0, Refuse(CodeUnknownName, "this space has no command %.128q: the welcome lists those it has", c.Command)
	}
	if term, err = d.allow(rules.Call, who, c.Term, "call", c.Command); err != nil {
		return 0, err
	}
	if len(c.Args) > MaxValue {
		return 0, Refuse(CodeTooLarge, "the arguments have %d bytes, the limit is %d: put them into a store and name its key", len(c.Args), MaxValue)
	}
	return term, d.Rules().CheckArgs(c.Command, c.Args)
}

// orNil keeps a nil *Refusal from becoming an error that is not nil.
func orNil(r *Refusal) error {
	if r == nil {
		return nil
	}
	return r
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
	call.State, call.Taken, call.Called = CallTaken, t.Client, call.CalledAt()
	d.Set(callRef(t.ID), call)
	return CallTaken, nil
}

func (d *Draft) mayServe(command string, who Who) error {
	_, err := d.allow(d.Rules().Commands[command].Servers(), who, 0, "serve", command)
	return err
}

func (d *Draft) call(id string) (call Call, err error) {
	v, ok := d.Get(callRef(id))
	if !ok {
		return call, Refuse(CodeUnknownName, "there is no call %.64q", id)
	}
	return readCall(v)
}
