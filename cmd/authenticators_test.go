package cmd

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

// ownOptions are what the binary of the tests has of its own.
var ownOptions = Options{Authenticators: map[string]session.Kind{"badges": newBadges}}

// badges knows people by the number on their badge.
type badges map[string]string

func newBadges(c session.KindConfig) (session.Authenticator, error) {
	var options struct{ Numbers badges }
	err := c.Read(&options)
	return options.Numbers, err
}

func (b badges) Authenticate(_ context.Context, c session.Credentials) (session.Identity, error) {
	if number := b[c.User]; number == "" || number != c.Password {
		return session.Identity{}, session.ErrWrongCredentials
	}
	return session.Identity{User: c.User, Roles: []string{"user"}}, nil
}

const director = `dn: uid=dora,dc=example,dc=org
objectClass: inetOrgPerson
uid: dora
cn: Dora
sn: Dora
userPassword: of dora
description: guest
description: mx-7

`

func TestPeopleSignInByWhicheverAuthenticatorKnowsThem(t *testing.T) {
	directory := sessiontest.NewSlapd(t, director)
	site := siteIn(t, fmt.Sprintf(`version: 1
roles: [guest]
spaces: {lab: {login: {same_user: join}, channels: {notes: {kind: store, write: [guest]}}}}
authenticators:
- {kind: file, path: users.yaml}
- kind: ldap
  urls: [%s]
  start_tls: true
  ca_file: %s
  bind_dn: %s
  bind_password_file: ldap-password
  base: dc=example,dc=org
  roles: {"*": [guest]}
  proposals: {attribute: description, pattern: "mx-.*"}
- {kind: badges, numbers: {bert: "4711", dora: "4712"}}
`, directory.URL, directory.CA, sessiontest.SlapdSearcher), map[string]string{"ldap-password": sessiontest.SlapdPassword})
	if err := session.AddUser(filepath.Join(filepath.Dir(site), "users.yaml"), session.Identity{User: "ann", Roles: []string{"staff"}}, "of ann"); err != nil {
		t.Fatal(err)
	}
	p := startBaton(t, "--data", t.TempDir(), "--config", site)
	signIn := func(user, password string) *hubtest.Answer {
		body := fmt.Sprintf(`{"space":"lab","user":%q,"password":%q}`, user, password)
		return hubtest.NewBrowser(t).Request(http.MethodPost, p.url+"/api/v1/session", body)
	}
	for user, c := range map[string]struct{ password, says string }{
		"ann": {"of ann", `"staff"`}, "dora": {"of dora", `"mx-7"`}, "bert": {"4711", `"user"`},
	} {
		a := signIn(user, c.password)
		if a.Want(http.StatusOK); !strings.Contains(a.Body, c.says) {
			t.Errorf("%s is %s, without %s", user, a.Body, c.says)
		}
		signIn(user, "wrong").Problem(http.StatusUnauthorized, "wrong_credentials")
	}
	directory.Kill()
	signIn("ann", "of ann").Want(http.StatusOK)
	signIn("bert", "4711").Problem(http.StatusServiceUnavailable, "unavailable") // who is after the one that cannot tell
	directory.Restart()
	signIn("bert", "4711").Want(http.StatusOK)
	for _, secret := range []string{"of ann", "of dora", sessiontest.SlapdPassword} {
		if strings.Contains(p.said.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

func TestASiteFileNamesAuthenticatorsOfOnesOwn(t *testing.T) {
	for text, want := range map[string]string{
		"{kind: badges, numbers: {ann: '1'}}":       "",
		"{kind: badges, number: {ann: '1'}}":        `s.yaml:3: reading its options (number): unknown field "number"`,
		"{kind: badges, numbers: [a]}":              "s.yaml:3: reading its options (numbers): cannot unmarshal",
		"{kind: badgers}":                           `s.yaml:3: there is no kind of authenticator "badgers": did you mean "badges"?`,
		"{kind: badges, numbers: {ann: 1, ann: 2}}": "s.yaml:3: ",
	} {
		_, err := ownOptions.parseSite("s.yaml", []byte("version: 1\n"+plainSpaces+"authenticators: ["+text+"]\n"))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := (Options{}).parseSite("s.yaml", []byte("version: 1\n"+plainSpaces+"authenticators: [{kind: badges}]\n")); err == nil {
		t.Error("a hub without it takes it")
	}
}

func TestPeopleSignInAtTheProviderOfTheSiteFile(t *testing.T) {
	provider := sessiontest.NewOpenID(t, map[string]map[string]any{"zoe": {"name": "Zoe", "roles": []string{"inside"}}},
		[]string{"http://127.0.0.1/api/v1/login/sso/callback"}, // of whatever port: RFC 8252 §7.3
		map[string]any{"client": map[string]any{"application_type": "native"}})
	site := siteIn(t, fmt.Sprintf(`version: 1
%sauthenticators:
- kind: oidc
  name: sso
  title: the laboratory
  issuer: %s
  client_id: baton
  client_secret_file: secret
  claims: {user: sub, roles: roles}
  roles: {inside: [user]}
- {kind: badges, numbers: {bert: "4711"}}
`, plainSpaces, provider.Issuer), map[string]string{"secret": sessiontest.OpenIDSecret})
	provider.Kill() // the hub starts all the same
	p := startBaton(t, "--data", t.TempDir(), "--config", site)
	body := `{"space":"lab","user":"bert","password":"4711"}`
	hubtest.NewBrowser(t).Request(http.MethodPost, p.url+"/api/v1/session", body).Want(http.StatusOK)
	provider.Restart()
	v := sessiontest.NewVisitor(t)
	if _, _, page := v.Get(p.url + "/api/v1/spaces"); !strings.Contains(page, `"providers":[{"name":"sso","title":"the laboratory"}]`) {
		t.Errorf("the provider is not in %s", page)
	}
	_, to, _ := v.Get(p.url + "/api/v1/login/sso?space=lab")
	back := v.SignIn(provider, to, "zoe")
	if _, to, _ := v.Get(back); to != p.url+"/" {
		t.Errorf("the browser comes to %s", to)
	}
	if status, _, page := v.Get(p.url + "/api/v1/session"); status != http.StatusOK || !strings.Contains(page, `"user":"zoe","name":"Zoe","roles":["user"]`) {
		t.Errorf("%d %s", status, page)
	}
	for _, secret := range []string{sessiontest.OpenIDSecret, strings.Split(strings.SplitAfter(back, "code=")[1], "&")[0]} {
		if strings.Contains(p.said.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}
