package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/tools/faults/capture"
	"github.com/baton-hub/baton/tools/faults/history"
)

// A person has signed in, or tries to.
type person struct {
	play    *play
	space   string
	user    string
	session string
	cookie  *http.Cookie
	name    string // of the cookie in the history
}

func (p *play) name(kind string) string {
	p.names++
	return fmt.Sprintf("%s%d", kind, p.names)
}

// ask makes a request about the login session, and puts it into the history.
func (a *person) ask(what, method string, hub int, body any) (status int, answer []byte) {
	p := a.play
	v := history.Visit{What: what, Cookie: a.name, User: a.user, Session: a.session, Space: a.space, Node: p.world.hubs[hub].name}
	if a.space == "booth" {
		v.Policy = "one"
	}
	var data bytes.Buffer
	_ = json.NewEncoder(&data).Encode(body) // of our own making
	r, err := http.NewRequestWithContext(p.ctx, method, a.at(hub)+"/api/v1/session", &data)
	if err != nil {
		p.fail("%w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", a.at(hub))
	if a.cookie != nil {
		r.AddCookie(a.cookie)
	}
	v.Begin = p.record.Now()
	response, err := web.Do(r)
	v.End = p.record.Now()
	if err == nil {
		defer response.Body.Close()
		answer, _ = io.ReadAll(response.Body) // a part of it does not decode
		v.Status = response.StatusCode
		v.Code = codeOf(answer)
	}
	if what == history.SignIn && v.Status == http.StatusOK {
		a.signedIn(response, answer)
		v.Cookie, v.Session = a.name, a.session
	}
	if what == history.SignOut {
		v.Settled = p.settle(a.session)
	}
	p.record.Visit(v)
	return v.Status, answer
}

func codeOf(problem []byte) string {
	var p struct{ Code string }
	_ = json.Unmarshal(problem, &p) // what is no problem has no code
	return p.Code
}

func (a *person) signedIn(response *http.Response, answer []byte) {
	var in struct{ Session string }
	if err := json.Unmarshal(answer, &in); err != nil {
		a.play.fail("a sign-in is answered %q: %w", answer, err)
	}
	a.session = in.Session
	for _, c := range response.Cookies() {
		if c.Name == "baton" {
			a.cookie, a.name = c, a.play.name("cookie")
		}
	}
}

func (a *person) at(hub int) string { return "http://" + a.play.world.hubs[hub].address }

// comes signs a person in, which has to work: on a busy machine not always at once.
func (p *play) comes(user string, hub int) *person {
	a := p.person("lab", user)
	status, answer := a.signIn(hub)
	for tries := 0; status != http.StatusOK && tries < 5; tries++ {
		status, answer = a.signIn(hub)
	}
	if status != http.StatusOK {
		p.fail("signing %s in is answered %d: %s", user, status, answer)
	}
	return a
}

func (p *play) person(space, user string) *person { return &person{play: p, space: space, user: user} }

func (a *person) signIn(hub int) (int, []byte) {
	return a.ask(history.SignIn, http.MethodPost, hub, map[string]any{"space": a.space, "user": a.user, "password": a.user})
}

func (a *person) signOut(hub int) (int, []byte) {
	return a.ask(history.SignOut, http.MethodDelete, hub, nil)
}

// use asks for what only somebody gets who is signed in.
func (a *person) use(hub int) int {
	status, _ := a.ask(history.Use, http.MethodGet, hub, nil)
	return status
}

// A tab is a page: a client id, and one socket at a time. What it does is one goroutine's.
type tab struct {
	*person
	client  string
	ops     uint64
	asked   uint64
	socket  *websocket.Conn
	conn    string // its name in the history
	node    string
	wire    *capture.Conn // below it
	ended   chan struct{}
	welcome chan struct{}

	// Guarded by mu.
	mu      sync.Mutex
	cursors map[string]string // by channel: what it has been told
	newest  string            // of them, and of the answers
	answers map[uint64]wire.Frame
	seat    wire.ControlState
}

// page opens a page on a hub and joins channels.
func (a *person) page(hub int, channels ...string) *tab {
	t := &tab{person: a, client: fmt.Sprintf("%s-%s", a.user, a.play.name("tab")), cursors: map[string]string{}, answers: map[uint64]wire.Frame{}}
	a.play.tabs = append(a.play.tabs, t)
	t.connect(hub, channels...)
	return t
}

// connect opens a socket, and joins channels with the cursors that the page has.
func (t *tab) connect(hub int, channels ...string) {
	p := t.play
	t.conn, t.node = p.name("socket"), p.world.hubs[hub].name
	t.ended, t.welcome = make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	header := http.Header{"Origin": {t.at(hub)}, "Cookie": {t.cookie.Name + "=" + t.cookie.Value}}
	socket, _, err := websocket.Dial(ctx, strings.Replace(t.at(hub), "http", "ws", 1)+wire.Path+"?client="+t.client, &websocket.DialOptions{
		Subprotocols: []string{wire.Subprotocol}, HTTPHeader: header,
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: t.dial}},
	})
	if err != nil {
		p.fail("opening a page of %s: %w", t.user, err)
	}
	socket.SetReadLimit(-1)
	t.socket = socket
	go t.read(socket, t.conn, t.ended, t.welcome)
	select {
	case <-t.welcome:
	case <-time.After(patience):
		p.fail("%s is not welcomed", t.user)
	}
	var joins []wire.Frame
	for _, channel := range channels {
		t.asked++
		t.mu.Lock()
		join := &wire.Join{Head: wire.Head{ID: t.asked}, Channel: channel, Cursor: t.cursors[channel]}
		t.mu.Unlock()
		p.record.Join(history.Join{Client: t.client, Conn: t.conn, At: p.record.Now(), ID: join.ID, Channel: channel, Cursor: join.Cursor})
		joins = append(joins, join)
	}
	if len(joins) > 0 {
		t.send(joins...)
		t.answer(t.asked)
	}
}

// read takes what comes, until the socket ends.
func (t *tab) read(socket *websocket.Conn, conn string, ended, welcome chan struct{}) {
	defer close(ended)
	record := t.play.record
	for {
		_, data, err := socket.Read(context.Background())
		if err != nil {
			record.Closed(history.Closed{Client: t.client, Conn: conn, At: record.Now(), Code: max(0, int(websocket.CloseStatus(err)))})
			return
		}
		record.Message(history.Message{Client: t.client, Conn: conn, At: record.Now(), Data: data})
		frames, err := wire.DecodeFrames(data)
		if err != nil {
			continue // the checkers will say so
		}
		t.take(frames, welcome)
	}
}

func (t *tab) take(frames []wire.Frame, welcome chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range frames {
		switch f := f.(type) {
		case *wire.Welcome:
			t.seat = f.Control
			close(welcome)
		case *wire.Joined:
			t.shownLocked(f.Channel, f.Cursor)
		case *wire.Change:
			t.shownLocked(f.Channel, f.Cursor)
		case *wire.Message:
			t.shownLocked(f.Channel, f.Cursor)
		case *wire.Written:
			t.shownLocked("", f.Cursor)
		case *wire.Appended:
			t.shownLocked("", f.Cursor)
		case *wire.ControlState:
			t.seat = *f
		}
		if a, ok := f.(wire.Answer); ok && a.AnswerTo() != 0 {
			t.answers[a.AnswerTo()] = f
		}
	}
}

func (t *tab) shownLocked(channel, cursor string) {
	if channel != "" {
		t.cursors[channel] = cursor
	}
	if history.PositionOf(cursor) > history.PositionOf(t.newest) {
		t.newest = cursor
	}
}

func (t *tab) send(frames ...wire.Frame) {
	ctx, cancel := context.WithTimeout(t.play.ctx, patience)
	defer cancel()
	if err := t.socket.Write(ctx, websocket.MessageText, wire.Encode(frames...)); err != nil {
		t.play.fail("%s cannot send: %w", t.client, err)
	}
}

// answer waits for the answer to a request.
func (t *tab) answer(id uint64) (f wire.Frame) {
	t.play.until(fmt.Sprintf("request %d of %s is answered", id, t.client), func() bool {
		f = t.answered(id)
		return f != nil
	})
	return f
}

// answered returns the answer to a request, nil if there is none yet.
func (t *tab) answered(id uint64) wire.Frame {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.answers[id]
}

// seen is the newest position that the page has been shown.
func (t *tab) seen() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return history.PositionOf(t.newest)
}

// op gives the next operation id.
func (t *tab) op() string {
	t.ops++
	return fmt.Sprintf("%s.%d", t.client, t.ops)
}

// do asks for something and puts it into the history with its answer.
func (t *tab) do(r wire.Request) wire.Frame {
	id, o := t.begin(r)
	f := t.answer(id)
	t.finish(o, f)
	return f
}

// begin sends a request.
func (t *tab) begin(r wire.Request) (id uint64, o history.Operation) {
	t.asked++
	r.Header().ID = t.asked
	o = history.Asked(r, t.play.record.Now())
	o.Client, o.User, o.Session, o.Node, o.Conn = t.client, t.user, t.session, t.node, t.conn
	t.send(r)
	return t.asked, o
}

// finish puts a request with its answer into the history; nil: none came.
func (t *tab) finish(o history.Operation, f wire.Frame) {
	if f != nil {
		o.Answered(f, t.play.record.Now())
	}
	t.play.record.Operation(o)
}

// leave lets the socket go.
func (t *tab) leave() {
	_ = t.socket.CloseNow()
	<-t.ended
}
