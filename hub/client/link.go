package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/hub/wire"
)

// A link is one connection, from its welcome on.
type link struct {
	socket  *websocket.Conn
	welcome []wire.Frame  // the first message
	stop    func()        // ends the reader
	gone    chan lost     // gets why the reader has ended; holds one
	leaving chan struct{} // the hub has said that its node is leaving; holds at most one
}

// connection makes one connection, and when the hub asks for it the next before that one ends, until there is none.
// welcomed says that there was one.
func (c *Client) connection() (welcomed bool, l lost) {
	now, l := c.open(c.ctx)
	for now != nil {
		welcomed = true
		c.begin(now)
		now, l = c.use(now)
	}
	return welcomed, l
}

// open makes a connection and waits for its welcome.
func (c *Client) open(ctx context.Context) (*link, lost) {
	socket, l := c.dial(ctx)
	if socket == nil {
		return nil, l
	}
	socket.SetReadLimit(maxIncoming)
	welcome, l := c.readWelcome(ctx, socket)
	if welcome == nil {
		_ = socket.CloseNow()
		return nil, l
	}
	return &link{socket: socket, welcome: welcome, gone: make(chan lost, 1), leaving: make(chan struct{}, 1)}, lost{}
}

// begin takes the first message of a connection: nothing has been sent on it yet. If there is one before, this one takes over
// from it, but for stop commands: they are in no log, and come where the hub knows the service, until it does here.
func (c *Client) begin(l *link) {
	c.mu.Lock()
	c.link = l
	for _, r := range c.unanswered {
		r.sent = false
	}
	for _, m := range c.members {
		m.base().asked, m.base().joined = 0, false
	}
	c.pause, c.refusals = time.Time{}, 0
	c.status, c.trouble = Live, nil
	c.mu.Unlock()
	c.apply(l, l.welcome)
	select {
	case <-c.welcome:
	default:
		close(c.welcome)
	}
	c.logger.Info("connected to the hub", "space", c.hub.Space, "node", c.hub.Node, "conn", c.hub.Conn)
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	go func() { l.gone <- c.read(ctx, l) }()
}

// use serves over a connection until it is lost, or the next one is there, which it returns.
func (c *Client) use(l *link) (next *link, why lost) {
	next, err := c.write(l)
	switch {
	case next != nil:
		c.before = l
		return next, lost{}
	case errors.Is(err, errReaderDone):
		why = <-l.gone
		l.gone <- why
	default:
		why = lost{err: err}
	}
	c.letGo(l)
	c.letBeforeGo()
	return nil, why
}

// letGo ends a connection; politely, if the hub listens.
func (c *Client) letGo(l *link) {
	late := time.AfterFunc(politeTime, func() { _ = l.socket.CloseNow() })
	defer late.Stop()
	c.mu.Lock()
	polite := c.link != l || c.ctx.Err() != nil
	c.mu.Unlock()
	if polite {
		_ = l.socket.Close(websocket.StatusNormalClosure, "")
	}
	_ = l.socket.CloseNow()
	l.stop()
	<-l.gone
}

// politeTime is what a close handshake may take.
const politeTime = time.Second

// letBeforeGo ends the connection that the present one has taken over from, if it is still there.
func (c *Client) letBeforeGo() {
	if before := c.before; before != nil {
		c.before = nil
		c.ending.Go(func() { c.letGo(before) })
	}
}

// seek opens the next connection while the present one serves on, until ctx ends.
func (c *Client) seek(ctx context.Context, found chan<- *link) {
	for attempt := 0; ctx.Err() == nil; attempt++ {
		next, l := c.open(ctx)
		if next != nil {
			found <- next
			return
		}
		c.logger.Info("no other node yet", "error", l.err)
		select {
		case <-time.After(backoff(attempt)):
		case <-ctx.Done():
		}
	}
}

// errReaderDone ends write when the connection was lost while reading.
var errReaderDone = errors.New("the reader is done")

// write sends what there is to send, until the connection or the client ends, or the next connection is there.
func (c *Client) write(l *link) (next *link, err error) {
	seeking, stop := context.WithCancel(c.ctx)
	found, sought := make(chan *link, 1), make(chan struct{})
	close(sought)
	defer func() {
		stop()
		<-sought
		select {
		case unused := <-found:
			_ = unused.socket.CloseNow()
		default:
		}
	}()
	leaving := l.leaving
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		message, wait := c.collect()
		if message != nil {
			if err := send(l.socket, message); err != nil {
				return nil, err
			}
			continue
		}
		if c.before != nil && c.settled() {
			c.letBeforeGo()
		}
		var resume <-chan time.Time
		if wait > 0 {
			resume = time.After(wait)
		}
		select {
		case <-c.wake:
		case <-resume:
		case <-ping.C:
			if err := alive(l.socket); err != nil {
				return nil, err
			}
		case <-leaving:
			leaving = nil // once
			c.logger.Info("the hub's node is leaving", "node", c.Welcome().Node)
			c.letBeforeGo()
			sought = make(chan struct{})
			go func() { defer close(sought); c.seek(seeking, found) }()
		case next := <-found:
			return next, nil
		case why := <-l.gone:
			l.gone <- why
			return nil, errReaderDone
		case <-c.ctx.Done():
			return nil, c.ctx.Err()
		}
	}
}

// settled reports whether the present connection has all that the one before had.
func (c *Client) settled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.service.settled() && !slices.ContainsFunc(c.members, func(m member) bool {
		return m.base().err == nil && !m.base().joined
	})
}
