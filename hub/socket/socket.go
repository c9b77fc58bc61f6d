// Package socket is the hub's end of a WebSocket whose data it writes itself.
//
// The library (github.com/coder/websocket) keeps the handshake, reading, masking, limits, ping, pong and close. It cannot be
// asked for a write that does not wait, and a write that may wait costs a goroutine, a timer and a context for each
// connection. So it is given a connection of our making, on which its control frames and our data frames take turns, a whole
// frame at a time:
//
//	library ── control frames ──┐
//	                            ├── link: one whole frame after the other ── net.Conn
//	hub ────── data frames ─────┘
//
// Offer hands the kernel what it takes at once. What it does not take is kept, and Write waits for it, as long as the client
// takes something (watch.go); a ping or a pong of that time goes out behind it, and nobody waits for that (turns.go). After a
// close frame no data goes out. Frames of a server are not masked, so the hub encodes a message and not the message of a client.
package socket

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// A Conn is an accepted WebSocket. Offer and Write are for one goroutine at a time, Await and Reader for another one.
type Conn struct {
	library *websocket.Conn
	link    *link
	kept    [][]byte // a frame that has not begun to go out

	in     *bufio.Reader // the library reads from it, and it from the link
	awaits atomic.Bool   // who reads awaits before
	within atomic.Bool   // a message has begun, and its end may not have come
	paused atomic.Bool   // the next thing to come is the beginning of a frame, and nothing of it is there
}

// Accept is that of the library. After it, nothing of the request is needed any more: the handler can return, and everything
// that the server keeps for it goes away.
func Accept(w http.ResponseWriter, r *http.Request, o *websocket.AcceptOptions) (*Conn, error) {
	return accept(w, r, o, false)
}

func accept(w http.ResponseWriter, r *http.Request, o *websocket.AcceptOptions, late bool) (*Conn, error) {
	c, with := &Conn{}, *o
	with.OnPingReceived = func(context.Context, []byte) bool { c.pause(); return true }
	with.OnPongReceived = func(context.Context, []byte) { c.pause() }
	library, err := websocket.Accept(&hijacking{ResponseWriter: w, conn: c, late: late}, r, &with)
	if err != nil {
		return nil, err
	}
	c.library = library
	return c, nil
}

// AcceptLate is Accept, but where it can the answer to the handshake goes out with the first frame, in one write. So the first
// frame has to follow: until then the client waits.
func AcceptLate(w http.ResponseWriter, r *http.Request, o *websocket.AcceptOptions) (*Conn, error) {
	return accept(w, r, o, true)
}

// A hijacking gives the library a link and small buffers.
type hijacking struct {
	http.ResponseWriter
	conn *Conn
	late bool // the answer is to go out with the first frame
}

// WriteHeader keeps an answer that is to go out late.
func (h *hijacking) WriteHeader(status int) {
	if h.late = h.late && status == http.StatusSwitchingProtocols; !h.late {
		h.ResponseWriter.WriteHeader(status)
	}
}

// answer is the answer to the handshake.
func (h *hijacking) answer() []byte {
	b := bytes.NewBuffer(make([]byte, 0, answerBytes))
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = h.Header().Write(b) // into memory
	b.WriteString("\r\n")
	return b.Bytes()
}

const answerBytes = 512

// The buffers of a connection, bytes. The library reads messages past the one for reading. A control frame fits into the one
// for writing, so that it comes to the link in one piece.
const (
	readBuffer  = 64
	writeBuffer = 160
)

// Hijack takes the connection from the server, with what the client has sent already.
func (h *hijacking) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early, err := buffered.Reader.Peek(buffered.Reader.Buffered())
	if err != nil {
		return nil, nil, err
	}
	l := newLink(conn)
	l.early = bytes.Clone(early)
	if h.late {
		l.first = h.answer()
	}
	in := bufio.NewReaderSize(l, readBuffer) // the library has it read what it gets here
	h.conn.link, h.conn.in = l, in
	return &pausing{l, h.conn}, bufio.NewReadWriter(in, bufio.NewWriterSize(l, writeBuffer)), nil
}

// Quick reports whether Offer does not wait. Over TLS, for instance, it would: then only Write is for use.
func (c *Conn) Quick() bool { return c.link.raw != nil }

// Head is how many bytes in front of a message are for the head of its frame.
const Head = 10

// Offer writes a frame, as much of it as the connection takes at once. whole says that all of it went out. If not, the rest
// is kept, and Write has to follow. The frame is the caller's again after it, but the tails, which belong to the frame and
// come behind it, are kept as they are: they never change, and many connections may have them in common. An error means that
// the connection is of no use any more.
func (c *Conn) Offer(frame []byte, tails ...[]byte) (whole bool, err error) {
	sent, tried, err := c.link.attempt(frame, tails)
	switch {
	case err != nil || sent:
		return sent, err
	case !tried: // the library is writing
		c.kept = append([][]byte{bytes.Clone(frame)}, tails...)
	}
	return false, nil
}

// Write writes what is kept and then a text message, if there is one (see Frame), and waits for that. The error is
// os.ErrDeadlineExceeded if the client took nothing for as long as the limit says, or less than Slowest and the limit allow
// for all of it. After an error the connection is of no use any more.
func (c *Conn) Write(message []byte, limit time.Duration, tails ...[]byte) error {
	var frames [][][]byte
	if c.kept != nil {
		frames = append(frames, c.kept)
		c.kept = nil
	}
	if len(message) > Head {
		frames = append(frames, append([][]byte{Frame(message, tails...)}, tails...))
	}
	return c.link.writeAll(frames, limit, false)
}

// Frame puts the head of a frame in front of a text message, whose first Head bytes are not of it (RFC 6455, section 5.2).
// The tails belong to the message and come behind it. Frames of a server are not masked: it is the same one for all who are
// sent the message.
func Frame(message []byte, tails ...[]byte) []byte {
	const finalText = 0x81
	n := len(message) - Head
	for _, tail := range tails {
		n += len(tail)
	}
	switch {
	case n < 126:
		message[Head-2], message[Head-1] = finalText, byte(n)
		return message[Head-2:]
	case n < 1<<16:
		message[Head-4], message[Head-3] = finalText, 126
		binary.BigEndian.PutUint16(message[Head-2:], uint16(n))
		return message[Head-4:]
	default:
		message[0], message[1] = finalText, 127
		binary.BigEndian.PutUint64(message[2:], uint64(n))
		return message
	}
}

// A pausing is the connection as the library reads it: where Reader pauses, it ends with ErrPause.
type pausing struct {
	*link
	conn *Conn
}

func (p *pausing) Read(b []byte) (int, error) {
	if p.conn.paused.Swap(false) && !p.over.Load() {
		return 0, ErrPause
	}
	return p.link.Read(b)
}

// ErrPause is what Reader returns when control frames came, all of them were handled, and nothing else is there.
var ErrPause = errors.New("nothing but control frames came")

// pause notes that a control frame was handled. The library goes on to the next frame, and if nothing of it has come, it
// can stop there, before it has read anything of it, and begin again later. Within a message it could not.
func (c *Conn) pause() {
	c.paused.Store(c.awaits.Load() && !c.within.Load() && c.in.Buffered()+len(c.link.early) == 0)
}

// Await waits until something has come that Reader can begin with. It is for Quick connections, whose reader then need not
// wait inside of the library: most of them are silent most of the time, and so they cost the smallest stack there is. Who has
// awaited once does so before each Reader, which then may end with ErrPause.
func (c *Conn) Await() error {
	c.awaits.Store(true)
	if c.Pending() {
		return nil
	}
	return c.link.await()
}

// Pending reports whether something has come that was not read. It is for who calls Reader.
func (c *Conn) Pending() bool {
	c.link.wait.Lock()
	defer c.link.wait.Unlock()
	return !c.link.over.Load() && c.in.Buffered()+len(c.link.early) > 0 // else it is the library that reads, to close it
}

// Reader is that of the library: the next message, whose end may not have come in yet. When ctx ends the connection is closed.
// After ErrPause it can be called again.
func (c *Conn) Reader(ctx context.Context) (websocket.MessageType, io.Reader, error) {
	c.within.Store(false)
	c.paused.Store(false)
	kind, reader, err := c.library.Reader(ctx)
	c.within.Store(err == nil)
	return kind, reader, err
}

// SetReadLimit bounds a message in, in bytes.
func (c *Conn) SetReadLimit(n int64) { c.library.SetReadLimit(n) }

// Close says why the connection ends, and waits a few seconds for the client to say so, too.
func (c *Conn) Close(code websocket.StatusCode, reason string) error {
	c.link.rouse() // the library reads the client's answer
	return c.library.Close(code, reason)
}

// CloseNow closes the connection without a word, also when Close waits for the client's.
func (c *Conn) CloseNow() error {
	_ = c.link.Conn.Close() // the library's leaves a Close that waits alone
	return c.library.CloseNow()
}
