package hub_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

func (n *node) command(name string) string { return n.url + "/api/v1/spaces/lab/commands/" + name }

// serving opens a service that takes the calls of some commands.
func (n *node) serving(t *testing.T, commands ...string) *hubtest.Tab {
	t.Helper()
	service := hubtest.OpenToken(t, n.url, "robot-1", n.token(t, "robot"))
	service.Do(frame{"type": "serve", "commands": commands}, "serving", nil)
	return service
}

func TestACommandIsCalledAndItsEndWaitedFor(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice, bob := n.user(t, "alice"), n.user(t, "bob")
	alice.Request("POST", n.command("look"), `{}`).Problem(409, "no_service")
	service := n.serving(t, "look")

	var call, done wire.CallState
	begun := alice.Request("POST", n.command("look"), `{"args":{"at":"sample"}}`, "Baton-Op", "script.1")
	begun.Into(http.StatusAccepted, &call)
	again := alice.Request("POST", n.command("look"), `{"args":{"at":"sample"}}`, "Baton-Op", "script.1")
	if again.Header.Get("Location") != begun.Header.Get("Location") || begun.Header.Get("Location") == "" {
		t.Errorf("sent twice, it was called twice: %s and %s", begun.Header.Get("Location"), again.Header.Get("Location"))
	}
	var invoke wire.Invoke
	service.Expect("invoke", &invoke)
	if invoke.Call != call.Call || string(invoke.Args) != `{"at":"sample"}` || invoke.By.User != "alice" {
		t.Errorf("the service got %+v", invoke)
	}
	got := make(chan wire.CallState)
	go func() {
		alice.Request("GET", n.url+begun.Header.Get("Location")+"?wait=20s", "").Into(200, &done)
		got <- done
	}()
	service.Do(frame{"type": "done", "call": call.Call, "result": 42}, "written", nil)
	if d := <-got; d.State != channels.CallDone || string(d.Result) != "42" {
		t.Errorf("the end is %+v", d)
	}
	bob.Request("GET", n.url+begun.Header.Get("Location"), "").Problem(404, "unknown_name")
	var list struct{ Calls []wire.CallState }
	alice.Request("GET", n.url+"/api/v1/spaces/lab/calls", "").Into(200, &list)
	if len(list.Calls) != 1 || list.Calls[0].State != channels.CallDone {
		t.Errorf("the list is %+v", list)
	}
}

func TestACallThatEndsInTimeIsAnsweredWithItsEnd(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice, service := n.user(t, "alice"), n.serving(t, "look")
	served := make(chan struct{})
	go func() {
		defer close(served)
		var invoke wire.Invoke
		service.Expect("invoke", &invoke)
		service.Do(frame{"type": "failed", "call": invoke.Call, "error": "no sample"}, "written", nil)
	}()
	var call wire.CallState
	alice.Request("POST", n.command("look")+"?wait=20s", ``).Into(200, &call)
	<-served
	if call.State != channels.CallFailed || call.Error != "no sample" {
		t.Errorf("the call is %+v", call)
	}
}

func TestACallIsCancelled(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice, bob, service := n.user(t, "alice"), n.user(t, "bob"), n.serving(t, "look")
	begun := alice.Request("POST", n.command("look"), ``)
	begun.Want(http.StatusAccepted)
	var invoke wire.Invoke
	service.Expect("invoke", &invoke)
	at := n.url + begun.Header.Get("Location")
	alice.Request("DELETE", at, "").Want(200)
	service.Expect("cancel", nil)
	service.Do(frame{"type": "failed", "call": invoke.Call, "error": "stopped"}, "written", nil)
	var call wire.CallState
	alice.Request("GET", at+"?wait=20s", "").Into(200, &call)
	if call.State != channels.CallCancelled {
		t.Errorf("the call is %+v", call)
	}
	alice.Request("DELETE", at, "").Problem(409, "conflict")
	bob.Request("DELETE", n.url+"/api/v1/spaces/lab/calls/none.1", "").Problem(404, "unknown_name")
}

func TestAStopCommandWaitsForNothing(t *testing.T) {
	n := newNode(t, nodeOptions{limits: hub.Limits{Rate: 1, Burst: 3}})
	alice, service := n.user(t, "alice"), n.serving(t, "stop")
	a := alice.Request("GET", n.channel("notes"), "")
	for ; a.Status == 200; a = alice.Request("GET", n.channel("notes"), "") {
	}
	if a.Problem(http.StatusTooManyRequests, "rate"); a.Header.Get("Retry-After") == "" {
		t.Error("no word on when to come back")
	}
	alice.Request("POST", n.command("stop"), `{"args":"now"}`, "Baton-Seen", strings.Repeat("x", 10)).Want(200)
	var invoke wire.Invoke
	service.Expect("invoke", &invoke)
	if !invoke.Stop || string(invoke.Args) != `"now"` {
		t.Errorf("the service got %+v", invoke)
	}
	_ = service.Socket.CloseNow()
}

func TestAStopCommandFindsItsServiceOnAnotherNode(t *testing.T) {
	p := newPair(t, session.Policy{})
	alice, service := p.one.user(t, "alice"), p.two.serving(t, "stop")
	alice.Request("POST", p.one.command("stop"), ``).Want(200)
	service.Expect("invoke", nil)
	_ = service.Socket.CloseNow()
	alice.Request("POST", p.one.command("none"), ``).Problem(404, "unknown_name")
}
