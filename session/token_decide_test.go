package session_test

import (
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// passport is what a JWT of another issuer says.
func passport(user string, life time.Duration) session.Passport {
	return session.Passport{
		Issuer: "office", Signed: "head." + user, Person: session.Identity{User: user, Roles: []string{"user"}}, Expires: time.Now().Add(life),
	}
}

// identified is what the log says of a login session or token.
func (h *hall) identified(id string) (who channels.Who, err error) {
	h.Read(func(s *channels.State) { who, err = session.Authority{}.Identify(s, id) })
	return who, err
}

func TestATokenOfAnotherIssuerThatEndedStaysOutUntilItHasExpired(t *testing.T) {
	h := openHall(t, session.Observe)
	p := passport("alice", time.Hour)
	admit := func() channels.Outcome { return h.House(t.Context(), session.Admit{Passport: p}.Decide) }
	h.must(admit())
	h.must(admit()) // on two nodes at once
	if who, err := h.identified(p.ID()); err != nil || who.User != "alice" {
		t.Fatalf("it is of %+v, %v", who, err)
	}
	h.must(h.House(t.Context(), session.Revoke(p.ID())))
	h.refused(channels.CodeSignedOut, admit)
	if _, err := h.identified(p.ID()); !channels.IsCode(err, channels.CodeSignedOut) {
		t.Errorf("it ended, and identifies somebody: %v", err)
	}
	overdue := func(at time.Time) (ids []string) {
		h.Read(func(s *channels.State) { ids = session.Overdue(s, at, 10) })
		return ids
	}
	if ids := overdue(p.Expires); len(ids) != 0 {
		t.Errorf("as soon as it has expired it is forgotten that it ended: %v", ids)
	}
	if ids := overdue(p.Expires.Add(2 * time.Minute)); len(ids) != 1 {
		t.Errorf("it is never forgotten: %v", ids)
	}
	// A node whose clock is behind still takes it for good. The log does not.
	p = passport("alice", -time.Minute)
	h.must(h.House(t.Context(), session.ExpireTokens([]string{p.ID()})))
	h.refused(channels.CodeSignedOut, admit)
}

func TestTokensOfAnIssuerThatIsNotTrustedAnyMoreGoAndThoseThatWereRevokedStayOut(t *testing.T) {
	h := openHall(t, session.Observe)
	admit := func(p session.Passport) { h.must(h.House(t.Context(), session.Admit{Passport: p}.Decide)) }
	alice, bob, other := passport("alice", time.Hour), passport("bob", time.Hour), passport("carol", time.Hour)
	other.Issuer = "another"
	for _, p := range []session.Passport{alice, bob, other} {
		admit(p)
	}
	h.must(h.House(t.Context(), session.Revoke(bob.ID())))
	distrust := func() channels.Outcome { return h.House(t.Context(), session.Distrust([]string{"office"}, 10)) }
	h.must(distrust())
	if _, err := h.identified(alice.ID()); !channels.IsCode(err, channels.CodeSignedOut) {
		t.Errorf("it identifies somebody: %v", err)
	}
	if _, err := h.identified(other.ID()); err != nil {
		t.Errorf("that of another issuer went too: %v", err)
	}
	h.refused(channels.CodeConflict, distrust)
	admit(alice) // by a node that trusts them still
	h.refused(channels.CodeSignedOut, func() channels.Outcome { return h.House(t.Context(), session.Admit{Passport: bob}.Decide) })
}

func TestTokensOfAnotherIssuerThatDifferInWhatWasSignedAreTwo(t *testing.T) {
	one, two := passport("alice", time.Hour), passport("alice", time.Hour)
	two.Signed += "x"
	other := one
	other.Issuer = "another"
	if one.ID() == two.ID() || one.ID() == other.ID() {
		t.Errorf("%s, %s and %s", one.ID(), two.ID(), other.ID())
	}
}

func TestATokenThatIsOverIsRefusedAtTheDoorAndGoneWhenTheLogSaysSo(t *testing.T) {
	h := openHall(t, session.Observe)
	token := session.NewToken("hall")
	issue := session.IssueToken{Token: token, Name: "scanner", Roles: []string{"service"}, Expires: time.Now().Add(time.Hour)}
	h.must(h.House(t.Context(), issue.Decide))
	door := func(at time.Time) (err error) {
		h.Read(func(s *channels.State) { err = session.CheckExpiry(s, token.ID, at) })
		return err
	}
	if err := door(issue.Expires.Add(-time.Second)); err != nil {
		t.Error(err)
	}
	if err := door(issue.Expires); !channels.IsCode(err, channels.CodeSignedOut) {
		t.Errorf("when it is over: %v", err)
	}
	if _, err := h.identified(token.ID); err != nil {
		t.Errorf("by a clock alone it has ended: %v", err)
	}
	h.must(h.House(t.Context(), session.ExpireTokens([]string{token.ID, "unknown"})))
	if _, err := h.identified(token.ID); !channels.IsCode(err, channels.CodeSignedOut) {
		t.Errorf("after its end it identifies somebody: %v", err)
	}
}

func TestATicketIsVoidAfterItsTimeByTheClockOfTheLog(t *testing.T) {
	h := openHall(t, session.Observe)
	h.enter("alice", "a1")
	ticket := session.NewTicket("hall")
	issue := session.IssueTicket{Ticket: ticket, Origin: "https://page"}
	h.must(h.as("a1", issue.Decide))
	var made time.Time
	h.Read(func(s *channels.State) { made = s.Time() })
	redeem := func(change func(*session.RedeemTicket)) func() channels.Outcome {
		r := session.RedeemTicket{Ticket: ticket, Origin: "https://page", Now: made.Add(session.TicketLife - time.Second)}
		change(&r)
		return func() channels.Outcome { return h.House(t.Context(), r.Decide) }
	}
	h.refused(channels.CodeSignedOut, redeem(func(r *session.RedeemTicket) { r.Now = made.Add(session.TicketLife) }))
	h.refused(channels.CodeSignedOut, redeem(func(r *session.RedeemTicket) { r.Origin = "" }))
	h.refused(channels.CodeSignedOut, redeem(func(r *session.RedeemTicket) { r.Ticket.Secret = "HUSH" }))
	h.Read(func(s *channels.State) {
		if ids := session.VoidTickets(s, made.Add(session.TicketLife-time.Second), 10); len(ids) != 0 {
			t.Errorf("%v are void before their time", ids)
		}
		if ids := session.VoidTickets(s, made.Add(session.TicketLife), 10); len(ids) != 1 {
			t.Errorf("%v are void", ids)
		}
	})
	o := redeem(func(*session.RedeemTicket) {})()
	h.must(o)
	if !strings.Contains(string(o.Answer), "a1") {
		t.Errorf("it is of %s", o.Answer)
	}
	h.refused(channels.CodeSignedOut, redeem(func(*session.RedeemTicket) {}))
}

func TestSigningEverybodyOutEndsTheBearersOfTheirScriptsToo(t *testing.T) {
	h := openHall(t, session.Observe)
	h.enter("alice", "a1")
	bearer, program := session.NewToken("hall"), session.NewToken("hall")
	person := session.Record{User: "alice", Roles: []string{"user"}}
	h.must(h.House(t.Context(), session.IssueBearer{Token: bearer, Person: person, Expires: time.Now().Add(time.Hour)}.Decide))
	h.must(h.House(t.Context(), session.Mint(program, "robot", []string{"service"})))
	o := h.must(h.House(t.Context(), session.SignOutSome(10, session.Restored)))
	if string(o.Answer) != "2" {
		t.Errorf("%s ended", o.Answer)
	}
	if _, err := h.identified(bearer.ID); !channels.IsCode(err, channels.CodeSignedOut) {
		t.Errorf("the bearer: %v", err)
	}
	if _, err := h.identified(program.ID); err != nil {
		t.Errorf("the token of a program: %v", err)
	}
}
