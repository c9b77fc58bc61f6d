package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// credentials are the body of a sign-in.
type credentials struct {
	Space    string `json:"space"`
	User     string `json:"user"`
	Password string `json:"password"`
}

// signedIn is the body of the answers about one's own login session.
type signedIn struct {
	Session string   `json:"session"`
	Space   string   `json:"space"`
	Title   string   `json:"title"`
	You     wire.You `json:"you"`
	MaxAge  int      `json:"cookie_max_age"` // seconds
}

// signIn checks the credentials, has the policy decided on the log, and then gives out the cookie: log, store, cookie.
func (h *Hub) signIn(w http.ResponseWriter, r *http.Request) error {
	var c credentials
	if err := readBody(w, r, &c); err != nil {
		return err
	}
	room := h.rooms[c.Space]
	if room == nil {
		return &problem{status: http.StatusNotFound, code: "unknown_name", detail: "There is no such space here. GET /api/v1/spaces lists them."}
	}
	identity, err := h.options.Sign.Authenticate(r.Context(), session.Credentials{User: c.User, Password: c.Password})
	if err != nil {
		h.logger.Info("sign-in failed", "space", c.Space, "user", c.User, "from", address(r))
		return err
	}
	space, err := room.opened(r.Context())
	if err != nil {
		return err
	}
	login, err := h.options.Logins.Begin(r.Context(), c.Space)
	if err != nil {
		return err
	}
	record := session.Record{
		User: identity.User, Name: identity.Name, Roles: identity.Roles, Proposal: identity.Proposal,
		From: address(r), Agent: trimmed(r.UserAgent(), 200), Hash: login.Hash,
	}
	o := space.House(r.Context(), session.SignIn{Session: login.Session, Record: record, Resume: h.options.Logins.Presented(r)}.Decide)
	if o.Err != nil {
		h.logger.Info("sign-in refused", "space", c.Space, "user", identity.User, "from", address(r), "error", o.Err)
		return o.Err
	}
	var id string
	if err := json.Unmarshal(o.Answer, &id); err != nil {
		return fmt.Errorf("reading the answer of the sign-in: %w", err)
	}
	cookie, err := h.options.Logins.Keep(r.Context(), login, id)
	if err != nil {
		if id == login.Session { // nobody will ever have its cookie
			space.ProposeOwn("", session.SignOut(id), func(channels.Outcome) {})
		}
		return err
	}
	http.SetCookie(w, cookie)
	h.logger.Info("signed in", "space", c.Space, "user", identity.User, "session", id, "from", address(r))
	return h.answerWho(w, space, id)
}

func (h *Hub) answerWho(w http.ResponseWriter, space *channels.Space, id string) error {
	body := signedIn{Session: id, Space: space.Name(), MaxAge: int(session.Absolute / time.Second)}
	var err error
	space.Read(func(state *channels.State) {
		var who channels.Who
		who, err = h.options.Authority.Identify(state, id)
		body.Title = state.Rules().Title
		body.You = wire.You{User: who.User, Name: who.Name, Roles: who.Roles, Session: id}
	})
	if err != nil {
		return err
	}
	return answerJSON(w, body)
}

// whoAmI answers with the login session of the cookie.
func (h *Hub) whoAmI(w http.ResponseWriter, r *http.Request) error {
	who, room, err := h.identify(r)
	if err != nil {
		return err
	}
	return h.answerWho(w, room.space, who.ID)
}

// signOut ends the login session in the log, closes its sockets here, and only then answers. When the log is away the
// cookie dies at once all the same, and so do the sockets of this node.
func (h *Hub) signOut(w http.ResponseWriter, r *http.Request) error {
	who, room, err := h.identify(r)
	if err != nil {
		return err
	}
	http.SetCookie(w, h.options.Logins.Expired())
	dropped := h.options.Logins.Drop(r.Context(), r)
	o := room.space.House(r.Context(), session.SignOut(who.ID))
	room.hangUp(who.ID)
	if o.Err != nil {
		return o.Err
	}
	if dropped != nil {
		h.logger.Warn("a login session that has ended is still in the store, where it finds nothing", "error", dropped)
	}
	h.logger.Info("signed out", "space", room.name, "user", who.User, "session", who.ID)
	w.WriteHeader(http.StatusNoContent)
	return nil
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

var errSignedOut = &problem{status: http.StatusUnauthorized, code: "signed_out", detail: "You are not signed in. Sign in and try again."}

// identify finds out who asks: by a token, or by the cookie of a login session. Either must be on record in the log of
// its space; a store that is away never makes anybody anonymous.
func (h *Hub) identify(r *http.Request) (channels.Who, *room, error) {
	name, id, check, err := h.claim(r)
	if err != nil {
		return channels.Who{}, nil, err
	}
	room := h.rooms[name]
	if room == nil {
		return channels.Who{}, nil, errSignedOut
	}
	space, err := room.opened(r.Context())
	if err != nil {
		return channels.Who{}, nil, err
	}
	var who channels.Who
	space.Read(func(state *channels.State) {
		if err = check(state); err == nil {
			who, err = h.options.Authority.Identify(state, id)
		}
	})
	if err != nil {
		return channels.Who{}, nil, errSignedOut
	}
	room.touch(id)
	return who, room, nil
}

// claim is what a request says about itself: the space, the login session or token, and how the log proves it.
func (h *Hub) claim(r *http.Request) (space, id string, check func(channels.View) error, err error) {
	if header := r.Header.Get("Authorization"); header != "" {
		bearer, ok := strings.CutPrefix(header, "Bearer ")
		token, err := session.ParseToken(bearer)
		if !ok || err != nil {
			return "", "", nil, errSignedOut
		}
		return token.Space, token.ID, token.Check, nil
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

// readBody reads a JSON body, strictly.
func readBody(w http.ResponseWriter, r *http.Request, into any) error {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) != "application/json" {
		return &problem{status: http.StatusUnsupportedMediaType, code: "invalid", detail: "Send JSON, with Content-Type application/json."}
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &problem{status: http.StatusRequestEntityTooLarge, code: "too_large", detail: fmt.Sprintf("The body is larger than %d bytes.", maxBody)}
	case err != nil || decoder.More():
		return &problem{status: http.StatusBadRequest, code: "invalid", detail: "The body is not the JSON object that is expected here."}
	}
	return nil
}

// address is where a request comes from.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func trimmed(s string, most int) string { return s[:min(len(s), most)] }

// scheme is how the client reached this node.
func (h *Hub) scheme(r *http.Request) string {
	if r.TLS != nil || h.options.TLS {
		return "https"
	}
	return "http"
}
