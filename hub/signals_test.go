package hub_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

func signal(channel string, data any) frame {
	return frame{"type": "send", "channel": channel, "data": data}
}

// hear sends signals until one of them is heard: those that are sent before all nodes listen are lost. One more may be under
// way then.
func hear(t *testing.T, from, to *hubtest.Tab, channel string) {
	t.Helper()
	heard := make(chan struct{})
	var sending sync.WaitGroup
	defer sending.Wait()
	defer close(heard)
	sending.Go(func() {
		for waiting := true; waiting; {
			from.Send(signal(channel, "are you there?"))
			select {
			case <-time.After(50 * time.Millisecond): // less often than it may
			case <-heard:
				waiting = false
			}
		}
	})
	to.Expect("signal", nil)
}

func TestASignalReachesEverybodyElseOnEveryNode(t *testing.T) {
	p := newPair(t, session.Policy{})
	browser, ann := p.one.open(t, "alice")
	second := browser.Open(p.one.url, "alice-tab2")
	_, bob := p.two.open(t, "bob")
	witness := browser.Open(p.two.url, "alice-witness")
	for _, tab := range []*hubtest.Tab{ann, second, bob, witness} {
		var joined wire.Joined
		tab.Do(join("cursors"), "joined", &joined)
		if joined.Mode != wire.Snapshot || len(joined.Values) != 0 {
			t.Errorf("joined with %+v", joined)
		}
	}
	hear(t, ann, bob, "cursors")
	hear(t, bob, ann, "cursors")

	from := ""
	ann.Send(signal("cursors", frame{"x": 1}))
	for _, tab := range []*hubtest.Tab{second, bob} {
		var s wire.Signal
		for string(s.Data) != `{"x":1}` {
			tab.Expect("signal", &s)
		}
		if s.Channel != "cursors" || s.From == "alice-tab" || s.From == "" || s.By != "alice" || from != "" && s.From != from {
			t.Errorf("the signal came as %+v", s)
		}
		from = s.From
	}
	bob.Send(signal("cursors", "bob's, after hers"))
	var first wire.Signal
	for string(first.Data) != `"bob's, after hers"` {
		ann.Expect("signal", &first)
		if first.From == from {
			t.Errorf("she hears herself: %+v", first)
		}
	}

	for said := (wire.Signal{}); string(said.Data) != `"bob's, after hers"`; { // bob's node has heard it back by now
		witness.Expect("signal", &said)
	}

	// Who joins later gets nothing old.
	late := browser.Open(p.two.url, "alice-tab3")
	late.Do(join("cursors"), "joined", nil)
	ann.Send(signal("cursors", "new"))
	var s wire.Signal
	late.Expect("signal", &s)
	if string(s.Data) != `"new"` {
		t.Errorf("who joins later gets %+v first", s)
	}
	late.Do(frame{"type": "leave", "channel": "cursors"}, "left", nil)
	ann.Send(signal("cursors", "after leaving"))
	for string(s.Data) != `"after leaving"` {
		bob.Expect("signal", &s)
	}
	late.Send(frame{"type": "ping", "id": 77})
	if f := late.Wait("the pong", func(f hubtest.Frame) bool { return f.Type == "signal" || f.Type == "pong" }); f.Type == "signal" {
		t.Errorf("who has left gets %s", f.Data)
	}
}

func TestOfManySignalsTheNewestIsHeardAndOtherRequestsAreNotHeldUp(t *testing.T) {
	n := newNode(t, nodeOptions{limits: hub.Limits{Rate: 1, Burst: 10}})
	_, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	bob.Do(join("cursors"), "joined", nil)
	hear(t, ann, bob, "cursors")
	const most = 64
	var swarm []any
	for i := range most {
		swarm = append(swarm, signal("cursors", i))
	}
	ann.Send(swarm...)
	ann.Do(write("notes", "k", 1), "written", nil)
	var s wire.Signal
	heard := 0
	for string(s.Data) != fmt.Sprint(most-1) {
		bob.Expect("signal", &s)
		heard++
	}
	if heard > 10 {
		t.Errorf("of %d signals at once %d are heard", most, heard)
	}
}

func TestSignalsAreForThoseWhoMay(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	_, sam := n.open(t, "sam")
	ann.Refused(join("whispers"), "forbidden")
	sam.Do(join("whispers"), "joined", nil)
	for request, code := range map[string]string{
		`{"type":"send","id":70,"channel":"whispers","data":1}`:                         "forbidden",
		`{"type":"send","id":70,"channel":"nowhere","data":1}`:                          "unknown_name",
		`{"type":"send","id":70,"channel":"notes","data":1}`:                            "invalid",
		`{"type":"send","id":70,"channel":"cursors","set":{"x":1}}`:                     "invalid",
		`{"type":"write","id":70,"channel":"cursors","set":{"x":1},"op":"alice-tab.1"}`: "invalid",
	} {
		ann.SendRaw("[" + request + "]")
		var e wire.Error
		if err := json.Unmarshal(ann.Answer(70).Data, &e); err != nil || e.Code != code {
			t.Errorf("%s is answered %+v", request, e)
		}
	}
}

// refusedClient fails unless somebody is refused the connection under a client id.
func refusedClient(t *testing.T, n *node, b *hubtest.Browser, client string) {
	t.Helper()
	socket, response, err := b.TryOpen(n.url, client)
	if err == nil {
		_ = socket.CloseNow()
	}
	if response == nil || response.StatusCode != http.StatusConflict {
		t.Errorf("connecting as %s is answered %v, %v", client, response, err)
	}
}

func TestNobodyTakesTheClientIDOfAnother(t *testing.T) {
	p := newPair(t, session.Policy{})
	browser, ann := p.one.open(t, "alice")
	b, bob := p.one.open(t, "bob")
	c, carl := p.two.open(t, "bob")
	bob.Do(join("cursors"), "joined", nil)
	hear(t, ann, bob, "cursors")
	ann.Send(signal("cursors", 1))
	var s wire.Signal
	for string(s.Data) != "1" {
		bob.Expect("signal", &s)
	}
	b.Open(p.one.url, s.From) // told to everybody
	refusedClient(t, p.one, b, "alice-tab")
	until(t, "the other node knows who is here", func() bool {
		var e wire.Presence
		for len(e.Members) < 2 {
			carl.Expect("presence", &e)
		}
		return true
	})
	refusedClient(t, p.two, c, "alice-tab")
	browser.Open(p.one.url, "alice-tab").Do(write("notes", "k", 1), "written", nil) // another socket of the same client

	// Once it has made an operation it is hers while she is away, too.
	_ = ann.Socket.CloseNow()
	var written wire.Written
	browser.Open(p.one.url, "alice-late").Do(write("notes", "k", 2), "written", &written)
	carl.Do(frame{"type": "read", "channel": "notes", "seen": written.Cursor}, "values", nil)
	refusedClient(t, p.two, c, "alice-late")
}
