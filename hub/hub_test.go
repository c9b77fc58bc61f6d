package hub_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

func TestAWriteReachesEveryTabAndItsAnswerComesAfterIt(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	for _, tab := range []*hubtest.Tab{ann, bob} {
		var joined wire.Joined
		tab.Do(join("notes"), "joined", &joined)
		if joined.Mode != wire.Snapshot || len(joined.Values) != 0 {
			t.Errorf("joined with %+v", joined)
		}
	}
	ann.Send(with(with(write("notes", "k", "v"), "id", 99), "op", "alice-tab.99"))
	var change wire.Change
	first := ann.Wait("change or written", func(f hubtest.Frame) bool { return f.Type == "change" || f.Type == "written" })
	if first.Type != "change" {
		t.Errorf("the first that came was %s", first.Data)
	}
	var written wire.Written
	ann.Expect("written", &written)
	bob.Expect("change", &change)
	if string(change.Set["k"]) != `"v"` || change.By != "alice" || change.Op != "alice-tab.99" ||
		change.Position != written.Position || change.Cursor != written.Cursor {
		t.Errorf("written at %+v, changed %+v", written, change)
	}
}

func TestAReconnectWithACursorGetsWhatWasMissedAndNoMore(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	browser, ann := n.open(t, "alice")
	ann.Do(write("notes", "old", 1), "written", nil)
	ann.Do(write("notes", "gone", 1), "written", nil)
	ann.Do(frame{"type": "append", "channel": "chat", "data": "before"}, "appended", nil)
	var joined wire.Joined
	ann.Do(join("notes"), "joined", &joined)
	cursor := joined.Cursor
	_ = ann.Socket.CloseNow()

	_, bob := n.open(t, "bob")
	bob.Do(write("notes", "new", 2), "written", nil)
	bob.Do(frame{"type": "write", "channel": "notes", "delete": []string{"gone"}}, "written", nil)
	bob.Do(frame{"type": "append", "channel": "chat", "data": "after"}, "appended", nil)

	again := browser.Open(n.url, "alice-tab2")
	again.Send(with(with(join("notes"), "cursor", cursor), "id", 1), with(with(join("chat"), "cursor", cursor), "id", 2))
	var notes, chat wire.Joined
	again.Expect("joined", &notes)
	again.Expect("joined", &chat)
	if notes.Mode != wire.Delta || len(notes.Values) != 1 || string(notes.Values["new"].Value) != "2" ||
		len(notes.Removed) != 1 || notes.Removed[0] != "gone" {
		t.Errorf("the notes came as %+v", notes)
	}
	if len(chat.Messages) != 1 || string(chat.Messages[0].Data) != `"after"` || chat.Cursor != notes.Cursor {
		t.Errorf("the chat came as %+v", chat)
	}
	for _, other := range []string{"nosuchepoch-5", cursor[:len(cursor)-1] + "zz"} {
		again.Do(frame{"type": "leave", "channel": "notes"}, "left", nil)
		var whole wire.Joined
		again.Do(with(join("notes"), "cursor", other), "joined", &whole)
		if whole.Mode != wire.Snapshot || len(whole.Values) != 2 {
			t.Errorf("with the cursor %s the notes came as %+v", other, whole)
		}
	}
}

func TestObserversAndFormerOperatorsAreRefusedAndNothingIsLogged(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	var controlled wire.Controlled
	ann.Do(frame{"type": "control", "do": "request"}, "controlled", &controlled)
	ann.Do(with(write("queue", "k", 1), "term", controlled.Term), "written", nil)
	before := n.position(t)
	if e := bob.Refused(with(write("queue", "k", 2), "term", controlled.Term), "not_operator"); e.More["holder"] == nil {
		t.Errorf("the refusal does not name the holder: %+v", e)
	}
	ann.Refused(write("queue", "k", 2), "no_term")
	bob.Refused(with(write("notes", "k", 1), "if", frame{"k": 7}), "conflict")
	bob.Refused(frame{"type": "call", "command": "move", "term": 1}, "not_operator")
	bob.Refused(write("secret", "k", 1), "forbidden")
	bob.Refused(join("secret"), "forbidden")
	bob.Refused(join("nowhere"), "unknown_name")
	if after := n.position(t); after != before {
		t.Errorf("the refusals took the log from %d to %d", before, after)
	}
	var granted wire.Controlled
	bob.Do(frame{"type": "control", "do": "request", "message": "may I?"}, "controlled", &granted)
	ann.Do(frame{"type": "control", "do": "grant", "request": granted.Request}, "controlled", &controlled)
	e := ann.Refused(with(write("queue", "k", 3), "term", 1), "not_operator")
	bob.Refused(with(write("queue", "k", 3), "term", 1), "old_term")
	bob.Do(with(write("queue", "k", 4), "term", controlled.Term), "written", nil)
	if e.Detail == "" {
		t.Error("no word on what to do next")
	}
}

func TestTwoPatchesOfOneValueBothStand(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	ann.Do(join("notes"), "joined", nil)
	ann.Do(write("notes", "k", frame{"x": 1}), "written", nil)
	ann.Do(frame{"type": "write", "channel": "notes", "patch": frame{"k": frame{"y": 2}}}, "written", nil)
	bob.Do(frame{"type": "write", "channel": "notes", "patch": frame{"k": frame{"x": nil, "z": 3}}}, "written", nil)
	var change wire.Change
	for change.By != "bob" {
		ann.Expect("change", &change)
	}
	if string(change.Set["k"]) != `{"y":2,"z":3}` {
		t.Errorf("the value became %s", change.Set["k"])
	}
}

func TestUnseenChangesRefuseAWrite(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	var seen, fresh wire.Written
	ann.Do(write("notes", "k", 1), "written", &seen)
	bob.Do(with(write("notes", "k", 2), "unseen", seen.Cursor), "written", &fresh)
	if e := ann.Refused(with(write("notes", "k", 3), "unseen", seen.Cursor), "conflict"); e.Current["k"] == nil {
		t.Errorf("the refusal does not show what is there: %+v", e)
	}
	ann.Do(with(write("notes", "k", 3), "unseen", fresh.Cursor), "written", nil)
}

func TestSigningOutClosesTheSocketsOfThatSessionOnly(t *testing.T) {
	n := newNode(t, nodeOptions{})
	browser, tab := n.open(t, "alice")
	second := browser.Open(n.url, "alice-tab2")
	_, bob := n.open(t, "bob")
	tab.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	cookies := browser.Cookies(n.url)
	if status, answer := browser.Do("DELETE", n.url+"/api/v1/session", nil, nil); status != 204 {
		t.Fatalf("signing out answered %d: %s", status, answer)
	}
	for _, closed := range []*hubtest.Tab{tab, second} {
		if code := closed.Ended(); code != wire.CloseSignedOut {
			t.Errorf("a socket was closed with %d", code)
		}
	}
	var control wire.ControlState
	for control.Term < 2 {
		bob.Expect("control", &control)
	}
	if control.Operator != nil {
		t.Errorf("the seat is held by %+v", control.Operator)
	}
	if len(cookies) != 1 || !cookies[0].HttpOnly && cookies[0].Name != "baton" {
		t.Errorf("the cookies were %v", cookies)
	}
	if status, _ := browser.Do("GET", n.url+"/api/v1/session", nil, nil); status != 401 {
		t.Errorf("after signing out, who am I answers %d", status)
	}
}

func TestASecondUserIsRejectedWhereThePolicySaysSo(t *testing.T) {
	n := newNode(t, nodeOptions{policy: session.Policy{OtherUser: session.Reject}})
	browser, _ := n.open(t, "alice")
	bob := hubtest.NewBrowser(t)
	var problem struct {
		Code   string
		Detail string
		Since  string
		Holder struct{ User, Name string }
	}
	status, _ := bob.Do("POST", n.url+"/api/v1/session", frame{"space": "lab", "user": "bob", "password": "bob"}, &problem)
	if status != 409 || problem.Code != "seat_taken" || problem.Holder.User != "alice" || problem.Since == "" || len(bob.Cookies(n.url)) != 0 {
		t.Errorf("the second user got %d, %+v, cookies %v", status, problem, bob.Cookies(n.url))
	}
	status, _ = bob.Do("POST", n.url+"/api/v1/session", frame{"space": "lab", "user": "bob", "password": "wrong"}, nil)
	if status != 401 {
		t.Errorf("a wrong password got %d while the seat is taken", status)
	}
	status, _ = bob.Do("POST", n.url+"/api/v1/bearer", frame{"space": "lab", "user": "bob", "password": "bob"}, &problem)
	if status != 409 || problem.Code != "seat_taken" {
		t.Errorf("a bearer for the second user's scripts got %d, %+v", status, problem)
	}
	again := hubtest.NewBrowser(t)
	again.SignIn(n.url, "lab", "alice")
	if status, _ := browser.Do("GET", n.url+"/api/v1/session", nil, nil); status != 200 {
		t.Errorf("the holder was disturbed: %d", status)
	}
}

func TestCommandsAreTakenOnceAndReported(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	ann.Refused(frame{"type": "call", "command": "look"}, "no_service")
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	other := hubtest.OpenToken(t, n.url, "service-2", n.token(t, "spare"))
	other.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	service.Do(frame{"type": "serve", "commands": []string{"look", "stop"}}, "serving", nil) // the newest takes
	var called wire.Called
	ann.Do(frame{"type": "call", "command": "look", "args": frame{"at": "it"}}, "called", &called)
	var invoke wire.Invoke
	service.Expect("invoke", &invoke)
	if invoke.Call != called.Call || string(invoke.Args) != `{"at":"it"}` || invoke.By.User != "alice" {
		t.Errorf("called %+v, invoked %+v", called, invoke)
	}
	other.Refused(frame{"type": "done", "call": invoke.Call}, "conflict")
	service.Do(frame{"type": "progress", "call": invoke.Call, "progress": 0.5}, "written", nil)
	service.Do(frame{"type": "done", "call": invoke.Call, "result": "seen"}, "written", nil)
	var state wire.CallState
	for state.State != "done" {
		ann.Expect("call", &state)
	}
	if string(state.Result) != `"seen"` || string(state.Progress) != "0.5" {
		t.Errorf("the call ended as %+v", state)
	}
	_, bob := n.open(t, "bob")
	bob.Do(frame{"type": "call", "command": "stop"}, "called", nil) // nobody is in control, and bob is not
	service.Expect("invoke", &invoke)
	if !invoke.Stop || invoke.Command != "stop" {
		t.Errorf("the stop came as %+v", invoke)
	}
}

func TestLiveValuesReachThoseWhoJoined(t *testing.T) {
	n := newNode(t, nodeOptions{})
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	_, ann := n.open(t, "alice")
	ann.Do(join("motors"), "joined", nil)
	service.Send(frame{"type": "send", "channel": "motors", "set": frame{"omega": 1.5}})
	var change wire.Change
	ann.Expect("change", &change)
	if string(change.Set["omega"]) != "1.5" || change.Cursor != "" {
		t.Errorf("the motor came as %+v", change)
	}
	_, bob := n.open(t, "bob")
	var joined wire.Joined
	bob.Do(join("motors"), "joined", &joined)
	if string(joined.Values["omega"].Value) != "1.5" {
		t.Errorf("who joins later gets %+v", joined)
	}
	ann.Send(frame{"type": "send", "id": 50, "channel": "motors", "set": frame{"omega": 2}})
	var e wire.Error
	ann.Expect("error", &e)
	if e.ID != 50 || e.Code != "forbidden" {
		t.Errorf("a user's send is answered %+v", e)
	}
}

func TestTheOperatorsLinkIsLostAndComesBack(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{policy: session.Policy{Linger: 100e6, Grace: 3600e9}})
	browser, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	ann.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	_ = ann.Socket.CloseNow()
	var control wire.ControlState
	for control.Lost == nil {
		bob.Expect("control", &control)
	}
	if control.Operator == nil || control.Lost.RemainingMS < 3590_000 {
		t.Errorf("the seat is %+v, lost %+v", control, control.Lost)
	}
	browser.Open(n.url, "alice-tab2")
	for control.Lost != nil {
		control = wire.ControlState{}
		bob.Expect("control", &control)
	}
	if control.Operator == nil || control.Operator.User != "alice" || control.Term != 1 {
		t.Errorf("after the return the seat is %+v", control)
	}
}

func TestTheSeatFallsVacantWhenTheGraceIsOver(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{policy: session.Policy{Linger: 100e6, Grace: 500e6}})
	_, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	ann.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	bob.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	_ = ann.Socket.CloseNow()
	var control wire.ControlState
	for control.Term < 2 {
		bob.Expect("control", &control)
	}
	if control.Operator != nil || len(control.Requests) != 1 {
		t.Errorf("the seat is %+v: a request must stand, and nothing be granted by silence", control)
	}
}

func TestPresenceCountsPeopleNotTabs(t *testing.T) {
	n := newNode(t, nodeOptions{})
	browser, ann := n.open(t, "alice")
	browser.Open(n.url, "alice-tab2")
	_, bob := n.open(t, "bob")
	var presence wire.Presence
	for len(presence.Members) < 2 {
		ann.Expect("presence", &presence)
	}
	if m := presence.Members[0]; m.User != "alice" || m.Connections != 2 || len(m.Sessions) != 1 {
		t.Errorf("alice is %+v", m)
	}
	_ = bob.Socket.CloseNow()
	for len(presence.Members) > 1 {
		ann.Expect("presence", &presence)
	}
}

func TestBadFramesAreAnsweredAndTheConnectionGoesOn(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	for _, bad := range []string{`{}`, `[]`, `[{"type":"nonsense","id":1}]`, `[{"type":"ping","id":1,"id":2}]`, `[{"type":"ping","Id":1}]`, `x`} {
		ann.SendRaw(bad)
		var e wire.Error
		ann.Expect("error", &e)
		if e.Code != "bad_frame" || e.Detail == "" {
			t.Errorf("%s is answered %+v", bad, e)
		}
	}
	ann.Refused(with(write("notes", "k", 1), "op", "x"), "invalid")
	ann.Do(frame{"type": "ping"}, "pong", nil)
	ann.Send(with(with(join("notes"), "id", 91), "cursor", "not a cursor"), with(join("chat"), "id", 92))
	ann.Expect("error", nil)
	ann.Expect("joined", nil) // one bad join does not take the others with it
	for range 200 {
		ann.SendRaw(`x`)
		if ann.Socket.Ping(context.Background()) != nil {
			break
		}
	}
	if code := ann.Ended(); code != wire.CloseBadFrame {
		t.Errorf("after too many the socket was closed with %d", code)
	}
}

func TestARetryOnANewConnectionGetsItsFirstAnswer(t *testing.T) {
	n := newNode(t, nodeOptions{})
	browser, ann := n.open(t, "alice")
	request := with(with(write("notes", "k", 1), "if", frame{"k": 0}), "op", "alice-tab.7")
	var first, again wire.Written
	ann.Do(request, "written", &first)
	_ = ann.Socket.CloseNow()
	next := browser.Open(n.url, "alice-tab")
	next.Do(request, "written", &again)
	if again.Position != first.Position {
		t.Errorf("the first answer was %d, the second %d", first.Position, again.Position)
	}
}

func TestALoginSessionThatIsNotInUseEnds(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{policy: session.Policy{OtherUser: session.Reject, Idle: 3 * time.Second}})
	left := hubtest.NewBrowser(t)
	left.SignIn(n.url, "lab", "alice") // and never opens a tab
	bob := hubtest.NewBrowser(t)
	late := time.After(hubtest.Patience)
	for {
		status, _ := bob.Do("POST", n.url+"/api/v1/session", frame{"space": "lab", "user": "bob", "password": "bob"}, nil)
		if status == http.StatusOK {
			break
		}
		select {
		case <-late:
			t.Fatal("a session that nobody uses keeps others out")
		case <-time.After(100 * time.Millisecond): // polls what only the hub's own clock can bring
		}
	}
	bob.Open(n.url, "bob-tab")
	if status, _ := left.Do("GET", n.url+"/api/v1/session", nil, nil); status != http.StatusUnauthorized {
		t.Errorf("the ended session still works: %d", status)
	}
}
