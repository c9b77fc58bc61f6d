package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// sessionInfo is a login session as the person, or an administrator, sees it.
type sessionInfo struct {
	Session    string    `json:"session"`
	User       string    `json:"user"`
	Name       string    `json:"name,omitempty"`
	Roles      []string  `json:"roles"`
	Proposal   string    `json:"proposal,omitempty"`
	Since      time.Time `json:"since"`
	LastActive time.Time `json:"last_active" doc:"When it had an open tab or made a request, as far as the nodes that run now know."`
	From       string    `json:"from,omitempty" doc:"The address of the sign-in."`
	Agent      string    `json:"agent,omitempty" doc:"The browser of the sign-in."`
	Tabs       int       `json:"tabs" doc:"Connections, on all nodes."`
	InControl  bool      `json:"in_control"`
	Current    bool      `json:"current" doc:"The one that asks."`
}

type sessionsInput struct {
	Limit int    `query:"limit" minimum:"1" maximum:"1000" doc:"At most so many; the hub has a cap of its own."`
	After string `query:"after" doc:"The after of the page before."`
	All   bool   `query:"all" doc:"Everybody's, for administrators. Else one's own."`
}

type sessionsOutput struct {
	Body struct {
		Sessions   []sessionInfo `json:"sessions"`
		After      string        `json:"after,omitempty" doc:"For the next page."`
		Incomplete bool          `json:"incomplete" doc:"There are more."`
	}
}

type endInput struct {
	Session string `path:"session" maxLength:"64" doc:"The id of the login session."`
	Force   bool   `query:"force" doc:"By staff, with fresh credentials: although the instrument runs."`
	Reason  string `query:"reason" maxLength:"500" doc:"Shown to the person, and kept in the journal."`
}

type confirmInput struct {
	Body struct {
		Password string `json:"password"`
	}
}

// sessionOperations sign out, and list and end login sessions.
func sessionOperations(a *api) {
	both := []map[string][]string{{"cookie": {}}, {"token": {}}}
	person := []map[string][]string{{"cookie": {}}}
	public(a, huma.Operation{
		OperationID: "sign-out", Method: http.MethodDelete, Path: "/api/v1/session", Tags: []string{"session"},
		Summary: "Sign out", Security: both,
		Description: "Ends the login session for all its tabs, or the short-lived token that asks: when this is answered no node sends them anything any more. Refused with " +
			"the code busy while the instrument runs, to its operator and to the last person here, where the space is so. When the log " +
			"cannot be reached, the answer is 503, but the cookie is dead.",
		Errors: []int{http.StatusUnauthorized, http.StatusConflict, http.StatusNotFound},
	}, signOut)
	public(a, huma.Operation{
		OperationID: "list-sessions", Method: http.MethodGet, Path: "/api/v1/sessions", Tags: []string{"session"},
		Summary: "List login sessions of the space", Security: both, Errors: []int{http.StatusUnauthorized, http.StatusForbidden},
	}, listSessions)
	public(a, huma.Operation{
		OperationID: "end-session", Method: http.MethodDelete, Path: "/api/v1/sessions/{session}", Tags: []string{"session"},
		Summary: "End a login session of one's own, or anybody's as an administrator", Security: both,
		Description: "When this is answered no node sends its tabs anything any more.",
		Errors:      []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusConflict},
	}, endSession)
	public(a, huma.Operation{
		OperationID: "confirm-session", Method: http.MethodPost, Path: "/api/v1/session/confirm", Tags: []string{"session"},
		Summary: "Enter the password again", Security: person,
		Description:  fmt.Sprintf("For %v, what needs fresh credentials may be done. The cookie gets a new token.", freshFor),
		MaxBodyBytes: maxCredentials, Metadata: map[string]any{badBodyKey: `The body has to be {"password":"…"}, and nothing else.`},
		Errors: []int{http.StatusUnauthorized, http.StatusTooManyRequests},
	}, confirmSession)
	public(a, huma.Operation{
		OperationID: "touch-session", Method: http.MethodPost, Path: "/api/v1/session/active", Tags: []string{"session"},
		Summary: "Say that somebody has touched something", Security: person,
		Description: "For spaces where login sessions end for want of input. Changing requests say it by themselves. Once a minute is enough.",
		Errors:      []int{http.StatusUnauthorized},
	}, touchSession)
}

// listSessions lists one's own, or all.
func listSessions(v *visit, in *sessionsInput) (*sessionsOutput, error) {
	who, room, _, err := v.hub.identify(v.r)
	if err != nil {
		return nil, err
	}
	if in.All && !session.Governs(who) {
		return nil, channels.Refuse(channels.CodeForbidden, "only administrators see everybody's login sessions: leave all out to see your own")
	}
	var sessions []session.Session
	room.replica().Read(func(state *channels.State) { sessions = session.All(state) })
	sessions = slices.DeleteFunc(sessions, func(s session.Session) bool { return !in.All && s.User != who.User || s.ID <= in.After })
	limit := v.hub.options.Limits.Page
	if in.Limit > 0 {
		limit = min(limit, in.Limit)
	}
	out := &sessionsOutput{}
	if out.Body.Incomplete = len(sessions) > limit; out.Body.Incomplete {
		sessions = sessions[:limit]
		out.Body.After = sessions[limit-1].ID
	}
	out.Body.Sessions = room.describe(sessions, who.ID)
	return out, nil
}

// describe tells of login sessions what this node knows of them.
func (r *room) describe(sessions []session.Session, current string) []sessionInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	infos := make([]sessionInfo, 0, len(sessions))
	for _, s := range sessions {
		tabs := r.presence.count(func(a attendant) bool { return a.Session == s.ID })
		last := s.Since
		if seen := r.watch[s.ID]; seen != nil && seen.last.After(last) {
			last = seen.last
		}
		if tabs > 0 {
			last = now
		}
		infos = append(infos, sessionInfo{
			Session: s.ID, User: s.User, Name: s.Name, Roles: s.Roles, Proposal: s.Proposal, Since: s.Since, LastActive: last.UTC(),
			From: s.From, Agent: s.Agent, Tabs: tabs, InControl: r.seat.HeldBy(s.ID), Current: s.ID == current,
		})
	}
	return infos
}

// describeRefusal tells of the login sessions that stand in the way of a sign-in. They are the person's own.
func (r *room) describeRefusal(err error) error {
	var refused *channels.Refusal
	if !errors.As(err, &refused) || refused.Code != channels.CodeElsewhere {
		return err
	}
	ids, _ := refused.More[session.SessionsKey].([]string)
	var sessions []session.Session
	r.replica().Read(func(state *channels.State) {
		for _, id := range ids {
			if s, ok := session.Find(state, id); ok {
				sessions = append(sessions, s)
			}
		}
	})
	told := *refused
	told.More = map[string]any{"may": refused.More["may"], session.SessionsKey: r.describe(sessions, "")}
	return &told
}

// endSession ends a login session, everywhere, before it answers.
func endSession(v *visit, in *endInput) (*struct{}, error) {
	h := v.hub
	who, room, _, err := h.identify(v.r)
	if err != nil {
		return nil, err
	}
	decide := session.SignOut{Session: in.Session, By: who.ID, Force: in.Force, Reason: in.Reason}
	o := room.replica().House(v.r.Context(), decide.Decide)
	if o.Err != nil {
		return nil, o.Err
	}
	h.farewell(h.ctx, room, o.Position, []string{in.Session})
	h.logger.Info("a login session was ended", "space", room.name, "session", in.Session, "by", who.User, "reason", in.Reason)
	return nil, nil
}

// confirmSession checks the password of who is signed in, and renews the token of the cookie.
func confirmSession(v *visit, in *confirmInput) (*signedInOutput, error) {
	h, r := v.hub, v.r
	who, room, _, err := h.identify(r)
	if err != nil {
		return nil, err
	}
	space := room.replica()
	var before session.Session
	var person bool
	space.Read(func(state *channels.State) { before, person = session.Find(state, who.ID) })
	if !person {
		return nil, channels.Refuse(channels.CodeForbidden, "only people enter passwords: a program shows its token")
	}
	// Counted by the login session and not by the address: others who fail to sign in from there keep nobody who is signed in
	// from what needs the password.
	identity, err := h.setup.Load().guard.SignIn(r.Context(), session.Credentials{User: who.User, Password: in.Body.Password}, "login session "+who.ID)
	if err == nil && identity.User != who.User {
		err = session.ErrWrongCredentials
	}
	if err != nil {
		h.logger.Info("a password was entered again and is wrong", "space", room.name, "user", who.User, "from", h.address(r))
		return nil, err
	}
	left := room.policyNow().Absolute - time.Since(before.Since)
	login, err := h.options.Logins.Begin(r.Context(), room.name, max(left, time.Minute))
	if err != nil {
		return nil, err
	}
	undo := session.TakeBack(login.Hash, &before)
	ctx, cancel := context.WithTimeout(h.ctx, signInTime)
	defer cancel()
	o := space.House(ctx, session.Confirm(who.ID, h.options.Logins.Presented(r), login.Hash))
	if channels.IsCode(o.Err, channels.CodeConflict) {
		return h.answerWho(space, who.ID) // another tab has the new token, for this one as well
	}
	if o.Err != nil {
		h.takeBack(space, undo)
		return nil, unrecorded(o.Err)
	}
	cookie, err := h.options.Logins.Keep(h.ctx, login, who.ID)
	err = cmp.Or(err, context.Cause(r.Context()))
	if err != nil {
		h.takeBack(space, undo)
		return nil, err
	}
	if err := h.options.Logins.Drop(h.ctx, h.options.Logins.Presented(r)); err != nil && !errors.Is(err, session.ErrNoLogin) {
		h.logger.Warn("the former token of a login session is still in the store, where it finds nothing", "error", err)
	}
	http.SetCookie(v.w, cookie)
	return h.answerWho(space, who.ID)
}

// touchSession notes deliberate input.
func touchSession(v *visit, _ *struct{}) (*struct{}, error) {
	who, room, _, err := v.hub.identify(v.r)
	if err != nil {
		return nil, err
	}
	room.touch(who.ID, true)
	return nil, nil
}
