package hub

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

var errSignedOut = &problem{status: http.StatusUnauthorized, code: "signed_out", detail: "You are not signed in. Sign in and try again."}

// identify finds out who asks: by a token, or by the cookie of a login session. Either must be on record in the log of
// its space; a store or a log that is away never makes anybody anonymous, nor lets in whom it cannot vouch for.
func (h *Hub) identify(r *http.Request) (who channels.Who, room *room, proof proof, err error) {
	if who, room, proof, err = h.lastKnown(r); err == nil && room.mute() {
		return who, nil, nil, errMute(room)
	}
	return who, room, proof, err
}

func errMute(r *room) error { return fmt.Errorf("the log of %s is out of reach", r.name) }

// lastKnown is identify on what this node knows, though it may have been out of touch with the log for long.
func (h *Hub) lastKnown(r *http.Request) (who channels.Who, room *room, proof proof, err error) {
	name, id, proof, err := h.claim(r)
	if err != nil {
		return who, nil, nil, err
	}
	room = h.rooms[name]
	if room == nil {
		return who, nil, nil, errSignedOut
	}
	space, err := room.opened(r.Context())
	if err != nil {
		return who, nil, nil, err
	}
	who, known := h.look(space, id, proof)
	if !known { // here. It may have been signed in on another node a moment ago
		if err := space.CatchUp(r.Context()); err != nil {
			return who, nil, nil, err
		}
		if who, known = h.look(space, id, proof); !known {
			return who, nil, nil, signedOutOf(space, id)
		}
	}
	room.touch(id, false)
	return who, room, goesOn(space, id, proof), nil
}

// goesOn is what must hold for what a request began to go on. Of a token that is its proof; of a login session that it is
// there, which Identify tells: the token of its cookie is renewed meanwhile.
func goesOn(space *channels.Space, id string, holds proof) proof {
	person := false
	space.Read(func(state *channels.State) { _, person = session.Find(state, id) })
	if person {
		return func(channels.View) error { return nil }
	}
	return holds
}

// signedOutOf says how a login session ended, if that is known. The store has led to it, so who asks had its token.
func signedOutOf(space *channels.Space, id string) error {
	err := error(errSignedOut)
	space.Read(func(state *channels.State) {
		if how, ok := session.HowEnded(state, id); ok {
			err = &problem{
				status: errSignedOut.status, code: errSignedOut.code, detail: "You are signed out: " + how.Sentence() + ".",
				more: map[string]any{"ended": endedOf(how)},
			}
		}
	})
	return err
}

// endedInfo is how a login session ended, for who had it.
type endedInfo struct {
	How    session.How  `json:"how"`
	By     *wire.Person `json:"by,omitempty"`
	Reason string       `json:"reason,omitempty"`
	At     time.Time    `json:"at"`
}

func endedOf(e session.Ended) endedInfo {
	info := endedInfo{How: e.How, Reason: e.Reason, At: e.At}
	if e.By != nil {
		info.By = &wire.Person{Session: e.By.Session, User: e.By.User, Name: e.By.Name}
	}
	return info
}

func (h *Hub) look(space *channels.Space, id string, proof proof) (who channels.Who, known bool) {
	space.Read(func(state *channels.State) {
		if proof(state) == nil {
			var err error
			who, err = h.options.Authority.Identify(state, id)
			known = err == nil
		}
	})
	return who, known
}

// claim is what a request says about itself: the space, the login session or token, and how the log proves it.
func (h *Hub) claim(r *http.Request) (space, id string, holds proof, err error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, bearer, _ := strings.Cut(header, " ") // the scheme in any case: RFC 9110
		bearer = strings.TrimLeft(bearer, " ")
		token, err := session.ParseToken(bearer)
		switch {
		case !strings.EqualFold(scheme, "Bearer"), err != nil && h.setup.Load().Outside == nil:
			return "", "", nil, errSignedOut
		case err != nil:
			return h.claimOutside(r, bearer)
		}
		return token.Space, token.ID, func(v channels.View) error {
			return errors.Join(token.Check(v), session.CheckExpiry(v, token.ID, time.Now()))
		}, nil
	}
	found, err := h.options.Logins.Find(r.Context(), r)
	switch {
	case errors.Is(err, session.ErrNoLogin):
		return "", "", nil, errSignedOut
	case err != nil:
		return "", "", nil, fmt.Errorf("looking up the login session: %w", err)
	}
	return found.Space, found.Session, found.Check, nil
}

// scheme is how the client reached this node.
func (h *Hub) scheme(r *http.Request) string {
	if r.TLS != nil || h.options.TLS {
		return "https"
	}
	return "http"
}
