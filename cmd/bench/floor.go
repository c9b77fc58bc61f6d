package bench

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/baton-hub/baton/hub/crowd"
	"github.com/baton-hub/baton/hub/wire"
)

// FloorOptions say how the floor behaves.
type FloorOptions struct {
	Listen string
	Batch  bool   // write all that waits for a connection at once, from as many loops as there are processors
	Lie    string // "lose" or "repeat": what it does now and then, to see that this is noticed
	Out    io.Writer
}

// What the floor calls its history, and who writes: as long as with a hub.
const (
	floorEpoch = "FLOORFLOOR"
	floorUser  = "service/" + User
)

// lieEvery is how many messages are right for one that is not.
const lieEvery = 10

// A floor is the least that a server can do for the clients of this package: it has handshakes, joins and writes, and sends
// what a hub sends. It checks and keeps nothing, and knows one channel for each connection.
type floor struct {
	options FloorOptions

	mu       sync.Mutex
	position uint64
	channels map[string]*floorChannel
}

// A floorChannel is who has joined a channel, and what was appended to it if it is a log.
type floorChannel struct {
	name string

	mu       sync.Mutex
	members  []*floorConn
	messages []wire.LogMessage
	log      []byte // with Batch: frames that some member has not been sent
	forgot   uint64 // bytes before those
	wake     []chan struct{}
}

// A floorConn is one connection. What is written to it is written under mu.
type floorConn struct {
	conn   net.Conn
	reader *bufio.Reader
	joined *floorChannel

	mu      sync.Mutex
	cursor  uint64 // with Batch: in the log of its channel
	answers []byte // with Batch: that wait
}

// RunFloor serves until ctx ends. It prints its URL once it listens.
func RunFloor(ctx context.Context, o FloorOptions) error {
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	f := &floor{options: o, channels: map[string]*floorChannel{}}
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	fmt.Fprintf(o.Out, "http://%s\n", listener.Addr())
	for {
		conn, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("accepting: %w", err)
		}
		go f.serve(conn)
	}
}

func (f *floor) serve(conn net.Conn) {
	c := &floorConn{conn: conn, reader: bufio.NewReaderSize(conn, 512)}
	defer conn.Close()
	if shake(c) != nil {
		return
	}
	defer f.leave(c)
	var message []byte
	for {
		var err error
		if message, err = c.read(message[:0]); err != nil {
			return
		}
		if err := crowd.Each(message, func(r crowd.Frame) error { return f.take(c, r) }); err != nil {
			return
		}
	}
}

// shake answers a handshake, RFC 6455.
func shake(c *floorConn) error {
	r, err := http.ReadRequest(c.reader)
	if err != nil {
		return err
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, err = io.WriteString(c.conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: "+
		wire.Subprotocol+"\r\nSec-WebSocket-Accept: "+base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n")
	return err
}

// read reads a message, as clients mask it.
func (c *floorConn) read(message []byte) ([]byte, error) {
	for {
		var head [14]byte
		if _, err := io.ReadFull(c.reader, head[:2]); err != nil {
			return nil, err
		}
		more := 4
		switch head[1] & 0x7f {
		case 126:
			more += 2
		case 127:
			more += 8
		}
		if _, err := io.ReadFull(c.reader, head[2:2+more]); err != nil {
			return nil, err
		}
		length := int(head[1] & 0x7f)
		switch more {
		case 6:
			length = int(binary.BigEndian.Uint16(head[2:]))
		case 12:
			length = int(binary.BigEndian.Uint64(head[2:]))
		}
		if length < 0 || length > 1<<24 {
			return nil, errors.New("too long")
		}
		mask, from := head[more-2:more+2], len(message)
		message = append(message, make([]byte, length)...)
		if _, err := io.ReadFull(c.reader, message[from:]); err != nil {
			return nil, err
		}
		for i := range message[from:] {
			message[from+i] ^= mask[i&3]
		}
		switch head[0] & 0x0f {
		case 0, 1:
			if head[0]&0x80 != 0 {
				return message, nil
			}
		case 8:
			return nil, io.EOF
		default: // a ping or pong
			message = message[:from]
		}
	}
}

// take does what a frame asks for.
func (f *floor) take(c *floorConn, r crowd.Frame) error {
	switch string(r.Type) {
	case "join":
		return f.join(c, r)
	case "write", "append":
		return f.write(c, r)
	}
	return fmt.Errorf("the floor has no %s", r.Type)
}

func (f *floor) channel(name string) *floorChannel {
	f.mu.Lock()
	defer f.mu.Unlock()
	ch := f.channels[name]
	if ch == nil {
		ch = &floorChannel{name: name}
		f.channels[name] = ch
		if f.options.Batch {
			f.startLoops(ch)
		}
	}
	return ch
}

func (f *floor) next() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.position++
	return f.position
}

func floorCursor(position uint64) string { return floorEpoch + "-" + strconv.FormatUint(position, 36) }

// join answers with what was appended after the cursor, and sends what comes from then on.
func (f *floor) join(c *floorConn, r crowd.Frame) error {
	ch := f.channel(string(r.Channel))
	ch.mu.Lock()
	defer ch.mu.Unlock()
	f.mu.Lock()
	answer := &wire.Joined{ID: r.ID, Channel: ch.name, Cursor: floorCursor(f.position), Mode: wire.Snapshot, Reason: wire.ReasonNew}
	f.mu.Unlock()
	if _, digits, ok := strings.Cut(string(r.Cursor), "-"); ok {
		seen, err := strconv.ParseUint(digits, 36, 64)
		if err != nil {
			return err
		}
		answer.Mode, answer.Reason = wire.Delta, ""
		from := len(ch.messages)
		for from > 0 && ch.messages[from-1].Position > seen {
			from--
		}
		answer.Messages = ch.messages[from:]
	}
	c.joined, c.cursor = ch, ch.forgot+uint64(len(ch.log))
	ch.members = append(ch.members, c)
	return c.send(webSocketMessage(wire.Encode(answer)))
}

func (f *floor) leave(c *floorConn) {
	ch := c.joined
	if ch == nil {
		return
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	for i, m := range ch.members {
		if m == c {
			ch.members[i] = ch.members[len(ch.members)-1]
			ch.members = ch.members[:len(ch.members)-1]
			return
		}
	}
}

// write sends a change to everybody and an answer to who asked.
func (f *floor) write(c *floorConn, r crowd.Frame) error {
	ch := f.channel(string(r.Channel))
	ch.mu.Lock()
	defer ch.mu.Unlock()
	position := f.next()
	var frame, answer wire.Frame
	if string(r.Type) == "append" {
		m := floorMessage(ch.name, position, r)
		ch.messages = append(ch.messages, wire.LogMessage{Position: position, At: m.At, By: m.By, Data: m.Data})
		frame, answer = m, &wire.Appended{ID: r.ID, Position: position, Cursor: floorCursor(position)}
	} else {
		change, err := floorChange(ch.name, position, r)
		if err != nil {
			return err
		}
		frame, answer = change, &wire.Written{ID: r.ID, Position: position, Cursor: floorCursor(position)}
	}
	if f.options.Batch {
		return f.queue(ch, c, frame, answer)
	}
	message, lie := webSocketMessage(wire.Encode(frame)), f.options.Lie
	if position%lieEvery != 0 {
		lie = ""
	}
	for i, m := range ch.members {
		switch {
		case m == c: // a hub sends both in one message
			continue
		case lie == "lose" && i == 0:
			continue
		case lie == "repeat" && i == 0:
			_ = m.send(message)
		}
		_ = m.send(message) // one that has gone is noticed by its reader
	}
	if c.joined == ch {
		return c.send(webSocketMessage(wire.Encode(frame, answer)))
	}
	return c.send(webSocketMessage(wire.Encode(answer)))
}

func (c *floorConn) send(message []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.conn.Write(message)
	return err
}

// floorChange is what a hub sends for a write.
func floorChange(channel string, position uint64, r crowd.Frame) (*wire.Change, error) {
	c := &wire.Change{
		Channel: channel, Position: position, Cursor: floorCursor(position), At: time.Now().UTC(), Set: map[string]json.RawMessage{},
		By: floorUser, Op: string(r.Op),
	}
	err := crowd.Fields(r.Set, func(name, value []byte) error {
		c.Set[string(name)] = append([]byte(nil), value...)
		return nil
	})
	return c, err
}

// floorMessage is what a hub sends for a message that is appended.
func floorMessage(channel string, position uint64, r crowd.Frame) *wire.Message {
	return &wire.Message{
		Channel: channel, Position: position, Cursor: floorCursor(position), At: time.Now().UTC(), By: floorUser,
		Data: append([]byte(nil), r.Data...), Op: string(r.Op),
	}
}

// webSocketMessage is a message as a server sends it: in one frame, not masked.
func webSocketMessage(text []byte) []byte {
	b := make([]byte, 1, len(text)+10)
	b[0] = 0x81
	switch n := len(text); {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, text...)
}
