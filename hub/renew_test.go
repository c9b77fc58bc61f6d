package hub_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// putInForce puts other rules in force, without another node.
func (n *node) putInForce(t *testing.T, version int, change func(*channels.Rules)) {
	t.Helper()
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	newer := rules(session.Policy{})
	newer.Version = version
	change(newer)
	if err := space.PutInForce(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
}

func forStaff(channel string) func(*channels.Rules) {
	return func(r *channels.Rules) {
		rules := r.Channels[channel]
		rules.Read = []channels.Right{"staff"}
		r.Channels[channel] = rules
	}
}

// welcomedAgain waits for the welcome of a connection that goes on, and returns what came before it.
func welcomedAgain(t *testing.T, tab *hubtest.Tab) (again wire.Welcome, before []hubtest.Frame) {
	t.Helper()
	f := tab.Wait("the welcome", func(f hubtest.Frame) bool {
		if f.Type != "welcome" {
			before = append(before, f)
		}
		return f.Type == "welcome"
	})
	if err := json.Unmarshal(f.Data, &again); err != nil {
		t.Fatal(err)
	}
	if again.Conn != tab.Welcome.Conn {
		t.Errorf("the welcome of %s is of another connection, %s", tab.Welcome.Conn, again.Conn)
	}
	return again, before
}

func TestUnderOtherRulesASocketGoesOnAndWhatIsNotItsAnyMoreStopsAtOnce(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	_, sam := n.open(t, "sam")
	var joined wire.Joined
	for _, tab := range []*hubtest.Tab{ann, sam} {
		tab.Do(join("notes"), "joined", nil)
		tab.Do(join("chat"), "joined", nil)
		tab.Do(join("cursors"), "joined", nil)
		tab.Do(join("motors"), "joined", nil)
	}
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	service.Do(write("notes", "k", "for all"), "written", nil)
	for _, tab := range []*hubtest.Tab{ann, sam} {
		tab.Expect("change", nil)
	}
	n.putInForce(t, 2, forStaff("notes"))
	service.Do(write("notes", "k", "for staff"), "written", nil)
	service.Do(frame{"type": "append", "channel": "chat", "data": "for all"}, "appended", nil)
	service.Send(
		frame{"type": "send", "id": 1001, "channel": "motors", "set": frame{"omega": 1}},
		frame{"type": "send", "id": 1002, "channel": "cursors", "data": 1},
	)

	for _, tab := range []*hubtest.Tab{ann, sam} {
		again, before := welcomedAgain(t, tab)
		for _, f := range before {
			if f.Type != "presence" { // of the service, which came a moment ago
				t.Errorf("before the welcome it was sent %s", f.Data)
			}
		}
		if read := again.Channels["notes"].Read; !slices.Equal(read, wire.List[string]{"staff"}) {
			t.Errorf("the welcome says that %v read the notes", read)
		}
		tab.Do(with(join("chat"), "cursor", tab.Welcome.Cursor), "joined", &joined)
		if len(joined.Messages) != 1 || joined.Mode != wire.Delta {
			t.Errorf("the log is joined again with %+v", joined)
		}
	}
	ann.Refused(join("notes"), "forbidden")
	sam.Do(with(join("notes"), "cursor", sam.Welcome.Cursor), "joined", &joined)
	if v := joined.Values["k"]; string(v.Value) != `"for staff"` || joined.Mode != wire.Delta {
		t.Errorf("staff joins again with %+v", joined)
	}
	service.Do(write("notes", "k", "for staff too"), "written", nil)
	ann.Send(frame{"type": "ping", "id": 1003})
	ann.Wait("the pong", func(f hubtest.Frame) bool {
		if f.Type == "change" || f.Type == "signal" { // it has left the live store and the signals, too
			t.Errorf("she was sent %s", f.Data)
		}
		return f.Type == "pong"
	})
}

func TestRulesThatAnotherNodeHasPutInForceCountHereToo(t *testing.T) {
	p := newPair(t, session.Policy{})
	browser, ann := p.one.open(t, "alice")
	ann.Do(join("notes"), "joined", nil)
	p.two.putInForce(t, 2, forStaff("notes"))
	welcomedAgain(t, ann)
	ann.Refused(join("notes"), "forbidden")
	browser.Open(p.one.url, "alice-tab2").Refused(join("notes"), "forbidden")
}

func TestWhoComesToWorkForAnotherProposalBeginsAnew(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	ann.Do(join("plan"), "joined", nil)
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	o := space.House(t.Context(), func(d *channels.Draft) (any, error) {
		s, _ := session.Find(d, ann.Welcome.Session)
		s.Proposal, s.Roles = "mx-9", []string{"user", "staff"}
		d.Set(channels.Ref{Channel: channels.SessionsStore, Key: s.ID}, s.Record)
		d.Set(channels.Ref{Channel: "plan", Owner: "mx-2112", Key: "k"}, "of the other proposal")
		return nil, nil
	})
	if o.Err != nil {
		t.Fatal(o.Err)
	}
	again, before := welcomedAgain(t, ann)
	if again.You.Proposal != "mx-9" || !slices.Contains(again.You.Roles, "staff") {
		t.Errorf("she is welcomed as %+v", again.You)
	}
	for _, f := range before {
		if f.Type == "change" {
			t.Errorf("what belongs to the other proposal still reaches her: %s", f.Data)
		}
	}
	var joined wire.Joined
	ann.Do(join("plan"), "joined", &joined)
	if len(joined.Values) > 0 {
		t.Errorf("joined again, she sees %+v", joined.Values)
	}
	ann.Do(join("secret"), "joined", nil)
}

func TestAServiceGoesOnServingUnderOtherRules(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"look", "wait"}}, "serving", nil)
	var called wire.Called
	ann.Do(frame{"type": "call", "command": "look"}, "called", &called)
	var invoke wire.Invoke
	service.Expect("invoke", &invoke)

	n.putInForce(t, 2, func(r *channels.Rules) {
		wait := r.Commands["wait"]
		wait.Serve = []channels.Right{"admin"}
		r.Commands["wait"] = wait
	})
	welcomedAgain(t, service)
	welcomedAgain(t, ann)
	service.Do(frame{"type": "done", "call": invoke.Call, "result": 1}, "written", nil)
	var ended wire.CallState
	for ended.State != channels.CallDone {
		ann.Expect("call", &ended)
	}
	if ended.Call != called.Call || string(ended.Result) != "1" {
		t.Errorf("the call ended as %+v", ended)
	}
	ann.Do(frame{"type": "call", "command": "look"}, "called", nil) // though it has not served again
	service.Expect("invoke", &invoke)
	ann.Refused(frame{"type": "call", "command": "wait"}, "no_service")
	service.Refused(frame{"type": "serve", "commands": []string{"wait"}}, "forbidden")
}

func TestAnEventStreamEndsUnderOtherRulesAndComesBackToWhereItWas(t *testing.T) {
	n := newNode(t, nodeOptions{})
	browser, ann := n.open(t, "alice")
	events := browser.Follow(n.url, "lab", "channels=notes,chat", "")
	events.Expect("joined", nil)
	n.putInForce(t, 2, func(r *channels.Rules) { delete(r.Channels, "ui") })
	ann.Do(frame{"type": "append", "channel": "chat", "data": 1}, "appended", nil)
	var bye wire.Bye
	events.Expect("bye", &bye)
	events.Ended()
	if bye.Code != wire.CloseLeaving || bye.Reason != "the rules have changed" || bye.ReconnectAfter <= 0 {
		t.Errorf("it ended with %+v", bye)
	}
	var message wire.Joined
	again := browser.Follow(n.url, "lab", "channels=notes,chat", events.Last)
	for len(message.Messages) == 0 {
		again.Expect("joined", &message)
	}
	n.putInForce(t, 3, forStaff("notes"))
	again.Ended()
	browser.Request("GET", n.url+"/api/v1/spaces/lab/events?channels=notes", "").Problem(403, "forbidden")
}

// TestAFullRoomIsWelcomedAgainOnItsSockets has a hundred tabs whose rules change twice in a row.
func TestAFullRoomIsWelcomedAgainOnItsSockets(t *testing.T) {
	n := newNode(t, nodeOptions{limits: hub.Limits{PerSession: 1000, PerUser: 1000}})
	token := n.token(t, "many")
	tabs := make([]*hubtest.Tab, 100)
	for i := range tabs {
		tabs[i] = hubtest.OpenToken(t, n.url, fmt.Sprint("tab-", i), token)
		tabs[i].Do(join("notes"), "joined", nil)
	}
	n.putInForce(t, 2, func(r *channels.Rules) { r.Title = "Two" })
	n.putInForce(t, 3, func(r *channels.Rules) { r.Title = "Three" })
	for _, tab := range tabs {
		for again := (wire.Welcome{}); again.Title != "Three"; {
			again, _ = welcomedAgain(t, tab)
		}
		tab.Do(join("notes"), "joined", nil)
		_ = tab.Socket.Close(websocket.StatusNormalClosure, "")
	}
}
