package control_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session/control"
)

var verbs = []control.Verb{
	control.DoRequest, control.DoCancel, control.DoGrant, control.DoDeny, control.DoGive, control.DoRelease, control.DoTake,
	control.DoLost, control.DoBack, control.DoExpired, control.DoEnded,
}

var people = []control.Party{alice, alice2, bob, carol, sam}

func clone(s control.Seat) control.Seat {
	s.Requests = slices.Clone(s.Requests)
	if s.Operator != nil {
		p := *s.Operator
		s.Operator = &p
	}
	if s.Lost != nil {
		l := *s.Lost
		s.Lost = &l
	}
	return s
}

// A machine is control.Decide, or a wrong one.
type machine func(control.Seat, control.Move) (control.Seat, control.Record, error)

// check holds one step against the promises of the package, whatever the machine is made of.
func check(before control.Seat, m control.Move, after control.Seat, r control.Record, err error) error {
	var refusal *channels.Refusal
	was, is := sessionOf(before), sessionOf(after)
	switch {
	case err != nil && !errors.As(err, &refusal):
		return fmt.Errorf("%s: the error is no refusal: %w", m.Do, err)
	case err != nil && (refusal.Detail == "" || refusal.More["why"] == nil):
		return fmt.Errorf("%s: a refusal without a reason: %w", m.Do, err)
	case err != nil && !reflect.DeepEqual(before, after):
		return fmt.Errorf("%s: refused, and the seat has changed", m.Do)
	case err != nil:
		return nil
	case was == is && after.Term != before.Term:
		return fmt.Errorf("%s: the term moved from %d to %d and the operator did not", m.Do, before.Term, after.Term)
	case was != is && after.Term != before.Term+1:
		return fmt.Errorf("%s: the operator changed and the term went from %d to %d", m.Do, before.Term, after.Term)
	case is != was && is != "":
		return errors.Join(checkSeated(before, m, after), checkRecord(before, m, after, r), checkLine(before, m, after))
	case after.Operator == nil && after.Lost != nil:
		return fmt.Errorf("%s: a vacant seat has a lost link", m.Do)
	case is != was && m.Do != control.DoRelease && m.Do != control.DoExpired && m.Do != control.DoEnded:
		return fmt.Errorf("%s has emptied the seat", m.Do)
	case m.Do == control.DoEnded && (is == m.Session || slices.ContainsFunc(after.Requests, of(m.Session))):
		return fmt.Errorf("a session that ended is still there")
	}
	return errors.Join(checkRecord(before, m, after, r), checkLine(before, m, after))
}

func sessionOf(s control.Seat) string {
	if s.Operator == nil {
		return ""
	}
	return s.Operator.Session
}

func of(session string) func(control.Request) bool {
	return func(r control.Request) bool { return r.Session == session }
}

// checkSeated allows the four ways into the seat, and no other: nobody is seated by silence.
func checkSeated(before control.Seat, m control.Move, after control.Seat) error {
	who := *after.Operator
	asked := slices.ContainsFunc(before.Requests, func(r control.Request) bool { return r.ID == m.Request && r.Party == who })
	byOperator := before.Operator != nil && m.Actor == *before.Operator
	var right bool
	switch m.Do {
	case control.DoRequest:
		right = before.Operator == nil && who == m.Actor
	case control.DoGrant:
		right = byOperator && asked
	case control.DoGive:
		right = byOperator && who == m.To
	case control.DoTake:
		samePerson := before.Operator != nil && before.Operator.User == m.Actor.User
		right = who == m.Actor && (samePerson || m.Staff && m.Reason != "")
	}
	switch {
	case !right:
		return fmt.Errorf("%s by %q has seated %s, on %s", m.Do, m.Actor.User, who.Session, before.State())
	case after.Lost != nil:
		return fmt.Errorf("%s: the new operator's link is lost from the start", m.Do)
	case slices.ContainsFunc(after.Requests, of(who.Session)):
		return fmt.Errorf("%s: the operator is in line behind themselves", m.Do)
	}
	return nil
}

// checkLine holds the line to its order, its ids and its members.
func checkLine(before control.Seat, m control.Move, after control.Seat) error {
	sessions := map[string]bool{}
	for i, r := range after.Requests {
		if sessions[r.Session] {
			return fmt.Errorf("%s: %s is in line twice", m.Do, r.Session)
		}
		sessions[r.Session] = true
		if slices.Contains(before.Requests, r) {
			continue
		}
		switch {
		case m.Do != control.DoRequest || r.Party != m.Actor || before.Operator == nil:
			return fmt.Errorf("%s by %s has put %s in line", m.Do, m.Actor.Session, r.Session)
		case i != len(after.Requests)-1:
			return fmt.Errorf("%s: %s has jumped the line", m.Do, r.Session)
		case r.ID != fmt.Sprintf("r%d", before.Asked+1) || after.Asked != before.Asked+1:
			return fmt.Errorf("%s: the id %s was used, or is not counted", m.Do, r.ID)
		}
	}
	if after.Asked < before.Asked {
		return fmt.Errorf("%s: the count of requests fell", m.Do)
	}
	return nil
}

// checkRecord holds the journal to what happened.
func checkRecord(before control.Seat, m control.Move, after control.Seat, r control.Record) error {
	changed := !reflect.DeepEqual(before, after)
	switch {
	case changed != (r.Result != control.Nothing):
		return fmt.Errorf("%s: changed is %v, and the record says %q", m.Do, changed, r.Result)
	case r.Do != m.Do || r.Term != after.Term || r.Session != m.Actor.Session || r.User != m.Actor.User:
		return fmt.Errorf("%s: the record is of something else: %+v", m.Do, r)
	case before.Term != after.Term && !reflect.DeepEqual(r.Was, before.Operator):
		return fmt.Errorf("%s: the record does not say who was operator", m.Do)
	case after.Operator != nil && before.Term != after.Term && (r.To == nil || *r.To != *after.Operator):
		return fmt.Errorf("%s: the record does not say who is operator", m.Do)
	}
	return nil
}

// A model is the seat written down another way: words about sessions, no code shared with the machine.
type model struct {
	term  uint64
	in    string            // session of the operator
	lost  uint64            // position, 0 = not lost
	line  []string          // sessions
	ids   map[string]string // session -> request id
	asked int
}

// may says whether the move is allowed, and plays it.
func (o *model) play(m control.Move) (allowed bool) {
	me, user := m.Actor.Session, m.Actor.User
	seat := func(session string) bool {
		o.drop(session)
		o.in, o.lost = session, 0
		o.term++
		return true
	}
	owner := ""
	for session, id := range o.ids {
		if id == m.Request {
			owner = session
		}
	}
	switch m.Do {
	case control.DoRequest:
		switch {
		case me == o.in || o.in != "" && o.ids[me] != "":
			return false
		case o.in == "":
			return seat(me)
		}
		o.asked++
		o.line, o.ids[me] = append(o.line, me), fmt.Sprintf("r%d", o.asked)
		return true
	case control.DoCancel:
		if o.ids[me] == "" || m.Request != "" && owner != me {
			return false
		}
		o.drop(me)
		return true
	case control.DoGrant:
		return me == o.in && owner != "" && seat(owner)
	case control.DoDeny:
		if me != o.in || owner == "" {
			return false
		}
		o.drop(owner)
		return true
	case control.DoGive:
		return me == o.in && m.To.Session != me && seat(m.To.Session)
	case control.DoRelease:
		return me == o.in && seat("")
	case control.DoTake:
		return me != o.in && (o.in != "" && userOf(o.in) == user || m.Staff && m.Reason != "") && seat(me)
	case control.DoLost:
		if m.Session != o.in || o.in == "" || o.lost != 0 {
			return false
		}
		o.lost = m.Position
		return true
	case control.DoBack:
		if m.Session != o.in || o.lost == 0 {
			return false
		}
		o.lost = 0
		return true
	case control.DoExpired:
		return o.lost != 0 && o.lost == m.Position && seat("")
	case control.DoEnded:
		o.drop(m.Session)
		return m.Session != o.in || seat("")
	}
	panic("no such verb: " + m.Do)
}

func (o *model) drop(session string) {
	delete(o.ids, session)
	o.line = slices.DeleteFunc(o.line, func(s string) bool { return s == session })
}

func (o *model) compare(s control.Seat) error {
	var is strings.Builder
	fmt.Fprintf(&is, "term %d operator %q", s.Term, sessionOf(s))
	if s.Lost != nil {
		fmt.Fprintf(&is, " lost %d", s.Lost.Position)
	}
	for _, r := range s.Requests {
		fmt.Fprintf(&is, " %s:%s", r.ID, r.Session)
	}
	var want strings.Builder
	fmt.Fprintf(&want, "term %d operator %q", o.term, o.in)
	if o.lost != 0 {
		fmt.Fprintf(&want, " lost %d", o.lost)
	}
	for _, session := range o.line {
		fmt.Fprintf(&want, " %s:%s", o.ids[session], session)
	}
	if is.String() != want.String() {
		return fmt.Errorf("the seat is %s, the model says %s", &is, &want)
	}
	return nil
}

func userOf(session string) string {
	for _, p := range people {
		if p.Session == session {
			return p.User
		}
	}
	return ""
}
