// Package crowd is very many clients of hubs in one process: raw WebSockets that cost a few kilobytes and a microsecond
// each, where package client would cost more than the hub that is looked at. A test of thousands of sockets and the
// benchmark of the command line are made of them.
//
// A Conn shakes hands, masks, answers pings, and hands out messages; [Each] finds the few fields of a message that a
// counting client needs, without decoding the rest. Neither repairs anything: what a hub sends that is not as the protocol
// says is an error.
package crowd

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// Options say where a client connects, and as whom.
type Options struct {
	URL    string        // Required. Of the hub: http://host:port.
	Path   string        // Optional. Of the WebSocket endpoint; default that of a hub.
	Client string        // Required. The client id.
	Cookie string        // Optional. Of a login session: name=value.
	Token  string        // Optional. Of a program.
	Wait   time.Duration // Optional. For the connection and the handshake; default 10 s, as other clients wait.
}

// A Conn is one WebSocket. One goroutine reads, and one at a time writes.
type Conn struct {
	conn    net.Conn
	reader  *bufio.Reader
	message []byte

	mu     sync.Mutex // one frame at a time goes out: pongs are written by who reads
	buffer []byte
}

// Refused is a handshake that the hub answered otherwise.
type Refused struct {
	Status int
	Detail string
	After  time.Duration // when to come back; 0 = the client decides
}

func (r *Refused) Error() string { return fmt.Sprintf("the hub answers %d %s", r.Status, r.Detail) }

// Closed is the close frame with which a connection ended.
type Closed struct {
	Code   int
	Reason string
}

func (c *Closed) Error() string { return fmt.Sprintf("closed with %d %s", c.Code, c.Reason) }

// readerBytes is enough for most messages; what is larger is read past the buffer.
const readerBytes = 2048

// Dial connects and shakes hands. The error is a *Refused if the hub said why not.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("reading the address of the hub: %w", err)
	}
	if o.Wait == 0 {
		o.Wait = 10 * time.Second
	}
	conn, err := (&net.Dialer{Timeout: o.Wait}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	c := &Conn{conn: conn, reader: bufio.NewReaderSize(conn, readerBytes)}
	_ = conn.SetDeadline(time.Now().Add(o.Wait))            // of a connection that is open
	stop := context.AfterFunc(ctx, func() { conn.Close() }) // what does not answer is not waited for
	err = c.shake(u, o)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return c, nil
}

func (c *Conn) shake(u *url.URL, o Options) error {
	key := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, rand.Uint64()), rand.Uint64())
	request := "GET " + cmp.Or(o.Path, wire.Path) + "?client=" + url.QueryEscape(o.Client) + " HTTP/1.1\r\nHost: " + u.Host + "\r\nOrigin: " + o.URL +
		"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: " + wire.Subprotocol +
		"\r\nSec-WebSocket-Key: " + base64.StdEncoding.EncodeToString(key)
	if o.Cookie != "" {
		request += "\r\nCookie: " + o.Cookie
	}
	if o.Token != "" {
		request += "\r\nAuthorization: Bearer " + o.Token
	}
	if _, err := io.WriteString(c.conn, request+"\r\n\r\n"); err != nil {
		return fmt.Errorf("shaking hands: %w", err)
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return fmt.Errorf("shaking hands: %w", err)
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	defer response.Body.Close()
	r := &Refused{Status: response.StatusCode}
	var problem struct{ Detail string }
	if body, err := io.ReadAll(io.LimitReader(response.Body, 4096)); err == nil {
		_ = json.Unmarshal(body, &problem) // a proxy may answer in HTML: the status says enough
	}
	r.Detail = problem.Detail
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		r.After = time.Duration(seconds) * time.Second
	}
	return r
}

// The opcodes of WebSocket frames.
const (
	opContinue = 0
	opText     = 1
	opClose    = 8
	opPing     = 9
	opPong     = 10
)

// Read returns the next message, which is valid until Read is called again. The error is a *Closed if the hub said why
// it ends.
func (c *Conn) Read() ([]byte, error) {
	if cap(c.message) > 32*readerBytes {
		c.message = nil
	}
	c.message = c.message[:0]
	for {
		final, op, length, err := c.header()
		if err != nil {
			return nil, err
		}
		if op != opText && op != opContinue {
			if err := c.control(op, length); err != nil {
				return nil, err
			}
			continue
		}
		from := len(c.message)
		if need := from + length; cap(c.message) < need {
			c.message = append(make([]byte, 0, need), c.message...)
		}
		c.message = c.message[:from+length]
		if _, err := io.ReadFull(c.reader, c.message[from:]); err != nil {
			return nil, err
		}
		if final {
			return c.message, nil
		}
	}
}

// maxMessage is what a message may have at most: beyond it something is wrong with the stream.
const maxMessage = 1 << 30

func (c *Conn) header() (final bool, op byte, length int, err error) {
	var b [8]byte
	if _, err = io.ReadFull(c.reader, b[:2]); err != nil {
		return false, 0, 0, err
	}
	final, op, length = b[0]&0x80 != 0, b[0]&0x0f, int(b[1])
	switch {
	case b[0]&0x70 != 0 || b[1]&0x80 != 0:
		return false, 0, 0, errors.New("the hub sent a frame with an extension or a mask")
	case length == 126:
		_, err = io.ReadFull(c.reader, b[:2])
		length = int(binary.BigEndian.Uint16(b[:2]))
	case length == 127:
		_, err = io.ReadFull(c.reader, b[:8])
		length = int(binary.BigEndian.Uint64(b[:8]))
	}
	if err == nil && (length < 0 || length > maxMessage) {
		err = fmt.Errorf("the hub sent a frame of %d bytes", length)
	}
	return final, op, length, err
}

func (c *Conn) control(op byte, length int) error {
	payload := make([]byte, length)
	if _, err := io.ReadFull(c.reader, payload); err != nil {
		return err
	}
	switch op {
	case opPing:
		return c.write(opPong, payload)
	case opPong:
		return nil
	case opClose:
		closed := &Closed{Code: 1005}
		if length >= 2 {
			closed.Code, closed.Reason = int(binary.BigEndian.Uint16(payload)), string(payload[2:])
		}
		_ = c.write(opClose, payload[:min(2, length)]) // the hub may be gone
		return closed
	}
	return fmt.Errorf("the hub sent a frame with the opcode %d", op)
}

// Write sends one message.
func (c *Conn) Write(message []byte) error { return c.write(opText, message) }

// write sends a frame. The mask is zero: it is there for proxies that mistake what a page sends for HTTP.
func (c *Conn) write(op byte, payload []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := append(c.buffer[:0], 0x80|op)
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	c.buffer = append(append(b, 0, 0, 0, 0), payload...)
	_, err := c.conn.Write(c.buffer)
	return err
}

// SetReadDeadline makes a Read fail that is not done by then; zero: never.
func (c *Conn) SetReadDeadline(at time.Time) error { return c.conn.SetReadDeadline(at) }

// SetReadBuffer says how much the system keeps of what was not read: little of it makes who does not read soon a client that
// takes nothing.
func (c *Conn) SetReadBuffer(bytes int) error {
	tcp, ok := c.conn.(*net.TCPConn)
	if !ok {
		return errors.ErrUnsupported
	}
	return tcp.SetReadBuffer(bytes)
}

// Close ends the connection without a word, as a machine that is switched off.
func (c *Conn) Close() error { return c.conn.Close() }
