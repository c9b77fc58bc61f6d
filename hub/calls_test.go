package hub_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/channelstest"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

// TestAServiceThatCameBackGetsItsCalls opens a second socket of the same client before the hub has noticed that the
// first one is dead.
func TestAServiceThatCameBackGetsItsCalls(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		t.Run(fmt.Sprint("on another node ", elsewhere), func(t *testing.T) {
			store := natstest.Embedded(t)
			n := newNode(t, nodeOptions{name: "one", store: store})
			other := n
			if elsewhere {
				other = newNode(t, nodeOptions{name: "two", store: store})
			}
			token := n.token(t, "beamline")
			old := hubtest.OpenToken(t, n.url, "service-1", token)
			old.Do(frame{"type": "serve", "commands": []string{"look", "stop"}}, "serving", nil)
			again := hubtest.OpenToken(t, other.url, "service-1", token)
			again.Do(frame{"type": "serve", "commands": []string{"look", "stop"}}, "serving", nil)
			_, ann := n.open(t, "alice")
			var called wire.Called
			ann.Do(frame{"type": "call", "command": "look"}, "called", &called)
			var invoke wire.Invoke
			again.Expect("invoke", &invoke)
			if invoke.Call != called.Call {
				t.Errorf("called %s, invoked %s", called.Call, invoke.Call)
			}
			ann.Do(frame{"type": "call", "command": "stop"}, "called", nil)
			again.Expect("invoke", &invoke)
			if !invoke.Stop {
				t.Errorf("instead of the stop came %+v", invoke)
			}
		})
	}
}

func TestAServiceKeepsItsEventStream(t *testing.T) {
	n := newNode(t, nodeOptions{})
	token := n.token(t, "beamline")
	events := hubtest.Program(t, token).Follow(n.url, "lab", "channels=notes&client=service-1", "")
	events.Expect("joined", nil)
	service := hubtest.OpenToken(t, n.url, "service-1", token)
	service.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	_, bob := n.open(t, "bob")
	bob.Do(write("notes", "k", 1), "written", nil)
	events.Expect("change", nil)
}

func TestAStopIsHeldUpByNothing(t *testing.T) {
	const burst = 10 // and not the usual limit: who is refused a hundred times in a row is cut off, and this may be done again
	n := newNode(t, nodeOptions{limits: hub.Limits{Burst: burst}})
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"stop"}}, "serving", nil)
	_, ann := n.open(t, "alice")
	// And its client has seen more than this node has.
	ahead := channels.Cursor{Epoch: ann.Welcome.Epoch, Position: n.position(t) + 1}
	channelstest.Within(t, 200*time.Millisecond, func() {
		for i := range burst + 5 { // more than the limit of requests
			ann.Send(frame{"type": "ping", "id": 1000 + i})
		}
		ann.Do(frame{"type": "call", "command": "stop", "seen": ahead.String()}, "called", nil)
		service.Expect("invoke", nil)
	})
}

// TestACallIsNotCarriedOutUnderATermThatIsOver calls when a node that was killed still vouches for a service.
func TestACallIsNotCarriedOutUnderATermThatIsOver(t *testing.T) {
	store := natstest.Embedded(t)
	n := newNode(t, nodeOptions{store: store})
	live, err := store.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, ann := n.open(t, "alice")
	ghost := `{"conns":[{"session":"beamline","user":"beamline","name":"b","client":"service-0","serves":["move"]}]}`
	if err := live.Publish(t.Context(), channels.LiveValue{LiveKey: channels.LiveKey{Space: "lab", Channel: "~presence", Key: "killed"}, Data: []byte(ghost)}, hubtest.Patience); err != nil {
		t.Fatal(err)
	}
	for presence := (wire.Presence{}); len(presence.Members) < 2; {
		ann.Expect("presence", &presence)
	}
	ann.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	ann.Do(frame{"type": "call", "command": "move", "term": 1}, "called", nil)
	ann.Do(frame{"type": "control", "do": "release"}, "controlled", nil)
	_, bob := n.open(t, "bob")
	bob.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"move"}}, "serving", nil)
	var state wire.CallState
	for state.State != "failed" {
		ann.Expect("call", &state)
	}
	service.Send(frame{"type": "ping", "id": 55})
	f := service.Wait("the pong", func(f hubtest.Frame) bool { return f.Type == "invoke" || f.Type == "pong" })
	if f.Type == "invoke" {
		t.Errorf("bob is the operator under a later term, and the service is told: %s", f.Data)
	}
}

func TestTheArgumentsOfAStopFitItsSchema(t *testing.T) {
	n := newNode(t, nodeOptions{rules: func(r *channels.Rules) {
		stop := r.Commands["stop"]
		stop.Args = json.RawMessage(`{"type":"object","required":["axis"]}`)
		r.Commands["stop"] = stop
	}})
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"stop"}}, "serving", nil)
	_, ann := n.open(t, "alice")
	ann.Refused(frame{"type": "call", "command": "stop", "args": frame{"axes": 7}}, "schema")
	ann.Do(frame{"type": "call", "command": "stop", "args": frame{"axis": 7}}, "called", nil)
	var invoke wire.Invoke
	service.Expect("invoke", &invoke)
	if string(invoke.Args) != `{"axis":7}` {
		t.Errorf("the service was given %s", invoke.Args)
	}
}

func TestAServiceThatComesBackIsToldThatItsCallWasGivenUp(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	token := n.token(t, "beamline")
	service := hubtest.OpenToken(t, n.url, "service-1", token)
	service.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	_, ann := n.open(t, "alice")
	var called wire.Called
	ann.Do(frame{"type": "call", "command": "look", "deadline_ms": 3000}, "called", &called)
	service.Expect("invoke", nil)
	_ = service.Socket.CloseNow()
	callState(t, ann, called.Call, "unknown")
	again := hubtest.OpenToken(t, n.url, "service-1", token)
	again.Send(frame{"type": "serve", "id": 1, "commands": []string{"look"}})
	var cancelled wire.Cancelled
	if again.Expect("cancel", &cancelled); cancelled.Call != called.Call {
		t.Errorf("it is told to stop %s, and goes on with %s", cancelled.Call, called.Call)
	}
	other := hubtest.OpenToken(t, n.url, "service-2", token)
	other.Send(frame{"type": "serve", "id": 1, "commands": []string{"look"}}, frame{"type": "ping", "id": 2})
	other.Wait("the pong", func(f hubtest.Frame) bool {
		if f.Type == "cancel" {
			t.Error("another service is told to stop it")
		}
		return f.Type == "pong"
	})
}

func TestACommandThatIsNamedTwiceIsServedOnce(t *testing.T) {
	n := newNode(t, nodeOptions{})
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"look", "stop", "look"}}, "serving", nil)
	_, ann := n.open(t, "alice")
	ann.Do(frame{"type": "call", "command": "look"}, "called", nil)
	service.Expect("invoke", nil)
	service.Send(frame{"type": "ping", "id": 99})
	service.Wait("the pong", func(f hubtest.Frame) bool {
		if f.Type == "invoke" {
			t.Errorf("it was handed over once more: %s", f.Data)
		}
		return f.Type == "pong"
	})
}
