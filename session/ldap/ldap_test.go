package ldap_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/ldap"
	"github.com/baton-hub/baton/session/sessiontest"
)

// people are a directory as a site has one. Bob's name needs escaping wherever it is put.
const people = `dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=org
objectClass: organizationalUnit
ou: groups

dn: uid=alice,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: alice
cn: Alice Liddell
sn: Liddell
mail: alice@example.org
employeeType: mx-2113
employeeType: mx-2112
seeAlso: cn=Beamline Staff,ou=groups,dc=example,dc=org
userPassword: Through the looking-glass

dn: cn=Bob \28o*o\29 \5C \22B\22\, Jr.,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: b(o)*b\
cn: Bob (o*o) \ "B", Jr.
sn: Bob
userPassword: of bob

dn: uid=carol,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: carol
cn: Carol
sn: Carol

dn: uid=twin,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: twin
cn: One
sn: One
userPassword: of twin

dn: cn=twin,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: twin
cn: twin
sn: Two
userPassword: of twin

dn: cn=Beamline Staff,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: Beamline Staff
member: uid=alice,ou=people,dc=example,dc=org

dn: cn=mx-2112,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: mx-2112
member: uid=alice,ou=people,dc=example,dc=org
member: cn=Bob \28o*o\29 \5C \22B\22\, Jr.,ou=people,dc=example,dc=org

dn: cn=mx-2200,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: mx-2200
member: uid=carol,ou=people,dc=example,dc=org

dn: ou=abroad,dc=example,dc=org
objectClass: referral
objectClass: extensibleObject
ou: abroad
ref: ldap://127.0.0.1:1/ou=abroad,dc=example,dc=org

`

const (
	peopleBase = "ou=people," + sessiontest.SlapdBase
	groupBase  = "ou=groups," + sessiontest.SlapdBase
)

var alice = session.Credentials{User: "alice", Password: "Through the looking-glass"}

// options are those of a site with the server.
func options(t *testing.T, s *sessiontest.Slapd) ldap.Options {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(sessiontest.SlapdPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return ldap.Options{
		URLs: []string{s.URLS}, CAFile: s.CA, BindDN: sessiontest.SlapdSearcher, PasswordFile: secret,
		Base: peopleBase, Filter: "(&(objectClass=inetOrgPerson)(uid={user}))", Groups: ldap.Groups{Base: groupBase},
		Roles:     map[string][]string{"*": {"user"}, "beamline staff": {"staff"}, "cn=nobody,dc=example,dc=org": {"admin"}},
		Proposals: ldap.Proposals{Pattern: "mx-[0-9]+"}, Timeout: 10 * time.Second,
	}
}

func open(t *testing.T, o ldap.Options) *ldap.Directory {
	t.Helper()
	d, err := ldap.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTheDirectoryIsAnAuthenticator(t *testing.T) {
	server := sessiontest.NewSlapd(t, people)
	sessiontest.RunAuthenticator(t, func(t *testing.T) sessiontest.Subject {
		t.Cleanup(func() {
			server.Kill()
			server.Restart()
		})
		return sessiontest.Subject{
			Authenticator: open(t, options(t, server)), Right: alice, Down: server.Kill,
			Who: session.Identity{User: "alice", Name: "Alice Liddell", Roles: []string{"staff", "user"}, Proposals: []string{"mx-2112"}},
		}
	})
}

func TestPeopleAreFoundByTheFilterAndTheirGroups(t *testing.T) {
	server := sessiontest.NewSlapd(t, people)
	ask := func(c session.Credentials, change func(*ldap.Options)) (session.Identity, error) {
		t.Helper()
		o := options(t, server)
		if change != nil {
			change(&o)
		}
		return open(t, o).Authenticate(t.Context(), c)
	}
	says := func(want string, c session.Credentials, change func(*ldap.Options)) {
		t.Helper()
		who, err := ask(c, change)
		if got := fmt.Sprintf("%s %v %v", who.User, who.Roles, who.Proposals); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", c.User, got, err, want)
		}
	}
	says(`b(o)*b\ [user] [mx-2112]`, session.Credentials{User: `b(o)*b\`, Password: "of bob"}, nil)
	says("alice [staff user] [mx-2112]", session.Credentials{User: "ALICE", Password: alice.Password}, nil) // as it is in the directory
	says("alice [staff user] [mx-2112]", session.Credentials{User: "alice@example.org", Password: alice.Password}, func(o *ldap.Options) {
		o.Filter = "(|(uid={user})(mail={user}))"
	})
	says("alice [admin user] []", alice, func(o *ldap.Options) { // groups are in an attribute, and named by their DN
		o.Groups, o.MemberOf = ldap.Groups{}, "seealso"
		o.Roles = map[string][]string{"*": {"user"}, "CN=beamline staff, OU=groups,dc=example,dc=org": {"admin", "user"}}
	})
	says("alice [] [2112]", alice, func(o *ldap.Options) { // known, but nothing here
		o.Roles, o.Proposals.Pattern = map[string][]string{"some other group": {"user"}}, "mx-(.*)"
	})
	says("alice [user] [mx-2112 mx-2113]", alice, func(o *ldap.Options) {
		o.Groups, o.Proposals, o.Roles = ldap.Groups{}, ldap.Proposals{Attribute: "employeeType"}, map[string][]string{"*": {"user"}}
	})
	says("alice [user] [2113]", alice, func(o *ldap.Options) {
		o.Groups.Filter, o.Roles = "(&(cn={user})(member={dn}))", map[string][]string{"*": {"user"}}
		o.Proposals = ldap.Proposals{Attribute: "employeeType", Pattern: "mx-(..13)"}
	})
	for name, c := range map[string]session.Credentials{
		"no password of their own": {User: "carol", Password: "of carol"},
		"somewhere else":           {User: "searcher", Password: sessiontest.SlapdPassword},
	} {
		if who, err := ask(c, nil); !errors.Is(err, session.ErrWrongCredentials) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	if who, err := ask(session.Credentials{User: "twin", Password: "of twin"}, nil); err == nil || !strings.Contains(err.Error(), "several people") {
		t.Errorf("one of two: %+v, %v", who, err)
	}
}

func TestWhatIsWrongWithTheDirectoryIsNeverAWrongPassword(t *testing.T) {
	server := sessiontest.NewSlapd(t, people)
	wrong := filepath.Join(t.TempDir(), "wrong")
	if err := os.WriteFile(wrong, []byte("guessed"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*ldap.Options)
		says   string
	}{
		"the searcher's password is wrong":    {func(o *ldap.Options) { o.PasswordFile = wrong }, "signing in to search"},
		"the searcher's password is not here": {func(o *ldap.Options) { o.PasswordFile += "x" }, "reading bind_password_file"},
		"the searcher's password is empty":    {func(o *ldap.Options) { o.PasswordFile = empty }, "is empty"},
		"nobody may search":                   {func(o *ldap.Options) { o.BindDN, o.PasswordFile = "", "" }, "looking a person up"},
		"there is no such base":               {func(o *ldap.Options) { o.Base = "ou=nowhere,dc=example,dc=org" }, "looking a person up"},
		"there are no such groups":            {func(o *ldap.Options) { o.Groups.Base = "ou=nowhere,dc=example,dc=org" }, "looking for groups"},
		"the base is on another server":       {func(o *ldap.Options) { o.Base = "ou=abroad,dc=example,dc=org" }, "looking a person up"},
		"there is no such attribute":          {func(o *ldap.Options) { o.User = "telephoneNumber" }, "has no attribute telephoneNumber"},
		"another authority":                   {func(o *ldap.Options) { o.CAFile = sessiontest.WriteCertificate(t, t.TempDir()) }, "certificate"},
		"the system's authorities":            {func(o *ldap.Options) { o.CAFile = "" }, "certificate"},
		"another authority, begun later":      {func(o *ldap.Options) { o.URLs, o.StartTLS, o.CAFile = []string{server.URL}, true, "" }, "certificate"},
	} {
		o := options(t, server)
		c.change(&o)
		who, err := open(t, o).Authenticate(t.Context(), alice)
		if err == nil || errors.Is(err, session.ErrWrongCredentials) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}

// TestTheTreeMayGoOnOnOtherServers searches where some of the tree is elsewhere: nobody follows it there with a password.
func TestTheTreeMayGoOnOnOtherServers(t *testing.T) {
	o := options(t, sessiontest.NewSlapd(t, people))
	o.Base = sessiontest.SlapdBase
	if who, err := open(t, o).Authenticate(t.Context(), alice); err != nil || who.User != "alice" {
		t.Errorf("%+v, %v", who, err)
	}
	if who, err := open(t, o).Authenticate(t.Context(), session.Credentials{User: "zoe", Password: "of zoe"}); !errors.Is(err, session.ErrWrongCredentials) {
		t.Errorf("%+v, %v", who, err)
	}
}

func TestTheNextServerIsAskedOnlyIfOneCannotBe(t *testing.T) {
	server, other := sessiontest.NewSlapd(t, people), sessiontest.NewSlapd(t, strings.ReplaceAll(people, "Through the looking-glass", "another"))
	o := options(t, server)
	pem := []byte{}
	for _, ca := range []string{server.CA, other.CA} {
		one, err := os.ReadFile(ca)
		if err != nil {
			t.Fatal(err)
		}
		pem = append(pem, one...)
	}
	o.CAFile = filepath.Join(t.TempDir(), "both.pem")
	if err := os.WriteFile(o.CAFile, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	o.URLs, o.Timeout = []string{server.URLS, other.URLS}, 4*time.Second
	d := open(t, o)
	second := session.Credentials{User: "alice", Password: "another"}
	if _, err := d.Authenticate(t.Context(), second); !errors.Is(err, session.ErrWrongCredentials) {
		t.Errorf("while the first is there: %v", err)
	}
	server.Pause()
	if who, err := d.Authenticate(t.Context(), second); err != nil || who.User != "alice" {
		t.Errorf("while the first hangs: %+v, %v", who, err)
	}
	server.Resume()
	server.Kill()
	if who, err := d.Authenticate(t.Context(), second); err != nil || who.User != "alice" {
		t.Errorf("while the first is down: %+v, %v", who, err)
	}
	other.Pause()
	began := time.Now()
	if who, err := d.Authenticate(t.Context(), second); err == nil || errors.Is(err, session.ErrWrongCredentials) || time.Since(began) > 30*time.Second {
		t.Errorf("while neither is: %+v, %v after %v", who, err, time.Since(began))
	}
	ctx, leave := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer leave()
	began = time.Now()
	if who, err := d.Authenticate(ctx, second); err == nil || errors.Is(err, session.ErrWrongCredentials) || time.Since(began) > 3*time.Second {
		t.Errorf("without patience: %+v, %v after %v", who, err, time.Since(began))
	}
	other.Resume()
	server.Restart()
	if who, err := d.Authenticate(t.Context(), alice); err != nil || who.User != "alice" {
		t.Errorf("when the first is back: %+v, %v", who, err)
	}
}

func TestTLSCanBeBegunOnAConnection(t *testing.T) {
	server := sessiontest.NewSlapd(t, people)
	o := options(t, server)
	o.URLs, o.StartTLS = []string{server.URL}, true
	if who, err := open(t, o).Authenticate(t.Context(), alice); err != nil || who.User != "alice" {
		t.Errorf("%+v, %v", who, err)
	}
	o.URLs, o.StartTLS, o.CAFile = []string{server.URL}, false, "" // on this machine it need not be
	if who, err := open(t, o).Authenticate(t.Context(), alice); err != nil || who.User != "alice" {
		t.Errorf("%+v, %v", who, err)
	}
}

func TestOptionsThatCannotWorkAreRefusedAllAtOnce(t *testing.T) {
	_, err := ldap.New(ldap.Options{
		URLs:   []string{"http://x", "ldap://ldap.example.org", "ldaps://admin:secret-in-a-url@x", "ldaps://x/ou=people"},
		CAFile: filepath.Join(t.TempDir(), "none.pem"), BindDN: "nobody", Base: "people", Filter: "(uid=alice)",
		Groups: ldap.Groups{Base: groupBase, Filter: "(member={dn}"}, Proposals: ldap.Proposals{Pattern: "("}, Timeout: -1,
	})
	for _, want := range []string{
		"urls are such as", "to ldap.example.org unencrypted", "reading ca_file", "bind_dn is not a name", "base is not a name", "filter has to say {user}",
		"the filter of groups is not one", "not a regular expression", "go together", "roles are missing", "negative",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if strings.Contains(fmt.Sprint(err), "secret-in-a-url") {
		t.Errorf("it repeats a password: %v", err)
	}
	if _, err := ldap.New(ldap.Options{}); err == nil || !slices.Contains(strings.Split(err.Error(), "\n"), "urls are missing: name a server, such as ldaps://ldap.example.org") {
		t.Errorf("of nothing: %v", err)
	}
}
