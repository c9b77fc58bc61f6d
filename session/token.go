package session

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
)

// A TokenKind is what a token stands for.
type TokenKind string

// The kinds of tokens. None of them is a login session: they take nobody's place, and are never in control.
const (
	ProgramToken TokenKind = ""        // of a program, with an account of its own
	BearerToken  TokenKind = "bearer"  // of a person's scripts, which act as that person for a while
	OutsideToken TokenKind = "outside" // a JWT of another issuer, see Admit
)

// A TokenRecord is what somebody without a cookie signs in with, as the log knows it, in channels.TokensStore under its id.
type TokenRecord struct {
	Kind      TokenKind `json:"kind,omitempty"`
	Name      string    `json:"name"`           // of the program, or the person's
	User      string    `json:"user,omitempty"` // the account; "" = ServicePrefix and the name
	Roles     []string  `json:"roles"`
	Proposal  string    `json:"proposal,omitempty"`
	Scope     []string  `json:"scope,omitempty"`      // see channels.CheckScope; empty = all that the roles may
	Hash      string    `json:"hash"`                 // of the secret
	Prefix    string    `json:"prefix,omitempty"`     // its first characters, to know it by
	Expires   time.Time `json:"expires,omitzero"`     // zero: never
	CreatedBy string    `json:"created_by,omitempty"` // an account, or the issuer; "" = the operator of the machine
	Ended     bool      `json:"ended,omitempty"`      // of OutsideToken: revoked, and kept so that it stays out
}

// ServicePrefix begins the account of a program, so that it is never the account of a person with the same name.
const ServicePrefix = "service/"

// Account is the account that the token acts as.
func (r TokenRecord) Account() string { return cmp.Or(r.User, ServicePrefix+r.Name) }

// A KnownToken is a TokenRecord with its id and since when it is there.
type KnownToken struct {
	ID string
	TokenRecord
	Since time.Time
}

func (t KnownToken) who() channels.Who {
	return channels.Who{ID: t.ID, User: t.Account(), Name: t.Name, Roles: t.Roles, Proposal: t.Proposal, Scope: t.Scope}
}

func tokenRef(id string) channels.Ref { return channels.Ref{Channel: channels.TokensStore, Key: id} }

// FindToken returns the token with the id, also one that has ended but is kept.
func FindToken(v channels.View, id string) (KnownToken, bool) {
	value, ok := v.Get(tokenRef(id))
	t := KnownToken{ID: id, Since: value.At}
	return t, ok && json.Unmarshal(value.Data, &t.TokenRecord) == nil
}

// recordsRead is what the records of tokens say, for what every connection and request is asked.
var recordsRead readings[TokenRecord]

// recordOf returns what is on record of a token, which must not be changed.
func recordOf(v channels.View, id string) (r TokenRecord, ok bool) {
	value, ok := v.Get(tokenRef(id))
	if !ok {
		return r, false
	}
	return recordsRead.of(value.Data, func() (r TokenRecord, ok bool) {
		err := json.Unmarshal(value.Data, &r)
		return r, err == nil
	})
}

// Tokens returns the tokens of the space that the filter accepts, by id.
func Tokens(v channels.View, accept func(KnownToken) bool) (tokens []KnownToken) {
	v.Range(channels.TokensStore, "", func(id string, value channels.Value) bool {
		t := KnownToken{ID: id, Since: value.At}
		if json.Unmarshal(value.Data, &t.TokenRecord) == nil && accept(t) {
			tokens = append(tokens, t)
		}
		return true
	})
	return tokens
}

// A Token is what a program sends: baton_<space>_<id>_<secret>.
type Token struct{ Space, ID, Secret string }

// NewToken makes a token that nobody can guess.
func NewToken(space string) Token {
	return Token{space, "t" + strings.ToLower(rand.Text()[:12]), rand.Text()}
}

// String is the form in which it is sent. It is a secret.
func (t Token) String() string { return "baton_" + t.Space + "_" + t.ID + "_" + t.Secret }

// shownSecret is how many characters of the secret lists show.
const shownSecret = 4

// prefix is how the token begins, for lists.
func (t Token) prefix() string {
	return strings.TrimSuffix(t.String(), t.Secret) + t.Secret[:min(shownSecret, len(t.Secret)/2)]
}

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

func (t Token) hash() string { return hashSecret(t.Secret) }

func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Check refuses a token whose record is not in the log, or has another secret.
func (t Token) Check(v channels.View) error { return holdsToken(v, t.ID, t.hash()) }

// holdsToken refuses unless the log has a token with the id and the hash that has not ended.
func holdsToken(v channels.View, id, hash string) error {
	r, ok := recordOf(v, id)
	if !ok || r.Ended || subtle.ConstantTimeCompare([]byte(r.Hash), []byte(hash)) != 1 {
		return signedOut()
	}
	return nil
}

// CheckExpiry refuses a token whose time is up by a clock. It keeps the door: that the token has ended is for the log to
// say, see ExpireTokens, and what is not yet over there is refused all the same.
func CheckExpiry(v channels.View, id string, now time.Time) error {
	if r, ok := recordOf(v, id); ok && r.over(now) {
		return signedOut()
	}
	return nil
}

func (r TokenRecord) over(now time.Time) bool { return !r.Expires.IsZero() && !now.Before(r.Expires) }

// Mint returns the decision of the hub itself that puts a token on record; one with the same id is replaced.
func Mint(t Token, name string, roles []string) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		d.Set(tokenRef(t.ID), TokenRecord{Name: name, Roles: roles, Hash: t.hash(), Prefix: t.prefix()})
		return nil, nil
	}
}

// The bounds on tokens of a space, so that a script that forgets what it has asked for fills no log.
const (
	MaxTokens  = 1_000 // of programs
	MaxBearers = 200   // of one person, and as many JWTs of other issuers
)

// CodeTooMany is the code of a refusal because there are as many as there may be.
const CodeTooMany channels.Code = "too_many"

// IssueToken puts a token for a program on record. It is decided for an admin with a login session or an unscoped token, or
// for the hub itself, as the operator of the machine.
type IssueToken struct {
	Token   Token
	Name    string
	Roles   []string
	Scope   []string
	Expires time.Time // zero: never
}

// Decide is the Decide of an IssueToken.
func (i IssueToken) Decide(d *channels.Draft) (any, error) {
	record := TokenRecord{
		Name: i.Name, Roles: i.Roles, Scope: i.Scope, Hash: i.Token.hash(), Prefix: i.Token.prefix(), Expires: i.Expires,
	}
	if err := i.check(); err != nil {
		return nil, err
	}
	if d.Actor() != "" {
		who, err := d.Who()
		if err != nil {
			return nil, err
		}
		if err := i.may(who); err != nil {
			return nil, err
		}
		record.CreatedBy = who.User
	}
	switch there := Tokens(d, func(t KnownToken) bool { return t.Kind == ProgramToken }); {
	case record.over(d.Time()):
		return nil, channels.Refuse(channels.CodeInvalid, "the token would have expired already: give a later time")
	case len(there) >= MaxTokens:
		return nil, channels.Refuse(CodeTooMany, "the space has %d tokens: revoke those that nobody uses", MaxTokens)
	}
	d.Set(tokenRef(i.Token.ID), record)
	return nil, nil
}

// check refuses what cannot be on record.
func (i IssueToken) check() error {
	if err := channels.CheckKey(i.Name); err != nil {
		return channels.Refuse(channels.CodeInvalid, "the name of a token is 1 to %d bytes of printable text", channels.MaxName)
	}
	if len(i.Roles) == 0 || len(i.Roles) > 16 {
		return channels.Refuse(channels.CodeInvalid, "a token has 1 to 16 roles, such as service")
	}
	for _, role := range i.Roles {
		if channels.CheckName(role) != nil {
			return channels.Refuse(channels.CodeInvalid, "%.64q is not the name of a role", role)
		}
	}
	return channels.CheckScope(i.Scope)
}

// may refuses who may not issue this token: only admins may, and a token may no more than who issues it, but be a service.
func (i IssueToken) may(who channels.Who) error {
	if !Governs(who) {
		return channels.Refuse(channels.CodeForbidden, "tokens are for admins to create and revoke: ask one")
	}
	for _, role := range i.Roles {
		if role != channels.RoleService && !who.Has(role) {
			return channels.Refuse(channels.CodeForbidden, "you do not have the role %.64q yourself, so you cannot give it", role)
		}
	}
	return nil
}

// Governs reports whether somebody may look after the tokens and login sessions of others: an admin, but not with a token
// that was made for something narrower.
func Governs(who channels.Who) bool { return who.Has(channels.RoleAdmin) && len(who.Scope) == 0 }

// IssueBearer puts a bearer of a person's scripts on record. It is the hub's own decision: the credentials have been
// checked as for a sign-in.
type IssueBearer struct {
	Token   Token
	Person  Record
	Expires time.Time
}

// Decide is the Decide of an IssueBearer.
func (i IssueBearer) Decide(d *channels.Draft) (any, error) {
	p := i.Person
	if err := admits(d.Rules(), p.Roles); err != nil {
		return nil, err
	}
	if err := meetOthers(d, readPolicy(d.Rules()), p.User); err != nil {
		return nil, err // where one person is at a time, that holds for what acts as a person
	}
	theirs := func(t KnownToken) bool { return t.Kind == BearerToken && t.User == p.User && !t.over(d.Time()) }
	if len(Tokens(d, theirs)) >= MaxBearers {
		return nil, channels.Refuse(CodeTooMany, "you have %d of these: use one until it expires, or revoke some", MaxBearers)
	}
	d.Set(tokenRef(i.Token.ID), TokenRecord{
		Kind: BearerToken, Name: p.Name, User: p.User, Roles: p.Roles, Proposal: p.Proposal,
		Hash: i.Token.hash(), Prefix: i.Token.prefix(), Expires: i.Expires, CreatedBy: p.User,
	})
	return nil, nil
}

// Revoke returns the hub's decision that ends a token.
func Revoke(id string) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		t, ok := FindToken(d, id)
		if !ok || t.Ended {
			return nil, unknownToken(id)
		}
		t.end(d)
		return nil, nil
	}
}

// RevokeToken ends a token for who asks: any for those who govern, their own bearers for others, and for a token itself.
type RevokeToken struct{ ID string }

// Decide is the Decide of a RevokeToken.
func (r RevokeToken) Decide(d *channels.Draft) (any, error) {
	who, err := d.Who()
	if err != nil {
		return nil, err
	}
	if t, ok := FindToken(d, r.ID); ok && !t.VisibleTo(who) {
		return nil, unknownToken(r.ID) // whether it is there is not for them to know
	}
	return Revoke(r.ID)(d)
}

// VisibleTo reports whether a token is shown to somebody, who may then revoke it.
func (t KnownToken) VisibleTo(who channels.Who) bool {
	own := t.Kind != ProgramToken && t.User == who.User && len(who.Scope) == 0
	return Governs(who) || own || t.ID == who.ID
}

func unknownToken(id string) error {
	return channels.Refuse(channels.CodeUnknownName, "there is no token %.40q, or it has ended", id)
}

// end takes the token out. That of another issuer stays on record as ended: it would be admitted anew.
func (t KnownToken) end(d *channels.Draft) {
	if t.Kind == OutsideToken {
		t.Ended = true
		d.Set(tokenRef(t.ID), t.TokenRecord)
		return
	}
	d.Delete(tokenRef(t.ID))
}

// keptEnded is how much longer than it could be used the token of another issuer is remembered as ended.
const keptEnded = time.Minute

// Overdue lists the tokens whose time is up by a clock, at most limit.
func Overdue(v channels.View, now time.Time, limit int) (ids []string) {
	for _, t := range Tokens(v, func(t KnownToken) bool { return t.over(now) && (!t.Ended || t.over(now.Add(-keptEnded))) }) {
		ids = append(ids, t.ID)
	}
	return slices.Clip(ids[:min(limit, len(ids))])
}

// ExpireTokens returns the hub's decision that the time of tokens is up. A clock has proposed it, but none decides: from
// there on they are gone.
func ExpireTokens(ids []string) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		for _, id := range ids {
			if t, ok := FindToken(d, id); ok && !t.Expires.IsZero() {
				d.Delete(tokenRef(id))
			}
		}
		return nil, nil
	}
}
