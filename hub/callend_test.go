package hub_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// vouch makes a node believe that a service of a command is connected elsewhere, which never takes a call.
func vouch(t *testing.T, n *node, url string, command string) {
	t.Helper()
	live, err := natstest.Connect(t, url).Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ghost := `{"conns":[{"session":"x","user":"service/x","name":"x","client":"service-0","serves":["` + command + `"]}]}`
	if err := live.Publish(t.Context(), channels.LiveValue{LiveKey: channels.LiveKey{Space: "lab", Channel: "~presence", Key: "ghost"}, Data: []byte(ghost)}, hubtest.Patience); err != nil {
		t.Fatal(err)
	}
	waitForServed(t, n, command)
}

// waitForServed waits until a node has heard that somebody serves a command: the call of somebody who may not call it
// tells, without changing anything.
func waitForServed(t *testing.T, n *node, command string) {
	t.Helper()
	_, tab := n.open(t, "sam")
	until(t, command+" is served", func() bool {
		f := tab.Ask(frame{"type": "transact", "calls": []frame{{"command": command}}, "writes": []frame{{"channel": "notes", "set": frame{"k": 1}, "if": frame{"k": 1 << 40}}}})
		var e wire.Error
		_ = json.Unmarshal(f.Data, &e)
		return e.Code == "conflict"
	})
}

// callState waits until a call is in a state.
func callState(t *testing.T, tab *hubtest.Tab, call, state string) (s wire.CallState) {
	t.Helper()
	for s.Call != call || s.State != state {
		s = wire.CallState{}
		tab.Expect("call", &s)
	}
	return s
}

func TestArgumentsThatDoNotFitAreRefusedBeforeAnythingElse(t *testing.T) {
	n := newNode(t, nodeOptions{rules: func(r *channels.Rules) {
		look := r.Commands["look"]
		look.Args = json.RawMessage(`{"type":"object","properties":{"at":{"type":"string"}},"additionalProperties":false}`)
		look.Result = json.RawMessage(`{"type":"string"}`)
		r.Commands["look"] = look
	}})
	_, ann := n.open(t, "alice")
	if e := ann.Refused(frame{"type": "call", "command": "look", "args": frame{"at": 1}}, "schema"); e.More["path"] != "/at" {
		t.Errorf("the refusal says %+v", e)
	}
	ann.Refused(frame{"type": "call", "command": "look", "args": frame{"at": "it"}}, "no_service")
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	ann.Do(frame{"type": "call", "command": "look", "args": frame{"at": "it"}}, "called", nil)
	var invoke wire.Invoke
	service.Expect("invoke", &invoke)
	service.Refused(frame{"type": "done", "call": invoke.Call, "result": 1}, "schema")
	service.Do(frame{"type": "done", "call": invoke.Call, "result": "seen"}, "written", nil)
}

func TestACallEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	p := newPair(t, session.Policy{})
	service := hubtest.OpenToken(t, p.one.url, "service-1", p.one.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	waitForServed(t, p.two, "look")
	vouch(t, p.two, p.nats.URL, "wait")
	_, ann := p.two.open(t, "alice")

	var taken, waiting wire.Called
	ann.Do(frame{"type": "call", "command": "look", "deadline_ms": 4000}, "called", &taken)
	var invoke wire.Invoke
	service.Expect("invoke", &invoke)
	if invoke.DeadlineMS <= 0 || invoke.DeadlineMS > 4000 {
		t.Errorf("the service has %d ms", invoke.DeadlineMS)
	}
	service.Send(frame{"type": "progress", "id": 500, "call": invoke.Call, "progress": 0.1, "op": "service-1.500"})
	unknown := callState(t, ann, taken.Call, "unknown")
	if !strings.Contains(unknown.Error, "deadline") || unknown.DeadlineMS != 0 {
		t.Errorf("it ended as %+v", unknown)
	}
	var stop wire.Cancelled
	service.Expect("cancel", &stop)
	if stop.Call != taken.Call {
		t.Errorf("the service is told to stop %s, not %s", stop.Call, taken.Call)
	}
	service.Refused(frame{"type": "done", "call": invoke.Call}, "conflict")

	ann.Do(frame{"type": "call", "command": "wait", "deadline_ms": 1000}, "called", &waiting)
	if failed := callState(t, ann, waiting.Call, "failed"); !strings.Contains(failed.Error, "deadline") {
		t.Errorf("one that nobody took ended as %+v", failed)
	}
}

func TestACallIsCancelledFromAnyNode(t *testing.T) {
	p := newPair(t, session.Policy{})
	service := hubtest.OpenToken(t, p.one.url, "service-1", p.one.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"look", "move"}}, "serving", nil)
	waitForServed(t, p.two, "look")
	vouch(t, p.two, p.nats.URL, "wait")
	browser, ann := p.two.open(t, "alice")
	_, bob := p.two.open(t, "bob")

	var waiting, taken wire.Called
	ann.Do(frame{"type": "call", "command": "wait"}, "called", &waiting)
	ann.Send(frame{"type": "cancel", "id": 600, "call": waiting.Call, "op": "alice-tab.600"})
	if s := callState(t, ann, waiting.Call, "cancelled"); s.Error != "cancelled by alice" {
		t.Errorf("it ended as %+v", s)
	}
	ann.Refused(frame{"type": "cancel", "call": waiting.Call}, "conflict")
	ann.Refused(frame{"type": "cancel", "call": "nobody.1"}, "unknown_name")

	ann.Do(frame{"type": "call", "command": "look"}, "called", &taken)
	service.Expect("invoke", nil)
	again := browser.Open(p.one.url, "alice-tab2") // after a reload, on the other node
	found := again.Welcome.Calls[len(again.Welcome.Calls)-1]
	if found.Call != taken.Call || found.State != "taken" || len(again.Welcome.Calls) != 2 {
		t.Errorf("after a reload the calls are %+v", again.Welcome.Calls)
	}
	again.Do(frame{"type": "cancel", "call": taken.Call}, "written", nil)
	var stop wire.Cancelled
	service.Expect("cancel", &stop)
	if stop.Call != taken.Call {
		t.Errorf("the service is told to stop %s, not %s", stop.Call, taken.Call)
	}
	for s := (wire.CallState{}); !s.Cancelling; {
		ann.Expect("call", &s)
	}
	service.Do(frame{"type": "failed", "call": taken.Call, "error": "stopped halfway"}, "written", nil)
	if s := callState(t, ann, taken.Call, "cancelled"); s.Error != "stopped halfway" {
		t.Errorf("it ended as %+v", s)
	}

	ann.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	ann.Do(frame{"type": "call", "command": "move", "term": 1}, "called", &taken)
	bob.Refused(frame{"type": "cancel", "call": taken.Call, "term": 1}, "not_operator")
}

func TestAServiceThatWasAwayHearsThatItsCallWasCancelled(t *testing.T) {
	n := newNode(t, nodeOptions{})
	token := n.token(t, "beamline")
	service := hubtest.OpenToken(t, n.url, "service-1", token)
	service.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	_, ann := n.open(t, "alice")
	var called wire.Called
	ann.Do(frame{"type": "call", "command": "look"}, "called", &called)
	service.Expect("invoke", nil)
	_ = service.Socket.CloseNow()
	ann.Do(frame{"type": "cancel", "call": called.Call}, "written", nil)
	again := hubtest.OpenToken(t, n.url, "service-1", token)
	again.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	again.Expect("invoke", nil)
	again.Expect("cancel", nil)
	again.Do(frame{"type": "failed", "call": called.Call, "error": "stopped"}, "written", nil)
	callState(t, ann, called.Call, "cancelled")
}

func TestACallWhoseServiceDiesIsUnknownAndNeverInvokedAgain(t *testing.T) {
	p := newPair(t, session.Policy{})
	token := p.one.token(t, "beamline")
	service := hubtest.OpenToken(t, p.one.url, "service-1", token)
	service.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	waitForServed(t, p.two, "look")
	browser, ann := p.two.open(t, "alice")
	var called wire.Called
	ann.Do(frame{"type": "call", "command": "look"}, "called", &called)
	service.Expect("invoke", nil)
	callState(t, ann, called.Call, "taken") // so that the node that gives it up has seen that
	_ = service.Socket.CloseNow()
	space, err := p.two.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	if o := space.House(t.Context(), channels.LoseCalls{called.Call: "service-1"}.Decide); o.Err != nil { // what the sweep finds after a while
		t.Fatal(o.Err)
	}
	unknown := callState(t, ann, called.Call, "unknown")
	for i, url := range []string{p.one.url, p.two.url} {
		for _, client := range []string{"service-1", "service-2"} {
			other := hubtest.OpenToken(t, url, client, token)
			other.Do(frame{"type": "serve", "commands": []string{"look"}, "seen": unknown.Cursor}, "serving", nil)
			other.Send(frame{"type": "ping", "id": 700})
			if f := other.Wait("the pong", func(f hubtest.Frame) bool { return f.Type == "invoke" || f.Type == "pong" }); f.Type == "invoke" {
				t.Errorf("%s on node %d is told to do it again: %s", client, i, f.Data)
			}
		}
	}
	again := browser.Open(p.one.url, "alice-tab2")
	if calls := again.Welcome.Calls; len(calls) != 1 || calls[0].State != "unknown" {
		t.Errorf("after a reload the calls are %+v", calls)
	}
}
