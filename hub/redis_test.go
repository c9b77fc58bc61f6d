package hub_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/channelstest"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

// newRedisNode is a node with a Redis, and a proxy between the two.
func newRedisNode(t *testing.T, policy session.Policy) (*node, *sessiontest.Server, *sessiontest.Proxy) {
	t.Helper()
	redis := sessiontest.Redis(t)
	proxy := sessiontest.NewProxy(t, redis.Address())
	logins, err := session.OpenRedis("redis://" + proxy.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = logins.Close() })
	return newNode(t, nodeOptions{policy: policy, logins: logins}), redis, proxy
}

// sessionOf is the login session that a browser has, by its cookie.
func sessionOf(t *testing.T, b *hubtest.Browser, hub string) (session string) {
	t.Helper()
	var me struct{ Session string }
	b.Request("GET", hub+"/api/v1/session", "").Into(http.StatusOK, &me)
	return me.Session
}

func TestARedisThatRestartsEmptyCostsEverybodyTheirPasswordAndNobodyTheirPlace(t *testing.T) {
	t.Parallel()
	n, redis, _ := newRedisNode(t, session.Policy{OtherUser: session.Reject})
	alice, tab := n.open(t, "alice")
	mine := sessionOf(t, alice, n.url)
	var controlled wire.Controlled
	tab.Do(frame{"type": "control", "do": "request"}, "controlled", &controlled)
	operate := func(value int) {
		t.Helper()
		tab.Do(with(write("queue", "k", value), "term", controlled.Term), "written", nil)
	}
	redis.Kill()
	operate(1)
	redis.Restart()
	operate(2)

	for what, answer := range map[string]*hubtest.Answer{
		"who am I": alice.Request("GET", n.url+"/api/v1/session", ""),
		"reading":  alice.Request("GET", n.url+"/api/v1/spaces/lab/channels/notes", ""),
		"writing":  alice.Request("PUT", n.url+"/api/v1/spaces/lab/channels/notes/k", "1"),
	} {
		if answer.Status != http.StatusUnauthorized {
			t.Errorf("%s with a cookie that Redis has forgotten: %d %s", what, answer.Status, answer.Body)
		}
	}
	// Another person does not get in by it, and one without the cookie meets the policy.
	bob := hubtest.NewBrowser(t)
	bob.SetCookies(n.url, alice.Cookies(n.url))
	if status, answer := bob.Do("POST", n.url+"/api/v1/session", frame{"space": "lab", "user": "bob", "password": "bob"}, nil); status != http.StatusConflict {
		t.Errorf("bob, with alice's cookie: %d %s", status, answer)
	}
	operate(3)

	alice.SignIn(n.url, "lab", "alice")
	if again := sessionOf(t, alice, n.url); again != mine {
		t.Errorf("alice signed in again with her cookie and has the login session %s, not %s", again, mine)
	}
	operate(4) // in the tab that has been open all the time
	again := alice.Open(n.url, "alice-tab2")
	if op := again.Welcome.Control.Operator; op == nil || op.Session != mine || again.Welcome.Control.Term != controlled.Term {
		t.Errorf("the seat is %+v", again.Welcome.Control)
	}
	again.Do(with(write("queue", "k", 5), "term", controlled.Term), "written", nil)
}

func TestACookieThatRedisForgotGivesNobodyElsesSession(t *testing.T) {
	t.Parallel()
	n, redis, _ := newRedisNode(t, session.Policy{OtherUser: session.Observe})
	alice := hubtest.NewBrowser(t)
	alice.SignIn(n.url, "lab", "alice")
	mine, hers := sessionOf(t, alice, n.url), alice.Cookies(n.url)
	redis.Kill()
	redis.Restart()
	bob := hubtest.NewBrowser(t)
	bob.SetCookies(n.url, hers)
	bob.SignIn(n.url, "lab", "bob")
	if his := sessionOf(t, bob, n.url); his == mine {
		t.Errorf("bob has the login session of alice")
	}
	var me struct{ You wire.You }
	bob.Request("GET", n.url+"/api/v1/session", "").Into(http.StatusOK, &me)
	if me.You.User != "bob" {
		t.Errorf("bob is %+v", me.You)
	}
	alice.SignIn(n.url, "lab", "alice")
	if again := sessionOf(t, alice, n.url); again != mine {
		t.Errorf("after bob used her cookie, alice has the login session %s, not %s", again, mine)
	}
}

func TestARedisOutOfReachIs503WithinThreeSecondsAndNobodyIsAnonymous(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*sessiontest.Proxy){
		"black hole": (*sessiontest.Proxy).Hole,
		"reset":      (*sessiontest.Proxy).Reset,
		"10 s late":  func(p *sessiontest.Proxy) { p.Delay(10 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testRedisOutOfReach(t, fail)
		})
	}
}

func testRedisOutOfReach(t *testing.T, fail func(*sessiontest.Proxy)) {
	n, _, proxy := newRedisNode(t, session.Policy{})
	alice, tab := n.open(t, "alice")
	sam, _ := n.open(t, "sam")
	fail(proxy)
	var asking sync.WaitGroup
	asks := func(what string, status int, b *hubtest.Browser, method, path, body string) {
		asking.Go(func() {
			var answer *hubtest.Answer
			channelstest.Within(t, 3*time.Second, func() { answer = b.Request(method, n.url+path, body) })
			if answer.Status != status {
				t.Errorf("%s: %d: %s", what, answer.Status, answer.Body)
			}
			if status == http.StatusServiceUnavailable && (!strings.Contains(answer.Body, `"unavailable"`) || answer.Header.Get("Retry-After") == "") {
				t.Errorf("%s: %v %s", what, answer.Header, answer.Body)
			}
		})
	}
	asks("who am I", 503, sam, "GET", "/api/v1/session", "")
	asks("reading", 503, sam, "GET", "/api/v1/spaces/lab/channels/notes", "")
	asks("writing", 503, sam, "PUT", "/api/v1/spaces/lab/channels/notes/k", "1")
	asks("events", 503, sam, "GET", "/api/v1/spaces/lab/events?channels=notes", "")
	asks("signing in", 503, hubtest.NewBrowser(t), "POST", "/api/v1/session", `{"space":"lab","user":"bob","password":"bob"}`)
	asks("a wrong password", 401, hubtest.NewBrowser(t), "POST", "/api/v1/session", `{"space":"lab","user":"bob","password":"no"}`)
	asks("without a cookie", 401, hubtest.NewBrowser(t), "GET", "/api/v1/session", "")
	asks("with a token", 200, hubtest.Program(t, n.token(t, "beamline")), "GET", "/api/v1/spaces/lab/channels/notes", "")
	asking.Go(func() {
		channelstest.Within(t, 3*time.Second, func() {
			socket, response, err := sam.TryOpen(n.url, "sam-tab2")
			if err == nil {
				_ = socket.CloseNow()
			}
			if err == nil || response == nil || response.StatusCode != 503 {
				t.Errorf("a new socket: %v", err)
			}
		})
	})
	tab.Do(write("notes", "k", 1), "written", nil) // open ones go on
	asking.Wait()

	cookie := alice.Cookies(n.url)
	began := time.Now()
	if answer := alice.Request("DELETE", n.url+"/api/v1/session", ""); answer.Status != http.StatusNoContent {
		t.Errorf("signing out is answered %d %s", answer.Status, answer.Body)
	}
	if took := time.Since(began); took > 10*time.Second { // it cannot be done again, and the machine may be busy
		t.Errorf("signing out took %v", took)
	}
	if code := tab.Ended(); code != wire.CloseSignedOut {
		t.Errorf("the socket was closed with %d", code)
	}
	proxy.Heal()
	until(t, "Redis is there again", func() bool {
		return sam.Request("GET", n.url+"/api/v1/session", "").Status == http.StatusOK
	})
	alice.SetCookies(n.url, cookie) // which Redis still knows
	alice.Request("GET", n.url+"/api/v1/session", "").Problem(401, "signed_out")
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	space.Read(func(s *channels.State) {
		for _, one := range session.All(s) {
			if one.User != "sam" {
				t.Errorf("%s is signed in: nobody has that cookie", one.User)
			}
		}
	})
}
