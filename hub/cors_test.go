package hub_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
)

func TestPagesOfAllowedOriginsMayUseTheAPIAndNoOthers(t *testing.T) {
	const ui, other = "https://ui.example.org", "https://evil.example.org"
	n := newNode(t, nodeOptions{more: func(o *hub.Options) { o.Origins = []string{ui} }})
	alice := n.user(t, "alice")
	key := n.channel("notes") + "/k"

	ask := []string{"Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "content-type, if-match, baton-op"}
	preflight := hubtest.NewBrowser(t).Request("OPTIONS", key, "", append(ask, "Origin", ui)...)
	head := preflight.Header
	if preflight.Status != http.StatusNoContent || head.Get("Access-Control-Allow-Origin") != ui || head.Get("Access-Control-Allow-Credentials") != "true" ||
		head.Get("Access-Control-Allow-Methods") != "GET, HEAD, PUT, PATCH, DELETE" || head.Get("Access-Control-Max-Age") == "" ||
		!slices.Contains(head.Values("Vary"), "Origin") {
		t.Errorf("the preflight was answered %d %v", preflight.Status, head)
	}
	written := alice.Request("PUT", key, "1", "Origin", ui, "Sec-Fetch-Site", "same-site")
	if written.Status != 200 || written.Header.Get("Access-Control-Allow-Origin") != ui || written.Header.Get("Access-Control-Expose-Headers") == "" {
		t.Errorf("a write was answered %d %v", written.Status, written.Header)
	}
	if a := alice.Request("GET", n.channel("nowhere"), "", "Origin", ui); a.Header.Get("Access-Control-Allow-Origin") != ui {
		t.Errorf("the page may not read why it was refused: %v", a.Header)
	}
	events := alice.Request("HEAD", n.events("channels=notes"), "", "Origin", ui)
	if events.Status != 200 || events.Header.Get("Access-Control-Allow-Origin") != ui {
		t.Errorf("the event stream was answered %d %v", events.Status, events.Header)
	}

	for _, origin := range []string{other, "null", ui + ".evil.example.org", "http://ui.example.org"} {
		alice.Request("PUT", key, "2", "Origin", origin, "Sec-Fetch-Site", "cross-site").Problem(403, "origin")
		alice.Request("PUT", key, "2", "Origin", origin).Problem(403, "origin")
		alice.Request("OPTIONS", key, "", append(ask, "Origin", origin)...).Problem(403, "origin")
		for _, a := range []*hubtest.Answer{
			alice.Request("GET", key, "", "Origin", origin),
			alice.Request("PUT", key, "2", "Origin", origin),
		} {
			if got := a.Header.Get("Access-Control-Allow-Origin"); got != "" || !slices.Contains(a.Header.Values("Vary"), "Origin") {
				t.Errorf("%s may read the answer: %q, %v", origin, got, a.Header)
			}
		}
	}
}

func TestWithoutAListNoOtherOriginMayRead(t *testing.T) {
	n := newNode(t, nodeOptions{})
	a := n.user(t, "alice").Request("GET", n.channel("notes"), "", "Origin", "https://ui.example.org")
	if a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("answered with %v", a.Header)
	}
}
