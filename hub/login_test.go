package hub_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/oidc"
	"github.com/baton-hub/baton/session/sessiontest"
)

// elsewhere are two nodes that send people to a provider, and the provider.
func elsewhere(t *testing.T) (one, two *node, provider *sessiontest.OpenID) {
	t.Helper()
	return elsewhereUnder(t, session.Ask)
}

func elsewhereUnder(t *testing.T, same session.SameUser) (one, two *node, provider *sessiontest.OpenID) {
	t.Helper()
	store := natstest.Embedded(t)
	keys, err := store.KV(t.Context(), "keys")
	if err != nil {
		t.Fatal(err)
	}
	start := func(name string) *node {
		return newNode(t, nodeOptions{name: name, store: store, policy: session.Policy{SameUser: same}, more: func(o *hub.Options) {
			throttled(t, store)(o)
			o.Seal = session.NewSeal(keys, natslog.ErrNotFound, natslog.ErrRevision)
		}})
	}
	one, two = start("one"), start("two")
	people := map[string]map[string]any{
		"alice": {"name": "Alice", "groups": []string{"user"}}, "bob": {"name": "Bob", "groups": []string{"user"}, "visits": []string{"mx-1", "mx-2"}},
		"nobody": {"name": "Nobody"}, "odd": {"name": "Odd", "groups": []string{"operator", "user", "unheard-of"}},
	}
	var callbacks []string
	for _, n := range []*node{one, two} {
		callbacks = append(callbacks, n.url+"/api/v1/login/sso/callback", n.url+"/api/v1/login/other/callback")
	}
	provider = sessiontest.NewOpenID(t, people, callbacks, nil)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(sessiontest.OpenIDSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	var ways []session.Redirector
	for _, name := range []string{"sso", "other"} {
		way, err := oidc.New(oidc.Options{
			Name: name, Title: "The laboratory", Issuer: provider.Issuer, ClientID: "baton", ClientSecretFile: secret,
			Claims: oidc.Claims{User: "sub", Proposals: "visits"}, Roles: map[string][]string{"user": {"user"}, "operator": {"operator"}, "unheard-of": {"unheard-of"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		ways = append(ways, way)
	}
	for _, n := range []*node{one, two} {
		if err := n.Change(hub.Settings{Titles: map[string]string{"lab": "Lab"}, Sign: session.Dev{}, Roles: []string{}, Redirects: ways}); err != nil {
			t.Fatal(err)
		}
	}
	return one, two, provider
}

// begin goes to the provider, as a link on a page of the hub does.
func begin(v *sessiontest.Visitor, n *node, query string) (to string) {
	_, to, _ = v.Get(n.url+"/api/v1/login/sso?space=lab&"+query, "Sec-Fetch-Site", "same-origin")
	return to
}

// whoIs is what the hub says of who visits it.
func whoIs(v *sessiontest.Visitor, n *node) (status int, page string) {
	status, _, page = v.Get(n.url + "/api/v1/session")
	return status, page
}

func TestPeopleSignInAtAnotherSiteThroughAnyNodes(t *testing.T) {
	one, two, provider := elsewhere(t)
	if _, _, page := sessiontest.NewVisitor(t).Get(one.url + "/api/v1/spaces"); !strings.Contains(page, `"providers":[{"name":"sso","title":"The laboratory"}`) {
		t.Errorf("the providers are not in %s", page)
	}
	v := sessiontest.NewVisitor(t)
	back := v.SignIn(provider, begin(v, one, "return="+url.QueryEscape("/lab?tab=1#motors")), "alice")
	if !strings.HasPrefix(back, one.url+"/api/v1/login/sso/callback?") {
		t.Fatalf("the browser comes back to %s", back)
	}
	// What stands in front of the nodes sends it to another one than it went from.
	back = strings.Replace(back, one.url, two.url, 1)
	status, to, _ := v.Get(back)
	if status != http.StatusFound || to != two.url+"/lab?tab=1#motors" {
		t.Errorf("it answered %d, to %s", status, to)
	}
	if status, page := whoIs(v, one); status != http.StatusOK || !strings.Contains(page, `"user":"alice"`) || !strings.Contains(page, `"roles":["user"]`) {
		t.Errorf("on the first node: %d %s", status, page)
	}
	// The answer is good once.
	if _, to, _ := v.Get(back); !strings.HasSuffix(to, "?login=login_expired") {
		t.Errorf("the second time it leads to %s", to)
	}
	// The same browser once more takes its own session up, though the policy asks before it ends another.
	_, before := whoIs(v, one)
	if _, to, _ := v.Get(v.SignIn(provider, begin(v, one, "return=/again"), "alice")); to != one.url+"/again" {
		t.Errorf("the same browser again leads to %s", to)
	}
	id := func(page string) string { return strings.Split(strings.SplitAfter(page, `"session":"`)[1], `"`)[0] }
	if _, after := whoIs(v, one); id(after) != id(before) {
		t.Errorf("it had %s and has %s", before, after)
	}
}

func TestASignInAtAnotherSiteIsDecidedByTheSameRules(t *testing.T) {
	one, _, provider := elsewhere(t)
	enter := func(v *sessiontest.Visitor, query, person string) string {
		t.Helper()
		_, to, _ := v.Get(v.SignIn(provider, begin(v, one, query), person))
		return strings.TrimPrefix(to, one.url)
	}
	first := sessiontest.NewVisitor(t)
	if to := enter(first, "return=/x", "alice"); to != "/x" {
		t.Errorf("alice comes to %s", to)
	}
	second := sessiontest.NewVisitor(t)
	if to := enter(second, "return=/x?a=b", "alice"); to != "/x?a=b&login=signed_in_elsewhere&space=lab" {
		t.Errorf("alice, elsewhere, comes to %s", to)
	}
	// Whoever sends her here from another site does not end her session, whatever the address says.
	_, away, _ := second.Get(one.url+"/api/v1/login/sso?space=lab&replace=true", "Sec-Fetch-Site", "cross-site")
	if _, to, _ := second.Get(second.SignIn(provider, away, "alice")); !strings.HasSuffix(to, "/?login=signed_in_elsewhere&space=lab") {
		t.Errorf("from another site alice comes to %s", to)
	}
	if to := enter(second, "replace=true", "alice"); to != "/" {
		t.Errorf("alice, replacing, comes to %s", to)
	}
	if status, page := whoIs(first, one); status != http.StatusUnauthorized {
		t.Errorf("the replaced one has %d %s", status, page)
	}
	bob := sessiontest.NewVisitor(t)
	if to := enter(bob, "return=/", "bob"); to != "/?login=choose_proposal&proposal=mx-1&proposal=mx-2&space=lab" {
		t.Errorf("bob comes to %s", to)
	}
	if to := enter(bob, "proposal=mx-3", "bob"); to != "/?login=forbidden&space=lab" {
		t.Errorf("bob, for what is not his, comes to %s", to)
	}
	if to := enter(bob, "proposal=mx-2", "bob"); to != "/" {
		t.Errorf("bob comes to %s", to)
	}
	if _, page := whoIs(bob, one); !strings.Contains(page, `"proposal":"mx-2"`) {
		t.Errorf("bob is %s", page)
	}
	if to := enter(sessiontest.NewVisitor(t), "", "nobody"); to != "/?login=forbidden&space=lab" {
		t.Errorf("who has no role comes to %s", to)
	}
	if to := enter(sessiontest.NewVisitor(t), "", ""); to != "/?login=wrong_credentials&space=lab" {
		t.Errorf("who goes away comes to %s", to)
	}
	odd := sessiontest.NewVisitor(t)
	if to := enter(odd, "", "odd"); to != "/" {
		t.Errorf("odd comes to %s", to)
	}
	if _, page := whoIs(odd, one); !strings.Contains(page, `"roles":["user"]`) {
		t.Errorf("odd is %s", page)
	}
	// A password does the same as before.
	hubtest.NewBrowser(t).Request(http.MethodPost, one.url+"/api/v1/session", `{"space":"lab","user":"sam","password":"sam"}`).Want(http.StatusOK)
}

func TestAnotherSiteEndsNoSessionThoughTheSiteReplacesWithoutAsking(t *testing.T) {
	one, _, provider := elsewhereUnder(t, session.Replace)
	first, second := sessiontest.NewVisitor(t), sessiontest.NewVisitor(t)
	first.Get(first.SignIn(provider, begin(first, one, ""), "alice"))
	_, away, _ := second.Get(one.url+"/api/v1/login/sso?space=lab", "Sec-Fetch-Site", "cross-site")
	if _, to, _ := second.Get(second.SignIn(provider, away, "alice")); !strings.HasSuffix(to, "/?login=signed_in_elsewhere&space=lab") {
		t.Errorf("from another site alice comes to %s", to)
	}
	if status, page := whoIs(first, one); status != http.StatusOK {
		t.Errorf("her session has %d %s", status, page)
	}
	second.Get(second.SignIn(provider, begin(second, one, ""), "alice"))
	if status, page := whoIs(first, one); status != http.StatusUnauthorized {
		t.Errorf("the replaced one has %d %s", status, page)
	}
}

func TestWhoIsLetThroughByAnotherSiteHasNoFreshCredentialsUntilItAsks(t *testing.T) {
	one, _, provider := elsewhere(t)
	v := sessiontest.NewVisitor(t)
	for _, c := range []struct{ query, want string }{{"", `"confirmed":false`}, {"fresh=true", `"confirmed":true`}} {
		if _, to, _ := v.Get(v.SignIn(provider, begin(v, one, c.query), "alice")); to != one.url+"/" {
			t.Errorf("%s leads to %s", c.query, to)
		}
		if _, page := whoIs(v, one); !strings.Contains(page, c.want) {
			t.Errorf("%s: %s", c.query, page)
		}
	}
}

func TestNobodyIsSignedInByAnothersAnswerOrSentAstray(t *testing.T) {
	one, two, provider := elsewhere(t)
	// An answer of the attacker's, in the browser of a victim: with no errand, and with one of the victim's own.
	attacker, victim := sessiontest.NewVisitor(t), sessiontest.NewVisitor(t)
	theirs := attacker.SignIn(provider, begin(attacker, one, ""), "bob")
	if _, to, _ := victim.Get(theirs); !strings.HasSuffix(to, "/?login=login_expired") {
		t.Errorf("without an errand: to %s", to)
	}
	begin(victim, one, "")
	if _, to, _ := victim.Get(theirs); !strings.HasSuffix(to, "/?login=login_expired") {
		t.Errorf("with another errand: to %s", to)
	}
	own := victim.SignIn(provider, begin(victim, one, ""), "alice")
	if _, to, _ := victim.Get(strings.Replace(own, "/sso/", "/other/", 1)); !strings.HasSuffix(to, "/?login=login_expired") {
		t.Errorf("as the answer of another provider: to %s", to)
	}
	if status, page := whoIs(victim, two); status != http.StatusUnauthorized {
		t.Errorf("the victim is %d %s", status, page)
	}
	for _, path := range []string{
		"https://evil.example.org", "//evil.example.org", "///evil.example.org", `/\evil.example.org`, `\\evil.example.org`, "/\t/evil.example.org", "/%0a", "evil", "javascript:alert(1)",
		"/api/v1/session", "/" + strings.Repeat("x", 2000), "",
	} {
		status, to, page := sessiontest.NewVisitor(t).Get(one.url + "/api/v1/login/sso?space=lab&return=" + url.QueryEscape(path))
		if status == http.StatusFound && path != "/%0a" && path != "" { // these are themselves, and the front page
			t.Errorf("%.40s: %d to %s %s", path, status, to, page)
		}
	}
	for path, want := range map[string]int{"/api/v1/login/none?space=lab": 404, "/api/v1/login/sso?space=none": 404, "/api/v1/login/sso": 400, "/api/v1/login/none/callback": 404} {
		if status, _, page := sessiontest.NewVisitor(t).Get(one.url + path); status != want {
			t.Errorf("%s: %d %s", path, status, page)
		}
	}
}

func TestAProviderThatIsDownStopsNobodyElse(t *testing.T) {
	one, _, provider := elsewhere(t)
	provider.Kill()
	if to := begin(sessiontest.NewVisitor(t), one, "return=/x"); to != one.url+"/x?login=unavailable&space=lab" {
		t.Errorf("it leads to %s", to)
	}
	browser := hubtest.NewBrowser(t)
	browser.SignIn(one.url, "lab", "alice")
	provider.Restart()
	v := sessiontest.NewVisitor(t)
	if _, to, _ := v.Get(v.SignIn(provider, begin(v, one, ""), "bob")); to != one.url+"/?login=choose_proposal&proposal=mx-1&proposal=mx-2&space=lab" {
		t.Errorf("when it is back, it leads to %s", to)
	}
}

// TestGuessingCodesIsThrottledByAddress comes back again and again with what the provider never gave.
func TestGuessingCodesIsThrottledByAddress(t *testing.T) {
	one, _, _ := elsewhere(t)
	v := sessiontest.NewVisitor(t)
	var codes []string
	for range 31 {
		to, err := url.Parse(begin(v, one, ""))
		if err != nil {
			t.Fatal(err)
		}
		_, back, _ := v.Get(fmt.Sprintf("%s/api/v1/login/sso/callback?code=guessed&state=%s", one.url, to.Query().Get("state")))
		_, code, _ := strings.Cut(back, "login=")
		codes = append(codes, strings.TrimSuffix(code, "&space=lab"))
	}
	if slices.Index(codes, "throttled") != 30 || codes[29] != "wrong_credentials" {
		t.Errorf("it says %v", codes)
	}
}
