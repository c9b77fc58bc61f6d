package hub

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/socket"
	"github.com/baton-hub/baton/hub/wire"
)

// A conn is one connection, a WebSocket or an event stream: a reader that takes requests, and a writer that brings the client
// up to date from a cursor. The writer is its shard, or where a write may have to wait, a goroutine of its own. Nothing is
// queued for it but the answers to its own requests, and while too many of those wait, its requests are not read. So a client
// that does not read costs what it subscribed to, and no more.
type conn struct {
	// Set at construction.
	id      string
	number  uint64 // the source of its proposals
	room    *room
	socket  stream
	quick   *socket.Conn // the same, if it can be written to without waiting
	shard   *shard       // then this is the writer
	who     channels.Who // its roles and proposal are guarded by the space's state and room.mu, see rights
	follows bool         // an event stream: its request says what it reads, and it can ask for nothing else
	proof   proof        // what the log must hold for it to go on
	client  string
	sender  string // what others know the client by
	limiter *rate.Limiter
	ctx     context.Context
	cancel  context.CancelCauseFunc
	wake    chan struct{} // there may be something to write, if there is no shard
	taken   chan struct{} // answers were taken
	gone    chan struct{} // closed when nothing more is written to the socket
	left    chan struct{} // closed when it is none of the room's any more
	vacate  func()        // gives its place up
	began   time.Time

	// Guarded by room.mu.
	feeds    []membership // joined, of what is in the log
	watched  []membership // joined, of what is on the board: live stores and signals
	cursor   uint64       // entries up to here are written
	clock    uint64       // live changes and signals up to here are written
	members  uint64       // version of the presence that is written
	heard    uint64       // version of the room's news that is written
	commands []string     // that it serves
	standing standing     // whether it is welcome
	due      time.Time    // if it is to be welcomed again: when, at the latest
	told     time.Time    // when it was told that this node is leaving; zero = it was not
	pingAt   time.Time    // when to see next whether the client is there

	// Guarded by mu.
	mu      sync.Mutex
	answers []answer
	waiting int  // bytes of the answers
	open    int  // changing requests without an answer
	parted  bool // nothing more is read, and it is closed when what was asked is answered

	pinged   atomic.Int64 // nanoseconds that the last ping took; 0 = none was answered yet
	pinging  atomic.Bool  // a ping is under way
	underWay atomic.Int32 // changing requests whose answer was not handed in yet
	marked   atomic.Bool  // the shard is to look at it
	busy     atomic.Bool  // a write waits, or it has ended: the shard has nothing to do for it
	round    uint64       // owned by the shard: the last in which it was looked at

	renewals atomic.Uint32 // how often what it may read was decided anew

	parting  atomic.Int32    // who sees to the end, if that is decided: finishing or lost
	strikes  int             // owned by the reader: what it was told off for
	stopping *rate.Limiter   // owned by the reader: of stop commands, which nothing else holds up; nil = there was none yet
	outbox   *outbox         // owned by the reader: of signals, which have a limit of their own; nil = there was none yet
	mark     channels.Cursor // owned by the writer: where the client is after the last message
}

// A stream takes messages to a client. Its methods but Ping and CloseNow are called by the writer alone.
type stream interface {
	// Write sends a message, after which the client is at a cursor. The message begins with room, see socket.Head, and the
	// tails come behind it. The error is os.ErrDeadlineExceeded if the client took nothing for as long as the limit says, or
	// less than socket.Slowest; of an event stream that is known of the whole message only. After an error, the stream is of
	// no use any more.
	Write(message []byte, limit time.Duration, at channels.Cursor, tails ...[]byte) error
	// Ping finds out whether the client is there, and ends with an error if nothing was heard of it within the limit.
	Ping(limit time.Duration) error
	// Close says why it ends, CloseNow does not.
	Close(code websocket.StatusCode, reason string) error
	CloseNow() error
}

type webSocket struct{ *socket.Conn }

// Write sends a text message. The client finds the cursor in the frames.
func (s webSocket) Write(message []byte, limit time.Duration, _ channels.Cursor, tails ...[]byte) error {
	return s.Conn.Write(message, limit, tails...)
}

// newConn makes a connection that has yet to enter its room.
func (h *Hub) newConn(s stream, r *room, who channels.Who, proof proof, client string) *conn {
	c := &conn{
		id: rand.Text()[:12], number: h.connNumbers.Add(1), room: r, socket: s, who: who, proof: proof, client: client, sender: senderOf(client),
		limiter: h.options.Limits.limiter(who),
		taken:   make(chan struct{}, 1), gone: make(chan struct{}),
		left: make(chan struct{}), began: time.Now(),
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.pingAt = firstPing(time.Now())
	if ws, ok := s.(webSocket); ok && ws.Quick() {
		c.quick, c.shard = ws.Conn, h.shards[c.number%uint64(len(h.shards))]
	} else {
		c.wake = make(chan struct{}, 1)
	}
	return c
}

// begin is of a connection that is counted and has entered its room.
func (c *conn) begin() {
	h := c.room.hub
	c.room.counts.begins(c)
	if c.shard == nil {
		h.running.Go(c.write)
	}
	if h.ctx.Err() != nil { // the hub may not have seen it when it sent everybody away
		c.sendAway()
	}
}

// over is of one whose client is not listened to any more, or has not been from some cause.
func (c *conn) over(cause error) {
	c.end(cause)
	<-c.gone
	c.ended()
}

// lose is over for a client that has gone. If nobody says a bye to it, its shard sees to the end: thousands that are cut off at
// once have nobody wait for each of them.
func (c *conn) lose() {
	if c.shard == nil || !c.parting.CompareAndSwap(0, lost) {
		c.over(errGone)
		return
	}
	c.end(errGone)
}

// Who sees to the end of a connection.
const (
	finishing = 1 + iota // finish, which says why; who listens waits for it
	lost                 // nobody has anything to say, nor listens
)

// ended is of a connection to which nothing more is written.
func (c *conn) ended() {
	h := c.room.hub
	c.room.counts.ends(c)
	c.room.exit(c)
	h.connections.Add(-1)
	close(c.left)
	c.vacate()
	h.running.Done()
}

// An answer is a frame for this connection alone. It is written after the entries up to its position, and before
// later ones.
type answer struct {
	position uint64
	first    bool // starts or ends a subscription: before what comes of the state now, wherever the cursor is
	data     []byte
	tail     []byte // the rest of the frame, which other clients are sent, too
	shows    uint64 // id of the request, if what it asked for can be read here
}

func (a answer) size() int { return len(a.data) + len(a.tail) }

// The bounds of one connection.
const (
	maxAnswerBytes = 256 << 10 // waiting to be written, before reading pauses
	maxMessage     = 256 << 10 // of frames in one message out, if entries are smaller
)

// closing is the cause with which a connection ends.
type closing struct {
	code   websocket.StatusCode
	reason string
	after  time.Duration // when to come back
}

func (c closing) Error() string { return c.reason }

var (
	errGone    = errors.New("the connection ended")
	errTooSlow = closing{code: wire.CloseTooSlow, reason: "too slow to read"}
)

// end closes the connection, once; the first cause counts.
func (c *conn) end(cause error) {
	c.cancel(cause)
	c.rouse()
}

// sendAway sends the client to another node, not all of them at once. One that takes nothing hears nothing of it.
func (c *conn) sendAway() {
	time.AfterFunc(2*byeTime, func() {
		select {
		case <-c.gone:
		default:
			_ = c.socket.CloseNow()
		}
	})
	c.end(closing{code: wire.CloseLeaving, reason: "this node is leaving", after: time.Duration(100+c.number%20*50) * time.Millisecond})
}

// rouse makes the writer look.
func (c *conn) rouse() {
	if c.shard != nil {
		c.shard.mark(c)
		return
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// reply hands in a frame for this connection alone.
func (c *conn) reply(position uint64, frame wire.Frame) {
	c.push(answer{position: position, data: wire.AppendFrame(nil, frame)})
}

func (c *conn) push(a answer) {
	c.mu.Lock()
	c.answers = append(c.answers, a)
	c.waiting += a.size()
	c.mu.Unlock()
	c.rouse()
}

// A proof refuses when the log does not hold (any more) what a cookie or token claims.
type proof func(channels.View) error

// write is the writer of a connection without a shard: it sends what there is, whenever it is woken, until the connection
// ends.
func (c *conn) write() {
	for {
		select {
		case <-c.wake:
		case <-c.ctx.Done():
			c.finish()
			return
		}
		for more := true; more && c.ctx.Err() == nil; {
			p := &parcel{data: make([]byte, socket.Head), from: socket.Head}
			more = c.gatherAll(p)
			message, tails := p.close()
			if len(message) == socket.Head {
				continue
			}
			if err := c.socket.Write(message, writeTime, c.mark, tails...); err != nil {
				c.end(causeOf(err))
				break
			}
			c.room.counts.wrote(lengthOf(message, tails))
			c.room.flushed(c.mark.Position)
		}
		if c.answered() {
			c.sendAway()
		}
	}
}

// writeTime is how long a client may take nothing of what is written to it; socket.Slowest bounds how long it may take
// for all of a message.
const writeTime = 10 * time.Second

// byeTime is what a bye may take.
const byeTime = time.Second

// bye says why the connection ends, and closes it within a second.
func (c *conn) bye() {
	var cause closing
	if !errors.As(context.Cause(c.ctx), &cause) || cause.code == wire.CloseTooSlow {
		_ = c.socket.CloseNow() // it is not listening
		return
	}
	timer := time.AfterFunc(byeTime, func() { _ = c.socket.CloseNow() })
	defer timer.Stop()
	frame := &wire.Bye{Code: int(cause.code), Reason: cause.reason, ReconnectAfter: cause.after.Milliseconds()}
	if c.socket.Write(append(make([]byte, socket.Head), wire.Encode(frame)...), byeTime, c.mark) == nil {
		_ = c.socket.Close(cause.code, cause.reason)
	}
	_ = c.socket.CloseNow()
}
