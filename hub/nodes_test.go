package hub_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/channels/channelstest"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

// pair is two hubs on one NATS and one Redis, which are processes of their own.
type pair struct {
	nats     *natstest.Server
	one, two *node
}

func newPair(t *testing.T, policy session.Policy) *pair {
	t.Helper()
	nats, redis := natstest.External(t), sessiontest.Redis(t)
	p := &pair{nats: nats}
	for name, n := range map[string]**node{"one": &p.one, "two": &p.two} {
		logins, err := session.OpenRedis(redis.URL)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = logins.Close() })
		*n = newNode(t, nodeOptions{
			name: name, policy: policy, store: natstest.Connect(t, nats.URL), logins: logins,
			limits: hub.Limits{Rate: 1000, Burst: 1000},
		})
	}
	return p
}

// Cookies are kept for a host whatever its port, so one browser can be on both nodes, as behind a balancer.
func TestTwoNodesServeOneSpace(t *testing.T) {
	p := newPair(t, session.Policy{Linger: 500 * time.Millisecond, Grace: time.Hour})
	alice := hubtest.NewBrowser(t)
	alice.SignIn(p.one.url, "lab", "alice")
	onTwo := alice.Open(p.two.url, "alice-tab") // signed in on one, connected to two
	bob := hubtest.NewBrowser(t)
	bob.SignIn(p.two.url, "lab", "bob")
	onOne := bob.Open(p.one.url, "bob-tab")
	presence := wire.Presence{Members: onOne.Welcome.Presence}
	for len(presence.Members) < 2 {
		onOne.Expect("presence", &presence)
	}

	onOne.Do(join("notes"), "joined", nil)
	var written wire.Written
	onTwo.Do(write("notes", "k", "v"), "written", &written)
	var change wire.Change
	onOne.Expect("change", &change)
	if change.Position != written.Position || string(change.Set["k"]) != `"v"` {
		t.Errorf("written at %+v, changed %+v", written, change)
	}
	onOne.Do(with(with(write("notes", "k", "w"), "if", frame{"k": written.Position}), "seen", written.Cursor), "written", nil)
	onTwo.Refused(with(write("notes", "k", "x"), "if", frame{"k": written.Position}), "conflict")

	// Control is one thing, wherever it is asked for.
	onTwo.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	onOne.Refused(with(write("queue", "k", 1), "term", 1), "not_operator")

	// The operator moves to the other node and resumes there: nothing is lost, and control is kept.
	_ = onTwo.Socket.CloseNow()
	moved := alice.Open(p.one.url, "alice-tab2")
	moved.Send(with(with(join("notes"), "cursor", written.Cursor), "id", 1))
	var joined wire.Joined
	moved.Expect("joined", &joined)
	if joined.Mode != wire.Delta || string(joined.Values["k"].Value) != `"w"` {
		t.Errorf("resumed with %+v", joined)
	}
	moved.Do(with(write("queue", "k", 1), "term", 1), "written", nil)

	// Signed out on one node, out on the other.
	again := alice.Open(p.two.url, "alice-tab3")
	if status, answer := alice.Do("DELETE", p.one.url+"/api/v1/session", nil, nil); status != 204 {
		t.Fatalf("signing out answered %d: %s", status, answer)
	}
	if code := again.Ended(); code != wire.CloseSignedOut {
		t.Errorf("the socket on the other node was closed with %d", code)
	}
}

func TestCommandsAndStopsCrossNodes(t *testing.T) {
	p := newPair(t, session.Policy{})
	token := p.one.token(t, "beamline")
	service := hubtest.OpenToken(t, p.one.url, "service-1", token)
	service.Do(frame{"type": "serve", "commands": []string{"look", "stop"}}, "serving", nil)
	waitForServed(t, p.two, "look")
	_, ann := p.two.open(t, "alice")
	ann.Do(frame{"type": "call", "command": "look"}, "called", nil)
	var invoke wire.Invoke
	service.Expect("invoke", &invoke)
	service.Do(frame{"type": "done", "call": invoke.Call, "result": 1}, "written", nil)
	var state wire.CallState
	for state.State != "done" {
		ann.Expect("call", &state)
	}
	ann.Do(frame{"type": "call", "command": "stop"}, "called", nil)
	service.Expect("invoke", &invoke)
	if invoke.Command != "stop" || !invoke.Stop {
		t.Errorf("the stop came as %+v", invoke)
	}
}

func TestAStopCommandDoesNotWaitForTheLog(t *testing.T) {
	nats := natstest.External(t)
	n := newNode(t, nodeOptions{store: natstest.Connect(t, nats.URL)})
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"stop"}}, "serving", nil)
	_, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob") // to whom nothing else is said meanwhile
	nats.Kill()
	channelstest.Within(t, 200*time.Millisecond, func() {
		ann.Do(frame{"type": "call", "command": "stop"}, "called", nil)
		service.Expect("invoke", nil)
	})
	bob.Expect("stale", nil)
	nats.Start()
	bob.Expect("fresh", nil)
	ann.Do(write("notes", "k", 1), "written", nil)
}

func TestAKilledNodeLosesNothingItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	store := natstest.EmbeddedIn(t, dir)
	n := newNode(t, nodeOptions{store: store})
	browser, ann := n.open(t, "alice")
	ann.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	for i := range 20 {
		ann.Do(with(write("queue", fmt.Sprint("k", i), i), "term", 1), "written", nil)
	}
	cookies := browser.Cookies(n.url)
	n.close()
	store.Close()

	again := newNode(t, nodeOptions{store: natstest.EmbeddedIn(t, dir)})
	header := map[string][]string{"Cookie": {cookies[0].Name + "=" + cookies[0].Value}, "Origin": {again.url}}
	tab := hubtest.Dial(t, again.url, "alice-tab2", &websocket.DialOptions{HTTPHeader: header})
	if op := tab.Welcome.Control.Operator; op == nil || op.User != "alice" {
		t.Errorf("the operator is %+v", op)
	}
	var joined wire.Joined
	tab.Do(join("queue"), "joined", &joined)
	if len(joined.Values) != 20 {
		t.Errorf("%d of 20 values are there", len(joined.Values))
	}
}

// TestACutConnectionAppliesEachWriteOnce sends 1,000 appends and cuts the connection every 50, some of them unanswered,
// going to the other node each time and sending again what has no answer.
func TestACutConnectionAppliesEachWriteOnce(t *testing.T) {
	p := newPair(t, session.Policy{})
	urls := []string{p.one.url, p.two.url}
	browser := hubtest.NewBrowser(t)
	browser.SignIn(p.one.url, "lab", "alice")
	_, watcher := p.two.open(t, "bob")
	watcher.Do(join("chat"), "joined", nil)
	const writes = 1000
	answered := 0
	for cut := 0; answered < writes; cut++ {
		tab := browser.Open(urls[cut%2], "alice-tab")
		for n := answered + 1; n <= min(answered+30, writes); n++ { // never more than may wait for an answer
			tab.Send(frame{"type": "append", "id": n, "channel": "chat", "data": n, "op": fmt.Sprintf("alice-tab.%d", n)})
		}
		known := min(answered+10+cut%21, writes)
		tab.Answer(uint64(known))
		answered = known
		_ = tab.Socket.CloseNow()
	}
	for want := 1; want <= writes; want++ {
		var m wire.Message
		watcher.Expect("message", &m)
		if string(m.Data) != fmt.Sprint(want) {
			t.Fatalf("message %d is %s: lost, twice or out of order", want, m.Data)
		}
	}
}

func TestANodeStartsFromACheckpointOfAnother(t *testing.T) {
	p := newPair(t, session.Policy{})
	_, ann := p.one.open(t, "alice")
	ann.Do(write("notes", "before", 1), "written", nil)
	var early wire.Written
	request := with(write("notes", "early", 1), "op", "alice-tab.50")
	ann.Do(request, "written", &early)
	space, err := p.one.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	if err := space.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	ann.Do(write("notes", "after", 1), "written", nil)

	// The log before the checkpoint is gone, whether node two was there in time to read it or not.
	_, bob := p.two.open(t, "bob")
	var joined wire.Joined
	bob.Do(join("notes"), "joined", &joined)
	for _, key := range []string{"before", "early", "after"} {
		if string(joined.Values[key].Value) != "1" {
			t.Errorf("%s is %s", key, joined.Values[key].Value)
		}
	}
	browser := hubtest.NewBrowser(t)
	browser.SignIn(p.two.url, "lab", "alice")
	var again wire.Written
	browser.Open(p.two.url, "alice-tab").Do(request, "written", &again)
	if again.Position != early.Position {
		t.Errorf("the operation before the checkpoint was done at %d and again at %d", early.Position, again.Position)
	}
}
