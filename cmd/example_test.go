package cmd_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/baton-hub/baton/session"
)

// badges are an authenticator of one's own: people sign in with the number on their badge. A main of one's own gives it a
// word for the site file,
//
//	cmd.Main(cmd.Options{Authenticators: map[string]session.Kind{"badges": newBadges}})
//
// which then says
//
//	authenticators:
//	  - {kind: badges, numbers: {ann: "4711"}, roles: [user]}
type badges struct {
	numbers map[string]string
	roles   []string
}

var _ session.Kind = newBadges

func newBadges(c session.KindConfig) (session.Authenticator, error) {
	var options struct {
		Numbers map[string]string
		Roles   []string
	}
	if err := c.Read(&options); err != nil {
		return nil, err
	}
	if len(options.Roles) == 0 {
		return nil, errors.New("badges need roles, such as roles: [user]")
	}
	return badges{options.Numbers, options.Roles}, nil
}

// Authenticate answers an unknown name as a wrong number. Package hub sees to it that guessing is slow.
func (b badges) Authenticate(ctx context.Context, c session.Credentials) (session.Identity, error) {
	if err := ctx.Err(); err != nil {
		return session.Identity{}, err
	}
	number, known := b.numbers[c.User]
	if !known || number == "" || number != c.Password {
		return session.Identity{}, session.ErrWrongCredentials
	}
	return session.Identity{User: c.User, Roles: append([]string(nil), b.roles...)}, nil
}

// An authenticator of one's own, without a fork.
func Example() {
	a, err := newBadges(session.KindConfig{Options: map[string]json.RawMessage{
		"numbers": json.RawMessage(`{"ann": "4711"}`), "roles": json.RawMessage(`["user"]`),
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, number := range []string{"4711", "4712"} {
		who, err := a.Authenticate(context.Background(), session.Credentials{User: "ann", Password: number})
		fmt.Println(number, who.User, who.Roles, err)
	}
	// Output:
	// 4711 ann [user] <nil>
	// 4712  [] wrong name or password
}
