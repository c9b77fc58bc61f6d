// Package hubtest is a raw client of a hub for tests: it signs in, opens sockets, sends frames as they are written and
// waits for the ones that should come. It keeps nothing in step and repairs nothing; package client does.
package hubtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// Patience is how long a test waits for what should come. It is long because machines are slow, not because hubs are: four
// times as long as a node that is gone counts as one that may come back.
const Patience = time.Minute

// A Browser is one browser: a cookie jar.
type Browser struct {
	t    testing.TB
	http *http.Client
}

// NewBrowser returns a browser without cookies.
func NewBrowser(t testing.TB) *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{t, &http.Client{Jar: jar, Timeout: Patience}}
}

// Do makes a request with a JSON body (none if nil) and returns the status and the body, which is read into into
// (nothing if nil).
func (b *Browser) Do(method, url string, body, into any) (status int, answer string) {
	b.t.Helper()
	var data bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&data).Encode(body); err != nil {
			b.t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, url, &data)
	if err != nil {
		b.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		b.t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(text.Bytes(), into); err != nil {
			b.t.Fatalf("%s %s answered %d, %q: %v", method, url, response.StatusCode, text.String(), err)
		}
	}
	return response.StatusCode, text.String()
}

// SignIn signs in with the password that is the user's name, which must work. A hub on a busy machine may ask to try again
// in a moment; a test of what it answers at once uses Do.
func (b *Browser) SignIn(hub, space, user string) {
	b.t.Helper()
	for late := time.Now().Add(Patience); ; <-time.After(100 * time.Millisecond) {
		status, answer := b.Do("POST", hub+"/api/v1/session", map[string]string{"space": space, "user": user, "password": user}, nil)
		if status == http.StatusOK {
			return
		}
		if status != http.StatusServiceUnavailable || time.Now().After(late) {
			b.t.Fatalf("signing in as %s answered %d: %s", user, status, answer)
		}
	}
}

// Cookies returns what the browser has for a hub.
func (b *Browser) Cookies(hub string) []*http.Cookie {
	u, err := url.Parse(hub)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.http.Jar.Cookies(u)
}

// SetCookies gives the browser cookies of a hub, such as those of another one.
func (b *Browser) SetCookies(hub string, cookies []*http.Cookie) {
	u, err := url.Parse(hub)
	if err != nil {
		b.t.Fatal(err)
	}
	b.http.Jar.SetCookies(u, cookies)
}

// A Tab is one open socket. Its methods are for one goroutine.
type Tab struct {
	t       testing.TB
	Socket  *websocket.Conn
	Client  string // its client id
	Welcome wire.Welcome
	frames  chan Frame
	ended   chan struct{}
	code    websocket.StatusCode
	asked   uint64
	ops     uint64
}

// A Frame is a frame as it came.
type Frame struct {
	Type    string
	Data    json.RawMessage
	Message int // the number of the message that it came in
}

// Open opens a tab of the browser on a hub and waits for the welcome.
func (b *Browser) Open(hub, client string) *Tab {
	b.t.Helper()
	return Dial(b.t, hub, client, b.options(hub))
}

// TryOpen opens a socket, if the hub lets it.
func (b *Browser) TryOpen(hub, client string) (*websocket.Conn, *http.Response, error) {
	b.t.Helper()
	return TryDial(b.t, hub, client, b.options(hub))
}

func (b *Browser) options(hub string) *websocket.DialOptions {
	return &websocket.DialOptions{HTTPClient: b.http, HTTPHeader: http.Header{"Origin": {hub}}}
}

// OpenToken opens a socket as a program does, with a token.
func OpenToken(t testing.TB, hub, client, token string) *Tab {
	t.Helper()
	return Dial(t, hub, client, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
}

// Dial opens a socket, which must work, and waits for the welcome. As with SignIn, it tries again when it is told to.
func Dial(t testing.TB, hub, client string, o *websocket.DialOptions) *Tab {
	t.Helper()
	socket, response, err := TryDial(t, hub, client, o)
	for late := time.Now().Add(Patience); response != nil && response.StatusCode == http.StatusServiceUnavailable && time.Now().Before(late); {
		<-time.After(100 * time.Millisecond)
		socket, response, err = TryDial(t, hub, client, o)
	}
	if err != nil {
		status := 0
		if response != nil {
			status = response.StatusCode
		}
		t.Fatalf("opening a socket: status %d, %v", status, err)
	}
	socket.SetReadLimit(-1)
	tab := &Tab{t: t, Socket: socket, Client: client, frames: make(chan Frame, 10_000), ended: make(chan struct{})}
	go tab.read()
	t.Cleanup(func() { _ = socket.CloseNow(); <-tab.ended })
	tab.Expect("welcome", &tab.Welcome)
	return tab
}

// TryDial opens a socket, if the hub lets it.
func TryDial(t testing.TB, hub, client string, o *websocket.DialOptions) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	o.Subprotocols = []string{wire.Subprotocol}
	return websocket.Dial(ctx, strings.Replace(hub, "http", "ws", 1)+wire.Path+"?client="+client, o)
}

func (tab *Tab) read() {
	defer close(tab.ended)
	for n := 1; ; n++ {
		_, data, err := tab.Socket.Read(context.Background())
		if err != nil {
			tab.code = websocket.CloseStatus(err)
			return
		}
		var frames []json.RawMessage
		if err := json.Unmarshal(data, &frames); err != nil {
			tab.t.Errorf("the hub sent %.200q: %v", data, err)
			return
		}
		for _, f := range frames {
			var head struct{ Type string }
			if err := json.Unmarshal(f, &head); err != nil {
				tab.t.Errorf("the hub sent the frame %.200q: %v", f, err)
			}
			tab.frames <- Frame{head.Type, f, n}
		}
	}
}

// Send sends frames in one message; each is a map or a wire frame with its type in it.
func (tab *Tab) Send(frames ...any) {
	tab.t.Helper()
	data, err := json.Marshal(frames)
	if err != nil {
		tab.t.Fatal(err)
	}
	tab.SendRaw(string(data))
}

// SendRaw sends a message as it is.
func (tab *Tab) SendRaw(message string) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := tab.Socket.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
		tab.t.Fatalf("sending: %v", err)
	}
}

// Ask sends one request, with an id and, if it changes something, an operation id that are added here, and returns its
// answer, whatever that is.
func (tab *Tab) Ask(request map[string]any) Frame {
	tab.t.Helper()
	tab.asked++
	request["id"] = tab.asked
	switch request["type"] {
	case "join", "leave", "ping", "serve", "read":
	default:
		if request["op"] == nil {
			tab.ops++
			request["op"] = fmt.Sprintf("%s.%d", tab.Client, tab.ops)
		}
	}
	tab.Send(request)
	return tab.Answer(tab.asked)
}

// Answer waits for the answer to a request; what comes before it is dropped.
func (tab *Tab) Answer(id uint64) Frame {
	tab.t.Helper()
	return tab.Wait(fmt.Sprintf("the answer to request %d", id), func(f Frame) bool {
		var head struct{ ID uint64 }
		_ = json.Unmarshal(f.Data, &head) // the ids of other frames are not numbers
		return head.ID == id
	})
}

// Do asks, and wants an answer of a type, which is read into into (nothing if nil). As with SignIn, it asks again when it is
// told to: the same operation, as a client does.
func (tab *Tab) Do(request map[string]any, wantType string, into any) {
	tab.t.Helper()
	f := tab.Ask(request)
	for late := time.Now().Add(Patience); wantType != "error" && Again(f) && time.Now().Before(late); f = tab.Ask(request) {
		<-time.After(100 * time.Millisecond)
	}
	if f.Type != wantType {
		tab.t.Fatalf("%v was answered %s", request, f.Data)
	}
	tab.Decode(f, into)
}

// Again reports whether an answer is that nobody can tell now what came of a request, and that it is to be sent again.
func Again(f Frame) bool {
	var e wire.Error
	return f.Type == "error" && json.Unmarshal(f.Data, &e) == nil && (e.Code == string(channels.CodeUnknown) || e.Code == string(channels.CodeUnavailable))
}

// Refused asks, and wants an error with a code.
func (tab *Tab) Refused(request map[string]any, code string) wire.Error {
	tab.t.Helper()
	var e wire.Error
	tab.Do(request, "error", &e)
	if e.Code != code {
		tab.t.Fatalf("%v was refused with %s (%s), not %s", request, e.Code, e.Detail, code)
	}
	return e
}

// Expect waits for the next frame of a type and reads it into into (nothing if nil); what comes before it is dropped.
func (tab *Tab) Expect(frameType string, into any) {
	tab.t.Helper()
	tab.Decode(tab.Wait("a frame "+frameType, func(f Frame) bool { return f.Type == frameType }), into)
}

// Wait returns the next frame that is wanted; what comes before it is dropped.
func (tab *Tab) Wait(what string, wanted func(Frame) bool) Frame {
	tab.t.Helper()
	late := time.NewTimer(Patience)
	defer late.Stop()
	for {
		select {
		case f := <-tab.frames:
			if wanted(f) {
				return f
			}
			continue
		default:
		}
		select {
		case f := <-tab.frames:
			if wanted(f) {
				return f
			}
		case <-tab.ended:
			if len(tab.frames) == 0 {
				tab.t.Fatalf("waiting for %s, the socket was closed with %d", what, tab.code)
			}
		case <-late.C:
			tab.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Ended waits until the hub has closed the socket, and returns the code.
func (tab *Tab) Ended() websocket.StatusCode {
	tab.t.Helper()
	select {
	case <-tab.ended:
	case <-time.After(Patience):
		tab.t.Fatal("the hub did not close the socket")
	}
	return tab.code
}

// Decode reads a frame into into (nothing if nil).
func (tab *Tab) Decode(f Frame, into any) {
	tab.t.Helper()
	if into == nil {
		return
	}
	if err := json.Unmarshal(f.Data, into); err != nil {
		tab.t.Fatalf("reading %s: %v", f.Data, err)
	}
}
