package oidc_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/oidc"
	"github.com/baton-hub/baton/session/sessiontest"
)

const callback = "http://127.0.0.1:9/api/v1/login/sso/callback"

var people = map[string]map[string]any{
	"sub-of-alice": {
		"preferred_username": "alice", "name": "Alice", "groups": []string{"beamline-staff", "proposal-mx-2", "proposal-mx-1"},
		"email": "alice@example.org", "email_verified": true, "realm_access": map[string]any{"roles": []string{"inside"}}, "visits": "mx-7",
	},
	"sub-of-bob": {"preferred_username": "bob", "email": "alice@example.org", "email_verified": false},
}

func options(t *testing.T, p *sessiontest.OpenID) oidc.Options {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(sessiontest.OpenIDSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return oidc.Options{
		Name: "sso", Title: "The laboratory", Issuer: p.Issuer, ClientID: "baton", ClientSecretFile: secret, Claims: oidc.Claims{User: "preferred_username"},
		Roles: map[string][]string{"*": {"user"}, "beamline-staff": {"staff"}, "nobody": {"admin"}}, Pattern: "proposal-(.*)",
	}
}

func open(t *testing.T, o oidc.Options) *oidc.Provider {
	t.Helper()
	p, err := oidc.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func errand() session.Errand {
	return session.Errand{State: "the state", Nonce: "the nonce", Verifier: strings.Repeat("v", 43), Callback: callback}
}

// visit signs somebody in at the provider and returns what the browser comes back with.
func visit(t *testing.T, server *sessiontest.OpenID, p *oidc.Provider, e session.Errand, person string) url.Values {
	t.Helper()
	address, err := p.Begin(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	back, err := url.Parse(sessiontest.NewVisitor(t).SignIn(server, address, person))
	if err != nil || !strings.HasPrefix(back.String(), callback) || back.Query().Get("state") != e.State {
		t.Fatalf("the browser comes back to %s, %v", back, err)
	}
	return back.Query()
}

func TestWhatTheProviderSaysOfAPersonBecomesWhoTheyAre(t *testing.T) {
	for name, more := range map[string]map[string]any{"at the userinfo endpoint": nil, "in the ID token": {"conformIdTokenClaims": false}} {
		t.Run(name, func(t *testing.T) {
			server := sessiontest.NewOpenID(t, people, []string{callback}, more)
			for _, c := range []struct {
				person, want string
				change       func(*oidc.Options)
			}{
				{"sub-of-alice", "alice Alice [staff user] [mx-1 mx-2]", nil},
				{"sub-of-bob", "bob  [user] []", nil},
				{"sub-of-alice", "sub-of-alice Alice [user] [7]", func(o *oidc.Options) {
					o.Claims = oidc.Claims{User: "sub", Roles: "realm_access.roles", Proposals: "visits"}
					o.Roles, o.Pattern = map[string][]string{"inside": {"user"}}, "mx-(.)"
				}},
				{"sub-of-alice", "alice@example.org alice [] []", func(o *oidc.Options) {
					o.Claims, o.Pattern = oidc.Claims{User: "email", Name: "preferred_username"}, ""
					o.Roles = map[string][]string{"nobody": {"user"}}
				}},
			} {
				o := options(t, server)
				if c.change != nil {
					c.change(&o)
				}
				p, e := open(t, o), errand()
				who, err := p.Finish(t.Context(), e, visit(t, server, p, e, c.person))
				if got := fmt.Sprint(who.User, " ", who.Name, " ", who.Roles, " ", who.Proposals); err != nil || got != c.want {
					t.Errorf("%s: %s, %v; want %s", c.person, got, err, c.want)
				}
			}
			o := options(t, server)
			for name, claims := range map[string]oidc.Claims{"an address that is not verified": {User: "email"}, "no such claim": {User: "login"}} {
				o.Claims = claims
				p, e := open(t, o), errand()
				if who, err := p.Finish(t.Context(), e, visit(t, server, p, e, "sub-of-bob")); err == nil || errors.Is(err, session.ErrWrongCredentials) || who.User != "" {
					t.Errorf("%s: %+v, %v", name, who, err)
				}
			}
		})
	}
}

func TestWhatComesBackIsGoodOnceAndForItsErrandOnly(t *testing.T) {
	server := sessiontest.NewOpenID(t, people, []string{callback}, nil)
	p, e := open(t, options(t, server)), errand()
	for name, c := range map[string]struct {
		change func(*session.Errand, url.Values)
		wrong  bool
	}{
		"another verifier": {func(e *session.Errand, _ url.Values) { e.Verifier = strings.Repeat("w", 43) }, true},
		"another nonce":    {func(e *session.Errand, _ url.Values) { e.Nonce = "another" }, false},
		"another code":     {func(_ *session.Errand, q url.Values) { q.Set("code", "made-up") }, true},
		"no code":          {func(_ *session.Errand, q url.Values) { q.Del("code") }, true},
		"another issuer":   {func(_ *session.Errand, q url.Values) { q.Set("iss", "https://elsewhere.example.org") }, false},
		"another callback": {func(e *session.Errand, _ url.Values) { e.Callback += "x" }, true},
	} {
		changed, answer := e, visit(t, server, p, e, "sub-of-alice")
		code := answer.Get("code")
		c.change(&changed, answer)
		who, err := p.Finish(t.Context(), changed, answer)
		if err == nil || errors.Is(err, session.ErrWrongCredentials) != c.wrong || who.User != "" {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
		for _, secret := range []string{code, e.Verifier, sessiontest.OpenIDSecret} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: it repeats a secret: %v", name, err)
			}
		}
	}
	answer := visit(t, server, p, e, "sub-of-alice")
	if who, err := p.Finish(t.Context(), e, answer); err != nil || who.User != "alice" {
		t.Errorf("the first time: %+v, %v", who, err)
	}
	if who, err := p.Finish(t.Context(), e, answer); !errors.Is(err, session.ErrWrongCredentials) {
		t.Errorf("the second time: %+v, %v", who, err)
	}
}

func TestWhoGoesAwayFromTheFormIsNotSignedIn(t *testing.T) {
	server := sessiontest.NewOpenID(t, people, []string{callback}, nil)
	p, e := open(t, options(t, server)), errand()
	if who, err := p.Finish(t.Context(), e, visit(t, server, p, e, "")); !errors.Is(err, session.ErrWrongCredentials) {
		t.Errorf("%+v, %v", who, err)
	}
	if who, err := p.Finish(t.Context(), e, url.Values{"error": {"server_error"}}); err == nil || errors.Is(err, session.ErrWrongCredentials) {
		t.Errorf("while the provider has trouble: %+v, %v", who, err)
	}
}

func TestAProviderThatIsDownIsLookedForAgain(t *testing.T) {
	server := sessiontest.NewOpenID(t, people, []string{callback}, nil)
	server.Kill()
	o := options(t, server)
	o.Timeout = 20 * time.Second
	p, e := open(t, o), errand()
	for range 2 {
		if address, err := p.Begin(t.Context(), e); err == nil {
			t.Errorf("it sends to %s", address)
		}
		if who, err := p.Finish(t.Context(), e, url.Values{"code": {"x"}}); err == nil || errors.Is(err, session.ErrWrongCredentials) {
			t.Errorf("%+v, %v", who, err)
		}
	}
	server.Restart()
	var crowd sync.WaitGroup
	for range 8 {
		crowd.Go(func() {
			if _, err := p.Begin(t.Context(), e); err != nil {
				t.Error(err)
			}
		})
	}
	crowd.Wait()
	answer := visit(t, server, p, e, "sub-of-alice")
	server.Kill()
	if who, err := p.Finish(t.Context(), e, answer); err == nil || errors.Is(err, session.ErrWrongCredentials) || strings.Contains(err.Error(), answer.Get("code")) {
		t.Errorf("%+v, %v", who, err)
	}
}

func TestCredentialsAreFreshIfTheProviderHasAskedForThemLately(t *testing.T) {
	server := sessiontest.NewOpenID(t, people, []string{callback}, nil)
	p, v := open(t, options(t, server)), sessiontest.NewVisitor(t)
	for i, fresh := range []bool{false, false, true, false} {
		e := errand()
		e.Fresh = fresh
		address, err := p.Begin(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		back, asked, err := v.Through(server, address, "sub-of-alice")
		if err != nil || asked != (i == 0 || fresh) { // else it knows her
			t.Errorf("%d: she was asked: %v, %v", i, asked, err)
		}
		answer, err := url.Parse(back)
		if err != nil {
			t.Fatal(err)
		}
		if who, err := p.Finish(t.Context(), e, answer.Query()); err != nil || who.Stale == fresh {
			t.Errorf("%d: %+v, %v", i, who, err)
		}
	}
}

func TestTheSecretAndTheAddressAreAsTheSiteSays(t *testing.T) {
	public := "https://baton.example.org/api/v1/login/sso/callback"
	server := sessiontest.NewOpenID(t, people, []string{callback, public}, nil)
	o := options(t, server)
	o.URL = "https://baton.example.org/"
	address, err := open(t, o).Begin(t.Context(), errand())
	if err != nil || !strings.Contains(address, url.QueryEscape(public)) || !strings.Contains(address, "code_challenge_method=S256") {
		t.Errorf("%s, %v", address, err)
	}
	o = options(t, server)
	if err := os.WriteFile(o.ClientSecretFile, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, e := open(t, o), errand()
	answer := visit(t, server, p, e, "sub-of-alice")
	if who, err := p.Finish(t.Context(), e, answer); err == nil || errors.Is(err, session.ErrWrongCredentials) {
		t.Errorf("with another secret: %+v, %v", who, err)
	}
	if err := os.WriteFile(o.ClientSecretFile, []byte(sessiontest.OpenIDSecret), 0o600); err != nil { // replaced while it runs
		t.Fatal(err)
	}
	if who, err := p.Finish(t.Context(), e, visit(t, server, p, e, "sub-of-alice")); err != nil || who.User != "alice" {
		t.Errorf("with the right one: %+v, %v", who, err)
	}
}

func TestOptionsThatCannotWorkAreRefusedAllAtOnce(t *testing.T) {
	_, err := oidc.New(oidc.Options{Issuer: "http://sso.example.org", URL: "https://baton.example.org/x", CAFile: "none.pem", Pattern: "(", Timeout: -1})
	for _, want := range []string{
		"issuer: what proves", "url is only where", "reading ca_file", "pattern is not", "name is missing", "client_id is missing", "claims need", "roles are missing", "negative",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q: %v", want, err)
		}
	}
}
