package client

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/hub/wire"
)

// A pipeListener listens on net.Pipe, so that connections live inside a synctest bubble.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (l *pipeListener) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, errors.New("nobody listens")
	}
}

// servePipe serves a handler over net.Pipe and returns the options that reach it.
func servePipe(t *testing.T, h http.Handler) Options {
	t.Helper()
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: h}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(l) }()
	transport := &http.Transport{DialContext: l.dial, DisableKeepAlives: true}
	t.Cleanup(func() {
		_ = server.Close()
		<-served
		transport.CloseIdleConnections()
	})
	return Options{URL: "http://hub", Token: "t", HTTPClient: &http.Client{Transport: transport}, Logger: slog.New(slog.DiscardHandler)}
}

// A script is a hub whose part the test plays by hand, one connection after the other.
type script struct {
	t       *testing.T
	options Options
	conns   chan *peer
}

// newScript is to be called in a synctest bubble.
func newScript(t *testing.T) *script {
	s := &script{t: t, conns: make(chan *peer)}
	over := make(chan struct{})
	s.options = servePipe(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{wire.Subprotocol}})
		if err != nil {
			t.Error(err)
			return
		}
		socket.SetReadLimit(64 << 10) // as the hub does
		p := &peer{t: t, socket: socket, client: r.URL.Query().Get("client"), gone: make(chan struct{})}
		select {
		case s.conns <- p:
			<-p.gone
		case <-over:
			_ = socket.CloseNow()
		}
	}))
	t.Cleanup(func() { close(over) })
	return s
}

// connect connects a client and returns it with the hub's end of its connection. The client is closed with the test.
func (s *script) connect() (*Client, *peer) {
	s.t.Helper()
	type result struct {
		c   *Client
		err error
	}
	connected := make(chan result, 1)
	go func() {
		c, err := Connect(s.t.Context(), s.options)
		connected <- result{c, err}
	}()
	p := s.accept()
	r := <-connected
	if r.err != nil {
		s.t.Fatal(r.err)
	}
	s.t.Cleanup(func() { p.cut(); _ = r.c.Close() })
	return r.c, p
}

// accept waits for the next connection and says welcome.
func (s *script) accept() *peer {
	s.t.Helper()
	select {
	case p := <-s.conns:
		p.send(welcome("e1-1"))
		s.t.Cleanup(p.cut)
		return p
	case <-time.After(time.Hour):
		s.t.Fatal("nobody connects")
		return nil
	}
}

func welcome(cursor string) *wire.Welcome {
	return &wire.Welcome{
		Space: "demo", Epoch: "e1", Cursor: cursor, Node: "n1",
		Channels: map[string]wire.ChannelRules{"queue": {Kind: "store"}, "run": {Kind: "store"}, "motors": {Kind: "store", Live: true}},
		Limits:   wire.Limits{Message: 64 << 10, Unanswered: 32, Joined: 128},
	}
}

// A peer is the hub's end of one connection.
type peer struct {
	t      *testing.T
	socket *websocket.Conn
	client string
	gone   chan struct{}
	once   sync.Once
}

// cut cuts the connection.
func (p *peer) cut() {
	p.once.Do(func() {
		_ = p.socket.CloseNow()
		close(p.gone)
	})
}

// send sends one message.
func (p *peer) send(frames ...wire.Frame) {
	p.t.Helper()
	if err := p.socket.Write(p.t.Context(), websocket.MessageText, wire.Encode(frames...)); err != nil {
		p.t.Fatal(err)
	}
}

// message returns the requests of the next message.
func (p *peer) message() []wire.Request {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Hour)
	defer cancel()
	_, data, err := p.socket.Read(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	requests, err := wire.DecodeRequests(data)
	if err != nil {
		p.t.Fatal(err)
	}
	return requests
}

// expect returns the next message, which must be a single request of a type.
func expect[R wire.Request](p *peer) R {
	p.t.Helper()
	requests := p.message()
	r, ok := requests[0].(R)
	if !ok || len(requests) != 1 {
		p.t.Fatalf("%d requests came, the first %s", len(requests), wire.AppendFrame(nil, requests[0]))
	}
	return r
}

// quiet fails the test if the client sends anything for some time.
func (p *peer) quiet(some time.Duration) {
	p.t.Helper()
	got := make(chan []byte, 1)
	go func() {
		_, data, err := p.socket.Read(p.t.Context())
		if err == nil {
			got <- data
		}
	}()
	select {
	case data := <-got:
		p.t.Fatalf("the client sent %s", data)
	case <-time.After(some):
	}
}

// inBubble runs a test in a synctest bubble with fake time.
func inBubble(t *testing.T, f func(t *testing.T, s *script)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newScript(t)) })
}

// later runs a call of the client that waits, and returns where its error will be.
func later(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

func within(ctx context.Context, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(ctx, d)
	context.AfterFunc(ctx, cancel)
	return ctx
}
