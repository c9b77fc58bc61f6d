package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// A reader follows the log chat over raw sockets, and goes from node to node as it is told.
type reader struct {
	client, token string
	moves         bool // when it is told, otherwise when it is closed

	cursor string
	heard  []string
	closed bool // by the node
}

// follow reads over one node until the last message has come, or the node wants it elsewhere.
func (r *reader) follow(ctx context.Context, url string, ready func()) (done bool, err error) {
	socket, _, err := websocket.Dial(ctx, strings.Replace(url, "http", "ws", 1)+wire.Path+"?client="+r.client, &websocket.DialOptions{
		Subprotocols: []string{wire.Subprotocol}, HTTPHeader: http.Header{"Authorization": {"Bearer " + r.token}},
	})
	if err != nil {
		return false, err
	}
	defer func() { _ = socket.Close(websocket.StatusNormalClosure, "") }()
	join := &wire.Join{Head: wire.Head{ID: 1}, Channel: "chat", Cursor: r.cursor}
	if err := socket.Write(ctx, websocket.MessageText, wire.Encode(join)); err != nil {
		return false, err
	}
	bye := false
	for {
		_, data, err := socket.Read(ctx)
		if bye && websocket.CloseStatus(err) == wire.CloseLeaving {
			r.closed = true
			return false, nil
		}
		if err != nil {
			return false, err
		}
		frames, err := wire.DecodeFrames(data)
		if err != nil {
			return false, err
		}
		for _, f := range frames {
			switch f := f.(type) {
			case *wire.Joined:
				r.cursor = f.Cursor
				for _, m := range f.Messages {
					r.heard = append(r.heard, string(m.Data))
				}
				ready()
			case *wire.Message:
				r.cursor = f.Cursor
				r.heard = append(r.heard, string(f.Data))
			case *wire.Leaving:
				if r.moves {
					return false, nil
				}
			case *wire.Bye:
				bye = f.Code == int(wire.CloseLeaving) && f.ReconnectAfter > 0
			}
		}
		if slices.Contains(r.heard, `"end"`) {
			return true, nil
		}
	}
}

func TestADrainLosesNothingAndKeepsNobody(t *testing.T) {
	store := natstest.Embedded(t)
	limits := hub.Limits{PerSession: 1000, PerUser: 1000, PerAddress: 1000, Rate: 1000, Burst: 1000}
	one := newNode(t, nodeOptions{name: "one", store: store, limits: limits})
	two := newNode(t, nodeOptions{name: "two", store: store, limits: limits})
	token := one.token(t, "robot")
	writer := hubtest.OpenToken(t, two.url, "writer", token)

	const tabs, messages = 120, 60
	var ready, over sync.WaitGroup
	readers := make([]*reader, tabs)
	errs := make(chan error, tabs)
	for i := range readers {
		r := &reader{client: fmt.Sprint("reader-", i), token: token, moves: i%4 != 0}
		readers[i] = r
		ready.Add(1)
		over.Go(func() {
			done, err := r.follow(t.Context(), one.url, sync.OnceFunc(ready.Done))
			if err == nil && !done {
				done, err = r.follow(t.Context(), two.url, func() {})
			}
			if err == nil && !done {
				err = errors.New("it was sent on again")
			}
			if err != nil {
				errs <- fmt.Errorf("%s: %w", r.client, err)
			}
		})
	}
	ready.Wait()

	ctx, cancel := context.WithTimeout(t.Context(), hubtest.Patience)
	defer cancel()
	drained := make(chan error, 1)
	go func() { one.Drain(ctx); drained <- ctx.Err() }()
	var want []string
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i := range messages {
		<-tick.C
		writer.Do(frame{"type": "append", "channel": "chat", "data": i}, "appended", nil)
		want = append(want, fmt.Sprint(i))
	}
	if err := <-drained; err != nil {
		t.Error("somebody was still connected when the time was over")
	}
	writer.Do(frame{"type": "append", "channel": "chat", "data": "end"}, "appended", nil)
	want = append(want, `"end"`)
	over.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	closed := 0
	for _, r := range readers {
		if r.closed {
			closed++
		}
		if !slices.Equal(r.heard, want) {
			t.Errorf("%s heard %v", r.client, r.heard)
		}
	}
	if closed != tabs/4 {
		t.Errorf("%d were closed, %d did not move", closed, tabs/4)
	}
}

func TestADrainEndsThoughAClientTakesNothing(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{buffer: 4096, limits: hub.Limits{Rate: 1e6, Burst: 1e6}})
	token := n.token(t, "robot")
	silent, _, err := hubtest.TryDial(t, n.url, "silent", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.CloseNow() }()
	if err := silent.Write(t.Context(), websocket.MessageText, wire.Encode(&wire.Join{Head: wire.Head{ID: 1}, Channel: "chat"})); err != nil {
		t.Fatal(err)
	}
	writer := hubtest.OpenToken(t, n.url, "writer", token)
	for range 200 { // more than lies between
		writer.Do(frame{"type": "append", "channel": "chat", "data": strings.Repeat("x", 15_000)}, "appended", nil)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
	defer cancel()
	n.Drain(ctx)
	if ctx.Err() != nil {
		t.Error("somebody was still connected")
	}
}

func TestANodeThatIsNotReadyServesAndOneThatLeavesLetsNobodyIn(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice, tab := n.open(t, "alice")
	tab.Do(join("notes"), "joined", nil)
	n.Unready()
	alice.Request("GET", n.url+"/readyz", "").Problem(503, "not_ready")
	alice.Follow(n.url, "lab", "channels=notes", "").Expect("joined", nil)
	_, bob := n.open(t, "bob")
	bob.Do(write("notes", "k", 1), "written", nil)

	n.Leave()
	_, response, err := alice.TryOpen(n.url, "another-tab")
	if err == nil || response == nil || response.StatusCode != 503 || response.Header.Get("Retry-After") == "" || !response.Close {
		t.Errorf("a handshake was answered %+v, %v", response, err)
	}
	for _, a := range []*hubtest.Answer{
		alice.Request("GET", n.events("channels=notes"), ""),
		alice.Request("POST", n.url+"/api/v1/session", `{"space":"lab","user":"sam","password":"sam"}`),
	} {
		if a.Status != 503 || a.Header.Get("Retry-After") == "" {
			t.Errorf("answered %d %v", a.Status, a.Header)
		}
	}
	bob.Do(write("notes", "k", 2), "written", nil) // who is here is served
	tab.Wait("bob's last change", func(f hubtest.Frame) bool {
		var change wire.Change
		return f.Type == "change" && json.Unmarshal(f.Data, &change) == nil && string(change.Set["k"]) == "2"
	})
}

func TestWhatWasAskedIsAnsweredBeforeADrainClosesTheSocket(t *testing.T) {
	n := newNode(t, nodeOptions{limits: hub.Limits{Rate: 1e6, Burst: 1e6}})
	_, tab := n.open(t, "alice")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	go n.Drain(ctx)
	tab.Expect("leaving", nil)
	asked, answered := 0, 0
	for tick := time.NewTicker(time.Millisecond); ; <-tick.C { // until it is closed
		data := wire.Encode(&wire.Append{
			Head: wire.Head{ID: uint64(asked + 1)}, Channel: "chat", Op: fmt.Sprint(tab.Client, ".", asked+1), Data: []byte("1"),
		})
		if tab.Socket.Write(t.Context(), websocket.MessageText, data) != nil {
			break
		}
		asked++
	}
	if code := tab.Ended(); code != wire.CloseLeaving {
		t.Errorf("closed with %d", code)
	}
	for f := tab.Wait("an answer or bye", isAnswer); f.Type != "bye"; f = tab.Wait("an answer or bye", isAnswer) {
		if f.Type == "appended" {
			answered++
		}
	}
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	var done []channels.Message
	space.Read(func(s *channels.State) { done, _ = s.Messages("chat", 0) })
	if answered == 0 || answered != len(done) || answered > asked {
		t.Errorf("of %d, %d were done and %d answered", asked, len(done), answered)
	}
}

func isAnswer(f hubtest.Frame) bool { return f.Type == "appended" || f.Type == "bye" }

func TestTheOperatorWhoMovesToAnotherNodeIsNeverLost(t *testing.T) {
	p := newPair(t, session.Policy{Linger: -1, Grace: time.Hour})
	alice := hubtest.NewBrowser(t)
	alice.SignIn(p.one.url, "lab", "alice")
	old := alice.Open(p.one.url, "alice-tab")
	old.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	bob := hubtest.NewBrowser(t)
	bob.SignIn(p.two.url, "lab", "bob")
	watching := bob.Open(p.two.url, "bob-tab")
	presence := wire.Presence{Members: watching.Welcome.Presence}
	for len(presence.Members) < 2 {
		watching.Expect("presence", &presence)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
	defer cancel()
	drained := make(chan struct{})
	go func() { defer close(drained); p.one.Drain(ctx); p.one.close() }()
	old.Expect("leaving", nil)
	next := alice.Open(p.two.url, "alice-tab")
	if next.Welcome.Control.Lost != nil {
		t.Errorf("the welcome says that the link is lost: %+v", next.Welcome.Control)
	}
	_ = old.Socket.Close(websocket.StatusNormalClosure, "")
	<-drained
	next.Do(with(write("notes", "k", "after"), "op", "alice-tab.2"), "written", nil)
	if journal := samExport(t, p.two); !strings.Contains(journal, "seated") || strings.Contains(journal, "lost") {
		t.Errorf("the journal is %s", journal)
	}
}
