package control_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session/control"
)

var (
	alice  = control.Party{Session: "a1", User: "alice", Name: "Alice"}
	alice2 = control.Party{Session: "a2", User: "alice", Name: "Alice"}
	bob    = control.Party{Session: "b1", User: "bob"}
	carol  = control.Party{Session: "c1", User: "carol"}
	sam    = control.Party{Session: "s1", User: "sam"}
	nobody = control.Party{}
)

// The states of the table: alice is the operator where there is one; bob and then carol stand in every second line.
var seats = map[string]control.Seat{
	"vacant":      {Term: 4},
	"vacant+line": {Term: 4, Asked: 2, Requests: line(bob, carol)},
	"held":        {Term: 5, Operator: &alice},
	"held+line":   {Term: 5, Operator: &alice, Asked: 2, Requests: line(bob, carol)},
	"away":        {Term: 5, Operator: &alice, Lost: &control.Lost{Position: 70}},
	"away+line":   {Term: 5, Operator: &alice, Lost: &control.Lost{Position: 70}, Asked: 2, Requests: line(bob, carol)},
}

var columns = []string{"vacant", "vacant+line", "held", "held+line", "away", "away+line"}

func line(who ...control.Party) (requests []control.Request) {
	for i, p := range who {
		requests = append(requests, control.Request{ID: "r" + string(rune('1'+i)), Party: p, Message: "please"})
	}
	return requests
}

// TestEveryVerbInEveryState holds what each move does in each state. A cell is the seat afterwards (term, operator, ~ if
// the link is lost, line), "=" for the seat as it was and no record, or the reason of the refusal.
func TestEveryVerbInEveryState(t *testing.T) {
	as := func(p control.Party, do control.Verb) control.Move { return control.Move{Do: do, Actor: p} }
	with := func(m control.Move, f func(*control.Move)) control.Move { f(&m); return m }
	id := func(m control.Move, id string) control.Move { m.Request = id; return m }
	why := func(m control.Move) control.Move { m.Reason = "the crane"; return m }
	staff := func(m control.Move) control.Move { m.Staff = true; return m }
	to := func(m control.Move, p control.Party) control.Move { m.To = p; return m }
	of := func(do control.Verb, session string) control.Move { return control.Move{Do: do, Session: session} }
	at := func(m control.Move, position uint64) control.Move { m.Position = position; return m }
	same := func(cell string) []string { return []string{cell, cell, cell, cell, cell, cell} }

	rows := []struct {
		name string
		move control.Move
		want []string // by columns
	}{
		//                                                         vacant        vacant+line         held            held+line             away             away+line
		{"the operator requests", as(alice, "request"), []string{"5 a1", "5 a1 r1:b1 r2:c1", "!yours", "!yours", "!yours", "!yours"}},
		{"somebody requests", as(sam, "request"), []string{"5 s1", "5 s1 r1:b1 r2:c1", "5 a1 r1:s1", "5 a1 r1:b1 r2:c1 r3:s1", "5 a1~ r1:s1", "5 a1~ r1:b1 r2:c1 r3:s1"}},
		{"the first in line requests", as(bob, "request"), []string{"5 b1", "5 b1 r2:c1", "5 a1 r1:b1", "!asked", "5 a1~ r1:b1", "!asked"}},
		{"the second in line requests", as(carol, "request"), []string{"5 c1", "5 c1 r1:b1", "5 a1 r1:c1", "!asked", "5 a1~ r1:c1", "!asked"}},
		{"the same person elsewhere requests", as(alice2, "request"), []string{"5 a2", "5 a2 r1:b1 r2:c1", "5 a1 r1:a2", "5 a1 r1:b1 r2:c1 r3:a2", "5 a1~ r1:a2", "5 a1~ r1:b1 r2:c1 r3:a2"}},
		{"staff request", staff(as(sam, "request")), []string{"5 s1", "5 s1 r1:b1 r2:c1", "5 a1 r1:s1", "5 a1 r1:b1 r2:c1 r3:s1", "5 a1~ r1:s1", "5 a1~ r1:b1 r2:c1 r3:s1"}},
		{"the hub requests", as(nobody, "request"), same("!no_actor")},
		{"somebody without an account requests", as(control.Party{Session: "x1"}, "request"), same("!no_actor")},

		{"one in line cancels", as(bob, "cancel"), []string{"!no_request", "4 - r2:c1", "!no_request", "5 a1 r2:c1", "!no_request", "5 a1~ r2:c1"}},
		{"one in line cancels by id", id(as(carol, "cancel"), "r2"), []string{"!no_request", "4 - r1:b1", "!no_request", "5 a1 r1:b1", "!no_request", "5 a1~ r1:b1"}},
		{"one in line cancels another's", id(as(bob, "cancel"), "r2"), []string{"!no_request", "!not_yours", "!no_request", "!not_yours", "!no_request", "!not_yours"}},
		{"one in line cancels what is not there", id(as(bob, "cancel"), "r9"), same("!no_request")},
		{"the operator cancels", as(alice, "cancel"), same("!no_request")},
		{"the operator cancels another's", id(as(alice, "cancel"), "r1"), []string{"!no_request", "!not_yours", "!no_request", "!not_yours", "!no_request", "!not_yours"}},
		{"the hub cancels", as(nobody, "cancel"), same("!no_actor")},

		{"the operator grants", id(as(alice, "grant"), "r2"), []string{"!vacant", "!vacant", "!no_request", "6 c1 r1:b1", "!no_request", "6 c1 r1:b1"}},
		{"the operator grants what is not there", id(as(alice, "grant"), "r9"), []string{"!vacant", "!vacant", "!no_request", "!no_request", "!no_request", "!no_request"}},
		{"the operator grants nothing", as(alice, "grant"), []string{"!vacant", "!vacant", "!no_request", "!no_request", "!no_request", "!no_request"}},
		{"one in line grants", id(as(bob, "grant"), "r1"), []string{"!vacant", "!vacant", "!not_operator", "!not_operator", "!not_operator", "!not_operator"}},
		{"the same person elsewhere grants", id(as(alice2, "grant"), "r1"), []string{"!vacant", "!vacant", "!not_operator", "!not_operator", "!not_operator", "!not_operator"}},
		{"staff grant", id(staff(as(sam, "grant")), "r1"), []string{"!vacant", "!vacant", "!not_operator", "!not_operator", "!not_operator", "!not_operator"}},
		{"the hub grants", id(as(nobody, "grant"), "r1"), same("!no_actor")},

		{"the operator denies", id(as(alice, "deny"), "r1"), []string{"!vacant", "!vacant", "!no_request", "5 a1 r2:c1", "!no_request", "5 a1~ r2:c1"}},
		{"the operator denies with a reason", id(why(as(alice, "deny")), "r2"), []string{"!vacant", "!vacant", "!no_request", "5 a1 r1:b1", "!no_request", "5 a1~ r1:b1"}},
		{"the operator denies what is not there", id(as(alice, "deny"), "r9"), []string{"!vacant", "!vacant", "!no_request", "!no_request", "!no_request", "!no_request"}},
		{"one in line denies", id(as(bob, "deny"), "r2"), []string{"!vacant", "!vacant", "!not_operator", "!not_operator", "!not_operator", "!not_operator"}},
		{"the hub denies", id(as(nobody, "deny"), "r1"), same("!no_actor")},

		{"the operator gives", to(as(alice, "give"), sam), []string{"!vacant", "!vacant", "6 s1", "6 s1 r1:b1 r2:c1", "6 s1", "6 s1 r1:b1 r2:c1"}},
		{"the operator gives to one in line", to(as(alice, "give"), carol), []string{"!vacant", "!vacant", "6 c1", "6 c1 r1:b1", "6 c1", "6 c1 r1:b1"}},
		{"the operator gives to their other self", to(as(alice, "give"), alice2), []string{"!vacant", "!vacant", "6 a2", "6 a2 r1:b1 r2:c1", "6 a2", "6 a2 r1:b1 r2:c1"}},
		{"the operator gives to themselves", to(as(alice, "give"), alice), []string{"!vacant", "!vacant", "!yours", "!yours", "!yours", "!yours"}},
		{"the operator gives to nobody", as(alice, "give"), []string{"!vacant", "!vacant", "!no_receiver", "!no_receiver", "!no_receiver", "!no_receiver"}},
		{"somebody gives", to(as(bob, "give"), bob), []string{"!vacant", "!vacant", "!not_operator", "!not_operator", "!not_operator", "!not_operator"}},
		{"the hub gives", to(as(nobody, "give"), bob), same("!no_actor")},

		{"the operator releases", as(alice, "release"), []string{"!vacant", "!vacant", "6 -", "6 - r1:b1 r2:c1", "6 -", "6 - r1:b1 r2:c1"}},
		{"somebody releases", as(bob, "release"), []string{"!vacant", "!vacant", "!not_operator", "!not_operator", "!not_operator", "!not_operator"}},
		{"the same person elsewhere releases", as(alice2, "release"), []string{"!vacant", "!vacant", "!not_operator", "!not_operator", "!not_operator", "!not_operator"}},
		{"staff release", staff(as(sam, "release")), []string{"!vacant", "!vacant", "!not_operator", "!not_operator", "!not_operator", "!not_operator"}},
		{"the hub releases", as(nobody, "release"), same("!no_actor")},

		{"staff take", staff(why(as(sam, "take"))), []string{"5 s1", "5 s1 r1:b1 r2:c1", "6 s1", "6 s1 r1:b1 r2:c1", "6 s1", "6 s1 r1:b1 r2:c1"}},
		{"staff in line take", staff(why(as(carol, "take"))), []string{"5 c1", "5 c1 r1:b1", "6 c1", "6 c1 r1:b1", "6 c1", "6 c1 r1:b1"}},
		{"staff take without a reason", staff(as(sam, "take")), same("!no_reason")},
		{"staff take with a reason of spaces", staff(with(as(sam, "take"), func(m *control.Move) { m.Reason = " \t" })), same("!no_reason")},
		{"somebody takes", why(as(bob, "take")), []string{"!vacant", "!vacant", "!not_staff", "!not_staff", "!not_staff", "!not_staff"}},
		{"the same person elsewhere takes", as(alice2, "take"), []string{"!vacant", "!vacant", "6 a2", "6 a2 r1:b1 r2:c1", "6 a2", "6 a2 r1:b1 r2:c1"}},
		{"the operator takes", why(as(alice, "take")), []string{"!vacant", "!vacant", "!yours", "!yours", "!yours", "!yours"}},
		{"the operator, staff, takes", staff(why(as(alice, "take"))), []string{"5 a1", "5 a1 r1:b1 r2:c1", "!yours", "!yours", "!yours", "!yours"}},
		{"the hub takes", staff(why(as(nobody, "take"))), same("!no_actor")},

		{"the operator is lost", at(of("lost", "a1"), 90), []string{"!not_operator", "!not_operator", "5 a1~", "5 a1~ r1:b1 r2:c1", "!no_change", "!no_change"}},
		{"another is lost", at(of("lost", "b1"), 90), same("!not_operator")},
		{"the operator's other self is lost", at(of("lost", "a2"), 90), same("!not_operator")},
		{"nobody is lost", at(of("lost", ""), 90), same("!not_operator")},
		{"the operator is lost nowhere", of("lost", "a1"), []string{"!not_operator", "!not_operator", "!no_position", "!no_position", "!no_change", "!no_change"}},
		{"somebody says lost", with(at(of("lost", "a1"), 90), func(m *control.Move) { m.Actor = bob }), same("!hub_only")},

		{"the operator is back", of("back", "a1"), []string{"!not_operator", "!not_operator", "!no_change", "!no_change", "5 a1", "5 a1 r1:b1 r2:c1"}},
		{"another is back", of("back", "b1"), same("!not_operator")},
		{"the operator says back", with(of("back", "a1"), func(m *control.Move) { m.Actor = alice }), same("!hub_only")},

		{"the loss expires", at(of("expired", ""), 70), []string{"!no_change", "!no_change", "!no_change", "!no_change", "6 -", "6 - r1:b1 r2:c1"}},
		{"an earlier loss expires", at(of("expired", ""), 69), same("!no_change")},
		{"no loss expires", of("expired", ""), same("!no_change")},
		{"one in line says expired", with(at(of("expired", ""), 70), func(m *control.Move) { m.Actor = bob }), same("!hub_only")},

		{"the operator's session ends", of("ended", "a1"), []string{"=", "=", "6 -", "6 - r1:b1 r2:c1", "6 -", "6 - r1:b1 r2:c1"}},
		{"a session in line ends", of("ended", "b1"), []string{"=", "4 - r2:c1", "=", "5 a1 r2:c1", "=", "5 a1~ r2:c1"}},
		{"another session ends", of("ended", "s1"), same("=")},
		{"no session ends", of("ended", ""), same("!no_receiver")},
		{"somebody says ended", with(of("ended", "a1"), func(m *control.Move) { m.Actor = bob }), same("!hub_only")},

		{"an unknown verb", as(alice, "grab"), same("!no_verb")},
		{"no verb", as(alice, ""), same("!no_verb")},
		{"a long message", with(as(bob, "request"), func(m *control.Move) { m.Message = strings.Repeat("x", control.MaxText+1) }), same("!too_long")},
		{"a long reason", with(staff(as(sam, "take")), func(m *control.Move) { m.Reason = strings.Repeat("x", control.MaxText+1) }), same("!too_long")},
	}
	tried := map[control.Verb]bool{}
	for _, row := range rows {
		tried[row.move.Do] = true
		for i, state := range columns {
			before := seats[state]
			got := outcome(t, before, row.move)
			if want := row.want[i]; got != want {
				t.Errorf("%s, %s: got %q, want %q", state, row.name, got, want)
			}
		}
	}
	for _, verb := range verbs {
		if !tried[verb] {
			t.Errorf("the table has no row for %s", verb)
		}
	}
}

// outcome makes the move and says what came of it, as a cell of the table.
func outcome(t *testing.T, before control.Seat, m control.Move) string {
	t.Helper()
	untouched := clone(before)
	after, record, err := control.Decide(before, m)
	if !reflect.DeepEqual(before, untouched) {
		t.Errorf("%s has modified the seat that it was given", m.Do)
	}
	if err := check(before, m, after, record, err); err != nil {
		t.Error(err)
	}
	var refusal *channels.Refusal
	switch {
	case errors.As(err, &refusal):
		return "!" + string(refusal.More["why"].(control.Why))
	case err != nil:
		return err.Error()
	case reflect.DeepEqual(before, after) && record.Result == control.Nothing:
		return "="
	}
	return text(after)
}

func text(s control.Seat) string {
	var b strings.Builder
	b.WriteByte(byte('0' + s.Term))
	switch s.State() {
	case control.Vacant:
		b.WriteString(" -")
	case control.Held:
		b.WriteString(" " + s.Operator.Session)
	case control.Away:
		b.WriteString(" " + s.Operator.Session + "~")
	}
	for _, r := range s.Requests {
		b.WriteString(" " + r.ID + ":" + r.Session)
	}
	return b.String()
}

// TestRecordsNameCauseAndActor holds what the journal keeps of each verb that changes something.
func TestRecordsNameCauseAndActor(t *testing.T) {
	for _, c := range []struct {
		state string
		move  control.Move
		want  string
	}{
		{"vacant", control.Move{Do: "request", Actor: bob, Message: "me"}, `{"do":"request","result":"seated","session":"b1","user":"bob","term":5,"to":{"session":"b1","user":"bob"},"message":"me"}`},
		{"held", control.Move{Do: "request", Actor: bob, Message: "me"}, `{"do":"request","result":"waiting","session":"b1","user":"bob","term":5,"request":"r1","message":"me"}`},
		{"held+line", control.Move{Do: "cancel", Actor: bob}, `{"do":"cancel","result":"withdrawn","session":"b1","user":"bob","term":5,"request":"r1"}`},
		{"held+line", control.Move{Do: "grant", Actor: alice, Request: "r1"}, `{"do":"grant","result":"seated","session":"a1","user":"alice","name":"Alice","term":6,"was":{"session":"a1","user":"alice","name":"Alice"},"to":{"session":"b1","user":"bob"},"request":"r1"}`},
		{"held+line", control.Move{Do: "deny", Actor: alice, Request: "r2", Reason: "soon"}, `{"do":"deny","result":"denied","session":"a1","user":"alice","name":"Alice","term":5,"to":{"session":"c1","user":"carol"},"request":"r2","reason":"soon"}`},
		{"held+line", control.Move{Do: "give", Actor: alice, To: carol}, `{"do":"give","result":"seated","session":"a1","user":"alice","name":"Alice","term":6,"was":{"session":"a1","user":"alice","name":"Alice"},"to":{"session":"c1","user":"carol"},"request":"r2"}`},
		{"held", control.Move{Do: "release", Actor: alice}, `{"do":"release","result":"vacant","session":"a1","user":"alice","name":"Alice","term":6,"was":{"session":"a1","user":"alice","name":"Alice"}}`},
		{"away", control.Move{Do: "take", Actor: sam, Staff: true, Reason: "fire"}, `{"do":"take","result":"seated","session":"s1","user":"sam","term":6,"was":{"session":"a1","user":"alice","name":"Alice"},"to":{"session":"s1","user":"sam"},"reason":"fire"}`},
		{"held", control.Move{Do: "lost", Session: "a1", Position: 9}, `{"do":"lost","result":"lost","term":5,"to":{"session":"a1","user":"alice","name":"Alice"}}`},
		{"away", control.Move{Do: "back", Session: "a1"}, `{"do":"back","result":"back","term":5,"to":{"session":"a1","user":"alice","name":"Alice"}}`},
		{"away", control.Move{Do: "expired", Position: 70}, `{"do":"expired","result":"vacant","term":6,"was":{"session":"a1","user":"alice","name":"Alice"}}`},
		{"away", control.Move{Do: "ended", Session: "a1"}, `{"do":"ended","result":"vacant","term":6,"was":{"session":"a1","user":"alice","name":"Alice"},"to":{"session":"a1","user":"alice","name":"Alice"}}`},
		{"held+line", control.Move{Do: "ended", Session: "b1"}, `{"do":"ended","result":"withdrawn","term":5,"to":{"session":"b1","user":"bob"},"request":"r1"}`},
	} {
		_, record, err := control.Decide(seats[c.state], c.move)
		if err != nil {
			t.Errorf("%s, %s: %v", c.state, c.move.Do, err)
			continue
		}
		if got, _ := json.Marshal(record); string(got) != c.want {
			t.Errorf("%s, %s:\n got %s\nwant %s", c.state, c.move.Do, got, c.want)
		}
	}
}

// TestRefusalsNameTheHolderAndTheWayOn reads what a person who may not act is told.
func TestRefusalsNameTheHolderAndTheWayOn(t *testing.T) {
	for _, c := range []struct {
		state string
		move  control.Move
		says  string
	}{
		{"held", control.Move{Do: "release", Actor: bob}, "Alice is in control"},
		{"held", control.Move{Do: "take", Actor: bob}, "ask for control or wait"},
		{"vacant", control.Move{Do: "take", Actor: bob}, "ask for it"},
		{"held+line", control.Move{Do: "request", Actor: bob}, "you have asked already (r1): wait for Alice"},
	} {
		_, _, err := control.Decide(seats[c.state], c.move)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, %s by %s: got %v, want it to say %q", c.state, c.move.Do, c.move.Actor.User, err, c.says)
		}
	}
}
