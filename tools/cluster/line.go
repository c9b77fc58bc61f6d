package cluster

import (
	"net"
	"sync"
)

// A Line is a way to a part that can be cut, for Options.Through. What goes over it is passed on as it is.
type Line struct {
	to       string
	listener net.Listener
	passing  sync.WaitGroup // everything that the line has started

	mu    sync.Mutex
	state lineState
	open  chan struct{} // closed unless the line is held
	conns map[net.Conn]bool
}

type lineState string

const (
	passes  lineState = "passes"
	holds   lineState = "holds"   // as when a cable is out: connections stay, and nothing arrives
	refuses lineState = "refuses" // as when a machine is there and the program is not
	ended   lineState = "ended"
)

// NewLine is a line to an address, from a free port of 127.0.0.1.
func NewLine(to string) (*Line, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Line{to: to, listener: listener, state: passes, open: make(chan struct{}), conns: map[net.Conn]bool{}}
	close(l.open)
	l.passing.Go(l.accept)
	return l, nil
}

// Address is where the line begins.
func (l *Line) Address() string { return l.listener.Addr().String() }

// Hold lets nothing through any more, either way, and closes nothing. What is sent meanwhile arrives after Pass.
func (l *Line) Hold() { l.become(holds) }

// Refuse ends the connections, and every new one at once.
func (l *Line) Refuse() { l.become(refuses) }

// Pass makes it whole.
func (l *Line) Pass() { l.become(passes) }

// Close ends the line. It returns when nothing of it runs any more.
func (l *Line) Close() {
	l.become(ended)
	_ = l.listener.Close()
	l.passing.Wait()
}

func (l *Line) become(s lineState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.state == ended:
		return
	case s == holds && l.state != holds:
		l.open = make(chan struct{})
	case s != holds && l.state == holds:
		close(l.open)
	}
	l.state = s
	if s == refuses || s == ended {
		for conn := range l.conns {
			_ = conn.Close()
		}
	}
}

func (l *Line) accept() {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.passing.Go(func() { l.carry(conn) })
	}
}

// carry passes on what comes over a connection, until one side of it ends.
func (l *Line) carry(from net.Conn) {
	if !l.keep(from) {
		return
	}
	defer l.drop(from)
	if !l.gate() {
		return
	}
	to, err := net.Dial("tcp", l.to)
	if err != nil || !l.keep(to) {
		return
	}
	defer l.drop(to)
	back := make(chan struct{})
	go func() {
		defer close(back)
		l.copy(from, to)
	}()
	l.copy(to, from)
	<-back
}

// copy passes on one way, and ends both when that ends.
func (l *Line) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if !l.gate() {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			l.gate() // that it has ended is not to be known, either
			return
		}
	}
}

// gate waits while the line is held. It returns false if nothing is to be passed on any more.
func (l *Line) gate() bool {
	for {
		l.mu.Lock()
		state, open := l.state, l.open
		l.mu.Unlock()
		if state != holds {
			return state == passes
		}
		<-open
	}
}

// keep notes a connection, or closes it if there are to be none.
func (l *Line) keep(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == refuses || l.state == ended {
		_ = conn.Close()
		return false
	}
	l.conns[conn] = true
	return true
}

func (l *Line) drop(conn net.Conn) {
	_ = conn.Close()
	l.mu.Lock()
	delete(l.conns, conn)
	l.mu.Unlock()
}
