package check_test

import (
	"fmt"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session/control"
)

func TestNobodyGetsTheSeatButByRight(t *testing.T) {
	party := func(user string) *control.Party { return &control.Party{Session: "s-" + user, User: user} }
	// sits changes the operator, with a record.
	sits := func(op, by string, do control.Verb, term uint64, to string, more ...change) channels.Transaction {
		r := control.Record{Do: do, Term: term, Result: control.Seated, Reason: "because", Request: "r1"}
		if to == "" {
			r.Result = control.Emptied
		} else {
			r.To = party(to)
		}
		return tx(op, by, append([]change{seat(term, to), journal(r)}, more...)...)
	}
	asks := tx("c2ab.1", "bob", set(channels.ControlStore, "request/r1", `{"id":"r1","session":"s-bob","user":"bob"}`))
	lost := tx("hub-1.5", "", set(channels.ControlStore, "lost", `{"session":"s-alice"}`))
	alice := takes("c1ab.1", "alice", 1)
	out := del(channels.SessionsStore, "s-alice")
	for name, c := range map[string]struct {
		log   []channels.Transaction
		finds []string
	}{
		"asked for and granted": {[]channels.Transaction{alice, asks, sits("c1ab.2", "alice", "grant", 2, "bob")}, nil},
		"given":                 {[]channels.Transaction{alice, sits("c1ab.2", "alice", "give", 2, "bob")}, nil},
		"released":              {[]channels.Transaction{alice, sits("c1ab.2", "alice", "release", 2, ""), takes("c2ab.1", "bob", 3)}, nil},
		"taken by staff":        {[]channels.Transaction{alice, sits("c3ab.2", "sam", "take", 2, "sam")}, nil},
		"lost, and expired":     {[]channels.Transaction{alice, lost, sits("hub-1.6", "", "expired", 2, "")}, nil},
		"signed out":            {[]channels.Transaction{alice, sits("hub-1.6", "", "ended", 2, "", out)}, nil},

		"without a record":           {[]channels.Transaction{tx("c1ab.1", "alice", seat(1, "alice"))}, []string{"no record says why"}},
		"a record of another term":   {[]channels.Transaction{tx("c1ab.1", "alice", seat(1, "alice"), journal(control.Record{Do: "request", Result: control.Seated, Term: 2}))}, []string{"no record says why"}},
		"the term stays":             {[]channels.Transaction{alice, sits("c1ab.2", "alice", "give", 1, "bob")}, []string{"the term before was 1"}},
		"asked for while taken":      {[]channels.Transaction{alice, takes("c2ab.1", "bob", 2)}, []string{"a request seats who makes it if the seat is vacant"}},
		"asked for by another":       {[]channels.Transaction{sits("c2ab.1", "bob", "request", 1, "alice")}, []string{"a request seats who makes it"}},
		"seated by a page load":      {[]channels.Transaction{sits("hub-1.6", "", "request", 1, "alice")}, []string{"a request seats who makes it"}},
		"given by silence":           {[]channels.Transaction{alice, asks, lost, sits("hub-1.6", "", "expired", 2, "bob")}, []string{"the seat of an operator who was lost falls vacant, and no other"}},
		"granted by the hub":         {[]channels.Transaction{alice, asks, sits("hub-1.6", "", "grant", 2, "bob")}, []string{"may grant a request that stands"}},
		"granted to another":         {[]channels.Transaction{alice, asks, sits("c1ab.2", "alice", "grant", 2, "sam")}, []string{"may grant a request that stands"}},
		"granted without a request":  {[]channels.Transaction{alice, sits("c1ab.2", "alice", "grant", 2, "bob")}, []string{"may grant a request that stands"}},
		"granted by another":         {[]channels.Transaction{alice, asks, sits("c2ab.2", "bob", "grant", 2, "bob")}, []string{"may grant a request that stands"}},
		"given by another":           {[]channels.Transaction{alice, sits("c2ab.2", "bob", "give", 2, "bob")}, []string{"only the operator gives control"}},
		"released to somebody":       {[]channels.Transaction{alice, sits("c1ab.2", "alice", "release", 2, "bob")}, []string{"only the operator releases control"}},
		"released by another":        {[]channels.Transaction{alice, sits("c2ab.2", "bob", "release", 2, "")}, []string{"only the operator releases control"}},
		"taken by no staff":          {[]channels.Transaction{alice, sits("c2ab.2", "bob", "take", 2, "bob")}, []string{"who is not staff ([user]) takes control"}},
		"taken without a reason":     {[]channels.Transaction{alice, tx("c3ab.2", "sam", seat(2, "sam"), journal(control.Record{Do: "take", Result: control.Seated, Term: 2}))}, []string{"without a reason"}},
		"taken for another":          {[]channels.Transaction{alice, sits("c3ab.2", "sam", "take", 2, "bob")}, []string{"who takes control gets it"}},
		"expired and not lost":       {[]channels.Transaction{alice, sits("hub-1.6", "", "expired", 2, "")}, []string{"falls vacant, and no other"}},
		"ended and not signed out":   {[]channels.Transaction{alice, sits("hub-1.6", "", "ended", 2, "")}, []string{"the seat of who is signed out falls vacant"}},
		"a denial seats":             {[]channels.Transaction{alice, sits("c1ab.2", "alice", "deny", 2, "bob")}, []string{`"deny" does not change the operator`}},
		"signed out and still there": {[]channels.Transaction{alice, tx("hub-1.6", "", out)}, []string{`"s-alice" is operator, and not signed in`}},
		"given to who is not there":  {[]channels.Transaction{alice, sits("c1ab.2", "alice", "give", 2, "carol")}, []string{`"s-carol" is operator, and not signed in`}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			for user, role := range map[string]string{"alice": "user", "bob": "user", "sam": "staff"} {
				r.commit(tx("hub-"+user+".1", "", set(channels.SessionsStore, "s-"+user, fmt.Sprintf(`{"user":%q,"roles":[%q]}`, user, role))))
			}
			for _, one := range c.log {
				r.commit(one)
			}
			r.find("G5", c.finds...)
		})
	}
}
