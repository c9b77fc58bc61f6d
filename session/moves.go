package session

import (
	"strings"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session/control"
)

// Lost returns the hub's decision that the operator, at the login session, has no connection any more.
func Lost(id string) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		return lose(d, control.Move{Do: control.DoLost, Session: id, Position: d.Position()}, AtLost)
	}
}

// Back returns the hub's decision that the operator is connected again.
func Back(id string) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		return move(d, control.Move{Do: control.DoBack, Session: id})
	}
}

// Expired returns the hub's decision that the operator, whose link was lost at the position, has not come back in time.
// Whether they have is decided on the log, not by the clock that proposed it.
func Expired(position uint64) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		return lose(d, control.Move{Do: control.DoExpired, Position: position}, AtExpired)
	}
}

// lose makes a move about a lost operator. If the site calls a command then, it is in the same transaction.
func lose(d *channels.Draft, m control.Move, at string) (any, error) {
	answer, err := move(d, m)
	if err == nil {
		callOnLost(d, at)
	}
	return answer, err
}

// callOnLost calls the command that the site wants called at that time, if the instrument runs. In the transaction of a move
// it is called once, however many nodes propose that.
func callOnLost(d *channels.Draft, at string) {
	policy := readPolicy(d.Rules())
	if policy.OnLost.Call == "" || policy.OnLost.At != at || policy.Busy != nil && !policy.running(d) {
		return
	}
	call := channels.CallCommand{Command: policy.OnLost.Call, As: &hubItself}
	if _, err := call.Decide(d); err != nil { // it does not keep the seat from being what it is
		d.Append(channels.ControlLog, channels.JournalRecord{
			Do: "call", User: hubItself.User, Name: hubItself.Name, Command: call.Command, Result: channels.CallFailed, Reason: err.Error(),
		})
	}
}

// hubItself calls what the site wants called.
var hubItself = channels.Who{ID: "hub", User: ServicePrefix + "hub", Name: "the hub", Roles: []string{channels.RoleService}}

// A Move is what somebody who is signed in does to the seat. See package control for the rules.
type Move struct {
	Do      string // request, cancel, grant, deny, give, release or take
	Request string // grant, deny: which; cancel: which, or "" for one's own
	Session string // give: the login session that gets control
	Message string // request: for the operator to read
	Reason  string // deny, take: for those who lose by it
	Force   bool   // take, by staff: although the instrument runs
}

// Moved is the answer of a Move.
type Moved struct {
	Term    uint64 `json:"term"`              // in force now
	Request string `json:"request,omitempty"` // that was made, withdrawn, denied or granted
}

// Decide is the Decide of a Move.
func (m Move) Decide(d *channels.Draft) (any, error) {
	who, err := d.Who()
	if err != nil {
		return nil, err
	}
	if _, isPerson := Find(d, who.ID); !isPerson {
		return nil, channels.Refuse(channels.CodeForbidden, "control is for people: a program acts by its role")
	}
	made := control.Move{
		Do: control.Verb(m.Do), Actor: control.Party{Session: who.ID, User: who.User, Name: who.Name},
		Staff: isStaff(who), Request: m.Request, Message: m.Message, Reason: m.Reason, Forced: m.Force,
	}
	if made.Do == control.DoGive {
		to, ok := Find(d, m.Session)
		if !ok {
			return nil, channels.Refuse(channels.CodeUnknownName, "the one to give control to is not signed in any more: choose another")
		}
		made.To = control.Party{Session: to.ID, User: to.User, Name: to.Name}
	}
	seat := ReadSeat(d)
	answer, err := move(d, made)
	if err == nil && made.Do == control.DoTake && seat.Operator != nil {
		err = m.mayTake(d, who, seat.Operator)
	}
	return answer, err
}

// mayTake refuses to take control from the operator while the instrument runs, where the site is so, and to take it from
// somebody else without fresh credentials.
func (m Move) mayTake(d *channels.Draft, who channels.Who, from *Operator) error {
	policy := readPolicy(d.Rules())
	if policy.Take == RefusedWhileRunning && policy.running(d) {
		switch {
		case !m.Force:
			return policy.busy(isStaff(who), "control cannot be taken from "+from.label())
		case !isStaff(who):
			return channels.Refuse(channels.CodeForbidden, "only staff may take control while the instrument runs: wait until it has ended, or ask them")
		case strings.TrimSpace(m.Reason) == "":
			return channels.Refuse(channels.CodeInvalid, "say why you take control: the reason is kept in the journal")
		}
	}
	if from.User != who.User && !Confirmed(d, who.ID) {
		return confirm("taking control from " + from.label())
	}
	return nil
}

// move makes a move on the seat of the draft and journals it.
func move(d *channels.Draft, m control.Move) (any, error) {
	before := ReadSeat(d).machine()
	after, record, err := control.Decide(before, m)
	if err != nil {
		return nil, err
	}
	writeSeat(d, before, after)
	if record.Result != control.Nothing {
		if s, ok := Find(d, m.Actor.Session); ok {
			record.From = s.From
		}
		d.Append(channels.ControlLog, record)
	}
	return Moved{Term: after.Term, Request: record.Request}, nil
}
