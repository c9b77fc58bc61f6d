package session

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session/control"
)

// sortRequests puts the line in the order of asking: ids are r and a number that grows.
func sortRequests(requests []Request) {
	number := func(r Request) int {
		n, _ := strconv.Atoi(strings.TrimPrefix(r.ID, "r"))
		return n
	}
	slices.SortFunc(requests, func(a, b Request) int { return cmp.Compare(number(a), number(b)) })
}

// SignIn puts a login session on record, if the policy admits it. It is the hub's own decision: the credentials have
// been checked, and nobody is signed in yet. The answer is the id of the login session.
type SignIn struct {
	Session string // the id that a new login session gets
	Record  Record
	// Resume is the hash of the token of the cookie that came along, see Logins.Presented; "" if none came. If it is on
	// record as the same person's, the person takes that login session up, with a new token, instead of meeting it as a
	// stranger. The log knows, even where the store has forgotten.
	Resume string
}

// Decide is the Decide of a SignIn. It refuses with channels.CodeSeatTaken or channels.CodeForbidden.
func (s SignIn) Decide(d *channels.Draft) (any, error) {
	if err := admits(d.Rules(), s.Record.Roles); err != nil {
		return nil, err
	}
	id := s.Session
	if old, ok := ByHash(d, s.Resume); ok && old.User == s.Record.User {
		id = old.ID
	}
	if others := otherPeople(d, s.Record.User); readPolicy(d.Rules()).OtherUser == Reject && len(others) > 0 {
		return nil, seatTaken(d, others)
	}
	d.Set(sessionRef(id), s.Record)
	return id, nil
}

// ByHash returns the login session with the token's hash.
func ByHash(v channels.View, hash string) (Session, bool) {
	all := All(v)
	i := slices.IndexFunc(all, func(one Session) bool { return one.Hash == hash })
	if hash == "" || i < 0 {
		return Session{}, false
	}
	return all[i], true
}

// TakeBack returns the hub's decision that undoes a sign-in that came to nothing: nobody has the cookie with the hash.
// A login session that was taken up gets its former token again, a new one ends.
func TakeBack(hash string, before *Session) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		now, ok := ByHash(d, hash)
		switch {
		case !ok:
			return nil, signedOut()
		case before != nil && before.ID == now.ID:
			d.Set(sessionRef(now.ID), before.Record)
			return nil, nil
		}
		return SignOut(now.ID)(d)
	}
}

// otherPeople lists the login sessions of others than the user. A service is no person: it takes nobody's place.
func otherPeople(v channels.View, user string) []Session {
	return slices.DeleteFunc(All(v), func(s Session) bool { return s.User == user || slices.Contains(s.Roles, "service") })
}

// seatTaken names the operator if there is one, or else who signed in first.
func seatTaken(v channels.View, others []Session) error {
	holder := slices.MinFunc(others, func(a, b Session) int { return a.Since.Compare(b.Since) })
	if seat := ReadSeat(v); seat.Operator != nil {
		if i := slices.IndexFunc(others, func(s Session) bool { return s.ID == seat.Operator.Session }); i >= 0 {
			holder = others[i]
		}
	}
	name := cmp.Or(holder.Name, holder.User)
	r := channels.Refuse(channels.CodeSeatTaken,
		"%s is signed in, and here one person is at a time: ask them to sign out, or sign in when they have", name)
	r.More = map[string]any{"holder": map[string]string{"user": holder.User, "name": name}, "since": holder.Since}
	return r
}

// SignOut returns the decision that ends a login session. Its seat falls vacant and its request leaves the line in the
// same transaction, so there is no position at which somebody who is signed out is in control.
func SignOut(id string) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		if _, ok := Find(d, id); !ok {
			return nil, signedOut()
		}
		_, err := move(d, control.Move{Do: control.DoEnded, Session: id})
		d.Delete(sessionRef(id))
		return nil, err
	}
}

// SignOutSome returns the decision that ends some login sessions, at most limit, and says how many.
func SignOutSome(limit int) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		some := All(d)
		some = some[:min(limit, len(some))]
		for _, s := range some {
			if _, err := SignOut(s.ID)(d); err != nil {
				return nil, err
			}
		}
		return len(some), nil
	}
}

// Lost returns the hub's decision that the operator, at the login session, has no connection any more.
func Lost(id string) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		return move(d, control.Move{Do: control.DoLost, Session: id, Position: d.Position()})
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
		return move(d, control.Move{Do: control.DoExpired, Position: position})
	}
}

// A Move is what somebody who is signed in does to the seat. See package control for the rules.
type Move struct {
	Do      string // request, cancel, grant, deny, give, release or take
	Request string // grant, deny: which; cancel: which, or "" for one's own
	Session string // give: the login session that gets control
	Message string // request: for the operator to read
	Reason  string // deny, take: for those who lose by it
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
		Staff: who.Has("staff") || who.Has("admin"), Request: m.Request, Message: m.Message, Reason: m.Reason,
	}
	if made.Do == control.DoGive {
		to, ok := Find(d, m.Session)
		if !ok {
			return nil, channels.Refuse(channels.CodeUnknownName, "the one to give control to is not signed in any more: choose another")
		}
		made.To = control.Party{Session: to.ID, User: to.User, Name: to.Name}
	}
	return move(d, made)
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
