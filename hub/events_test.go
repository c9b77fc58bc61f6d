package hub_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"

	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

func (n *node) events(query string) string { return n.url + "/api/v1/spaces/lab/events?" + query }

func TestAnEventStreamIsWelcomedAndFollows(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	_, bob := n.open(t, "bob")
	bob.Do(write("notes", "k", 1), "written", nil)
	events := alice.Follow(n.url, "lab", "channels=notes,chat", "")
	first, ok := events.Next()
	var types []string
	for _, f := range first.Frames {
		types = append(types, f.Type)
	}
	if !ok || len(types) < 3 || types[0] != "welcome" || types[1] != "joined" || types[2] != "joined" || first.ID != cursorOf(t, n) {
		t.Fatalf("first came %v with the id %s", types, first.ID)
	}
	var presence wire.Presence
	for len(presence.Members) < 2 {
		bob.Expect("presence", &presence)
	}
	var written wire.Written
	bob.Do(write("notes", "k", 2), "written", &written)
	bob.Do(frame{"type": "append", "channel": "chat", "data": "hello"}, "appended", nil)
	var change wire.Change
	var message wire.Message
	events.Expect("change", &change)
	if string(change.Set["k"]) != "2" || change.Position != written.Position {
		t.Errorf("the change came as %+v", change)
	}
	events.Expect("message", &message)
	events.Close()
	for len(presence.Members) > 1 {
		bob.Expect("presence", &presence)
	}
}

func TestAnEventStreamThatComesBackGetsExactlyWhatItMissedOnAnyNode(t *testing.T) {
	p := newPair(t, session.Policy{})
	alice, bob := p.one.user(t, "alice"), p.one.user(t, "bob")
	hubs := []*node{p.one, p.two}
	write := func(i int) {
		t.Helper()
		s := strconv.Itoa(i)
		bob.Request("POST", hubs[i%2].url+"/api/v1/spaces/lab/transactions",
			`{"writes":[{"channel":"notes","set":{"k":`+s+`}}],"appends":[{"channel":"chat","data":`+s+`}]}`).Want(200)
	}
	next, last := 0, ""
	for round := range 6 {
		for i := range 5 {
			write(round*5 + i)
		}
		events := alice.Follow(hubs[round%2].url, "lab", "channels=notes,chat", last)
		for next < round*5+5 {
			event, ok := events.Next()
			if !ok {
				t.Fatal("the stream ended")
			}
			var k string
			for _, data := range messagesOf(t, event, &k) {
				if data != strconv.Itoa(next) {
					t.Fatalf("round %d: message %s came when %d was due", round, data, next)
				}
				next++
			}
			if k != "" && k != strconv.Itoa(next-1) {
				t.Fatalf("round %d: the value is %s and the last message %d: an entry was torn apart", round, k, next-1)
			}
		}
		last = events.Last
		events.Close()
	}
}

func TestNoEventIsLostOrTornWhereverAStreamBreaksOff(t *testing.T) {
	p := newPair(t, session.Policy{})
	hubs := []*node{p.one, p.two}
	alice, robot := p.one.user(t, "alice"), hubtest.Program(t, p.one.token(t, "robot"))
	const count = 400
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := range count {
			s := strconv.Itoa(i)
			robot.Request("POST", hubs[i%2].url+"/api/v1/spaces/lab/transactions",
				`{"writes":[{"channel":"notes","set":{"k":`+s+`}}],"appends":[{"channel":"chat","data":`+s+`}]}`).Want(200)
		}
	}()
	next, last := 0, ""
	for round := 0; next < count; round++ {
		events := alice.Follow(hubs[round%2].url, "lab", "channels=notes,chat", last)
		for range 1 + round%4 {
			event, ok := events.Next()
			if !ok {
				t.Fatal("the stream ended")
			}
			var k string
			for _, data := range messagesOf(t, event, &k) {
				if data != strconv.Itoa(next) {
					t.Fatalf("round %d: message %s came when %d was due", round, data, next)
				}
				next++
			}
			if k != "" && k != strconv.Itoa(next-1) {
				t.Fatalf("round %d: the value is %s and the last message %d: an entry was torn apart", round, k, next-1)
			}
			if next == count {
				break
			}
		}
		last = events.Last
		events.Close()
	}
	<-written
}

// messagesOf lists the messages of an event, and the value of the key k if it has one.
func messagesOf(t *testing.T, event hubtest.Event, k *string) (messages []string) {
	t.Helper()
	for _, f := range event.Frames {
		var joined wire.Joined
		var message wire.Message
		var change wire.Change
		var err error
		switch f.Type {
		case "joined":
			err = json.Unmarshal(f.Data, &joined)
			for _, m := range joined.Messages {
				messages = append(messages, string(m.Data))
			}
			if v, ok := joined.Values["k"]; ok {
				*k = string(v.Value)
			}
		case "message":
			err = json.Unmarshal(f.Data, &message)
			messages = append(messages, string(message.Data))
		case "change":
			err = json.Unmarshal(f.Data, &change)
			*k = string(change.Set["k"])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return messages
}

func TestSigningOutEndsTheEventStreamsAtOnce(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	events := alice.Follow(n.url, "lab", "channels=notes", "")
	events.Expect("joined", nil)
	alice.Request("DELETE", n.url+"/api/v1/session", "").Want(http.StatusNoContent)
	var bye wire.Bye
	events.Expect("bye", &bye)
	if bye.Code != wire.CloseSignedOut {
		t.Errorf("the stream ended with %+v", bye)
	}
	events.Ended()
	alice.Request("GET", n.events("channels=notes"), "").Problem(401, "signed_out")
}

func TestAHubThatLeavesSaysSoOnEventStreams(t *testing.T) {
	n := newNode(t, nodeOptions{})
	events := n.user(t, "alice").Follow(n.url, "lab", "channels=notes", "")
	events.Expect("joined", nil)
	go n.close()
	var bye wire.Bye
	events.Expect("bye", &bye)
	if bye.Code != wire.CloseLeaving {
		t.Errorf("the stream ended with %+v", bye)
	}
	events.Ended()
}

func TestAHubThatLeavesKeepsNoRequestWaiting(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	_, bob := n.open(t, "bob")
	events := alice.Follow(n.url, "lab", "channels=notes", "")
	events.Expect("joined", nil)
	answered := make(chan *hubtest.Answer)
	go func() { answered <- alice.Request("GET", n.channel("notes")+"?wait=30s&since="+cursorOf(t, n), "") }()
	n.Leave()
	events.Expect("bye", nil)
	events.Ended()
	if a := <-answered; a.Status != 200 {
		t.Errorf("the request that waited was answered %d %s", a.Status, a.Body)
	}
	bob.Do(write("notes", "k", 1), "written", nil)
	hubtest.NewBrowser(t).Request("GET", n.url+"/readyz", "").Problem(503, "not_ready")
}

func TestEventStreamsAreRefusedBeforeTheyBegin(t *testing.T) {
	n := newNode(t, nodeOptions{limits: hub.Limits{PerSession: 2}})
	alice := n.user(t, "alice")
	alice.Request("GET", n.events("channels=nowhere"), "").Problem(404, "unknown_name")
	if p := alice.Request("GET", n.events("channels=notes,secret"), "").Problem(403, "forbidden"); p["channel"] != "secret" {
		t.Errorf("the refusal names the channel %v", p["channel"])
	}
	alice.Request("GET", n.events("channels=notes,notes"), "").Problem(400, "invalid")
	alice.Request("GET", n.events(""), "").Problem(400, "invalid")
	alice.Request("GET", n.events("channels=notes&since=x"), "").Problem(400, "invalid")
	alice.Request("GET", n.events("channels=notes&client=x"), "").Problem(400, "invalid")
	alice.Request("GET", n.events("channels=notes"), "", "Origin", "https://elsewhere.example").Problem(403, "origin")
	alice.Request("GET", n.events("channels=notes"), "", "Sec-Fetch-Site", "cross-site").Problem(403, "origin")
	hubtest.NewBrowser(t).Request("GET", n.events("channels=notes"), "").Problem(401, "signed_out")
	for range 2 {
		alice.Follow(n.url, "lab", "channels=notes", "").Expect("joined", nil)
	}
	if a := alice.Request("GET", n.events("channels=notes"), ""); a.Status != 429 || a.Header.Get("Retry-After") == "" {
		t.Errorf("one stream too many was answered %d, %v", a.Status, a.Header)
	}
	if a := hubtest.Program(t, n.token(t, "robot")).Request("HEAD", n.events("channels=notes"), ""); a.Status != 200 ||
		a.Header.Get("X-Accel-Buffering") != "no" || a.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("the head is %d %v", a.Status, a.Header)
	}
}

func TestAnEventStreamKeepsTheSeat(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{policy: session.Policy{Linger: 1, Grace: 3600e9}})
	alice, bob := n.user(t, "alice"), n.user(t, "bob")
	watching := bob.Follow(n.url, "lab", "channels=control", "")
	events := alice.Follow(n.url, "lab", "channels=notes", "")
	events.Expect("joined", nil)
	alice.Request("POST", n.url+"/api/v1/spaces/lab/control/request", "").Want(200)
	var control wire.ControlState
	for control.Operator == nil {
		watching.Expect("control", &control)
	}
	if control.Lost != nil {
		t.Errorf("the operator has an event stream and is lost: %+v", control)
	}
	events.Close()
	for control.Lost == nil {
		watching.Expect("control", &control)
	}
	alice.Follow(n.url, "lab", "channels=notes", "")
	for control.Lost != nil {
		watching.Expect("control", &control)
	}
}
