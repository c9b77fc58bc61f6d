package control

import "slices"

// A Party is a person at one login session.
type Party struct {
	Session string `json:"session"`
	User    string `json:"user"`
	Name    string `json:"name,omitempty"`
}

// A Request is a place in the line.
type Request struct {
	ID string `json:"id"` // "r" and a number that is never used again in this seat
	Party
	Message string `json:"message,omitempty"`
}

// Lost says that the operator's link is lost.
type Lost struct {
	Position uint64 `json:"position"` // of the transaction that said so
}

// A Seat is the whole state of control. The zero Seat is vacant and was never taken.
type Seat struct {
	Term     uint64    // rises whenever Operator changes
	Operator *Party    // nil: vacant
	Lost     *Lost     // non-nil only while there is an operator
	Requests []Request // the line, first come first
	Asked    uint64    // how many requests were ever put in line: the number of the last one
}

// A State is the state of a seat in one word.
type State string

// The states of a seat.
const (
	Vacant State = "vacant"
	Held   State = "held"
	Away   State = "away" // held, and the operator's link is lost
)

// State returns the state of the seat.
func (s Seat) State() State {
	switch {
	case s.Operator == nil:
		return Vacant
	case s.Lost != nil:
		return Away
	default:
		return Held
	}
}

// HeldBy reports whether the login session is the operator.
func (s Seat) HeldBy(session string) bool {
	return s.Operator != nil && session != "" && s.Operator.Session == session
}

// find returns the request with the id.
func (s Seat) find(id string) (Request, bool) {
	i := slices.IndexFunc(s.Requests, func(r Request) bool { return r.ID == id })
	if i < 0 {
		return Request{}, false
	}
	return s.Requests[i], true
}

// of returns the request of the login session; each has at most one.
func (s Seat) of(session string) (Request, bool) {
	i := slices.IndexFunc(s.Requests, func(r Request) bool { return r.Session == session })
	if i < 0 {
		return Request{}, false
	}
	return s.Requests[i], true
}

// seated returns the seat with p as its operator. A request of p has been answered by that and leaves the line.
func (s Seat) seated(p Party) Seat {
	s = s.without(p.Session)
	s.Operator, s.Lost = &p, nil
	s.Term++
	return s
}

// vacated returns the seat without an operator. The line stands, and is granted nothing.
func (s Seat) vacated() Seat {
	s.Operator, s.Lost = nil, nil
	s.Term++
	return s
}

// without returns the seat without the request of the login session. The line of s itself is left as it is.
func (s Seat) without(session string) Seat {
	var line []Request
	for _, r := range s.Requests {
		if r.Session != session {
			line = append(line, r)
		}
	}
	s.Requests = line
	return s
}
