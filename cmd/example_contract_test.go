package cmd_test

import (
	"testing"

	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

// TestTheAuthenticatorOfTheExampleIsOne is how one's own is tested.
func TestTheAuthenticatorOfTheExampleIsOne(t *testing.T) {
	sessiontest.RunAuthenticator(t, func(*testing.T) sessiontest.Subject {
		return sessiontest.Subject{
			Authenticator: badges{map[string]string{"ann": "badge-4711"}, []string{"user"}},
			Right:         session.Credentials{User: "ann", Password: "badge-4711"}, Who: session.Identity{User: "ann", Roles: []string{"user"}},
		}
	})
}
