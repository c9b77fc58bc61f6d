// Package link is a TCP link between two processes that can be made bad: cut in one direction or both, slow, broken off.
//
// What is sent into a link that is cut is not lost: it waits, as it does in the kernel of a sender whose packets are
// dropped, and arrives late when the link is whole again. That is the case that is dangerous. Break is the other one.
package link

import (
	"net"
	"sync"
	"time"
)

// A Way is what happens to what goes in one direction.
type Way struct {
	Cut   bool          // nothing arrives until it is whole again
	Delay time.Duration // everything arrives so much later
}

// A Link listens on a port of loopback and connects everybody who comes to one address. Its methods may be called from any
// goroutine; Close waits for all of its own.
type Link struct {
	// Set at construction.
	to       string
	listener net.Listener
	pumps    sync.WaitGroup

	// Guarded by mu.
	mu      sync.Mutex
	ways    [2]Way
	changed chan struct{} // closed when ways are set anew, or when the link closes
	closed  bool
	conns   map[net.Conn]bool
}

// The directions of a link: from who dialed, and to them.
const (
	there = iota
	back
)

// New makes a link to an address, a good one.
func New(to string) (*Link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Link{to: to, listener: listener, changed: make(chan struct{}), conns: map[net.Conn]bool{}}
	l.pumps.Go(l.accept)
	return l, nil
}

// Addr is where to connect to.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Set says how it is from now on in either direction, for connections that there are and new ones.
func (l *Link) Set(toward, from Way) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ways = [2]Way{toward, from}
	l.turnLocked()
}

func (l *Link) turnLocked() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Break resets all connections.
func (l *Link) Break() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // with a reset, and what was not yet sent is lost
		}
		_ = c.Close()
	}
}

// Close ends the link and its connections.
func (l *Link) Close() {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		l.turnLocked()
	}
	l.mu.Unlock()
	_ = l.listener.Close()
	l.Break()
	l.pumps.Wait()
}

func (l *Link) accept() {
	for {
		c, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.pumps.Go(func() { l.connect(c) })
	}
}

// connect carries one connection until either end of it is gone.
func (l *Link) connect(dialed net.Conn) {
	defer l.drop(dialed)
	if !l.keep(dialed) {
		return
	}
	target, err := net.DialTimeout("tcp", l.to, 2*time.Second)
	if err != nil {
		return
	}
	defer l.drop(target)
	if !l.keep(target) {
		return
	}
	ended := make(chan struct{}, 2)
	over := make(chan struct{})
	defer close(over)
	l.pumps.Go(func() { l.pump(there, dialed, target, over); ended <- struct{}{} })
	l.pumps.Go(func() { l.pump(back, target, dialed, over); ended <- struct{}{} })
	<-ended
}

// keep notes a connection for Break; false if the link is closed.
func (l *Link) keep(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = true
	return !l.closed
}

func (l *Link) drop(c net.Conn) {
	_ = c.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// A piece is what was read at once.
type piece struct {
	data []byte
	at   time.Time
}

// pump carries one direction of a connection.
func (l *Link) pump(way int, from, to net.Conn, over <-chan struct{}) {
	pieces := make(chan piece, 256) // a slow link has as much under way
	l.pumps.Go(func() {
		defer close(pieces)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				select {
				case pieces <- piece{buffer[:n], time.Now()}:
				case <-over:
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	for p := range pieces {
		if !l.pass(way, p.at, over) {
			return
		}
		if _, err := to.Write(p.data); err != nil {
			return
		}
	}
}

// pass waits until a piece that was sent at a time arrives; false if it never does.
func (l *Link) pass(way int, sent time.Time, over <-chan struct{}) bool {
	for {
		l.mu.Lock()
		w, changed, closed := l.ways[way], l.changed, l.closed
		l.mu.Unlock()
		if closed {
			return false
		}
		var due <-chan time.Time
		if !w.Cut {
			late := w.Delay - time.Since(sent)
			if late <= 0 {
				return true
			}
			due = time.After(late)
		}
		select {
		case <-over:
			return false
		case <-changed:
		case <-due:
		}
	}
}
