package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/baton-hub/baton/session/sessiontest"
)

const plainSpaces = "spaces: {lab: {channels: {notes: {kind: store, write: [member]}}}}\n"

func TestProxiesAreNetworksAndNeverEverybody(t *testing.T) {
	parse := func(proxies string) (*site, error) {
		return (Options{}).parseSite("s.yaml", []byte("version: 1\nproxies: ["+proxies+"]\n"+plainSpaces+"authenticators: [{kind: dev}]\n"))
	}
	s, err := parse("192.0.2.10, 198.51.100.7/24, '2001:db8::/32', '::1', '::ffff:10.0.0.1'")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.proxies()); got != "[192.0.2.10/32 198.51.100.0/24 2001:db8::/32 ::1/128 10.0.0.1/32]" {
		t.Errorf("the networks are %s", got)
	}
	for proxies, want := range map[string]string{
		"0.0.0.0/0": "everybody", "'::/0'": "everybody", "nginx": "not the address of a proxy", "10.0.0.0/33": "not the address of a proxy",
	} {
		if _, err := parse(proxies); err == nil || !strings.Contains(err.Error(), "s.yaml:2: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", proxies, err)
		}
	}
}

func TestTheAuthenticatorsOfTheExampleCanBeUsed(t *testing.T) {
	text := regexp.MustCompile(`(?m)^  #(- |  )`).ReplaceAllString(string(siteExample), "  $1")
	path := siteIn(t, text, map[string]string{"users.yaml": "version: 1\n"})
	sessiontest.WriteCertificate(t, filepath.Dir(path))
	s, err := (Options{}).readSite(path)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, a := range s.Authenticators {
		kinds[a.Kind] = true
	}
	for kind := range siteKinds {
		if kind != "dev" && !kinds[kind] {
			t.Errorf("there is no example of %s", kind)
		}
	}
	if _, _, err := s.authenticators(Options{}, filepath.Dir(path), nil); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(filepath.Dir(path), "users.yaml")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.authenticators(Options{}, filepath.Dir(path), nil); err == nil {
		t.Error("a file that is not there is not missed")
	}
}

func TestWhatIsWrongWithAnAuthenticatorIsSaidWithItsLine(t *testing.T) {
	_, err := (Options{}).parseSite("s.yaml", []byte(`version: 1
roles: [detector-group]
`+plainSpaces+`authenticators:
- kind: ldap
  urls: [ldap://ldap.example.org]
  base: ou=people,dc=example,dc=org
  bind_dn: cn=baton
  filter: (uid=ann)
  roles:
    staff: [stafff, detector-group]
    all: [operator]
  timeout: 5h
- kind: ldap
  url: ldaps://ldap.example.org
  bind_password: secret-in-the-site-file
- kind: http
  url: http://users.example.org
  timeout: soon
- kind: http
  url: http://users.example.org
  header: X-Secret
- kind: lpad
- {kind: oidc, name: SSO, issuer: "http://sso.example.org", roles: {a: [staf]}}
- {kind: oidc, name: sso, issuer: "https://sso.example.org", client_id: baton, claims: {user: sub, rolls: x}, roles: {"*": [user]}}
- {kind: oidc, name: sso, issuer: "https://sso.example.org", client_id: baton, claims: {user: sub}, roles: {"*": [user]}, client_secret: x}
- {kind: oidc, name: sso, issuer: "https://sso.example.org", client_id: baton, claims: {user: sub}, roles: {"*": [user]}}
- file
- kind: [file]
`))
	if err == nil {
		t.Fatal("nothing was refused")
	}
	for _, want := range []string{
		"s.yaml:6: urls: passwords would go to ldap.example.org unencrypted",
		"s.yaml:8: bind_dn and bind_password_file go together",
		"s.yaml:9: filter has to say {user}",
		`s.yaml:11: "stafff" is not a role: did you mean "staff"?`,
		`s.yaml:12: "operator" is not a role: use admin, detector-group, service, staff, user`,
		"s.yaml:13: timeout is 100ms to 1m0s",
		`s.yaml:15: there is no key "url" here: did you mean "urls"?`,
		`s.yaml:16: there is no key "bind_password" here`,
		"s.yaml:19: cannot construct !!str `soon` into a duration",
		"s.yaml:21: url: passwords would go to users.example.org unencrypted",
		"s.yaml:22: header and header_file go together",
		`s.yaml:23: there is no kind of authenticator "lpad": did you mean "ldap"?`,
		`s.yaml:24: as the name of a way to sign in: "SSO" is not a name`,
		`s.yaml:24: issuer: what proves who people are would go to sso.example.org unencrypted`,
		`s.yaml:24: client_id is missing`,
		`s.yaml:24: claims need to say`,
		`s.yaml:24: "staf" is not a role: did you mean "staff"?`,
		`s.yaml:25: there is no key "rolls" here: did you mean "roles"?`,
		`s.yaml:26: there is no key "client_secret" here`,
		`s.yaml:27: another authenticator is called "sso" already`,
		"s.yaml:28: an authenticator is written as",
		`s.yaml:29: there is no kind of authenticator ""`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if strings.Contains(err.Error(), "secret-in-the-site-file") {
		t.Error("it repeats a secret")
	}
	if t.Failed() {
		t.Log(err)
	}
}
