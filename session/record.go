package session

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
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
func All(v channels.View) (sessions []Session) {
	v.Range(channels.SessionsStore, "", func(id string, value channels.Value) bool {
		if s, ok := readSession(id, value); ok {
			sessions = append(sessions, s)
		}
		return true
	})
	return sessions
}

// A TokenRecord is what a program signs in with, as the log knows it, in channels.TokensStore under its id.
type TokenRecord struct {
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
	Hash  string   `json:"hash"` // of the secret
}

// ServicePrefix begins the account of a program, so that it is never the account of a person with the same name.
const ServicePrefix = "service/"

func tokenRef(id string) channels.Ref { return channels.Ref{Channel: channels.TokensStore, Key: id} }

// A Token is what a program sends: baton_<space>_<id>_<secret>.
type Token struct{ Space, ID, Secret string }

// String is the form in which it is sent. It is a secret.
func (t Token) String() string { return "baton_" + t.Space + "_" + t.ID + "_" + t.Secret }

// ParseToken reads what String wrote. The names of spaces may have a _, ids and secrets have none.
func ParseToken(s string) (Token, error) {
	rest, ok := strings.CutPrefix(s, "baton_")
	if i := strings.LastIndexByte(rest, '_'); ok && i > 0 {
		if j := strings.LastIndexByte(rest[:i], '_'); j > 0 && j+1 < i && i+1 < len(rest) {
			return Token{rest[:j], rest[j+1 : i], rest[i+1:]}, nil
		}
	}
	return Token{}, fmt.Errorf("this is not a token of Baton: they begin with baton_")
}

func (t Token) hash() string {
	sum := sha256.Sum256([]byte(t.Secret))
	return hex.EncodeToString(sum[:])
}

// Check refuses a token whose record is not in the log, or has another secret.
func (t Token) Check(v channels.View) error {
	value, ok := v.Get(tokenRef(t.ID))
	var r TokenRecord
	if !ok || json.Unmarshal(value.Data, &r) != nil || subtle.ConstantTimeCompare([]byte(r.Hash), []byte(t.hash())) != 1 {
		return signedOut()
	}
	return nil
}

// Mint returns the decision that puts a token on record; one with the same id is replaced.
func Mint(t Token, name string, roles []string) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		d.Set(tokenRef(t.ID), TokenRecord{name, roles, t.hash()})
		return nil, nil
	}
}

// Revoke returns the decision that ends a token.
func Revoke(id string) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		if _, ok := d.Get(tokenRef(id)); !ok {
			return nil, channels.Refuse(channels.CodeUnknownName, "there is no token %.40q", id)
		}
		d.Delete(tokenRef(id))
		return nil, nil
	}
}

func signedOut() error {
	return channels.Refuse(channels.CodeSignedOut, "you are signed out: sign in again")
}

// Authority is the channels.Authority of Baton: it reads people, tokens and the seat from the log.
type Authority struct{}

// Identify returns who the login session or token with the id is, or refuses with channels.CodeSignedOut.
func (Authority) Identify(v channels.View, id string) (channels.Who, error) {
	if s, ok := Find(v, id); ok {
		return channels.Who{ID: id, User: s.User, Name: s.Name, Roles: s.Roles, Proposal: s.Proposal}, nil
	}
	value, ok := v.Get(tokenRef(id))
	var t TokenRecord
	if !ok || json.Unmarshal(value.Data, &t) != nil {
		return channels.Who{}, signedOut()
	}
	return channels.Who{ID: id, User: ServicePrefix + t.Name, Name: t.Name, Roles: t.Roles}, nil
}

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
