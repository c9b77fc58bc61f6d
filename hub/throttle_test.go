package hub_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/session"
)

// throttled gives a node the throttle that it shares with the others on the store.
func throttled(t *testing.T, store *natslog.Store) func(*hub.Options) {
	t.Helper()
	bucket, err := store.KV(t.Context(), "throttle")
	if err != nil {
		t.Fatal(err)
	}
	return func(o *hub.Options) {
		o.Throttle = session.NewThrottle(bucket, natslog.ErrNotFound, natslog.ErrRevision)
		o.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("198.51.100.0/24")}
	}
}

// signInAs asks a node for a sign-in, as a proxy that forwards it.
func signInAs(t *testing.T, url, user, password, forwarded string) *hubtest.Answer {
	t.Helper()
	body := fmt.Sprintf(`{"space":"lab","user":%q,"password":%q}`, user, password)
	return hubtest.NewBrowser(t).Request(http.MethodPost, url+"/api/v1/session", body, "X-Forwarded-For", forwarded)
}

func TestGuessingIsThrottledOnAllNodesAndSaysTheSameOfEverybody(t *testing.T) {
	store := natstest.Embedded(t)
	nodes := []*node{
		newNode(t, nodeOptions{name: "one", store: store, more: throttled(t, store)}),
		newNode(t, nodeOptions{name: "two", store: store, more: throttled(t, store)}),
	}
	answers := map[string][]string{}
	for i := range 7 {
		for user, address := range map[string]string{"alice": "192.0.2.1", "nobody": "192.0.2.2"} {
			a := signInAs(t, nodes[i%2].url, user, "wrong", address)
			if i < 5 {
				a.Problem(http.StatusUnauthorized, "wrong_credentials")
			} else {
				a.Problem(http.StatusTooManyRequests, "throttled")
				if s, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || s < 20 || s > 30 || !strings.Contains(a.Body, "Try again in") {
					t.Errorf("Retry-After: %s, %s", a.Header.Get("Retry-After"), a.Body)
				}
				a.Body, _, _ = strings.Cut(a.Body, " in ") // seconds that go by
			}
			answers[user] = append(answers[user], fmt.Sprint(a.Status, a.Body))
		}
	}
	if fmt.Sprint(answers["alice"]) != fmt.Sprint(answers["nobody"]) {
		t.Errorf("of alice it says %v, of nobody %v", answers["alice"], answers["nobody"])
	}
	signInAs(t, nodes[0].url, "alice", "alice", "192.0.2.3").Want(http.StatusOK)
}

func TestALockoutNeverTouchesALiveSession(t *testing.T) {
	store := natstest.Embedded(t)
	n := newNode(t, nodeOptions{store: store, more: throttled(t, store)})
	browser, tab := n.open(t, "alice")
	for range 5 {
		signInAs(t, n.url, "alice", "wrong", "").Want(http.StatusUnauthorized)
	}
	signInAs(t, n.url, "alice", "alice", "").Want(http.StatusTooManyRequests) // from the same address as the browser
	tab.Do(write("notes", "k", 1), "written", nil)
	browser.Request(http.MethodGet, n.url+"/api/v1/session", "").Want(http.StatusOK)
	browser.Open(n.url, "alice-tab2").Do(frame{"type": "ping"}, "pong", nil)
	confirm := func(password string) *hubtest.Answer {
		return browser.Request(http.MethodPost, n.url+"/api/v1/session/confirm", `{"password":"`+password+`"}`)
	}
	confirm("alice").Want(http.StatusOK)
	for range 5 { // who has only found the browser
		confirm("wrong").Problem(http.StatusUnauthorized, "wrong_credentials")
	}
	confirm("alice").Problem(http.StatusTooManyRequests, "throttled")
	tab.Do(write("notes", "k", 2), "written", nil)
}

// TestAnAddressIsWhatTheProxiesOfTheSiteSay looks at what a sign-in is throttled by.
func TestAnAddressIsWhatTheProxiesOfTheSiteSay(t *testing.T) {
	store := natstest.Embedded(t)
	believing := newNode(t, nodeOptions{name: "one", store: store, more: throttled(t, store)})
	doubting := newNode(t, nodeOptions{name: "two", store: store, more: func(o *hub.Options) {
		throttled(t, store)(o)
		o.Proxies = nil
	}})
	fails := func(n *node, user string, forwarded ...string) int {
		status := 0
		for _, f := range forwarded {
			status = signInAs(t, n.url, user, "wrong", f).Status
		}
		return status
	}
	if status := fails(believing, "alice",
		"192.0.2.1", "10.0.0.7, 192.0.2.1", "192.0.2.1, 198.51.100.7", "nonsense,192.0.2.1", "192.0.2.1 ,198.51.100.1,198.51.100.2", "::ffff:192.0.2.1"); status != http.StatusTooManyRequests {
		t.Errorf("one client through several proxies: %d", status)
	}
	if status := fails(believing, "bob", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"); status != http.StatusUnauthorized {
		t.Errorf("several clients through one proxy: %d", status)
	}
	if status := fails(doubting, "carol", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"); status != http.StatusTooManyRequests {
		t.Errorf("one client that says it is several: %d", status)
	}
	if status := fails(believing, "dave", "a", "", "192.0.2.1, b", "c", "d, ", "e"); status != http.StatusTooManyRequests {
		t.Errorf("what the proxy says is no address: %d", status)
	}
}

func TestAnAddressHasSoManyConnectionsAndGetsThemBack(t *testing.T) {
	store := natstest.Embedded(t)
	n := newNode(t, nodeOptions{store: store, limits: hub.Limits{PerAddress: 2}, more: throttled(t, store)})
	browser, one := n.open(t, "alice")
	events := n.url + "/api/v1/spaces/lab/events?channels=notes"
	stream := browser.Follow(n.url, "lab", "channels=notes", "")
	browser.Request(http.MethodGet, events, "").Problem(http.StatusTooManyRequests, "too_many")
	browser.Request(http.MethodGet, n.url+"/api/v1/ws?client=alice-tab9", "", "Origin", n.url, "Sec-WebSocket-Protocol", "baton.v1").
		Problem(http.StatusTooManyRequests, "too_many")
	// Another address has its own.
	browser.Request(http.MethodHead, events, "", "X-Forwarded-For", "192.0.2.1").Want(http.StatusOK)
	_ = one.Socket.CloseNow()
	stream.Close()
	for _, name := range []string{"alice-tab3", "alice-tab4"} {
		until(t, "there is room again", func() bool {
			socket, _, err := browser.TryOpen(n.url, name)
			if err == nil {
				t.Cleanup(func() { _ = socket.CloseNow() })
			}
			return err == nil
		})
	}
}
