package socket

import (
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A link is a connection that takes whole frames, one after the other, whoever writes them.
type link struct {
	net.Conn
	raw  syscall.RawConn // to write without waiting; nil: that is not possible
	flow syscall.RawConn // to see what the client takes; nil: that is not possible

	turn sync.Mutex   // of who writes and may have to wait
	went atomic.Int64 // bytes that such writes have handed over

	mu      sync.Mutex // for moments, also while somebody has the turn
	writing bool       // guarded by mu: somebody has the turn, or is about to take it
	closed  bool       // guarded by mu: a close frame went out, or a write failed: no data follow
	rest    [][]byte   // guarded by mu: of a frame that has gone out in part
	first   []byte     // guarded by mu: the answer to the handshake, if it goes out with the first frame
	next    []byte     // guarded by mu: control frames that go out as soon as the frame under way has
	try     trial      // guarded by mu

	look  look        // owned by who reads
	early []byte      // owned by who reads: what a look has found, or came with the request
	chunk *chunk      // that it is in, or nil
	wait  sync.Mutex  // of who reads, while it is not in the library
	over  atomic.Bool // nobody waits any more
}

// A look is one read that does not wait. Its function is made once for a connection.
type look struct {
	err error
	run func(fd uintptr) bool
}

// A chunk is what is read at once. They are many fewer than connections, most of which are silent.
type chunk [4096]byte

var chunks = sync.Pool{New: func() any { return new(chunk) }}

// A trial is one write that does not wait. Its function is made once for a connection.
type trial struct {
	data []byte
	n    int
	err  error
	run  func(fd uintptr) bool
}

func newLink(conn net.Conn) *link {
	l := &link{Conn: conn}
	switch plain := conn.(type) { // what wraps one of these may do something with the bytes
	case *net.TCPConn:
		l.raw = rawOf(plain)
	case *net.UnixConn:
		l.raw = rawOf(plain)
	}
	l.flow = flowOf(conn)
	l.try.run = func(fd uintptr) bool {
		l.try.n, l.try.err = writeAtOnce(fd, l.try.data)
		return true // whatever came of it: it does not wait until more is possible
	}
	l.look.run = func(fd uintptr) bool {
		c := chunks.Get().(*chunk)
		n, err := readAtOnce(fd, c[:])
		if n > 0 {
			l.chunk, l.early = c, c[:n]
			return true
		}
		chunks.Put(c)
		l.look.err = err
		return err != nil
	}
	return l
}

// await reads something, when it comes, for the next calls of Read. Its caller needs next to no stack meanwhile.
func (l *link) await() error {
	l.wait.Lock()
	defer l.wait.Unlock()
	if l.over.Load() {
		return net.ErrClosed
	}
	if err := l.raw.Read(l.look.run); err != nil {
		return err
	}
	return l.look.err
}

// rouse ends an await, and those to come.
func (l *link) rouse() {
	l.over.Store(true)
	if !l.wait.TryLock() {
		_ = l.SetReadDeadline(time.Unix(1, 0))
		l.wait.Lock()
		_ = l.SetReadDeadline(time.Time{})
	}
	l.wait.Unlock()
}

// Read is the library's.
func (l *link) Read(p []byte) (int, error) {
	if len(l.early) == 0 {
		return l.Conn.Read(p)
	}
	n := copy(p, l.early)
	if l.early = l.early[n:]; len(l.early) == 0 {
		if l.chunk != nil {
			chunks.Put(l.chunk)
		}
		l.early, l.chunk = nil, nil
	}
	return n, nil
}

func rawOf(conn syscall.Conn) syscall.RawConn {
	raw, err := conn.SyscallConn()
	if err != nil || !canWriteAtOnce {
		return nil
	}
	return raw
}
