package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// An Outside verifies the tokens of other issuers. It answers an error that is session.ErrNotAccepted for a token that is
// not good; any other means that it cannot tell, which lets nobody in.
type Outside interface {
	Verify(ctx context.Context, token string) (session.Passport, error)
	Issuers() []string // whose tokens it verifies
}

// issuersOf are the issuers that are trusted.
func issuersOf(o Outside) []string {
	if o == nil {
		return nil
	}
	return o.Issuers()
}

// distrust takes the tokens of issuers that are not trusted any more off the record, which closes their connections on every
// node. A node that trusts them still, because it has not read the site file again, puts them on record anew until it has.
func (h *Hub) distrust(issuers []string) {
	for _, r := range h.rooms {
		space := r.replica()
		if space == nil {
			continue
		}
		h.running.Go(func() {
			for h.ctx.Err() == nil {
				o := space.House(h.ctx, session.Distrust(issuers, sweptAtOnce))
				if refusedWith(o.Err) != "" {
					return // none is left
				}
				if o.Err != nil {
					sleep(h.ctx, askAgain)
				}
			}
		})
	}
}

// claimOutside is the claim of a JWT of another issuer. The first use of one puts it on record; from then on the log says
// what it is worth, see session.Admit.
func (h *Hub) claimOutside(r *http.Request, token string) (space, id string, holds proof, err error) {
	p, err := h.passport(r, token)
	if err != nil {
		return "", "", nil, err
	}
	room, err := h.roomFor(r, p)
	if err != nil {
		return "", "", nil, err
	}
	replica, err := room.opened(r.Context())
	if err != nil {
		return "", "", nil, err
	}
	known := false
	replica.Read(func(state *channels.State) { _, known = session.FindToken(state, p.ID()) })
	if !known {
		if o := replica.House(r.Context(), session.Admit{Passport: p}.Decide); o.Err != nil {
			return "", "", nil, o.Err
		}
		h.logger.Info("token of another issuer admitted", "space", room.name, "issuer", p.Issuer, "user", p.Person.User, "token", p.ID(), "from", h.address(r))
	}
	return room.name, p.ID(), func(v channels.View) error {
		return errors.Join(p.Check(v), session.CheckExpiry(v, p.ID(), time.Now()))
	}, nil
}

// outsidePassport verifies the token of a request, if it is one of another issuer.
func (h *Hub) outsidePassport(r *http.Request) (p session.Passport, outside bool, err error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimLeft(token, " "); h.setup.Load().Outside == nil || !strings.EqualFold(scheme, "Bearer") || strings.HasPrefix(token, "baton_") {
		return p, false, nil
	}
	p, err = h.passport(r, token)
	return p, true, err
}

// passport verifies a token. The account and the roles that it names are taken like those of any authenticator.
func (h *Hub) passport(r *http.Request, token string) (session.Passport, error) {
	var p session.Passport
	now, err := h.setup.Load(), fmt.Errorf("%w: no other issuer is trusted any more", session.ErrNotAccepted)
	if now.Outside != nil {
		p, err = now.Outside.Verify(r.Context(), token)
	}
	if err == nil {
		if p.Person, err = now.guard.Admit(p.Person); err != nil {
			err = fmt.Errorf("%w: %w", session.ErrNotAccepted, err)
		}
	}
	switch {
	case errors.Is(err, session.ErrNotAccepted):
		h.logger.Info("a token of another issuer was not accepted", "error", err, "from", h.address(r))
		return p, &problem{status: http.StatusUnauthorized, code: string(channels.CodeSignedOut), detail: "You are not signed in: " + err.Error() + "."}
	case err != nil:
		return p, fmt.Errorf("verifying a token of another issuer: %w", err)
	}
	return p, nil
}

// roomFor is the space that a request with a token of another issuer is for. The token names none, so the address does, or
// ?space=, or there is only one that it can be.
func (h *Hub) roomFor(r *http.Request, p session.Passport) (*room, error) {
	name := r.PathValue("space")
	if name == "" {
		name = r.URL.Query().Get("space")
	}
	var may []*room
	for _, room := range h.rooms {
		if p.GoodIn(room.name) {
			may = append(may, room)
		}
	}
	switch {
	case name == "" && len(may) == 1:
		return may[0], nil
	case name == "":
		return nil, invalid("this token is good in several spaces, or in none: say which one with ?space=…")
	case h.rooms[name] == nil:
		return nil, errNoSpace
	case !p.GoodIn(name):
		return nil, channels.Refuse(channels.CodeForbidden, "tokens of this issuer are not for the space %.128q", name)
	}
	return h.rooms[name], nil
}
