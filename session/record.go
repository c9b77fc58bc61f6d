package session

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
)

// A Record is a login session as the log knows it, in channels.SessionsStore under its id. As long as it is there the
// person is signed in; nothing else decides that. Its log time is since when.
type Record struct {
	User     string   `json:"user"`
	Name     string   `json:"name,omitempty"`
	Roles    []string `json:"roles"`
	Proposal string   `json:"proposal,omitempty"`
	From     string   `json:"from,omitempty"`  // address of the sign-in
	Agent    string   `json:"agent,omitempty"` // browser
	Hash     string   `json:"hash"`            // of the cookie's token

	// Log time of the sign-in, as Find and All return it. In the log only when the record was written again since: the
	// first one's log time says it, too.
	Since time.Time `json:"since,omitzero"`
}

func sessionRef(id string) channels.Ref {
	return channels.Ref{Channel: channels.SessionsStore, Key: id}
}

// A Session is a Record with its id.
type Session struct {
	ID string
	Record
}

func readSession(id string, value channels.Value) (s Session, ok bool) {
	s.ID = id
	if strings.Contains(id, "/") || json.Unmarshal(value.Data, &s.Record) != nil {
		return s, false // a fact about a login session, see factRef
	}
	if s.Since.IsZero() {
		s.Since = value.At
	}
	return s, true
}

// Find returns the login session with the id.
func Find(v channels.View, id string) (Session, bool) {
	value, ok := v.Get(sessionRef(id))
	if !ok {
		return Session{ID: id}, false
	}
	return readSession(id, value)
}

// All returns the login sessions of the space, by id.
func All(v channels.View) []Session { return having(v, "") }

// having returns the login sessions whose records have a text in them, by id: a sign-in looks for few among many, and
// reading all of them is most of what it costs.
func having(v channels.View, text string) (sessions []Session) {
	v.Range(channels.SessionsStore, "", func(id string, value channels.Value) bool {
		if !bytes.Contains(value.Data, []byte(text)) {
			return true
		}
		if s, ok := readSession(id, value); ok {
			sessions = append(sessions, s)
		}
		return true
	})
	return sessions
}

func signedOut() error {
	return channels.Refuse(channels.CodeSignedOut, "you are signed out: sign in again")
}

// Authority is the channels.Authority of Baton: it reads people, tokens and the seat from the log.
type Authority struct{}

// Identify returns who the login session or token with the id is, or refuses with channels.CodeSignedOut.
func (Authority) Identify(v channels.View, id string) (channels.Who, error) {
	if value, ok := v.Get(sessionRef(id)); ok && !strings.Contains(id, "/") {
		if who, ok := peopleRead.of(value.Data, func() (channels.Who, bool) {
			s, ok := readSession(id, value)
			return channels.Who{User: s.User, Name: s.Name, Roles: slices.Clip(s.Roles), Proposal: s.Proposal, From: s.From}, ok
		}); ok {
			who.ID = id
			return who, nil
		}
	}
	if value, ok := v.Get(tokenRef(id)); ok {
		if who, ok := programsRead.of(value.Data, func() (channels.Who, bool) {
			t, ok := FindToken(v, id)
			who := t.who()
			who.Roles, who.Scope = slices.Clip(who.Roles), slices.Clip(who.Scope)
			return who, ok && !t.Ended
		}); ok {
			who.ID = id
			return who, nil
		}
	}
	return channels.Who{}, signedOut()
}

// What the records of login sessions and of tokens say: whose they are.
var peopleRead, programsRead readings[channels.Who]

// Fence returns nil only if who is the operator and term is the present one.
func (Authority) Fence(v channels.View, who channels.Who, term uint64) error {
	seat := ReadSeat(v)
	var r *channels.Refusal
	switch {
	case !seat.HeldBy(who.ID) && seat.Operator == nil:
		r = channels.Refuse(channels.CodeNotOperator, "nobody is in control: ask for control, then do it again")
	case !seat.HeldBy(who.ID):
		r = channels.Refuse(channels.CodeNotOperator, "%s is in control: ask for control, or wait until it is free", seat.Operator.label())
		r.More = map[string]any{"holder": seat.Operator.Party, "since": seat.Since}
	case term == 0:
		r = channels.Refuse(channels.CodeNoTerm, "this is the operator's: send the term under which you mean it, it is %d now", seat.Term)
	case term != seat.Term:
		r = channels.Refuse(channels.CodeOldTerm, "control has changed hands since: this was meant under term %d, now it is %d. Look at what is so, and decide again", term, seat.Term)
	default:
		return nil
	}
	return r
}
