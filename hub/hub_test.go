package hub_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// rules are those of the space that the tests use.
func rules(policy session.Policy) *channels.Rules {
	return &channels.Rules{
		Version: 1, Title: "Lab", Policy: policy.JSON(),
		Channels: map[string]channels.ChannelRules{
			"queue":  {Kind: channels.KindStore, Write: []channels.Right{"operator", "service"}},
			"notes":  {Kind: channels.KindStore, Write: []channels.Right{"member"}},
			"ui":     {Kind: channels.KindStore, Scope: channels.ScopeUser, Write: []channels.Right{"owner"}},
			"motors": {Kind: channels.KindStore, Live: true, Write: []channels.Right{"service"}},
			"chat":   {Kind: channels.KindLog, Write: []channels.Right{"member"}},
			"secret": {Kind: channels.KindStore, Write: []channels.Right{"staff"}, Read: []channels.Right{"staff"}},
		},
		Commands: map[string]channels.CommandRules{
			"move": {Call: []channels.Right{"operator"}},
			"look": {Call: []channels.Right{"member"}},
			"stop": {Call: []channels.Right{"member"}, Stop: true},
		},
	}
}

// node is a hub with its server.
type node struct {
	*hub.Hub
	url   string
	close func()
}

// nodeOptions say how a test wants a node.
type nodeOptions struct {
	name   string
	policy session.Policy
	limits hub.Limits
	idle   time.Duration
	store  *natslog.Store // default: an embedded one
	logins session.Store  // default: in the bucket of store
}

func newNode(t testing.TB, o nodeOptions) *node {
	t.Helper()
	if o.store == nil {
		o.store = natstest.Embedded(t)
	}
	if o.name == "" {
		o.name = "one"
	}
	ctx, cancel := context.WithTimeout(t.Context(), hubtest.Patience)
	defer cancel()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	if o.logins == nil {
		bucket, err := o.store.KV(ctx, "sessions")
		must(err)
		o.logins = session.NewKVStore(bucket, natslog.ErrNotFound, natslog.ErrRevision)
	}
	live, err := o.store.Live(ctx)
	must(err)
	ticks, err := o.store.Ticks(ctx)
	must(err)
	h, err := hub.New(hub.Options{
		Node: o.name, Version: "test", Title: "Site", Spaces: []hub.Site{{Name: "lab", Title: "Lab"}},
		Authority: session.Authority{}, Live: live, Ticks: ticks, Relay: o.store.Relay(), Sign: session.Dev{},
		UI:     http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("the page")) }),
		Logins: session.NewLogins(session.LoginOptions{Store: o.logins}), Limits: o.limits, Idle: o.idle, Logger: natstest.Logger(t),
		Open: func(ctx context.Context, name string, w channels.Watcher) (*channels.Space, error) {
			log, err := o.store.Log(ctx, name)
			if err != nil {
				return nil, err
			}
			snapshots, err := o.store.Snapshots(ctx, name)
			if err != nil {
				return nil, err
			}
			return channels.Open(ctx, channels.Options{
				Name: name, Log: log, Snapshots: snapshots, Authority: session.Authority{}, Rules: rules(o.policy), Watcher: w,
				Logger: natstest.Logger(t),
			})
		},
	})
	must(err)
	server := httptest.NewServer(h)
	closed := false
	n := &node{h, server.URL, func() {
		if !closed {
			closed = true
			h.Close()
			server.Close()
		}
	}}
	t.Cleanup(n.close)
	return n
}

// token mints a service token.
func (n *node) token(t testing.TB, name string) string {
	t.Helper()
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	token := session.Token{Space: "lab", ID: name, Secret: "secret"}
	if o := space.House(t.Context(), session.Mint(token, name, []string{"service"})); o.Err != nil {
		t.Fatal(o.Err)
	}
	return token.String()
}

// open signs a user in with a browser of their own and opens a tab.
func (n *node) open(t *testing.T, user string) (*hubtest.Browser, *hubtest.Tab) {
	t.Helper()
	b := hubtest.NewBrowser(t)
	b.SignIn(n.url, "lab", user)
	return b, b.Open(n.url, user+"-tab")
}

// waitForTabs waits until a user has at most so many tabs open on the node, as bob sees it.
func (n *node) waitForTabs(t *testing.T, user string, most int) {
	t.Helper()
	_, bob := n.open(t, "bob")
	presence := wire.Presence{Members: bob.Welcome.Presence}
	for slices.ContainsFunc(presence.Members, func(m wire.Member) bool { return m.User == user && m.Connections > most }) {
		bob.Expect("presence", &presence)
	}
}

func (n *node) position(t *testing.T) (position uint64) {
	t.Helper()
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	space.Read(func(s *channels.State) { position = s.Position() })
	return position
}

type frame = map[string]any

func join(channel string) frame { return frame{"type": "join", "channel": channel} }

func write(channel, key string, value any) frame {
	return frame{"type": "write", "channel": channel, "set": frame{key: value}}
}

func with(f frame, key string, value any) frame {
	f[key] = value
	return f
}

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
	service.Do(frame{"type": "serve", "commands": []string{"look", "stop"}}, "serving", nil)
	other.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
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
	n := newNode(t, nodeOptions{idle: time.Second, policy: session.Policy{OtherUser: session.Reject}})
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
