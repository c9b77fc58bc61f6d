package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

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
	c, err := readCredentials(w, r)
	if err != nil {
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
	cookie, id, err := h.begin(r.Context(), space, login, record, h.options.Logins.Presented(r))
	if err != nil {
		h.logger.Info("sign-in refused", "space", c.Space, "user", identity.User, "from", address(r), "error", err)
		return err
	}
	http.SetCookie(w, cookie)
	h.logger.Info("signed in", "space", c.Space, "user", identity.User, "session", id, "from", address(r))
	return h.answerWho(w, space, id)
}

// begin has a sign-in decided on the log and then kept by the store, whatever the patience of the browser that waits. If
// it comes to nothing, or nobody knows, or nobody waits any more, it is taken back: nobody has the cookie.
func (h *Hub) begin(
	waiting context.Context, space *channels.Space, login *session.Login, record session.Record, presented string,
) (cookie *http.Cookie, id string, err error) {
	sign := session.SignIn{Session: login.Session, Record: record, Resume: presented}
	before := make(chan *session.Session, 1) // as of the last decision, which is the one that was committed
	o := space.House(h.ctx, func(d *channels.Draft) (any, error) {
		select {
		case <-before:
		default:
		}
		if s, ok := session.ByHash(d, presented); ok {
			before <- &s
		}
		return sign.Decide(d)
	})
	var refused *channels.Refusal
	if errors.As(o.Err, &refused) {
		return nil, "", refused
	}
	err = o.Err
	if err == nil {
		err = json.Unmarshal(o.Answer, &id)
	}
	if err == nil {
		cookie, err = h.options.Logins.Keep(h.ctx, login, id)
	}
	if err == nil {
		err = context.Cause(waiting)
	}
	if err != nil {
		var former *session.Session
		select {
		case former = <-before:
		default:
		}
		h.takeBack(space, record.Hash, former)
		return nil, "", err
	}
	return cookie, id, nil
}

// takeBack proposes that a sign-in be undone, until it is known what became of that.
func (h *Hub) takeBack(space *channels.Space, hash string, former *session.Session) {
	space.ProposeOwn("", session.TakeBack(hash, former), func(o channels.Outcome) {
		var uncertain *channels.Uncertain
		if errors.As(o.Err, &uncertain) && h.ctx.Err() == nil {
			h.takeBack(space, hash, former)
		}
	})
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
	who, room, _, err := h.identify(r)
	if err != nil {
		return err
	}
	return h.answerWho(w, room.replica(), who.ID)
}

// signOut ends the login session in the log, closes its sockets here, and only then answers. When the log is away the
// cookie dies at once all the same, and so do the sockets of this node; when the store is, the log decides.
func (h *Hub) signOut(w http.ResponseWriter, r *http.Request) error {
	room, id, err := h.leaving(r)
	if err != nil {
		return err
	}
	http.SetCookie(w, h.options.Logins.Expired())
	if err := h.options.Logins.Drop(r.Context(), r); err != nil {
		h.logger.Warn("a login session that ends is still in the store, where it finds nothing", "error", err)
	}
	ended := make(chan channels.Outcome, 1)
	room.replica().ProposeOwn("", session.SignOut(id), func(o channels.Outcome) { ended <- o })
	room.hangUp(id)
	o := <-ended
	room.hangUp(id) // those that came in the meantime
	if o.Err != nil && !channels.IsCode(o.Err, channels.CodeSignedOut) {
		return o.Err
	}
	h.logger.Info("signed out", "space", room.name, "session", id)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// leaving finds the login session that a request wants to end, by what the log has if the store cannot be asked.
func (h *Hub) leaving(r *http.Request) (*room, string, error) {
	who, found, _, err := h.identify(r)
	if err == nil || errors.Is(err, errSignedOut) {
		return found, who.ID, err
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
			return room, one.ID, nil
		}
	}
	return nil, "", err
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
// its space; a store or a log that is away never makes anybody anonymous, nor lets in whom it cannot vouch for.
func (h *Hub) identify(r *http.Request) (who channels.Who, room *room, proof proof, err error) {
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
	if room.mute() {
		return who, nil, nil, fmt.Errorf("the log of %s is out of reach", name)
	}
	who, known := h.look(space, id, proof)
	if !known { // here. It may have been signed in on another node a moment ago
		if err := space.CatchUp(r.Context()); err != nil {
			return who, nil, nil, err
		}
		if who, known = h.look(space, id, proof); !known {
			return who, nil, nil, errSignedOut
		}
	}
	room.touch(id)
	return who, room, proof, nil
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

// readCredentials reads the body of a sign-in: an object with these three strings, each once, and nothing else.
func readCredentials(w http.ResponseWriter, r *http.Request) (c credentials, err error) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) != "application/json" {
		return c, &problem{status: http.StatusUnsupportedMediaType, code: "invalid", detail: "Send JSON, with Content-Type application/json."}
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return c, &problem{status: http.StatusRequestEntityTooLarge, code: "too_large", detail: fmt.Sprintf("The body is larger than %d bytes.", maxBody)}
	}
	fields := map[string]*string{"space": &c.Space, "user": &c.User, "password": &c.Password}
	if err != nil || readStrings(data, fields) != nil {
		return c, &problem{
			status: http.StatusBadRequest, code: "invalid",
			detail: `The body has to be {"space":"…","user":"…","password":"…"}, each once, and nothing else.`,
		}
	}
	return c, nil
}

// readStrings reads a JSON object of strings: all of the fields, each once, and no others.
func readStrings(data []byte, fields map[string]*string) error {
	unread := maps.Clone(fields)
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') || !utf8.Valid(data) {
		return errors.New("not an object")
	}
	for d.More() {
		name, err := d.Token()
		field, _ := name.(string)
		into := unread[field]
		if err != nil || into == nil {
			return fmt.Errorf("%v is no field, or is there twice", name)
		}
		delete(unread, field)
		value, err := d.Token()
		text, isString := value.(string)
		if err != nil || !isString {
			return fmt.Errorf("%s is no string", field)
		}
		*into = text
	}
	if _, err := d.Token(); err != nil || len(unread) > 0 {
		return errors.New("a field is missing")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
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
