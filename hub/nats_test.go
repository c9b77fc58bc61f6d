package hub_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/channelstest"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

// TestANATSOutOfReachIs503WithinThreeSecondsToWhoWantsIn hangs a NATS with the login sessions in it, and one with the
// login sessions elsewhere.
func TestANATSOutOfReachIs503WithinThreeSecondsToWhoWantsIn(t *testing.T) {
	t.Parallel()
	t.Run("and its login sessions", func(t *testing.T) {
		t.Parallel()
		testNATSOutOfReach(t, nil)
	})
	t.Run("with Redis there", func(t *testing.T) {
		t.Parallel()
		logins, err := session.OpenRedis(sessiontest.Redis(t).URL)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = logins.Close() })
		testNATSOutOfReach(t, logins)
	})
}

func testNATSOutOfReach(t *testing.T, logins session.Store) {
	nats := natstest.External(t)
	n := newNode(t, nodeOptions{store: natstest.Connect(t, nats.URL), logins: logins})
	alice := hubtest.NewBrowser(t)
	alice.SignIn(n.url, "lab", "alice")
	mine := sessionOf(t, alice, n.url)
	cold := newNode(t, nodeOptions{name: "cold", store: natstest.Connect(t, nats.URL), logins: logins, more: func(o *hub.Options) { o.Ticks = noTicks{} }})

	nats.Pause()
	var asking sync.WaitGroup
	asks := func(what string, status int, b *hubtest.Browser, method, url, body string) {
		asking.Go(func() {
			path := "/api/v1/session"
			if strings.HasPrefix(body, `{"password"`) {
				path += "/confirm"
			}
			var answer *hubtest.Answer
			channelstest.Within(t, 3*time.Second, func() { answer = b.Request(method, url+path, body) })
			if answer.Status != status {
				t.Errorf("%s: %d: %s", what, answer.Status, answer.Body)
			}
			if status == http.StatusServiceUnavailable && (!strings.Contains(answer.Body, `"unavailable"`) || strings.Contains(answer.Body, `"op"`)) {
				t.Errorf("%s: %s", what, answer.Body)
			}
		})
	}
	known := http.StatusOK // by the replica, for as long as DESIGN §8 lets it vouch for people
	if logins == nil {
		known = http.StatusServiceUnavailable
	}
	asks("who am I", known, alice, "GET", n.url, "")
	asks("signing in", 503, hubtest.NewBrowser(t), "POST", n.url, `{"space":"lab","user":"bob","password":"bob"}`)
	asks("signing in again", 503, alice, "POST", n.url, `{"space":"lab","user":"alice","password":"alice"}`)
	asks("entering the password again", 503, alice, "POST", n.url, `{"password":"alice"}`)
	asks("who am I, asked of a node that has not opened the space", 503, alice, "GET", cold.url, "")
	asks("signing in there", 503, hubtest.NewBrowser(t), "POST", cold.url, `{"space":"lab","user":"bob","password":"bob"}`)
	asks("without a cookie", 401, hubtest.NewBrowser(t), "GET", n.url, "")
	asking.Wait()

	nats.Resume()
	for _, node := range []*node{n, cold} { // whatever became of the sign-ins, the cookie that worked works, and there are no others
		until(t, "the log is there again, and so is alice", func() bool {
			return alice.Request("GET", node.url+"/api/v1/session", "").Status == http.StatusOK && len(signedInTo(t, node)) == 1
		})
	}
	if again := sessionOf(t, alice, cold.url); again != mine {
		t.Errorf("alice has the login session %s, not %s", again, mine)
	}
}

// signedInTo lists the login sessions that a node knows.
func signedInTo(t *testing.T, n *node) (all []session.Session) {
	t.Helper()
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	space.Read(func(s *channels.State) { all = session.All(s) })
	return all
}
