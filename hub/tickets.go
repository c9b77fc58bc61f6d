package hub

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

type ticketInput struct {
	Body *ticketBody
}

type ticketBody struct {
	Origin string `json:"origin,omitempty" doc:"The origin of the page that will use it, if that is another than this request comes from: one of those that the site allows." maxLength:"300"`
}

type ticketOutput struct {
	Body struct {
		Ticket    string `json:"ticket" doc:"Connect to /api/v1/ws?ticket=…"`
		ExpiresMS int64  `json:"expires_ms"`
	}
}

// ticketOperations give out tickets for WebSockets.
func ticketOperations(a *api) {
	member(a, huma.Operation{
		OperationID: "create-ticket", Method: http.MethodPost, Path: "/api/v1/tickets", Tags: []string{"tokens"},
		Summary: "Get a ticket for one WebSocket", DefaultStatus: http.StatusCreated,
		Description: "For pages that can send neither the cookie, because they are of another origin, nor a header with a WebSocket. " +
			"It is good for 30 s, for one socket on any node, and only for a page of the origin that asked for it (for none, if a program did). " +
			"The socket is then of the login session or token that asked.",
	}, createTicket)
}

func createTicket(v *visit, in *ticketInput) (*ticketOutput, error) {
	origin, err := v.hub.ticketOrigin(v.r, in.Body)
	if err != nil {
		return nil, err
	}
	ticket := session.NewTicket(v.room.name)
	if err := v.hub.own(v.r.Context(), v.room, v.who, session.IssueTicket{Ticket: ticket, Origin: origin}.Decide); err != nil {
		return nil, err
	}
	out := &ticketOutput{}
	out.Body.Ticket, out.Body.ExpiresMS = ticket.String(), session.TicketLife.Milliseconds()
	return out, nil
}

// ticketOrigin is the origin that a ticket is for.
func (h *Hub) ticketOrigin(r *http.Request, b *ticketBody) (string, error) {
	origins := r.Header.Values("Origin")
	switch {
	case b != nil && b.Origin != "":
		origins = []string{b.Origin}
	case len(origins) == 0:
		return "", nil
	}
	if len(origins) != 1 || !h.knownOrigin(origins[0], r) {
		return "", errOriginUnknown
	}
	return origins[0], nil
}

// redeem takes a ticket, once, and finds out who it is of.
func (h *Hub) redeem(r *http.Request, given string) (who channels.Who, room *room, proof proof, err error) {
	ticket, err := session.ParseTicket(given)
	if err != nil || h.rooms[ticket.Space] == nil || r.Header.Get("Authorization") != "" || len(r.Header.Values("Origin")) > 1 {
		return who, nil, nil, errTicket
	}
	room = h.rooms[ticket.Space]
	space, err := room.opened(r.Context())
	if err != nil {
		return who, nil, nil, err
	}
	var now time.Time
	space.Read(func(state *channels.State) { now = room.logTime(state, time.Now()) })
	redeem := session.RedeemTicket{Ticket: ticket, Origin: r.Header.Get("Origin"), Now: now}
	o := space.House(r.Context(), redeem.Decide)
	var id string
	switch {
	case o.Err != nil:
		return who, nil, nil, o.Err
	case json.Unmarshal(o.Answer, &id) != nil:
		return who, nil, nil, errTicket
	}
	proof = ofTheLog(id)
	who, known := h.look(space, id, proof)
	if !known {
		return who, nil, nil, errSignedOut
	}
	return who, room, proof, nil
}

// ofTheLog is the proof of a socket whose ticket the log has taken: that the login session or token goes on, which is
// looked at with every proof.
func ofTheLog(id string) proof {
	return func(v channels.View) error { return session.CheckExpiry(v, id, time.Now()) }
}

var errTicket = &problem{
	status: http.StatusUnauthorized, code: string(channels.CodeSignedOut),
	detail: "This ticket is void. They are for one use, for 30 s, by a page of the origin that asked for it. Ask for another.",
}

func withTicket(r *http.Request) bool { return r.URL.Query().Get("ticket") != "" }

// sweptAtOnce is how many tokens or tickets one decision ends.
const sweptAtOnce = 500

// sweepTokens ends the tokens that have expired, which closes their connections, and the tickets that nobody used.
func (r *room) sweepTokens(ctx context.Context, space *channels.Space) (err error) {
	var tokens, tickets []string
	space.Read(func(state *channels.State) {
		now := r.logTime(state, time.Now())
		tokens, tickets = session.Overdue(state, now, sweptAtOnce), session.VoidTickets(state, now, sweptAtOnce)
	})
	if len(tokens) > 0 {
		r.hub.logger.Info("tokens have expired", "space", r.name, "tokens", tokens)
		err = house(ctx, space, session.ExpireTokens(tokens))
	}
	if len(tickets) > 0 {
		err = errors.Join(err, house(ctx, space, session.DropTickets(tickets)))
	}
	return err
}
