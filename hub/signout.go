package hub

import (
	"net/http"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// signOut ends the login session in the log, closes its sockets here, and only then answers. When the log is away the
// cookie dies at once all the same, and so do the sockets of this node; when the store is, the log decides.
func signOut(v *visit, _ *struct{}) (*struct{}, error) {
	h, r := v.hub, v.r
	room, id, err := h.leaving(r)
	if err != nil {
		return nil, err
	}
	http.SetCookie(v.w, h.options.Logins.Expired())
	if err := h.options.Logins.Drop(r.Context(), r); err != nil {
		h.logger.Warn("a login session that ends is still in the store, where it finds nothing", "error", err)
	}
	ended := make(chan channels.Outcome, 1)
	room.replica().ProposeOwn("", session.SignOut(id), func(o channels.Outcome) { ended <- o })
	room.hangUp(id)
	o := <-ended
	room.hangUp(id) // those that came in the meantime
	if o.Err != nil && !channels.IsCode(o.Err, channels.CodeSignedOut) {
		return nil, o.Err
	}
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

// hangUp closes the connections of a login session on this node, and waits until nothing more goes out to them.
func (r *room) hangUp(session string) {
	r.mu.Lock()
	var ending []*conn
	for c := range r.conns {
		if c.who.ID == session {
			c.end(closing{code: wire.CloseSignedOut, reason: "signed out"})
			ending = append(ending, c)
		}
	}
	r.mu.Unlock()
	for _, c := range ending {
		<-c.gone
	}
}
