package socket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/hub/socket"
)

// listen reads as one that awaits does, a goroutine for each time, until the connection ends.
func listen(s *socket.Conn, heard func(string)) (ended chan error) {
	ended = make(chan error, 1)
	var await func()
	hear := func() {
		for {
			_, r, err := s.Reader(context.Background())
			if errors.Is(err, socket.ErrPause) {
				break
			}
			var text []byte
			if err == nil {
				text, err = io.ReadAll(r)
			}
			if err != nil {
				ended <- err
				return
			}
			if heard(string(text)); !s.Pending() {
				break
			}
		}
		go await()
	}
	await = func() {
		if err := s.Await(); err != nil {
			ended <- err
			return
		}
		go hear()
	}
	go await()
	return ended
}

// fragment is a part of a message.
func fragment(opcode byte, payload string, last bool) []byte {
	f := masked(opcode, payload)
	if !last {
		f[0] &^= 0x80
	}
	return f
}

// TestWhoAwaitsHearsEveryMessageHoweverItComes has a client send messages, parts of messages and pings, cut into pieces at
// every place that there is.
func TestWhoAwaitsHearsEveryMessageHoweverItComes(t *testing.T) {
	s, c := accept(t, masked(1, "with the request"), false)
	heard := make(chan string, 100)
	ended := listen(s, func(text string) { heard <- text })
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-heard:
			if got != want {
				t.Fatalf("heard %q, not %q", got, want)
			}
		case err := <-ended:
			t.Fatalf("it ended before %q: %v", want, err)
		case <-time.After(patience):
			t.Fatalf("never heard %q", want)
		}
	}
	pong := func(want string) {
		t.Helper()
		if opcode, payload, err := c.frame(); err != nil || opcode != 10 || string(payload) != want {
			t.Fatalf("a ping was answered with %d %q, %v", opcode, payload, err)
		}
	}
	write := func(b []byte) {
		t.Helper()
		if _, err := c.conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	expect("with the request")
	var stream []byte
	for _, f := range [][]byte{
		masked(9, "1"), masked(1, "one"), masked(10, "unasked"), fragment(1, "tw", false), masked(9, "2"), fragment(0, "", false),
		masked(10, ""), fragment(0, "o", true), masked(9, "3"),
	} {
		stream = append(stream, f...)
	}
	for cut := range len(stream) {
		write(stream[:cut])
		if cut > 0 {
			time.Sleep(time.Millisecond) // so that it comes in two pieces, mostly
		}
		write(stream[cut:])
		pong("1")
		pong("2")
		pong("3")
		expect("one")
		expect("two")
	}
	large := strings.Repeat("x", 100<<10)
	s.SetReadLimit(1 << 20)
	frame := append([]byte{0x81, 0xff, 0, 0, 0, 0, 0, 1, 0x90, 0, 0, 0, 0, 0}, large...) // masked with zeros
	write(frame)
	expect(large)
	select {
	case err := <-ended:
		t.Fatal(err)
	default:
	}
}

// TestWhoAwaitsIsPingedLikeAnybody pings a client while its reader awaits, over and over.
func TestWhoAwaitsIsPingedLikeAnybody(t *testing.T) {
	s, c := accept(t, nil, false)
	heard := make(chan string, 1)
	ended := listen(s, func(text string) { heard <- text })
	for i := range 50 {
		answered := make(chan error, 1)
		go func() { answered <- s.Ping(patience) }()
		opcode, payload, err := c.frame()
		if err != nil || opcode != 9 {
			t.Fatal(opcode, err)
		}
		if _, err := c.conn.Write(masked(10, string(payload))); err != nil {
			t.Fatal(err)
		}
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
		if _, err := c.conn.Write(masked(1, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		select {
		case text := <-heard:
			if text != fmt.Sprint(i) {
				t.Fatalf("heard %q", text)
			}
		case err := <-ended:
			t.Fatal(err)
		}
	}
}

// TestACloseWhileSomebodyAwaitsIsAHandshake closes from this end: the client's answer is read, though somebody awaited.
func TestACloseWhileSomebodyAwaitsIsAHandshake(t *testing.T) {
	for range 20 {
		s, c := accept(t, nil, false)
		ended := listen(s, func(string) {})
		closed := make(chan error, 1)
		go func() { closed <- s.Close(4408, "enough") }()
		if opcode, payload, err := c.frame(); err != nil || opcode != 8 || string(payload) != "\x11\x38enough" {
			t.Fatalf("closing sends %d %q, %v", opcode, payload, err)
		}
		if _, err := c.conn.Write(masked(8, "\x11\x38")); err != nil {
			t.Fatal(err)
		}
		if err := <-closed; err != nil {
			t.Fatalf("the handshake was not done: %v", err)
		}
		if _, err := c.in.ReadByte(); !errors.Is(err, io.EOF) {
			t.Fatalf("after it the connection is not closed: %v", err)
		}
		<-ended
	}
}

// TestAClientThatClosesIsHeardByWhoAwaits closes from the other end.
func TestAClientThatClosesIsHeardByWhoAwaits(t *testing.T) {
	for name, last := range map[string][]byte{"with a handshake": masked(8, "\x03\xe8"), "without a word": nil} {
		t.Run(name, func(t *testing.T) {
			s, c := accept(t, nil, false)
			ended := listen(s, func(string) {})
			if last == nil {
				_ = c.conn.Close()
			} else {
				if _, err := c.conn.Write(last); err != nil {
					t.Fatal(err)
				}
				if opcode, payload, err := c.frame(); err != nil || opcode != 8 || string(payload) != "\x03\xe8" {
					t.Errorf("it answers %d %q, %v", opcode, payload, err)
				}
			}
			err := <-ended
			if last != nil && websocket.CloseStatus(err) != websocket.StatusNormalClosure {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}
