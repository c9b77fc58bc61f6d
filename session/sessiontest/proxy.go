package sessiontest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// A Proxy stands between clients and a server, and fails as a network does when it is told to. Its methods are safe for
// concurrent use.
type Proxy struct {
	Address string // where clients connect

	// Set at construction.
	to     string
	closed chan struct{}
	using  sync.WaitGroup

	// Guarded by mu.
	mu    sync.Mutex
	fault fault
	delay time.Duration
	watch func(toServer bool, data []byte) (pass bool)
	pairs map[net.Conn]net.Conn // client to server
}

type fault string

const (
	none  fault = ""
	hole  fault = "hole"
	reset fault = "reset"
)

// NewProxy starts one to a server, and ends it with the test.
func NewProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Address: l.Addr().String(), to: to, closed: make(chan struct{}), pairs: map[net.Conn]net.Conn{}}
	p.using.Go(func() { p.accept(l) })
	t.Cleanup(func() {
		close(p.closed)
		l.Close()
		p.Cut()
		p.using.Wait()
	})
	return p
}

// Heal lets everything through.
func (p *Proxy) Heal() { p.set(none, 0) }

// Hole swallows what is sent in either direction, and accepts new connections to do the same with them.
func (p *Proxy) Hole() { p.set(hole, 0) }

// Reset resets all connections, and new ones as they come.
func (p *Proxy) Reset() {
	p.set(reset, 0)
	p.Cut()
}

// Delay lets everything through, late.
func (p *Proxy) Delay(by time.Duration) { p.set(none, by) }

// Watch shows what is sent, before it is passed on, to a function that says whether it is.
func (p *Proxy) Watch(watch func(toServer bool, data []byte) (pass bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watch = watch
}

func (p *Proxy) set(f fault, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.delay = f, delay
}

// Cut resets the connections that there are; new ones go through.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for client, server := range p.pairs {
		resetConn(client)
		server.Close()
	}
}

func resetConn(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0) // so that closing it is a reset
	c.Close()
}

func (p *Proxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		p.using.Go(func() { p.join(client) })
	}
}

// join connects a client to the server until one of them hangs up.
func (p *Proxy) join(client net.Conn) {
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		resetConn(client)
		return
	}
	p.mu.Lock()
	resetting := p.fault == reset || p.over()
	p.pairs[client] = server
	p.mu.Unlock()
	if resetting {
		resetConn(client)
	}
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client, true) })
	both.Go(func() { p.copy(client, server, false) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pairs, client)
}

// over reports whether the test is.
func (p *Proxy) over() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

func (p *Proxy) copy(to, from net.Conn, toServer bool) {
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if p.passes(toServer, buffer[:n]) {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
}

// passes waits as long as the data is to be late, and reports whether it is to come at all.
func (p *Proxy) passes(toServer bool, data []byte) bool {
	p.mu.Lock()
	f, delay, watch := p.fault, p.delay, p.watch
	p.mu.Unlock()
	if delay > 0 {
		late := time.NewTimer(delay)
		defer late.Stop()
		select {
		case <-late.C:
		case <-p.closed:
		}
	}
	return f != hole && (watch == nil || watch(toServer, data))
}
