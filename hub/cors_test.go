package hub_test

import (
	"net/http"
	"slices"
	"strings"
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

func TestPagesOfAllowedOriginsMaySendEveryHeaderThatIsDocumented(t *testing.T) {
	const ui = "https://ui.example.org"
	n := newNode(t, nodeOptions{more: func(o *hub.Options) { o.Origins = []string{ui} }})
	a := hubtest.NewBrowser(t).Request("OPTIONS", n.channel("notes"), "", "Origin", ui, "Access-Control-Request-Method", "POST")
	may := strings.Split(a.Header.Get("Access-Control-Allow-Headers"), ", ")
	want := map[string]bool{"Authorization": true, "Content-Type": true, "Baton-Op": true, "Baton-Again": true}
	operations, _ := documented(t)
	for _, o := range operations {
		for _, p := range o.Parameters {
			want[p.Name] = want[p.Name] || p.In == "header"
		}
	}
	for header, is := range want {
		if is && !slices.Contains(may, header) {
			t.Errorf("they may send %q, and not %s", may, header)
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
