package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/hub/wire"
)

// The times of a connection.
const (
	firstDelay  = 500 * time.Millisecond // at most, before the first attempt to reconnect
	lastDelay   = 30 * time.Second       // at most, before any
	welcomeTime = 10 * time.Second       // from dialing to the welcome
	writeTime   = 10 * time.Second       // for one message
	pingEvery   = 25 * time.Second
	pongTime    = 10 * time.Second
)

// maxIncoming is the largest message that is read: everything in the channels that are joined, which the hub sends as one.
// What is larger cannot be followed, however often it is tried, see whyLost.
const maxIncoming = 1 << 30

// backoff returns how long to wait before attempt n (from 0): full jitter, so that a thousand clients of a node that
// went away do not come back at once.
func backoff(n int) time.Duration {
	most := lastDelay
	if n < 6 {
		most = firstDelay << n
	}
	return rand.N(most) + 1
}

// Backoff is how long a Client waits before attempt n (from 0) to connect again, if the hub has not said: for programs
// that speak the protocol by themselves, and for tests of what a crowd of clients does.
func Backoff(n int) time.Duration { return backoff(n) }

// lost says why a connection ended.
type lost struct {
	err   error
	final error         // the client ends for this reason
	after time.Duration // when the hub wants it back; 0: the client decides
}

// run connects again and again until the client ends.
func (c *Client) run() {
	defer close(c.done)
	defer c.signOut()
	defer c.ending.Wait()
	for attempt := 0; ; attempt++ {
		welcomed, l := c.connection()
		if welcomed {
			attempt = 0
		}
		if l.final != nil {
			c.end(l.final)
		}
		if c.ctx.Err() != nil {
			return
		}
		delay := backoff(attempt)
		if l.after > 0 {
			delay = l.after
		}
		c.disconnected(l.err)
		c.logger.Warn("no connection to the hub", "error", l.err, "again_in", delay.Round(time.Millisecond))
		select {
		case <-time.After(delay):
		case <-c.ctx.Done():
			return
		}
	}
}

func (c *Client) disconnected(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trouble = err
	if c.status != Ended {
		c.status = Connecting
	}
	clear(c.signals.unsent) // nobody wants them later
}

// dial shakes hands.
func (c *Client) dial(ctx context.Context) (*websocket.Conn, lost) {
	ctx, cancel := context.WithTimeout(ctx, welcomeTime)
	defer cancel()
	if l := c.signedIn(ctx); l.err != nil {
		return nil, l
	}
	socket, response, err := websocket.Dial(ctx, c.url, &websocket.DialOptions{
		HTTPClient: c.http, HTTPHeader: c.header, Subprotocols: []string{wire.Subprotocol},
	})
	if err == nil {
		return socket, lost{}
	}
	l := lost{err: err}
	if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
		l = refused(response)
	}
	return nil, l
}

// refused reads why there was no handshake.
func refused(response *http.Response) lost {
	var problem struct{ Detail string }
	if body, err := io.ReadAll(io.LimitReader(response.Body, 4096)); err == nil {
		_ = json.Unmarshal(body, &problem) // a proxy may answer in HTML: the status says enough
	}
	l := lost{err: fmt.Errorf("the hub answers %s %s", response.Status, problem.Detail)}
	switch response.StatusCode {
	case http.StatusUnauthorized:
		l.final = final(wire.CloseSignedOut, problem.Detail)
	case http.StatusForbidden:
		l.final = final(wire.CloseForbidden, problem.Detail)
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		l.after = min(time.Duration(seconds)*time.Second, lastDelay) + backoff(0)
	}
	return l
}

// readWelcome waits for the first message.
func (c *Client) readWelcome(ctx context.Context, socket *websocket.Conn) ([]wire.Frame, lost) {
	ctx, cancel := context.WithTimeout(ctx, welcomeTime)
	defer cancel()
	frames, err := readMessage(ctx, socket)
	if err != nil {
		return nil, c.whyLost(err, nil)
	}
	if len(frames) == 0 || frames[0].FrameType() != "welcome" {
		return nil, c.whyLost(errors.New("the hub did not say welcome"), byeOf(frames))
	}
	return frames, lost{}
}

// read applies messages until the connection is lost.
func (c *Client) read(ctx context.Context, l *link) lost {
	var bye *wire.Bye
	for {
		frames, err := readMessage(ctx, l.socket)
		if err != nil {
			return c.whyLost(err, bye)
		}
		if b := byeOf(frames); b != nil {
			bye = b
		}
		c.apply(l, frames)
		if err := unread(frames); err != nil {
			return lost{err: err}
		}
	}
}

// unread returns an error if the hub could not read a message. Nothing in it counts, so all is to be sent again, but
// the one request that it names, which has been told.
func unread(frames []wire.Frame) error {
	for _, f := range frames {
		if e, ok := f.(*wire.Error); ok && e.Code == wire.CodeBadFrame {
			return fmt.Errorf("the hub could not read a message: %s", e.Detail)
		}
	}
	return nil
}

func readMessage(ctx context.Context, socket *websocket.Conn) ([]wire.Frame, error) {
	_, data, err := socket.Read(ctx)
	if err != nil {
		return nil, err
	}
	return wire.DecodeFrames(data)
}

func byeOf(frames []wire.Frame) *wire.Bye {
	for _, f := range frames {
		if bye, ok := f.(*wire.Bye); ok {
			return bye
		}
	}
	return nil
}

// whyLost reads what the hub said before the connection ended: in a bye, or if that was lost, in the close code.
func (c *Client) whyLost(err error, bye *wire.Bye) lost {
	if errors.Is(err, websocket.ErrMessageTooBig) {
		err = fmt.Errorf("the channels that are joined have more than %d MiB together: follow fewer of them with one client, or read them in parts over HTTP: %w",
			maxIncoming>>20, err)
	}
	l := lost{err: err}
	code, reason := int(websocket.CloseStatus(err)), ""
	if bye != nil {
		code, reason = bye.Code, bye.Reason
		l.err = fmt.Errorf("the hub said bye: %d %s", bye.Code, bye.Reason)
		l.after = time.Duration(bye.ReconnectAfter) * time.Millisecond
	}
	l.final = final(code, reason)
	return l
}

// send writes one message. A connection that takes nothing for so long is as good as lost.
func send(socket *websocket.Conn, message []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTime)
	defer cancel()
	if err := socket.Write(ctx, websocket.MessageText, message); err != nil {
		return fmt.Errorf("writing to the hub: %w", err)
	}
	return nil
}

func alive(socket *websocket.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), pongTime)
	defer cancel()
	if err := socket.Ping(ctx); err != nil {
		return fmt.Errorf("the hub does not answer: %w", err)
	}
	return nil
}
