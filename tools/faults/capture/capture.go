// Package capture notes every byte that a connection brings.
package capture

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/baton-hub/baton/tools/faults/history"
)

// A Conn is a connection of which every byte is noted that it brings, with the time at which it was read. Reading and
// noting are one step under a lock, so that Settle can say until when everything that was there has been read.
type Conn struct {
	net.Conn
	raw     syscall.RawConn
	record  *history.Recorder
	conn    string // its name in the history
	session string

	mu sync.Mutex
}

// New notes what comes over a connection, under its name in the history.
func New(c *net.TCPConn, record *history.Recorder, conn, session string) (*Conn, error) {
	raw, err := c.SyscallConn()
	return &Conn{Conn: c, raw: raw, record: record, conn: conn, session: session}, err
}

// Read reads what there is.
func (c *Conn) Read(data []byte) (n int, err error) {
	if len(data) == 0 {
		return 0, nil
	}
	failed := c.raw.Read(func(fd uintptr) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		n, err = unix.Read(int(fd), data)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			return false
		}
		if n > 0 {
			c.record.Bytes(history.Bytes{Conn: c.conn, Session: c.session, At: c.record.Now(), Count: n})
		}
		return true
	})
	switch {
	case failed != nil:
		return 0, failed
	case err != nil:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Settle waits until all that had come in when it was called has been read.
func (c *Conn) Settle() {
	for waiting := 1; waiting > 0; {
		err := c.raw.Control(func(fd uintptr) {
			c.mu.Lock()
			defer c.mu.Unlock()
			n, err := unix.IoctlGetInt(int(fd), waitingBytes)
			if waiting = n; err != nil {
				waiting = 0
			}
		})
		if err != nil {
			return // it is closed: nothing more is read
		}
		if waiting > 0 {
			time.Sleep(time.Millisecond)
		}
	}
}
