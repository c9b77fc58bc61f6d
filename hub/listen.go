package hub

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/socket"
	"github.com/baton-hub/baton/hub/wire"
)

// serveConn lets a WebSocket in and has it run until it ends. It is called by who has served the handshake, whose stack has
// grown, and does not wait: the server forgets the request.
func (h *Hub) serveConn(ws *socket.Conn, r *room, who channels.Who, proof proof, client string, leave func()) {
	ws.SetReadLimit(int64(h.options.Limits.Message))
	c := h.newConn(webSocket{ws}, r, who, proof, client)
	c.vacate = leave
	h.connections.Add(1) // before its client can know: a drain that begins then would find nobody to tell
	r.enter(c)
	c.begin()
	if c.quick == nil {
		go func() { c.over(c.receive(ws)) }()
		return
	}
	go c.listen() // with the smallest of stacks
}

// listen waits for the client to say something. It is all that runs for a connection that is silent, so its stack stays as
// small as they come: what it says is for a goroutine whose stack has grown, of those that wait for such work.
func (c *conn) listen() {
	if c.quick.Await() != nil {
		c.lose()
		return
	}
	c.hand()
}

// hand hands the connection to a goroutine whose stack has grown.
func (c *conn) hand() {
	select {
	case c.room.hub.listeners <- c:
	default:
		go c.room.hub.listenTo(c)
	}
}

// spareListeners is how many goroutines wait for connections that are heard from.
const spareListeners = 16

// listenTo takes what a connection says, or sees to its end if it is lost, and then what others do.
func (h *Hub) listenTo(c *conn) {
	for {
		c.attend()
		if h.spare.Add(1) > spareListeners {
			h.spare.Add(-1)
			return
		}
		select {
		case c = <-h.listeners:
			h.spare.Add(-1)
		case <-h.allServed:
			return
		}
	}
}

// attend does what there is to do for a connection.
func (c *conn) attend() {
	if c.parting.Load() == lost {
		_ = c.socket.CloseNow()
		close(c.gone)
		c.ended()
		return
	}
	switch err := c.receive(c.quick); {
	case errors.Is(err, socket.ErrPause):
		go c.listen()
	case errors.Is(err, errGone):
		c.lose()
	default:
		c.over(err)
	}
}

// receive takes messages until the connection ends, and returns why it does: socket.ErrPause if it does not, but has nothing
// more to say at the moment.
func (c *conn) receive(ws *socket.Conn) error {
	for {
		// Not c.ctx: a context that ends closes the socket at once, before the writer can say why.
		kind, reader, err := ws.Reader(context.Background())
		switch {
		case errors.Is(err, socket.ErrPause):
			return socket.ErrPause
		case err != nil:
			return errGone
		case kind != websocket.MessageText:
			return closing{code: websocket.StatusUnsupportedData, reason: "send text: JSON arrays of frames"}
		}
		data, err := c.readWhole(reader)
		if err != nil {
			return err
		}
		if err := c.take(data); err != nil {
			return err
		}
		if ws.Quick() && !ws.Pending() {
			return socket.ErrPause
		}
	}
}

// readWhole reads a message, which must come in whole within messageTime.
func (c *conn) readWhole(reader io.Reader) ([]byte, error) {
	late := time.AfterFunc(messageTime, func() {
		c.end(closing{code: wire.CloseUnfinished, reason: "the message did not come in whole within 10 s"})
	})
	defer late.Stop()
	data, err := io.ReadAll(reader)
	if err != nil {
		return nil, errGone // the library has closed it if it was too large
	}
	return data, nil
}

// take decodes a message and does what it asks.
func (c *conn) take(data []byte) error {
	c.room.counts.read(data)
	requests, err := wire.DecodeRequests(data)
	var bad *wire.BadFrame
	if errors.As(err, &bad) {
		c.reply(0, bad.Answer())
		return c.strike(wire.CloseBadFrame, "too many messages that could not be read")
	}
	if c.deaf() {
		return nil // all of it is asked again, over the next connection
	}
	requests = slices.DeleteFunc(requests, func(r wire.Request) bool { // before anything that could hold them up
		call, stop := c.stops(r)
		if stop && c.mayStop() {
			c.stop(call)
			return true
		}
		return false
	})
	requests, err = c.takeSignals(requests)
	if len(requests) == 0 || err != nil {
		return err
	}
	if !c.limiter.AllowN(time.Now(), min(weight(requests), c.limiter.Burst())) {
		c.room.counts.limitedMessage.Inc()
		for _, r := range requests {
			c.refuse(r.Header().ID, "", 0, &connectionError{wire.CodeRate, "too many requests: wait a moment, then send this again"})
		}
		return c.strike(wire.CloseTooMany, "too many requests")
	}
	c.strikes = 0
	return c.handle(requests)
}

// mayStop counts a stop command.
func (c *conn) mayStop() bool {
	if c.stopping == nil {
		c.stopping = rate.NewLimiter(20, 50)
	}
	return c.stopping.Allow()
}

// weight is what a message counts against the limit of requests. Joins that follow each other are one: a page that comes
// back joins all its channels at once.
func weight(requests []wire.Request) (weight int) {
	for len(requests) > 0 {
		requests = requests[max(1, len(joinsOf(requests))):]
		weight++
	}
	return weight
}

func (c *conn) strike(code websocket.StatusCode, reason string) error {
	if c.strikes++; c.strikes > maxStrikes {
		return closing{code: code, reason: reason}
	}
	return nil
}

// waitForRoom pauses reading while too many answers wait to be written.
func (c *conn) waitForRoom() error {
	for {
		c.mu.Lock()
		full := c.waiting > maxAnswerBytes
		c.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case <-c.taken:
		case <-c.ctx.Done():
			return errGone
		}
	}
}
