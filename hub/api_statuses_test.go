package hub_test

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

func TestAValueThatDoesNotFitItsSchemaIsToldWhere(t *testing.T) {
	n := newNode(t, nodeOptions{rules: func(r *channels.Rules) {
		notes := r.Channels["notes"]
		notes.Schema = []byte(`{"type":"object","properties":{"images":{"type":"integer"}}}`)
		notes.Default = map[string]json.RawMessage{"k": json.RawMessage(`{"images":1}`)}
		r.Channels["notes"] = notes
	}})
	alice := n.user(t, "alice")
	p := alice.Request("PUT", n.channel("notes")+"/k", `{"images":"many"}`).Problem(422, "schema")
	if p["path"] != "/images" || p["key"] != "k" {
		t.Errorf("the refusal is %v", p)
	}
	a := alice.Request("GET", n.channel("notes")+"/k", "")
	if a.Body != "{\"images\":1}\n" || !strings.HasPrefix(a.Header.Get("ETag"), `"default-`) {
		t.Errorf("the default is %s, %s", a.Body, a.Header.Get("ETag"))
	}
	alice.Request("PATCH", n.channel("notes")+"/k", `{"images":2}`, "Content-Type", "application/merge-patch+json", "If-None-Match", "*").Want(200)
}

func TestABodyThatDoesNotComeInWholeIsNotTheHubsFault(t *testing.T) {
	n := newNode(t, nodeOptions{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head := "PUT /api/v1/spaces/lab/channels/notes/k HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + n.token(t, "robot") +
		"\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
	if _, err := conn.Write([]byte(head)); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusRequestTimeout {
		t.Errorf("answered %d", answer.StatusCode)
	}
}

func TestWhatAClientHasSeenOnOneNodeItSeesOnAnother(t *testing.T) {
	t.Parallel()
	one, two, link := twoNodes(t)
	b := one.user(t, "alice")
	link.late.Store(int64(500 * time.Millisecond))
	var written wire.Written
	b.Request("POST", one.channel("notes"), `{"set":{"k":"mine"}}`).Into(200, &written)
	if a := b.Request("GET", two.channel("notes")+"/k", "", "Baton-Seen", written.Cursor); a.Body != "\"mine\"\n" {
		t.Errorf("seen %s, and read %d %s", written.Cursor, a.Status, a.Body)
	}
	b.Request("POST", one.channel("notes"), `{"set":{"k":"again"}}`).Into(200, &written)
	var p page
	b.Request("GET", two.channel("notes")+"?since="+written.Cursor, "").Into(200, &p)
	if p.MustReset || p.Cursor != written.Cursor || len(p.Values) != 0 {
		t.Errorf("since %s came %+v", written.Cursor, p)
	}
	b.Request("GET", two.channel("notes"), "", "Baton-Seen", written.Cursor+"zzz").Problem(503, "stale")
}

// TestAnAnswerThatNobodyKnowsCanBeAskedForAgain takes as long as a proposal may go unanswered.
func TestAnAnswerThatNobodyKnowsCanBeAskedForAgain(t *testing.T) {
	t.Parallel()
	one, two, link := twoNodes(t)
	b := one.user(t, "alice")
	b.Request("GET", two.channel("notes"), "").Want(200)
	link.cut.Store(true)
	a := b.Request("POST", two.channel("chat"), `{"data":"once"}`, "Baton-Op", "script.1")
	var p struct{ Code, Op string }
	if a.Into(503, &p); p.Op != "script.1" || a.Header.Get("Retry-After") == "" {
		t.Errorf("answered %v %s", a.Header, a.Body)
	}
	link.cut.Store(false)
	until(t, "the node takes it", func() bool {
		return b.Request("POST", two.channel("chat"), `{"data":"once"}`, "Baton-Op", "script.1").Status == 200
	})
	var chat page
	b.Request("GET", two.channel("chat"), "").Into(200, &chat) // which has it by now; the other has it soon
	if len(chat.Messages) != 1 {
		t.Errorf("it is there %d times", len(chat.Messages))
	}
}

func TestTooManyRequestsAtOnceAreRefused(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	cursor := cursorOf(t, n)
	answers := make(chan *hubtest.Answer)
	const waiting = 33 // the limit is 32
	for range waiting {
		go func() { answers <- alice.Request("GET", n.channel("notes")+"?wait=20s&since="+cursor, "") }()
	}
	(<-answers).Problem(429, "unanswered")
	until(t, "there is room for a write", func() bool {
		a := hubtest.Program(t, n.token(t, "robot")).Request("POST", n.channel("notes"), `{"set":{"k":1}}`)
		return a.Status == 200
	})
	for range waiting - 1 {
		(<-answers).Want(200)
	}
}
