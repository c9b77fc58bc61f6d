package session

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"slices"
)

// ErrWrongCredentials is returned by an Authenticator that does not know the person, or not with this password. It
// never says which of the two.
var ErrWrongCredentials = errors.New("wrong name or password")

// Credentials are what a person types to sign in.
type Credentials struct{ User, Password string }

// An Identity is who a person is, as an Authenticator knows them.
type Identity struct {
	User      string   // the account; never empty
	Name      string   // for people to read; may be empty
	Roles     []string // empty: they are known but may not sign in
	Proposals []string // that they may sign in for, one at a time; may be empty
	Stale     bool     // they did not enter their credentials lately: another site has let them through on a sign-in of before
}

// An Authenticator checks credentials. It answers ErrWrongCredentials for an unknown user as for a wrong password,
// after about the same time; any other error means that it cannot tell, which admits nobody, and so does an end of ctx.
// No error holds what was typed. It refuses an empty password, whatever it asks would make of it. Safe for concurrent
// use; what it returns is the caller's. sessiontest.RunAuthenticator tests all of this, also of one's own.
type Authenticator interface {
	Authenticate(ctx context.Context, c Credentials) (Identity, error)
}

// Chain asks one Authenticator after the other until one knows the person. One that cannot tell ends the chain: a site
// whose directory is down does not fall back on another list of users unseen. All are asked before somebody is refused,
// so the time that takes does not tell which of them knows the account.
type Chain []Authenticator

// Authenticate is that of the first that does not answer ErrWrongCredentials.
func (c Chain) Authenticate(ctx context.Context, given Credentials) (Identity, error) {
	for _, a := range c {
		if id, err := a.Authenticate(ctx, given); !errors.Is(err, ErrWrongCredentials) {
			return id, err
		}
	}
	return Identity{}, ErrWrongCredentials
}

// Dev knows the users of a demonstration, whose password is their name. It is for --dev only.
type Dev struct{}

var devUsers = []Identity{
	{User: "alice", Name: "Alice", Roles: []string{"user"}, Proposals: []string{"mx-2112"}},
	{User: "bob", Name: "Bob", Roles: []string{"user"}, Proposals: []string{"mx-2113"}},
	{User: "sam", Name: "Sam", Roles: []string{"user", "staff"}},
	{User: "ada", Name: "Ada", Roles: []string{"user", "admin"}},
}

// Users are the accounts that Dev knows.
func (Dev) Users() (names []string) {
	for _, u := range devUsers {
		names = append(names, u.User)
	}
	return names
}

// Authenticate admits those in devUsers.
func (Dev) Authenticate(ctx context.Context, c Credentials) (Identity, error) {
	if err := ctx.Err(); err != nil {
		return Identity{}, err
	}
	for _, u := range devUsers {
		if u.User == c.User && sameSecret(c.Password, u.User) {
			u.Roles, u.Proposals = slices.Clone(u.Roles), slices.Clone(u.Proposals)
			return u, nil
		}
	}
	return Identity{}, ErrWrongCredentials
}

// sameSecret compares in a time that says nothing about either.
func sameSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
