package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/baton-hub/baton/hub/crowd"
	"github.com/baton-hub/baton/hub/wire"
)

// A client is one connection: it may read a channel, and may write.
type client struct {
	// Set at construction.
	crew    *crew
	meter   *meter
	dialect Dialect
	number  int    // as a writer
	name    string // client id
	channel string
	from    int // the first writer of the channel
	writers int // how many writers the channel has

	conn atomic.Pointer[crowd.Conn]

	// Owned by the reader.
	seen   []uint64 // of each writer of the channel, how far
	cursor []byte
	joined bool
	news   uint64 // deliveries

	// Owned by who writes.
	n       uint64 // values written
	value   []byte
	request []byte

	answered atomic.Uint64 // values
	answers  chan struct{} // tells of each, if it is there
	gate     chan struct{} // if it is there, the client takes nothing after it has joined until this is closed
	over     atomic.Bool   // that the connection ends is no failure
	ended    chan struct{} // closed when the reader has ended
}

// connect opens a connection and starts its reader; joins says whether it is to read the channel.
func (c *client) connect(ctx context.Context, joins bool) error {
	if err := c.dial(ctx, joins); err != nil {
		return err
	}
	c.ended, c.joined = make(chan struct{}), false
	c.over.Store(false)
	c.crew.running.Go(func() { defer close(c.ended); c.read(ctx) })
	return nil
}

// dialTime is what a handshake may take.
const dialTime = 30 * time.Second

// dial opens a connection, and asks for what the client has missed if it joins.
func (c *client) dial(ctx context.Context, joins bool) error {
	s := c.crew.server
	conn, err := crowd.Dial(ctx, crowd.Options{URL: s.url, Path: c.dialect.Path(), Client: c.name, Token: s.token, Cookie: s.cookie, Wait: dialTime})
	if err != nil {
		return explain(s, err)
	}
	if c.gate != nil {
		err = conn.SetReadBuffer(slowBuffer)
	}
	if err == nil && joins {
		err = conn.Write(c.dialect.AppendJoin(nil, joinID, c.channel, string(c.cursor)))
	}
	if err != nil {
		_ = conn.Close()
		return fmt.Errorf("joining %s: %w", c.channel, err)
	}
	c.conn.Store(conn)
	return nil
}

// joinID is the id of the request to join; those of writes are below.
const joinID = 1 << 50

// explain says what to do about a server that does not let a client in.
func explain(s *server, err error) error {
	var refused *crowd.Refused
	switch {
	case errors.As(err, &refused) && (refused.Status == 401 || refused.Status == 403):
		return fmt.Errorf("%s does not take the token: %w; --token or BATON_TOKEN is one of the space that is to be measured, with the role service", s.url, err)
	case errors.As(err, &refused) && refused.Status == 429:
		return fmt.Errorf("%s has limits in the way: %w; 'baton bench site' prints a site file with limits that are wide enough", s.url, err)
	}
	return fmt.Errorf("connecting to %s: %w", s.url, err)
}

// read takes messages until the connection ends. A client that takes nothing for a while may be closed for that, and then
// comes back, as every client does.
func (c *client) read(ctx context.Context) {
	opened := false
	for {
		if c.gate != nil && c.joined && !opened {
			opened = true
			<-c.gate
			_ = c.conn.Load().SetReadBuffer(quickBuffer) // one that has ended is noticed below
		}
		message, err := c.conn.Load().Read()
		if err != nil && opened && !c.over.Load() {
			if err = c.dial(ctx, true); err == nil {
				c.meter.closed.Add(1)
				continue
			}
		}
		if err != nil {
			if !c.over.Load() {
				c.crew.fail(fmt.Errorf("the server ended the connection of client %s: %w", c.name, err))
			}
			return
		}
		before := c.news
		if err := c.dialect.Each(message, c.take); err != nil {
			c.crew.fail(fmt.Errorf("client %s: %w", c.name, err))
			return
		}
		if c.news > before {
			c.meter.messages.Add(1)
			c.meter.bytes.Add(uint64(len(message)))
		}
	}
}

// take notes what a frame tells.
func (c *client) take(f crowd.Frame) error {
	switch string(f.Type) {
	case "change":
		c.cursor = append(c.cursor[:0], f.Cursor...)
		return crowd.Fields(f.Set, func(_, value []byte) error { return c.deliver(value, true) })
	case "message":
		c.cursor = append(c.cursor[:0], f.Cursor...)
		return c.deliver(f.Data, true)
	case "joined":
		return c.takeJoined(f)
	case "written", "appended":
		c.answered.Add(1)
		if c.answers != nil {
			c.answers <- struct{}{}
		}
	case "ping":
		return c.conn.Load().Write(f.Data)
	case "error":
		return fmt.Errorf("the server refuses a request: %s: %s", f.Code, f.Detail)
	}
	return nil
}

// takeJoined takes what a channel has. At first that is of nobody who is counted; when the client comes back, or was so slow
// that the hub sends it present values, it is what it has missed.
func (c *client) takeJoined(f crowd.Frame) error {
	resumes := len(c.cursor) > 0
	if f.ID == joinID {
		c.joined = true
		defer c.crew.joined.Add(1)
		if resumes && string(f.Mode) != wire.Delta {
			return fmt.Errorf("it came back with a cursor and got a %s of %s", f.Mode, f.Channel)
		}
	}
	c.cursor = append(c.cursor[:0], f.Cursor...)
	if !resumes {
		return nil
	}
	if len(f.Messages) > 0 {
		return crowd.Items(f.Messages, func(message []byte) error {
			return crowd.Fields(message, func(name, value []byte) error {
				if string(name) != "data" {
					return nil
				}
				return c.deliver(value, true)
			})
		})
	}
	if len(f.Values) == 0 {
		return nil
	}
	return crowd.Fields(f.Values, func(_, value []byte) error {
		return crowd.Fields(value, func(name, value []byte) error {
			if string(name) != "value" {
				return nil
			}
			return c.deliver(value, false)
		})
	})
}

// deliver counts a value. If every one of a writer's has to come, what is not the next one is missing, or comes again;
// otherwise those between were spared.
func (c *client) deliver(value []byte, every bool) error {
	s, ok := readStamp(value)
	if !ok || s.writer < c.from || s.writer >= c.from+c.writers {
		return fmt.Errorf("a value came that nobody wrote: %.60s", value)
	}
	m, seen := c.meter, &c.seen[s.writer-c.from]
	switch {
	case s.n <= *seen:
		m.duplicated.Add(1)
		return nil
	case !every:
		m.spared.Add(s.n - *seen - 1)
	default:
		m.lost.Add(s.n - *seen - 1)
	}
	*seen = s.n
	c.news++
	m.delivered.Add(1)
	if c.crew.measuring.Load() && !c.crew.byAnswer {
		m.latency.add(c.crew.now() - s.at)
	}
	return nil
}

// write writes the next value, which was due at a time. The answer is counted when it comes.
func (c *client) write(at time.Duration) error {
	c.n++
	c.value = appendValue(c.value[:0], stamp{at, c.number, c.n}, c.crew.bytes)
	c.request = c.dialect.AppendWrite(c.request[:0], Write{N: c.n, Channel: c.channel, Key: c.number, Value: c.value})
	c.crew.written.Add(1)
	if err := c.conn.Load().Write(c.request); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}

// close ends the connection and waits for its reader.
func (c *client) close() {
	c.over.Store(true)
	_ = c.conn.Load().Close()
	<-c.ended
}

// A meter is what some of the clients have counted.
type meter struct {
	closed, delivered, messages, bytes atomic.Uint64
	lost, duplicated, spared           atomic.Uint64
	latency                            histogram
	_                                  [64]byte
}

// progress is how many values have come, or were spared because newer ones have.
func (m *meter) progress() uint64 { return m.delivered.Load() + m.spared.Load() }

// meters is how many there are, so that readers do not wait for each other.
const meters = 8

// A crew is the clients of one turn.
type crew struct {
	// Set at construction.
	server *server
	bytes  int  // of a value
	log    bool // the channel is a log
	began  time.Time
	run    string // in the client ids

	patience time.Duration // how long nothing may come, until what is missing counts as lost

	meters    [meters]meter
	slow      meter // of clients that take nothing for a while
	byAnswer  bool  // latencies are those of answers
	clients   []*client
	joined    atomic.Int64
	written   atomic.Uint64
	measuring atomic.Bool // latencies count
	running   sync.WaitGroup

	gaveUp  bool // owned by who runs the turn
	failure atomic.Pointer[error]
}

func (c *crew) now() time.Duration { return time.Since(c.began) }

func (c *crew) fail(err error) { c.failure.CompareAndSwap(nil, &err) }

// failed is why the crew cannot go on.
func (c *crew) failed() error {
	if err := c.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// delivered is how far the clients are that read.
func (c *crew) delivered() (n uint64) {
	for i := range c.meters {
		n += c.meters[i].progress()
	}
	return n
}

// await waits until a count is reached. It gives up when the count has not grown for a while; short says that.
func (c *crew) await(ctx context.Context, want uint64, count func() uint64) (short bool, err error) {
	return c.awaitFor(ctx, c.patience, want, count)
}

// awaitDelivered waits until so many values have come. What was waited for in vain once is not waited for as long again.
func (c *crew) awaitDelivered(ctx context.Context, want uint64) (short bool, err error) {
	patience := c.patience
	if c.gaveUp {
		patience /= 5
	}
	short, err = c.awaitFor(ctx, patience, want, c.delivered)
	c.gaveUp = c.gaveUp || short
	return short, err
}

func (c *crew) awaitFor(ctx context.Context, patience time.Duration, want uint64, count func() uint64) (short bool, err error) {
	last, since := count(), time.Now()
	for last < want {
		if err := errors.Join(c.failed(), ctx.Err()); err != nil {
			return true, err
		}
		time.Sleep(200 * time.Microsecond)
		if now := count(); now != last {
			last, since = now, time.Now()
		} else if time.Since(since) > patience {
			return true, nil
		}
	}
	return false, c.failed()
}
