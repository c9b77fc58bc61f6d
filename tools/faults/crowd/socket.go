package crowd

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/tools/faults/capture"
	"github.com/baton-hub/baton/tools/faults/history"
)

// A socket is one connection of a tab. Every message that it brings is in the history before anybody acts on it.
type socket struct {
	// Set at construction.
	site   *Site
	name   string // in the history
	client string
	node   Node
	ws     *websocket.Conn
	raw    *capture.Conn // nil if nobody looks at its bytes
	gone   chan struct{}
	mine   sync.Once // closing
}

const dialTime = 10 * time.Second

// A refusal is why there is no socket.
type refusal struct{ status int }

func (r refusal) Error() string { return fmt.Sprintf("the handshake is answered %d", r.status) }

// dial opens a socket for a client. take is called for the frames of each message, from one goroutine, until it is gone.
func (p *person) dial(ctx context.Context, at Node, client string, captured bool, take func(*socket, []wire.Frame)) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	s := &socket{
		site: p.site, client: client, node: at, gone: make(chan struct{}),
		name: fmt.Sprint("socket-", p.site.names.Add(1)),
	}
	session, cookie := p.id()
	header := http.Header{}
	p.show(header, at)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		tcp, ok := c.(*net.TCPConn)
		if err != nil || !captured || !ok {
			return c, err
		}
		s.raw, err = capture.New(tcp, p.site.Record, s.name, session)
		return s.raw, err
	}}
	visit := history.Visit{What: history.Use, Space: p.space, Policy: p.policy(), Cookie: cookie, User: p.user, Session: session, Node: at.Name, Begin: p.site.Record.Now()}
	ws, response, err := websocket.Dial(ctx, "ws://"+at.Addr+wire.Path+"?client="+client, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport}, HTTPHeader: header, Subprotocols: []string{wire.Subprotocol},
	})
	visit.End = p.site.Record.Now()
	if response != nil {
		visit.Status = response.StatusCode
	}
	if p.token == "" {
		p.site.visited(visit)
	}
	if err != nil {
		if response != nil {
			err = refusal{response.StatusCode}
		}
		return nil, err
	}
	ws.SetReadLimit(64 << 20)
	s.ws = ws
	p.site.tally.add("sockets", 1)
	go s.read(take)
	return s, nil
}

func (s *socket) read(take func(*socket, []wire.Frame)) {
	defer close(s.gone)
	for {
		_, data, err := s.ws.Read(context.Background())
		now := s.site.Record.Now()
		if err != nil {
			closed := history.Closed{Client: s.client, Conn: s.name, At: now, Code: max(0, int(websocket.CloseStatus(err)))}
			s.mine.Do(func() { s.site.Record.Closed(closed) })
			_ = s.ws.CloseNow()
			return
		}
		if s.site.deaf.Load() {
			continue
		}
		s.site.Record.Message(history.Message{Client: s.client, Conn: s.name, At: now, Data: json.RawMessage(data)})
		s.site.tally.add("messages", 1)
		frames, err := wire.DecodeFrames(data)
		if err != nil {
			continue // for the checkers
		}
		take(s, frames)
	}
}

// send writes one message.
func (s *socket) send(ctx context.Context, requests ...wire.Request) error {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	frames := make([]wire.Frame, len(requests))
	for i, r := range requests {
		frames[i] = r
	}
	return s.ws.Write(ctx, websocket.MessageText, wire.Encode(frames...))
}

// close lets the connection go, without a word: the hub has to find out.
func (s *socket) close() {
	s.mine.Do(func() {
		s.site.Record.Closed(history.Closed{Client: s.client, Conn: s.name, At: s.site.Record.Now(), By: "client"})
	})
	_ = s.ws.CloseNow()
	<-s.gone
}
