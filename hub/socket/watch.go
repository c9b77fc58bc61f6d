package socket

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"
)

// How long a client has. It is too slow if it takes nothing for a while (the limit of a write or a ping), or less than
// Slowest on the way through a message: else one that takes a byte now and then would keep it for ever.
const (
	Slowest = 32 << 10 // bytes per second
	looks   = 8        // at what the client has taken, within the limit
)

// taken says how far a client has come. Where the system tells what has arrived at the other end, that counts: what is
// handed over goes in large steps, as the system wakes a writer when a third of a buffer that may hold megabytes is free.
type taken struct {
	arrived uint64
	went    int64
}

func (l *link) taken() (t taken) {
	t.went = l.went.Load()
	if l.flow != nil {
		t.arrived, _ = flow(l.flow)
	}
	return t
}

// flowOf finds what tells how far a client has come: the TCP connection, also below TLS.
func flowOf(conn net.Conn) syscall.RawConn {
	if below, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = below.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok && canSeeFlow {
		return rawOf(tcp)
	}
	return nil
}

// A watch puts the deadline of a write off whenever the client has taken something.
type watch struct {
	link  *link
	limit time.Duration
	last  time.Time // no matter what it takes

	mu    sync.Mutex
	timer *time.Timer
	seen  taken
	over  bool
}

// watch is of a write of so many bytes.
func (l *link) watch(limit time.Duration, size int) (*watch, error) {
	w := &watch{link: l, limit: limit, seen: l.taken()}
	w.last = time.Now().Add(limit + time.Duration(size)*time.Second/Slowest)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(limit/looks, w.look)
	return w, w.putOff()
}

func (w *watch) putOff() error {
	deadline := time.Now().Add(w.limit)
	if w.last.Before(deadline) {
		deadline = w.last
	}
	return w.link.SetWriteDeadline(deadline)
}

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	if now := w.link.taken(); now != w.seen {
		w.seen = now
		_ = w.putOff()
	}
	w.timer.Reset(w.limit / looks)
}

func (w *watch) end() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	w.timer.Stop()
	return w.link.SetWriteDeadline(time.Time{})
}

// A pinging ends a ping that is not answered.
type pinging struct {
	link   *link
	limit  time.Duration
	cancel context.CancelFunc

	mu     sync.Mutex
	timer  *time.Timer
	since  time.Time // when the client was last known to be at work on what comes before the ping
	seen   taken
	behind uint64 // the ping is no later than this among what arrives; 0: that is not known yet
	over   bool
}

func (p *pinging) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	seen := p.link.taken()
	switch {
	case p.link.busy(): // the ping comes after what is written, and that has a limit of its own
		p.since = time.Now()
	case p.behind == 0 && p.link.flow != nil:
		arrived, queued := flow(p.link.flow)
		p.behind = max(arrived+queued, 1)
	case p.seen.arrived < p.behind && seen != p.seen:
		p.since = time.Now()
	}
	p.seen = seen
	if time.Since(p.since) >= p.limit {
		p.cancel()
		return
	}
	p.timer.Reset(p.limit / looks)
}

func (p *pinging) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	p.timer.Stop()
}

// Ping finds out whether the client answers within the limit. What was on its way before the ping comes first: meanwhile it
// is enough that the client takes something within the limit. Pings are made one at a time. After an error the connection is
// of no use any more.
func (c *Conn) Ping(limit time.Duration) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p := &pinging{link: c.link, limit: limit, cancel: cancel, since: time.Now()}
	p.mu.Lock()
	p.timer = time.AfterFunc(limit/looks, p.look)
	p.mu.Unlock()
	defer p.end()
	return c.library.Ping(ctx)
}

// busy reports whether a frame is on its way.
func (l *link) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writing || len(l.rest) > 0
}
