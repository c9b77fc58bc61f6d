package hub

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/socket"
	"github.com/baton-hub/baton/hub/wire"
)

func TestWhoSaysNothingIsPingedEvery25Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := httptest.NewRecorder()
		ctx, cancel := context.WithCancel(t.Context())
		h := &Hub{rooms: map[string]*room{}, ctx: ctx}
		r := &room{hub: h, conns: map[*conn]struct{}{}}
		h.rooms["lab"] = r
		c := &conn{room: r, socket: &eventStream{w: out, controller: http.NewResponseController(out)}, follows: true, pingAt: firstPing(time.Now())}
		r.conns[c] = struct{}{}
		done := make(chan struct{})
		go func() { defer close(done); h.pingAll() }()
		time.Sleep(10 * pingEvery) // of a bubble
		cancel()
		<-done
		h.running.Wait()
		if n := strings.Count(out.Body.String(), "still here"); n < 9 || n > 10 {
			t.Errorf("%d pings in %v", n, 10*pingEvery)
		}
	})
}

// A hijackable gives a connection away.
type hijackable struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

func TestASocketThatTakesNothingIsClosedAfterTenSeconds(t *testing.T) {
	r := openRoom(t)
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		for name, value := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		} {
			request.Header.Set(name, value)
		}
		ws, err := socket.Accept(hijackable{httptest.NewRecorder(), server}, request, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
		if err != nil {
			t.Fatal(err)
		}
		c := &conn{
			room: r, socket: webSocket{ws}, who: channels.Who{ID: "x", User: "x"},
			wake: make(chan struct{}, 1), taken: make(chan struct{}, 1), gone: make(chan struct{}),
		}
		c.ctx, c.cancel = context.WithCancelCause(context.Background())
		r.replica().Read(func(s *channels.State) { c.cursor = s.Position() })
		c.reply(0, &wire.Written{ID: 1})
		began := time.Now()
		go c.write()
		<-c.gone
		if took := time.Since(began); took < 10*time.Second || took > 12*time.Second || !errors.Is(context.Cause(c.ctx), errTooSlow) {
			t.Errorf("after %v it ended with %v", took, context.Cause(c.ctx))
		}
	})
}

func TestWhatWasMadeUnderOlderRightsDoesNotGoOut(t *testing.T) {
	c := &conn{room: openRoom(t), ctx: t.Context()} // it has no socket: a write would be the end of this test
	made := &share{frame: []byte("frame"), message: append(make([]byte, socket.Head), "frame"...)}
	before := turn{conn: c, share: made, renewals: c.renewals.Load()}
	c.renewals.Add(1)
	c.flushShare(before)
}
