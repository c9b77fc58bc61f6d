package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// outPatience is how long the log may take over a sign-out before the cookie and the sockets here die all the same.
const outPatience = time.Second

type signOutInput struct {
	Force  bool   `query:"force" doc:"By staff, with fresh credentials: although the instrument runs."`
	Reason string `query:"reason" maxLength:"500" doc:"With force: why. It is kept in the journal."`
}

// signOut ends one's own login session in the log, its sockets on every node, and only then answers. When the log is away
// the cookie dies at once all the same, and so do the sockets of this node; when the store is, the log decides. Somebody
// whose sign-out will be refused keeps both: they would be in control of what runs, with no way back to it.
func signOut(v *visit, in *signOutInput) (*struct{}, error) {
	h, r := v.hub, v.r
	room, id, err := h.leaving(r)
	if err != nil {
		return nil, err
	}
	presented := h.options.Logins.Presented(r)
	forget := func() {
		if r.Header.Get("Authorization") != "" { // a script's, and the cookie beside it is not asked about
			room.hangUp([]string{id})
			return
		}
		http.SetCookie(v.w, h.options.Logins.Expired())
		// Not r's context: the browser may be gone, and the token must not outlive its wish.
		ctx := context.WithoutCancel(r.Context())
		if err := h.options.Logins.Drop(ctx, presented); err != nil && !errors.Is(err, session.ErrNoLogin) {
			h.logger.Warn("a login session that ends is still in the store, where it finds nothing", "error", err)
		}
		room.hangUp([]string{id})
	}
	decide := session.SignOut{Session: id, By: id, Force: in.Force, Reason: in.Reason}
	stays := func() (stays bool) {
		room.replica().Read(func(state *channels.State) { stays = decide.Stays(state) })
		return stays
	}
	ended := make(chan channels.Outcome, 1)
	h.insist(room.replica(), decide.Decide, func(o channels.Outcome) { ended <- o })
	patience := outPatience
	if !room.replica().Stale().IsZero() {
		patience = 0
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	var o channels.Outcome
	select {
	case o = <-ended:
	case <-late.C:
		if !stays() {
			forget()
		}
		late.Reset(outPatience)
		select {
		case o = <-ended:
		case <-late.C: // it is ended, or refused, when the log is there again
			return nil, fmt.Errorf("the log of %s is out of reach", room.name)
		}
	}
	out := o.Err == nil || channels.IsCode(o.Err, channels.CodeSignedOut)
	if !out && (refusedWith(o.Err) != "" || stays()) {
		return nil, o.Err // and the person stays
	}
	forget()
	if !out {
		return nil, o.Err
	}
	h.farewell(h.ctx, room, o.Position, []string{id})
	h.logger.Info("signed out", "space", room.name, "session", id)
	return nil, nil
}

// leaving finds the login session that a request wants to end. What is on record here needs no store, which may be away.
func (h *Hub) leaving(r *http.Request) (*room, string, error) {
	if room, id, ok := h.onRecord(r); ok {
		return room, id, nil
	}
	who, room, _, err := h.identify(r)
	return room, who.ID, err
}

// onRecord finds the login session of a request's cookie by the log alone.
func (h *Hub) onRecord(r *http.Request) (*room, string, bool) {
	if r.Header.Get("Authorization") != "" {
		return nil, "", false // it goes before the cookie, see claim
	}
	presented := h.options.Logins.Presented(r)
	for _, room := range h.rooms {
		space := room.replica()
		if space == nil {
			continue
		}
		var one session.Session
		var ok bool
		space.Read(func(state *channels.State) { one, ok = session.ByHash(state, presented) })
		if ok {
			return room, one.ID, true
		}
	}
	return nil, "", false
}
