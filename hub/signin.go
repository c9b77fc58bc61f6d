package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// credentials are the body of a sign-in.
type credentials struct {
	Space    string `json:"space" doc:"The space to sign in to."`
	User     string `json:"user"`
	Password string `json:"password"`
	Proposal string `json:"proposal,omitempty" doc:"Which of one's proposals it is for, if there are several."`
	Replace  bool   `json:"replace,omitempty" doc:"End one's other login sessions, where the site asks before it does that."`
}

// chooseProposal is the proposal that a sign-in is for: the one that it names, or the only one.
func chooseProposal(who session.Identity, named string) (string, error) {
	switch {
	case named == "" && len(who.Proposals) > 1:
		r := channels.Refuse(channels.CodeProposal, "you have %d proposals: sign in for one of them", len(who.Proposals))
		r.More = map[string]any{"proposals": who.Proposals}
		return "", r
	case named == "" && len(who.Proposals) == 1:
		return who.Proposals[0], nil
	case named != "" && !slices.Contains(who.Proposals, named):
		return "", channels.Refuse(channels.CodeForbidden, "the proposal %.64q is not one of yours: sign in for another, or leave it out", named)
	}
	return named, nil
}

const badCredentials = `The body has to be {"space":"…","user":"…","password":"…"}, each once, beside them at most "proposal" and "replace".`

// maxCredentials is the largest body of a sign-in.
const maxCredentials = 4 << 10

type signInInput struct{ Body credentials }

// signedIn is the body of the answers about one's own login session.
type signedIn struct {
	Session string   `json:"session" doc:"The id of the login session or token."`
	Space   string   `json:"space"`
	Title   string   `json:"title" doc:"Of the space, for people."`
	You     wire.You `json:"you"`
	MaxAge  int      `json:"cookie_max_age" doc:"Seconds."`

	Since       time.Time `json:"since,omitzero" doc:"When the person signed in."`
	Confirmed   bool      `json:"confirmed" doc:"The password was entered lately: what needs fresh credentials may be done."`
	IdleInputMS int64     `json:"idle_input_ms,omitempty" doc:"The login session ends when nobody has touched anything for so long. POST /api/v1/session/active says that somebody has."`
	Proposals   []string  `json:"proposals,omitempty" doc:"Of a sign-in: those that the person can sign in for."`
}

type signedInOutput struct{ Body signedIn }

// signInOperations sign in, and look who is signed in.
func signInOperations(a *api) {
	public(a, huma.Operation{
		OperationID: "sign-in", Method: http.MethodPost, Path: "/api/v1/session", Tags: []string{"session"},
		Summary:      "Sign in to a space",
		Description:  "The answer sets the cookie that the other operations, event streams and WebSockets go by. Programs use a token instead, in the header Authorization.",
		MaxBodyBytes: maxCredentials, Metadata: map[string]any{badBodyKey: badCredentials},
		Errors: []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests},
	}, signIn)
	public(a, huma.Operation{
		OperationID: "who-am-i", Method: http.MethodGet, Path: "/api/v1/session", Tags: []string{"session"},
		Summary: "Look up one's own login session", Security: []map[string][]string{{"cookie": {}}, {"token": {}}},
		Errors: []int{http.StatusUnauthorized},
	}, whoAmI)
}

// signIn checks the credentials, has the policy decided on the log, and then gives out the cookie: log, store, cookie.
func signIn(v *visit, in *signInInput) (*signedInOutput, error) {
	h, r, c := v.hub, v.r, in.Body
	room := h.rooms[c.Space]
	if room == nil {
		return nil, errNoSpace
	}
	if err := h.admits(); err != nil {
		return nil, err
	}
	identity, err := h.setup.Load().guard.SignIn(r.Context(), session.Credentials{User: c.User, Password: c.Password}, h.address(r))
	if err != nil {
		h.noteFailure(r, c, err)
		room.counts.signedIn(err)
		return nil, err
	}
	return h.letIn(v.w, r, room, identity, entry{c.Proposal, c.Replace, h.options.Logins.Presented(r), false})
}

// An entry is what somebody who signs in asks for, beside getting in.
type entry struct {
	Proposal  string
	Replace   bool
	Presented string // the hash of the token that their browser had
	Led       bool   // another site has led them here
}

// letIn signs in somebody who has proved who they are, however they did, and sets the cookie.
func (h *Hub) letIn(w http.ResponseWriter, r *http.Request, room *room, identity session.Identity, e entry) (answer *signedInOutput, err error) {
	defer func() { room.counts.signedIn(err) }()
	space, err := room.opened(r.Context())
	if err != nil {
		return nil, err
	}
	login, err := h.options.Logins.Begin(r.Context(), room.name, room.policyNow().Absolute)
	if err != nil {
		return nil, err
	}
	proposal, err := chooseProposal(identity, e.Proposal)
	if err != nil {
		return nil, err
	}
	record := session.Record{
		User: identity.User, Name: identity.Name, Roles: identity.Roles, Proposal: proposal,
		From: h.address(r), Agent: trimmed(r.UserAgent(), 200), Hash: login.Hash,
	}
	in, err := h.begin(r.Context(), room, login, session.SignIn{
		Session: login.Session, Record: record, Resume: e.Presented, Replace: e.Replace, Led: e.Led, Stale: identity.Stale,
	})
	if err != nil {
		h.logger.Info("sign-in refused", "space", room.name, "user", identity.User, "from", record.From, "error", err)
		return nil, room.describeRefusal(err)
	}
	http.SetCookie(w, in.cookie)
	h.logger.Info("signed in", "space", room.name, "user", identity.User, "session", in.Session, "from", record.From, "replaced", in.Replaced)
	out, err := h.answerWho(space, in.Session)
	if out != nil {
		out.Body.Proposals = identity.Proposals
	}
	return out, err
}

// admitted is a sign-in that was decided, kept, and heard of everywhere.
type admitted struct {
	session.SignedIn
	cookie *http.Cookie
}

// signInTime is how long the log may take over a sign-in, so that it is answered within 3 s.
const signInTime = 2500 * time.Millisecond

// begin has a sign-in decided on the log and then kept by the store, whatever the patience of the browser that waits. If
// it comes to nothing, or nobody knows, or nobody waits any more, it is taken back: nobody has the cookie. Login sessions
// that end for it have done so everywhere before this one begins.
func (h *Hub) begin(waiting context.Context, room *room, login *session.Login, sign session.SignIn) (in admitted, err error) {
	space := room.replica()
	var before atomic.Pointer[session.Session] // as of the last decision, which is the one that was or will be committed
	ctx, cancel := context.WithTimeout(h.ctx, signInTime)
	defer cancel()
	o := space.House(ctx, func(d *channels.Draft) (any, error) {
		before.Store(nil)
		if s, ok := session.ByHash(d, sign.Resume); ok {
			before.Store(&s)
		}
		return sign.Decide(d)
	})
	var refused *channels.Refusal
	if errors.As(o.Err, &refused) {
		return in, refused
	}
	if err = unrecorded(o.Err); err == nil {
		err = json.Unmarshal(o.Answer, &in.SignedIn)
	}
	if err == nil && len(in.Replaced) > 0 {
		h.farewell(h.ctx, room, o.Position, in.Replaced)
	}
	if err == nil {
		in.cookie, err = h.options.Logins.Keep(h.ctx, login, in.Session)
	}
	if err == nil {
		err = context.Cause(waiting)
	}
	if err != nil {
		h.takeBack(space, func(d *channels.Draft) (any, error) { // after the sign-in, on which it depends
			return session.TakeBack(sign.Record.Hash, before.Load())(d)
		})
	}
	return in, err
}

// unrecorded is an error of the log over a decision of the hub's own. Its operation is not told: nobody can send it again.
func unrecorded(err error) error {
	var uncertain *channels.Uncertain
	if errors.As(err, &uncertain) {
		return fmt.Errorf("recording who is signed in: %v", err)
	}
	return err
}

// takeBack proposes that a sign-in be undone, until it is known what became of that.
func (h *Hub) takeBack(space *channels.Space, undo channels.Decide) {
	h.insist(space, undo, func(channels.Outcome) {})
}

// insist proposes a decision of the hub's own until it is known what became of it. done hears of the first outcome.
func (h *Hub) insist(space *channels.Space, decide channels.Decide, done func(channels.Outcome)) {
	space.ProposeOwn("", decide, func(o channels.Outcome) {
		done(o)
		var uncertain *channels.Uncertain
		if errors.As(o.Err, &uncertain) && h.ctx.Err() == nil {
			h.insist(space, decide, func(channels.Outcome) {})
		}
	})
}

func (h *Hub) answerWho(space *channels.Space, id string) (*signedInOutput, error) {
	body := signedIn{Session: id, Space: space.Name()}
	var err error
	space.Read(func(state *channels.State) {
		var who channels.Who
		who, err = h.options.Authority.Identify(state, id)
		policy := session.PolicyOf(state)
		body.Title, body.You = state.Rules().Title, you(who)
		body.MaxAge, body.IdleInputMS = int(policy.Absolute/time.Second), policy.IdleInput.Milliseconds()
		if s, person := session.Find(state, id); person {
			body.Since, body.Confirmed = s.Since, session.Confirmed(state, id)
		}
	})
	if err != nil {
		return nil, err
	}
	return &signedInOutput{body}, nil
}

// whoAmI answers with the login session of the cookie.
func whoAmI(v *visit, _ *struct{}) (*signedInOutput, error) {
	who, room, _, err := v.hub.identify(v.r)
	if err != nil {
		return nil, err
	}
	return v.hub.answerWho(room.replica(), who.ID)
}

// trimmed cuts a text to so many bytes, between letters.
func trimmed(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
