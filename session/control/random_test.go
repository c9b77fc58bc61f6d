package control_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-hub/baton/session/control"
)

// schedule plays random moves on a machine and on the model, and returns the first difference or broken promise. draw
// returns a number from 0 to n-1.
func schedule(decide machine, steps int, draw func(n int) int) error {
	var seat control.Seat
	o := &model{ids: map[string]string{}}
	var ids []string       // ever given out, the stale ones too
	var positions []int    // of every loss
	var history []string   // to tell what went wrong
	used := map[int]bool{} // terms and who held them
	for step := range steps {
		m := randomMove(step, ids, positions, draw)
		before := clone(seat)
		after, record, err := decide(seat, m)
		history = append(history, fmt.Sprintf("%s %s%s %s%s", m.Do, m.Actor.Session, m.Session, m.Request, m.To.Session))
		if !reflect.DeepEqual(before, seat) {
			return fmt.Errorf("%v: the seat given was modified", history)
		}
		if broken := check(before, m, after, record, err); broken != nil {
			return fmt.Errorf("%v: %w", history, broken)
		}
		if allowed := o.play(m); allowed != (err == nil) {
			return fmt.Errorf("%v: the model allows it: %v, the machine says %w", history, allowed, err)
		}
		if differs := o.compare(after); differs != nil {
			return fmt.Errorf("%v: %w", history, differs)
		}
		for _, r := range after.Requests {
			if !slices.Contains(ids, r.ID) {
				ids = append(ids, r.ID)
			}
		}
		if after.Lost != nil && before.Lost == nil {
			positions = append(positions, int(after.Lost.Position))
		}
		if before.Term != after.Term {
			if used[int(after.Term)] {
				return fmt.Errorf("%v: term %d was there before", history, after.Term)
			}
			used[int(after.Term)] = true
		}
		seat = after
	}
	return nil
}

func randomMove(step int, ids []string, positions []int, draw func(n int) int) control.Move {
	m := control.Move{Do: verbs[draw(len(verbs))]}
	who := people[draw(len(people))]
	switch m.Do {
	case control.DoLost, control.DoBack, control.DoEnded, control.DoExpired:
		m.Session = who.Session
		m.Position = uint64(100 + step)
		if m.Do == control.DoExpired && len(positions) > 0 {
			m.Position = uint64(positions[len(positions)-1-draw(min(2, len(positions)))])
		}
		return m
	}
	m.Actor = who
	m.Staff = who == sam && draw(2) == 0
	if draw(3) > 0 {
		m.Reason = "because"
	}
	m.To = people[draw(len(people))]
	if n := len(ids); n > 0 && (m.Do != control.DoCancel || draw(2) == 0) {
		m.Request = ids[n-1-draw(min(4, n))]
	}
	return m
}

func TestRandomSchedulesAgreeWithTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "") }
		if err := schedule(control.Decide, rapid.IntRange(1, 120).Draw(t, "steps"), number); err != nil {
			t.Fatal(err)
		}
	})
}

// randomly plays many schedules, the same ones each time, and returns the first complaint.
func randomly(decide machine) error {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		if err := schedule(decide, 100, r.IntN); err != nil {
			return err
		}
	}
	return nil
}

func TestWrongMachinesAreCaught(t *testing.T) {
	if err := randomly(control.Decide); err != nil {
		t.Fatalf("the right machine is said to be wrong: %v", err)
	}
	// A mutant is the right machine with one rule broken.
	after := func(f func(before control.Seat, m control.Move, next *control.Seat)) machine {
		return func(s control.Seat, m control.Move) (control.Seat, control.Record, error) {
			next, r, err := control.Decide(s, m)
			if err == nil {
				next = clone(next)
				f(s, m, &next)
				r.Term = next.Term
			}
			return next, r, err
		}
	}
	before := func(f func(s *control.Seat, m *control.Move)) machine {
		return func(s control.Seat, m control.Move) (control.Seat, control.Record, error) {
			s = clone(s)
			f(&s, &m)
			return control.Decide(s, m)
		}
	}
	emptied := func(s control.Seat, next *control.Seat) bool { return s.Operator != nil && next.Operator == nil }
	mutants := map[string]machine{
		"release keeps the term": after(func(s control.Seat, m control.Move, next *control.Seat) {
			if m.Do == control.DoRelease {
				next.Term = s.Term
			}
		}),
		"the term rises with every move": after(func(s control.Seat, _ control.Move, next *control.Seat) { next.Term = s.Term + 1 }),
		"an empty seat goes to the first in line": after(func(s control.Seat, _ control.Move, next *control.Seat) {
			if emptied(s, next) && len(next.Requests) > 0 {
				p := next.Requests[0].Party
				next.Operator, next.Requests = &p, next.Requests[1:]
			}
		}),
		"a withdrawn id can be granted": before(func(s *control.Seat, m *control.Move) {
			if m.Do == control.DoGrant && m.Request != "" && len(s.Requests) == 0 {
				s.Requests = []control.Request{{ID: m.Request, Party: bob}}
			}
		}),
		"ids are used again": after(func(_ control.Seat, _ control.Move, next *control.Seat) { next.Asked = uint64(len(next.Requests)) }),
		"any loss expires": before(func(s *control.Seat, m *control.Move) {
			if m.Do == control.DoExpired && s.Lost != nil {
				m.Position = s.Lost.Position
			}
		}),
		"whoever asks long enough is seated": before(func(s *control.Seat, m *control.Move) {
			if m.Do == control.DoRequest && s.Lost != nil {
				s.Operator, s.Lost = nil, nil
			}
		}),
		"anybody takes": before(func(_ *control.Seat, m *control.Move) { m.Staff = true }),
		"staff take without a reason": before(func(_ *control.Seat, m *control.Move) {
			if m.Do == control.DoTake {
				m.Reason = "because"
			}
		}),
		"the end of a session leaves it in line": after(func(s control.Seat, m control.Move, next *control.Seat) {
			if m.Do == control.DoEnded {
				next.Requests = s.Requests
			}
		}),
		"the end of a session leaves it in the seat": after(func(s control.Seat, m control.Move, next *control.Seat) {
			if m.Do == control.DoEnded {
				next.Operator, next.Term, next.Lost = s.Operator, s.Term, s.Lost
			}
		}),
		"the next operator inherits the lost link": after(func(s control.Seat, m control.Move, next *control.Seat) {
			if m.Do == control.DoTake {
				next.Lost = s.Lost
			}
		}),
		"who is seated stays in line": after(func(s control.Seat, m control.Move, next *control.Seat) {
			if m.Do == control.DoGive {
				next.Requests = s.Requests
			}
		}),
		"the line is served from behind": after(func(_ control.Seat, _ control.Move, next *control.Seat) { slices.Reverse(next.Requests) }),
		"the same person elsewhere is the operator": before(func(s *control.Seat, m *control.Move) {
			if s.Operator != nil && s.Operator.User == m.Actor.User && m.Do == control.DoRelease {
				m.Actor = *s.Operator
			}
		}),
		"the journal forgets who was operator": func(s control.Seat, m control.Move) (control.Seat, control.Record, error) {
			next, r, err := control.Decide(s, m)
			r.Was = nil
			return next, r, err
		},
		"the seat given is modified": func(s control.Seat, m control.Move) (control.Seat, control.Record, error) {
			if len(s.Requests) > 0 {
				s.Requests[0].Message += "!"
			}
			return control.Decide(s, m)
		},
	}
	for name, wrong := range mutants {
		if err := randomly(wrong); err == nil {
			t.Errorf("nobody notices that %s", name)
		}
	}
}
