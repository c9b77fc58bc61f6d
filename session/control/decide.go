package control

import (
	"fmt"
	"strings"

	"github.com/baton-hub/baton/channels"
)

// Decide makes the move: it returns the seat afterwards and what the journal keeps. The error is a *channels.Refusal,
// with a Why under More["why"]; the seat is then as it was. The given seat is never modified.
func Decide(s Seat, m Move) (Seat, Record, error) {
	next, rec, err := decide(s, m)
	if err != nil {
		return s, Record{}, err
	}
	rec.Do, rec.Term = m.Do, next.Term
	actor := m.Actor
	if m.Do == DoEnded {
		actor = m.By
	}
	rec.Session, rec.User, rec.Name = actor.Session, actor.User, actor.Name
	rec.Message, rec.Reason, rec.Forced = m.Message, m.Reason, m.Forced
	if next.Term != s.Term {
		rec.Was = s.Operator
	}
	return next, rec, nil
}

func decide(s Seat, m Move) (Seat, Record, error) {
	if len(m.Message) > MaxText || len(m.Reason) > MaxText {
		return refuse(channels.CodeTooLarge, TooLong, "a message or reason has at most %d bytes", MaxText)
	}
	switch m.Do {
	case DoLost, DoBack, DoExpired, DoEnded:
		if m.Actor != (Party{}) {
			return refuse(channels.CodeForbidden, HubOnly, "only the hub itself says %q", m.Do)
		}
	default:
		if m.Actor.Session == "" || m.Actor.User == "" {
			return refuse(channels.CodeForbidden, NoActor, "control belongs to people who are signed in")
		}
	}
	switch m.Do {
	case DoRequest:
		return request(s, m)
	case DoCancel:
		return cancel(s, m)
	case DoGrant, DoDeny, DoGive, DoRelease:
		return byOperator(s, m)
	case DoTake:
		return take(s, m)
	case DoLost, DoBack:
		return link(s, m)
	case DoExpired:
		return expired(s, m)
	case DoEnded:
		return ended(s, m)
	}
	return refuse(channels.CodeInvalid, NoVerb,
		"%.20q is nothing to do with control: say request, cancel, grant, deny, give, release or take", string(m.Do))
}

func request(s Seat, m Move) (Seat, Record, error) {
	if s.HeldBy(m.Actor.Session) {
		return refuse(channels.CodeControl, Yours, "you are in control already")
	}
	if s.Operator == nil {
		return s.seated(m.Actor), Record{Result: Seated, To: &m.Actor}, nil
	}
	if r, ok := s.of(m.Actor.Session); ok {
		return refuse(channels.CodeControl, Asked,
			"you have asked already (%s): wait for %s, or withdraw it and ask again", r.ID, s.Operator.label())
	}
	s.Asked++
	r := Request{ID: fmt.Sprintf("r%d", s.Asked), Party: m.Actor, Message: m.Message}
	s.Requests = append(s.Requests[:len(s.Requests):len(s.Requests)], r)
	return s, Record{Result: Waiting, Request: r.ID}, nil
}

func cancel(s Seat, m Move) (Seat, Record, error) {
	r, ok := s.of(m.Actor.Session)
	if m.Request != "" && m.Request != r.ID {
		if _, standing := s.find(m.Request); standing {
			return refuse(channels.CodeForbidden, NotYours, "request %.20s is somebody else's", m.Request)
		}
		ok = false
	}
	if !ok {
		return refuse(channels.CodeControl, NoRequest, "you have no such request in line: there is nothing to withdraw")
	}
	return s.without(m.Actor.Session), Record{Result: Withdrawn, Request: r.ID}, nil
}

// byOperator makes the moves that only the operator may make.
func byOperator(s Seat, m Move) (Seat, Record, error) {
	if s.Operator == nil {
		return refuse(channels.CodeControl, IsVacant, "nobody is in control: ask for it to get it")
	}
	if !s.HeldBy(m.Actor.Session) {
		return refuse(channels.CodeNotOperator, NotOperator,
			"%s is in control, only they may do that: ask for control or wait", s.Operator.label())
	}
	switch m.Do {
	case DoRelease:
		return s.vacated(), Record{Result: Emptied}, nil
	case DoGive:
		if m.To.Session == "" || m.To.User == "" {
			return refuse(channels.CodeInvalid, NoReceiver, "say which login session gets control")
		}
		if s.HeldBy(m.To.Session) {
			return refuse(channels.CodeControl, Yours, "you are in control already")
		}
		r, _ := s.of(m.To.Session)
		return s.seated(m.To), Record{Result: Seated, To: &m.To, Request: r.ID}, nil
	}
	r, ok := s.find(m.Request)
	if !ok {
		return refuse(channels.CodeControl, NoRequest,
			"request %.20q is not in line any more: it was withdrawn or answered", m.Request)
	}
	if m.Do == DoDeny {
		return s.without(r.Session), Record{Result: Denied, To: &r.Party, Request: r.ID}, nil
	}
	return s.seated(r.Party), Record{Result: Seated, To: &r.Party, Request: r.ID}, nil
}

func take(s Seat, m Move) (Seat, Record, error) {
	if s.HeldBy(m.Actor.Session) {
		return refuse(channels.CodeControl, Yours, "you are in control already")
	}
	samePerson := s.Operator != nil && s.Operator.User == m.Actor.User
	switch {
	case samePerson:
	case !m.Staff && s.Operator == nil:
		return refuse(channels.CodeControl, IsVacant, "nobody is in control: ask for it to get it")
	case !m.Staff:
		return refuse(channels.CodeForbidden, NotStaff,
			"%s is in control and only staff may take it from them: ask for control or wait", s.Operator.label())
	case strings.TrimSpace(m.Reason) == "":
		return refuse(channels.CodeInvalid, NoReason, "say why you take control: the operator is shown the reason")
	}
	return s.seated(m.Actor), Record{Result: Seated, To: &m.Actor}, nil
}

func link(s Seat, m Move) (Seat, Record, error) {
	if !s.HeldBy(m.Session) {
		return refuse(channels.CodeControl, NotOperator, "that login session is not the operator")
	}
	if (m.Do == DoLost) == (s.Lost != nil) {
		return refuse(channels.CodeControl, NoChange, "the operator's link is %s already", m.Do)
	}
	if m.Do == DoBack {
		s.Lost = nil
		return s, Record{Result: Returned, To: s.Operator}, nil
	}
	if m.Position == 0 {
		return refuse(channels.CodeInvalid, NoPosition, "a loss has the position at which it is committed")
	}
	s.Lost = &Lost{Position: m.Position}
	return s, Record{Result: Counting, To: s.Operator}, nil
}

func expired(s Seat, m Move) (Seat, Record, error) {
	if s.Lost == nil || s.Lost.Position != m.Position {
		return refuse(channels.CodeControl, NoChange,
			"the loss at position %d is over: the operator came back or changed", m.Position)
	}
	return s.vacated(), Record{Result: Emptied}, nil
}

func ended(s Seat, m Move) (Seat, Record, error) {
	if m.Session == "" {
		return refuse(channels.CodeInvalid, NoReceiver, "say which login session ended")
	}
	rec := Record{}
	if m.By != (Party{}) {
		rec = Record{Result: Ended, To: &m.To}
	}
	if r, ok := s.of(m.Session); ok {
		s = s.without(m.Session)
		rec = Record{Result: Withdrawn, To: &r.Party, Request: r.ID}
	}
	if s.HeldBy(m.Session) {
		rec = Record{Result: Emptied, To: s.Operator}
		s = s.vacated()
	}
	return s, rec, nil
}

// label is how a person is named in a sentence.
func (p Party) label() string {
	if p.Name != "" {
		return p.Name
	}
	return p.User
}
