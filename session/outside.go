package session

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/baton-hub/baton/channels"
)

// An Outsider is who a token of another issuer speaks for, when that has been verified.
type Outsider struct {
	Issuer   string
	Signed   string // what the signature is of, byte for byte: it, and not the signature, tells one token from another
	User     string // the account
	Name     string
	Roles    []string
	Proposal string
	Expires  time.Time // when the token is not accepted any more
}

// ID is the id of the record of an outsider's token. It is not made of the signature, which for some algorithms can be
// altered and still holds: a token that was revoked would come back as another. Nor of its jti, of which nobody knows
// whether the issuer keeps it unique.
func (o Outsider) ID() string { return "j" + o.hash()[:32] }

func (o Outsider) hash() string {
	sum := sha256.Sum256([]byte(o.Issuer + "\x00" + o.Signed))
	return hex.EncodeToString(sum[:])
}

// Check refuses an outsider's token that is not on record, or has ended.
func (o Outsider) Check(v channels.View) error { return holdsToken(v, o.ID(), o.hash()) }

// Admit puts the token of an outsider on record when it is first seen. It is the hub's own decision.
//
// The issuer signs who somebody is, but every decision is taken on the log's record of whoever asks; so the first use of
// a JWT makes a record, and from then on it is a bearer like any other: seen and revoked by admins, expired by the sweep,
// its sockets closed on every node. A revoked one keeps its record, marked as ended, until it has expired, and one that has
// expired by the time of the log is admitted no more, whatever the clock of a node says. So none comes back.
type Admit struct{ Outsider }

// Decide is the Decide of an Admit.
func (a Admit) Decide(d *channels.Draft) (any, error) {
	o := a.Outsider
	if t, known := FindToken(d, o.ID()); known {
		if t.Ended {
			return nil, signedOut()
		}
		return nil, nil // it was admitted at the same time on another node
	}
	if !d.Time().Before(o.Expires) {
		return nil, signedOut()
	}
	if err := admits(d.Rules(), o.Roles); err != nil {
		return nil, err
	}
	of := func(t KnownToken) bool { return t.Kind == OutsideToken && t.User == o.User && !t.over(d.Time()) }
	if len(Tokens(d, of)) >= MaxBearers {
		return nil, channels.Refuse(CodeTooMany, "%d tokens of yours are in use: use one until it expires", MaxBearers)
	}
	d.Set(tokenRef(o.ID()), TokenRecord{
		Kind: OutsideToken, Name: o.Name, User: o.User, Roles: o.Roles, Proposal: o.Proposal,
		Hash: o.hash(), Prefix: o.ID()[:8], Expires: o.Expires, CreatedBy: o.Issuer,
	})
	return nil, nil
}
