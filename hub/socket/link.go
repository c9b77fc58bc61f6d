package socket

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A link is a connection that takes whole frames, one after the other, whoever writes them.
type link struct {
	net.Conn
	raw syscall.RawConn // to write without waiting; nil: that is not possible

	turn   sync.Mutex // of whoever writes a frame
	closed bool       // guarded by turn: a close frame went out, or a write failed: no data follow
	rest   []byte     // guarded by turn: of a frame that has gone out in part, or the answer to the handshake

	try trial // guarded by turn

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

// attempt writes a data frame as far as it goes without waiting; what does not go at once is the rest. tried is false if
// somebody else is writing: then nothing was done.
func (l *link) attempt(frame []byte) (sent, tried bool, err error) {
	if !l.turn.TryLock() {
		return false, false, nil
	}
	defer l.turn.Unlock()
	if l.closed {
		return false, true, net.ErrClosed
	}
	if len(l.rest) > 0 { // of the handshake: data are offered only when no frame waits
		frame, l.rest = append(l.rest, frame...), nil
	}
	l.try.data = frame
	err = l.raw.Write(l.try.run)
	l.try.data = nil
	if err == nil {
		err = l.try.err
	}
	if err != nil {
		l.closed = true
		return false, true, err
	}
	if l.try.n < len(frame) {
		l.rest = bytes.Clone(frame[l.try.n:])
	}
	return l.try.n == len(frame), true, nil
}

// writeAll writes the rest and then data frames, and waits no longer than the limit.
func (l *link) writeAll(frames [][]byte, limit time.Duration) error {
	l.turn.Lock()
	defer l.turn.Unlock()
	if l.closed {
		return net.ErrClosed
	}
	err := l.SetWriteDeadline(time.Now().Add(limit))
	if err == nil {
		err = l.writeRest()
	}
	for _, frame := range frames {
		if err == nil && len(frame) > 0 {
			_, err = l.Conn.Write(frame)
		}
	}
	if err == nil {
		err = l.SetWriteDeadline(time.Time{})
	}
	l.closed = err != nil // there may be half a frame out
	return err
}

func (l *link) writeRest() error {
	rest := l.rest
	l.rest = nil
	if len(rest) == 0 {
		return nil
	}
	_, err := l.Conn.Write(rest)
	return err
}

// Write is the library's: a control frame, whole. It waits until it is taken; the library closes the connection when that
// takes too long for it.
func (l *link) Write(frame []byte) (int, error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	if l.closed {
		return 0, net.ErrClosed
	}
	err := l.writeRest()
	if err == nil {
		_, err = l.Conn.Write(frame)
	}
	if err != nil {
		l.closed = true
		return 0, err
	}
	const opcode, closing = 0x0f, 0x08
	l.closed = len(frame) > 0 && frame[0]&opcode == closing
	return len(frame), nil
}
