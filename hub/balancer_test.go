package hub_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub/client"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// A balancer spreads connections over nodes in turn, as a proxy without stickiness does, and can cut them all.
type balancer struct {
	t        *testing.T
	listener net.Listener
	nodes    []string
	running  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	taken int
}

func newBalancer(t *testing.T, nodes ...*node) *balancer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{t: t, listener: l, conns: map[net.Conn]struct{}{}}
	for _, n := range nodes {
		b.nodes = append(b.nodes, n.url[len("http://"):])
	}
	b.running.Go(b.accept)
	t.Cleanup(func() { _ = l.Close(); b.cut(); b.running.Wait() })
	return b
}

func (b *balancer) accept() {
	for {
		in, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.taken++
		out, err := net.Dial("tcp", b.nodes[b.taken%len(b.nodes)])
		if err != nil {
			b.t.Error(err)
			b.mu.Unlock()
			continue
		}
		b.conns[in], b.conns[out] = struct{}{}, struct{}{}
		b.mu.Unlock()
		b.running.Go(func() { b.pump(in, out) })
		b.running.Go(func() { b.pump(out, in) })
	}
}

func (b *balancer) pump(from, to net.Conn) {
	_, _ = io.Copy(to, from) // until it is cut
	_ = from.Close()
	_ = to.Close()
}

// cut ends every connection, whatever is under way on it.
func (b *balancer) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.conns {
		_ = c.Close()
		delete(b.conns, c)
	}
}

// TestAThousandWritesThroughACutConnectionApplyOnce writes with the Go client through a balancer that cuts its connection
// every 50 writes, with several under way.
func TestAThousandWritesThroughACutConnectionApplyOnce(t *testing.T) {
	t.Parallel()
	p := newPair(t, session.Policy{})
	_, watcher := p.two.open(t, "bob")
	watcher.Do(join("chat"), "joined", nil)
	b := newBalancer(t, p.one, p.two)
	c, err := client.Connect(t.Context(), client.Options{URL: "http://" + b.listener.Addr().String(), Token: p.one.token(t, "writer"), Logger: natstest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })

	const writers, each = 8, 125
	var written atomic.Int64
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			for n := range each {
				if _, err := c.Append(t.Context(), "chat", fmt.Sprintf("%d/%d", w, n)); err != nil {
					t.Errorf("append %d of writer %d: %v", n, w, err)
				}
				if written.Add(1)%50 == 0 {
					b.cut()
				}
			}
		})
	}
	running.Wait()
	next := [writers]int{}
	for range writers * each {
		var m wire.Message
		watcher.Expect("message", &m)
		var w, n int
		if _, err := fmt.Sscanf(string(m.Data), `"%d/%d"`, &w, &n); err != nil || next[w] != n {
			t.Fatalf("after %d of writer %d came %s: lost, twice or out of order (%v)", next[w]-1, w, m.Data, err)
		}
		next[w]++
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.taken < writers*each/50/2 { // two cuts may fall on the same connection
		t.Errorf("the client connected %d times: it was not cut as often as it should", b.taken)
	}
}

// TestLiveValuesComeBackAfterNATSForgotThem restarts NATS, which keeps live values in memory only.
func TestLiveValuesComeBackAfterNATSForgotThem(t *testing.T) {
	t.Parallel()
	p := newPair(t, session.Policy{})
	service, err := client.Connect(t.Context(), client.Options{URL: p.one.url, Token: p.one.token(t, "beamline"), Logger: natstest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Close() })
	_, ann := p.one.open(t, "alice")
	ann.Do(join("motors"), "joined", nil)
	if err := service.Send("motors", map[string]any{"omega": 1.5}); err != nil {
		t.Fatal(err)
	}
	ann.Expect("change", nil)
	p.nats.Kill()
	ann.Expect("stale", nil)
	p.nats.Start()
	fresh, sentAgain := false, false // in any order: what a busy node has to say goes out in one message
	ann.Wait("the log to be back, and the value to be sent again", func(f hubtest.Frame) bool {
		fresh, sentAgain = fresh || f.Type == "fresh", sentAgain || f.Type == "change"
		return fresh && sentAgain
	})
	late := newNode(t, nodeOptions{name: "three", store: natstest.Connect(t, p.nats.URL)})
	_, bob := late.open(t, "bob")
	var joined wire.Joined
	bob.Do(join("motors"), "joined", &joined)
	if string(joined.Values["omega"].Value) != "1.5" {
		t.Errorf("a node that started after it has %v", joined.Values)
	}
}

// TestAServiceStopsOnceForEachStop has a handler that is done before the stop has come on its second way.
func TestAServiceStopsOnceForEachStop(t *testing.T) {
	p := newPair(t, session.Policy{})
	c, err := client.Connect(t.Context(), client.Options{URL: p.one.url, Token: p.one.token(t, "beamline"), Logger: natstest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	var stopped atomic.Int64
	err = c.Serve(t.Context(), map[string]client.Handler{"stop": func(context.Context, *client.Invocation) (any, error) {
		stopped.Add(1)
		return nil, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, ann := p.one.open(t, "alice")
	const stops = 40
	for range stops {
		ann.Do(frame{"type": "call", "command": "stop"}, "called", nil)
	}
	// One more through the other node, which comes after all the second ways of those.
	_, bob := p.two.open(t, "bob")
	bob.Do(frame{"type": "call", "command": "stop"}, "called", nil)
	until(t, "the last stop has come", func() bool { return stopped.Load() > stops })
	if n := stopped.Load(); n != stops+1 {
		t.Errorf("%d stops were carried out %d times", stops+1, n)
	}
}
