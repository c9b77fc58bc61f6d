package session

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/baton-hub/baton/channels"
)

// A Passport is what a token of another issuer says, when that has been verified.
type Passport struct {
	Issuer  string
	Signed  string // what the signature is of, byte for byte: it, and not the signature, tells one token from another
	Person  Identity
	Expires time.Time // when the token is not accepted any more
	Spaces  []string  // where it is good; none: everywhere
}

// ErrNotAccepted is returned for a token of another issuer that is not accepted, wrapped with why, which may be told to
// whoever sent it.
var ErrNotAccepted = errors.New("the token is not accepted")

// GoodIn reports whether the token is good in a space.
func (p Passport) GoodIn(space string) bool {
	return len(p.Spaces) == 0 || slices.Contains(p.Spaces, space)
}

// ID is the id of the record of the token. It is not made of the signature, which for some algorithms can be
// altered and still holds: a token that was revoked would come back as another. Nor of its jti, of which nobody knows
// whether the issuer keeps it unique.
func (p Passport) ID() string { return "j" + p.hash()[:32] }

func (p Passport) hash() string {
	sum := sha256.Sum256([]byte(p.Issuer + "\x00" + p.Signed))
	return hex.EncodeToString(sum[:])
}

// Check refuses a token that is not on record, or has ended.
func (p Passport) Check(v channels.View) error { return holdsToken(v, p.ID(), p.hash()) }

// proposal is what the token is for: the only one that it names.
func (p Passport) proposal() string {
	if len(p.Person.Proposals) == 1 {
		return p.Person.Proposals[0]
	}
	return ""
}

// Admit puts the token of another issuer on record when it is first seen. It is the hub's own decision.
//
// The issuer signs who somebody is, but every decision is taken on the log's record of whoever asks; so the first use of
// a JWT makes a record, and from then on it is a bearer like any other: seen and revoked by admins, expired by the sweep,
// its sockets closed on every node. A revoked one keeps its record, marked as ended, until it has expired, and one that has
// expired by the time of the log is admitted no more, whatever the clock of a node says. So none comes back.
type Admit struct{ Passport }

// Decide is the Decide of an Admit.
func (a Admit) Decide(d *channels.Draft) (any, error) {
	o, person := a.Passport, a.Person
	if t, known := FindToken(d, o.ID()); known {
		if t.Ended {
			return nil, signedOut()
		}
		return nil, nil // it was admitted at the same time on another node
	}
	if !d.Time().Before(o.Expires) {
		return nil, signedOut()
	}
	if err := admits(d.Rules(), person.Roles); err != nil {
		return nil, err
	}
	of := func(t KnownToken) bool { return t.Kind == OutsideToken && t.User == person.User && !t.over(d.Time()) }
	if len(Tokens(d, of)) >= MaxBearers {
		return nil, channels.Refuse(CodeTooMany, "%d tokens of yours are in use: use one until it expires", MaxBearers)
	}
	d.Set(tokenRef(o.ID()), TokenRecord{
		Kind: OutsideToken, Name: person.Name, User: person.User, Roles: person.Roles, Proposal: a.proposal(),
		Hash: o.hash(), Prefix: o.ID()[:8], Expires: o.Expires, CreatedBy: o.Issuer,
	})
	return nil, nil
}

// Distrust returns the hub's decision that issuers are not trusted any more: their tokens go off the record, at most limit
// together. It refuses when there is none. Those that were revoked stay on it, so that they stay out if the issuer is trusted
// again.
func Distrust(issuers []string, limit int) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		theirs := Tokens(d, func(t KnownToken) bool {
			return t.Kind == OutsideToken && !t.Ended && slices.Contains(issuers, t.CreatedBy)
		})
		if len(theirs) == 0 {
			return nil, channels.Refuse(channels.CodeConflict, "there are no tokens of these issuers")
		}
		for _, t := range theirs[:min(limit, len(theirs))] {
			d.Delete(tokenRef(t.ID))
		}
		return nil, nil
	}
}
