package mutants

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/baton-hub/baton/tools/faults/history"
)

// A capture is a connection of which every byte that it brings is noted, with the time at which it was read. Reading and
// noting are one step under a lock, so it can be said until when everything that was there has been read.
type capture struct {
	net.Conn
	raw     syscall.RawConn
	record  *history.Recorder
	conn    string
	session string

	mu sync.Mutex
}

// dial connects a page, with a capture.
func (t *tab) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	raw, err := c.(*net.TCPConn).SyscallConn()
	t.wire = &capture{Conn: c, raw: raw, record: t.play.record, conn: t.conn, session: t.session}
	return t.wire, err
}

// Read reads what there is.
func (c *capture) Read(data []byte) (n int, err error) {
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
	case n == 0 && len(data) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// settle returns when all that had come in has been read.
func (c *capture) settle() {
	for waiting := 1; waiting > 0; {
		err := c.raw.Control(func(fd uintptr) {
			c.mu.Lock()
			defer c.mu.Unlock()
			n, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
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

// settle returns a time by which everything has been read that had come to the sockets of a login session.
func (p *play) settle(session string) int64 {
	for _, t := range p.tabs {
		if t.session == session && t.wire != nil {
			t.wire.settle()
		}
	}
	return p.record.Now()
}
