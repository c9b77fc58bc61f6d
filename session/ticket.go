package session

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
)

// ticketsStore is the reserved store of tickets that were not used yet.
const ticketsStore = "~tickets"

// TicketLife is how long a ticket can be used.
const TicketLife = 30 * time.Second

// MaxTickets is how many unused tickets a login session or token has at most.
const MaxTickets = 20

// A Ticket opens one WebSocket for a login session or token, without a cookie and without the token: it is in a URL, so
// in logs and histories, and must be worth nothing there. It is sent as <space>_<id>_<secret>.
type Ticket struct{ Space, ID, Secret string }

// NewTicket makes a ticket that nobody can guess.
func NewTicket(space string) Ticket {
	return Ticket{space, "k" + strings.ToLower(rand.Text()[:12]), rand.Text()}
}

// String is the form in which it is sent.
func (t Ticket) String() string { return t.Space + "_" + t.ID + "_" + t.Secret }

// ParseTicket reads what String wrote.
func ParseTicket(s string) (Ticket, error) {
	t, err := ParseToken("baton_" + s)
	if err != nil {
		return Ticket{}, fmt.Errorf("this is not a ticket")
	}
	return Ticket(t), nil
}

type ticketRecord struct {
	Actor  string `json:"actor"`  // the login session or token
	Origin string `json:"origin"` // of the page that may use it; "" = a program, which has none
	Hash   string `json:"hash"`   // of the secret
}

func ticketRef(id string) channels.Ref { return channels.Ref{Channel: ticketsStore, Key: id} }

// IssueTicket puts a ticket on record, for who asks.
type IssueTicket struct {
	Ticket Ticket
	Origin string
}

// Decide is the Decide of an IssueTicket.
func (i IssueTicket) Decide(d *channels.Draft) (any, error) {
	who, err := d.Who()
	if err != nil {
		return nil, err
	}
	theirs := 0
	d.Range(ticketsStore, "", func(_ string, v channels.Value) bool {
		var r ticketRecord
		if json.Unmarshal(v.Data, &r) == nil && r.Actor == who.ID {
			theirs++
		}
		return true
	})
	if theirs >= MaxTickets {
		return nil, channels.Refuse(CodeTooMany, "%d tickets of yours were not used: use one, or wait until they are void", MaxTickets)
	}
	d.Set(ticketRef(i.Ticket.ID), ticketRecord{who.ID, i.Origin, hashSecret(i.Ticket.Secret)})
	return nil, nil
}

// RedeemTicket takes a ticket off the record. The answer is the id of the login session or token that it is of. It is the
// hub's own decision, and as it is one on the log, of two nodes that are given the same ticket one takes it.
type RedeemTicket struct {
	Ticket Ticket
	Origin string    // of who comes with it
	Now    time.Time // by the clock of the log, as the node knows it
}

// Decide is the Decide of a RedeemTicket. It says the same whatever is wrong with the ticket.
func (r RedeemTicket) Decide(d *channels.Draft) (any, error) {
	v, ok := d.Get(ticketRef(r.Ticket.ID))
	var record ticketRecord
	switch {
	case !ok, json.Unmarshal(v.Data, &record) != nil,
		subtle.ConstantTimeCompare([]byte(record.Hash), []byte(hashSecret(r.Ticket.Secret))) != 1,
		record.Origin != r.Origin, r.Now.Sub(v.At) >= TicketLife, d.Time().Sub(v.At) >= TicketLife:
		return nil, channels.Refuse(channels.CodeSignedOut, "this ticket is void: they are for one use, for %d s, by the page that asked. Ask for another", int(TicketLife.Seconds()))
	}
	if _, err := (Authority{}).Identify(d, record.Actor); err != nil {
		return nil, err
	}
	d.Delete(ticketRef(r.Ticket.ID))
	return record.Actor, nil
}

// VoidTickets lists the tickets whose time is up by the clock of the log, at most limit.
func VoidTickets(v channels.View, now time.Time, limit int) (ids []string) {
	v.Range(ticketsStore, "", func(id string, value channels.Value) bool {
		if now.Sub(value.At) >= TicketLife {
			ids = append(ids, id)
		}
		return len(ids) < limit
	})
	return ids
}

// DropTickets returns the hub's decision that tickets are void.
func DropTickets(ids []string) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		for _, id := range ids {
			d.Delete(ticketRef(id))
		}
		return nil, nil
	}
}
