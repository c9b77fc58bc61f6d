package hub_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

func TestASignalIsSentByHTTP(t *testing.T) {
	n := newNode(t, nodeOptions{limits: hub.Limits{Signals: 3}}) // fewer a second than this can send, however slow the machine is
	_, bob := n.open(t, "bob")
	bob.Do(join("cursors"), "joined", nil)
	alice := n.user(t, "alice")
	alice.Request("POST", n.channel("cursors"), `{"data":{"x":1}}`).Want(200)
	var s wire.Signal
	bob.Expect("signal", &s)
	if string(s.Data) != `{"x":1}` || s.By != "alice" || s.From == "" {
		t.Errorf("it came as %+v", s)
	}
	alice.Request("POST", n.channel("whispers"), `{"data":1}`).Problem(403, "forbidden")
	alice.Request("POST", n.channel("cursors"), `{}`).Problem(400, "invalid")
	alice.Request("POST", n.channel("cursors"), `{"set":{"k":1}}`).Problem(400, "invalid")
	alice.Request("POST", n.channel("cursors"), `{"data":1,"term":3}`).Problem(400, "invalid")
	last := &hubtest.Answer{}
	for i := 0; i < 1000 && last.Status != 429; i++ {
		last = alice.Request("POST", n.channel("cursors"), `{"data":1}`)
	}
	last.Problem(429, "rate")
}

func TestTheDocumentsAreReadOnce(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	for _, path := range []string{"/api/openapi.json", "/api/asyncapi.json", "/api/docs"} {
		a := alice.Request("GET", n.url+path, "")
		a.Want(200)
		tag := a.Header.Get("ETag")
		if b := alice.Request("GET", n.url+path, "", "If-None-Match", tag); b.Status != 304 || b.Body != "" ||
			fmt.Sprint(b.Header.Values("Cache-Control"), b.Header.Values("ETag")) != fmt.Sprint(a.Header.Values("Cache-Control"), a.Header.Values("ETag")) {
			t.Errorf("%s: %s was answered %d %v", path, tag, b.Status, b.Header)
		}
	}
}

func TestARefusalOfABodySaysWhatIsWrong(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	for _, body := range []string{`{"set":{"q":1},"if":{"q":-1}}`, `{"set":{"q":1},"if":{"q":1.5}}`, `{"set":{"q":1},"term":-1}`, `{"set":{"q":1},"held":{"x":-1}}`} {
		p := alice.Request("POST", n.channel("notes"), body).Problem(400, "invalid")
		if detail := strings.TrimSpace(fmt.Sprint(p["detail"])); detail == "" || strings.HasSuffix(detail, ":") {
			t.Errorf("%s: %q", body, detail)
		}
	}
	for _, wait := range []string{"1000000h", "65536", "99999999999999999999999"} { // all of it is as much as can be had
		alice.Request("GET", n.channel("notes")+"?wait="+wait, "").Want(200)
	}
}
