package session

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session/control"
)

// The keys of channels.ControlStore. Each fact has its own, so that its log time says since when it holds.
const (
	seatKey       = "seat"     // seatFact: changes whenever the term rises
	lostKey       = "lost"     // there while the operator's link is lost
	askedKey      = "asked"    // how many requests were ever made
	requestPrefix = "request/" // one for each request in the line
)

func controlRef(key string) channels.Ref {
	return channels.Ref{Channel: channels.ControlStore, Key: key}
}

type seatFact struct {
	Term     uint64         `json:"term"`
	Operator *control.Party `json:"operator"`
}

// A Seat is who is in control, as the log has it.
type Seat struct {
	Term     uint64
	Operator *Operator // nil: vacant
	Since    time.Time // log time of the last change of operator
	Lost     *LostLink // nil: the operator's link is up
	Requests []Request // the line, first come first
	asked    uint64
}

// An Operator is who is in control.
type Operator struct{ control.Party }

func (o *Operator) label() string {
	if o.Name != "" {
		return o.Name
	}
	return o.User
}

// LostLink says since when the operator's link is lost.
type LostLink struct {
	Position uint64
	At       time.Time
}

// A Request is one place in the line.
type Request struct {
	control.Request
	Since time.Time
}

// HeldBy reports whether the login session is the operator.
func (s Seat) HeldBy(id string) bool { return s.Operator != nil && s.Operator.Session == id }

// ReadSeat returns the seat.
func ReadSeat(v channels.View) Seat {
	var s Seat
	v.Range(channels.ControlStore, "", func(key string, value channels.Value) bool {
		switch {
		case key == seatKey:
			var f seatFact
			_ = json.Unmarshal(value.Data, &f) // written by writeSeat, as are the next
			s.Term, s.Since = f.Term, value.At
			if f.Operator != nil {
				s.Operator = &Operator{*f.Operator}
			}
		case key == lostKey:
			s.Lost = &LostLink{Position: value.Position, At: value.At}
		case key == askedKey:
			_ = json.Unmarshal(value.Data, &s.asked)
		case strings.HasPrefix(key, requestPrefix):
			r := Request{Since: value.At}
			_ = json.Unmarshal(value.Data, &r.Request)
			s.Requests = append(s.Requests, r)
		}
		return true
	})
	sortRequests(s.Requests)
	return s
}

// sortRequests puts the line in the order of asking: ids are r and a number that grows.
func sortRequests(requests []Request) {
	number := func(r Request) int {
		n, _ := strconv.Atoi(strings.TrimPrefix(r.ID, "r"))
		return n
	}
	slices.SortFunc(requests, func(a, b Request) int { return cmp.Compare(number(a), number(b)) })
}

// machine is the seat as package control knows it.
func (s Seat) machine() control.Seat {
	m := control.Seat{Term: s.Term, Asked: s.asked}
	if s.Operator != nil {
		m.Operator = &s.Operator.Party
	}
	if s.Lost != nil {
		m.Lost = &control.Lost{Position: s.Lost.Position}
	}
	for _, r := range s.Requests {
		m.Requests = append(m.Requests, r.Request)
	}
	return m
}

// writeSeat changes the keys of what is different, and no others: their log times mean something.
func writeSeat(d *channels.Draft, before, after control.Seat) {
	if before.Term != after.Term {
		d.Set(controlRef(seatKey), seatFact{after.Term, after.Operator})
	}
	switch {
	case after.Lost == nil:
		d.Delete(controlRef(lostKey))
	case before.Lost == nil || *before.Lost != *after.Lost:
		d.Set(controlRef(lostKey), struct {
			Session string `json:"session"`
		}{after.Operator.Session})
	}
	if before.Asked != after.Asked {
		d.Set(controlRef(askedKey), after.Asked)
	}
	standing := map[string]bool{}
	for _, r := range after.Requests {
		standing[r.ID] = true
		if _, ok := d.Get(controlRef(requestPrefix + r.ID)); !ok {
			d.Set(controlRef(requestPrefix+r.ID), r)
		}
	}
	for _, r := range before.Requests {
		if !standing[r.ID] {
			d.Delete(controlRef(requestPrefix + r.ID))
		}
	}
}
