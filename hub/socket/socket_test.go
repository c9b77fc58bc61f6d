package socket_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/hub/socket"
)

const patience = 30 * time.Second

// A client is the other end, which sees every byte.
type client struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

const handshake = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// accept serves one WebSocket, whose handler has returned by then. early is what the client sends with its request.
func accept(t *testing.T, early []byte, withTLS bool) (*socket.Conn, *client) {
	t.Helper()
	s, c := shake(t, socket.Accept, early, withTLS)
	c.answered()
	return s, c
}

// shake serves one WebSocket, to a client that has not read the answer.
func shake(t *testing.T, accept func(http.ResponseWriter, *http.Request, *websocket.AcceptOptions) (*socket.Conn, error), early []byte, withTLS bool) (*socket.Conn, *client) {
	t.Helper()
	accepted := make(chan *socket.Conn, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}))
	var conn net.Conn
	var err error
	if withTLS {
		server.StartTLS()
		conn, err = tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	} else {
		server.Start()
		conn, err = net.Dial("tcp", server.Listener.Addr().String())
	}
	t.Cleanup(server.Close)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close() })
		err = conn.SetDeadline(time.Now().Add(patience))
	}
	if err == nil {
		_, err = conn.Write(append([]byte(handshake), early...))
	}
	if err != nil {
		t.Fatal(err)
	}
	s := <-accepted
	t.Cleanup(func() { _ = s.CloseNow() })
	return s, &client{t, conn, bufio.NewReader(conn)}
}

// answered reads the answer to the handshake.
func (c *client) answered() {
	c.t.Helper()
	response, err := http.ReadResponse(c.in, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols || response.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		c.t.Fatal(response, err)
	}
}

// TestALateAnswerGoesOutWithTheFirstFrame reads once: what comes in one write is there at once.
func TestALateAnswerGoesOutWithTheFirstFrame(t *testing.T) {
	s, c := shake(t, socket.AcceptLate, nil, false)
	if whole, err := s.Offer(socket.Frame(message("hello"))); !whole || err != nil {
		t.Fatal(whole, err)
	}
	if _, err := c.in.Peek(1); err != nil || !s.Quick() {
		t.Fatal(err)
	}
	if got, _ := c.in.Peek(c.in.Buffered()); !strings.HasSuffix(string(got), "\r\n\r\n\x81\x05hello") {
		t.Errorf("at once comes %q", got)
	}
	c.answered()
	for _, want := range []string{"hello", "again"} {
		if opcode, payload, err := c.frame(); opcode != 1 || string(payload) != want || err != nil {
			t.Errorf("%d %q %v, want %q", opcode, payload, err, want)
		}
		if want == "hello" {
			if err := send(s, message("again")); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestALateAnswerGoesBeforeAnyFrame has what must wait, and the library, write the first one.
func TestALateAnswerGoesBeforeAnyFrame(t *testing.T) {
	for what, first := range map[string]func(*socket.Conn) error{
		"Write": func(s *socket.Conn) error { return s.Write(message(""), patience) },
		"Close": func(s *socket.Conn) error { go func() { _ = s.Close(websocket.StatusGoingAway, "") }(); return nil },
		"Ping":  func(s *socket.Conn) error { go func() { _ = s.Ping(patience) }(); return nil },
	} {
		for _, withTLS := range []bool{false, true} {
			s, c := shake(t, socket.AcceptLate, nil, withTLS)
			read(s)
			if err := first(s); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			c.answered()
			if what == "Write" {
				continue
			}
			if opcode, _, err := c.frame(); opcode < 8 || err != nil {
				t.Errorf("%s: then comes %d, %v", what, opcode, err)
			}
		}
	}
}

// read has the server read until the connection ends, as it must for pings and closing.
func read(s *socket.Conn) (ended chan error) {
	ended = make(chan error, 1)
	go func() {
		for {
			_, r, err := s.Reader(context.Background())
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	return ended
}

// masked is a frame of a client.
func masked(opcode byte, payload string) []byte {
	frame := append([]byte{0x80 | opcode, 0x80 | byte(len(payload))}, 1, 2, 3, 4)
	for i := range len(payload) {
		frame = append(frame, payload[i]^byte(i%4+1))
	}
	return frame
}

// frame reads one frame of the server.
func (c *client) frame() (opcode byte, payload []byte, err error) {
	head := make([]byte, 2, 10)
	if _, err := io.ReadFull(c.in, head); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1])
	if extended := map[uint64]int{126: 2, 127: 8}[n]; extended > 0 {
		long := make([]byte, 8)
		if _, err := io.ReadFull(c.in, long[8-extended:]); err != nil {
			return 0, nil, err
		}
		n = binary.BigEndian.Uint64(long)
	}
	if head[0]&0xf0 != 0x80 || n > 1<<24 {
		return 0, nil, fmt.Errorf("% x is not the head of a whole frame", head)
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(c.in, payload)
	return head[0] & 0x0f, payload, err
}

// message is one with room for its head.
func message(text string) []byte { return append(make([]byte, socket.Head), text...) }

// send offers a message, and waits for what is not taken at once.
func send(s *socket.Conn, m []byte) error {
	whole, err := s.Offer(socket.Frame(m))
	if err == nil && !whole {
		err = s.Write(nil, patience)
	}
	return err
}

func TestMessagesOfAllLengthsAreFramed(t *testing.T) {
	s, c := accept(t, nil, false)
	if !s.Quick() {
		t.Fatal("a plain connection is not quick")
	}
	lengths := []int{0, 1, 125, 126, 127, 65535, 65536, 70000}
	go func() {
		for _, n := range lengths {
			if err := send(s, message(strings.Repeat("x", n))); err != nil {
				t.Error(err)
			}
		}
	}()
	for _, n := range lengths {
		if opcode, payload, err := c.frame(); err != nil || opcode != 1 || string(payload) != strings.Repeat("x", n) {
			t.Fatalf("instead of %d bytes came %d of opcode %d, %v", n, len(payload), opcode, err)
		}
	}
}

func atLeast(number string, least int) bool {
	n, err := strconv.Atoi(number)
	return err == nil && n >= least
}

// The client pings all the time and reads by fits and starts, so that frames get stuck half way.
func TestDataAndControlFramesTakeTurnsWholeAndInOrder(t *testing.T) {
	s, c := accept(t, nil, false)
	ended := read(s)
	const messages, pings = 3000, 3000
	sent := make(chan error, 1)
	go func() {
		for i := range messages {
			if err := send(s, message(fmt.Sprint(i, " ", strings.Repeat("x", rand.IntN(8000))))); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	go func() {
		for i := range pings {
			if _, err := c.conn.Write(masked(9, fmt.Sprint(i))); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for data, pongs := 0, 0; data < messages || pongs < pings; { // a pong may stand for those before it
		if rand.IntN(200) == 0 {
			time.Sleep(2 * time.Millisecond) // this is what is tested: a client that does not keep up
		}
		opcode, payload, err := c.frame()
		number, _, _ := strings.Cut(string(payload), " ")
		switch {
		case err != nil:
			t.Fatalf("after %d messages and %d pongs: %v", data, pongs, err)
		case opcode == 1 && number == fmt.Sprint(data):
			data++
		case opcode == 10 && atLeast(number, pongs):
			pongs, _ = strconv.Atoi(number)
			pongs++
		default:
			t.Fatalf("after %d messages and %d pongs came opcode %d, %.20q", data, pongs, opcode, payload)
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	_ = s.CloseNow()
	<-ended
}

func TestNothingFollowsACloseFrame(t *testing.T) {
	for range 50 {
		s, c := accept(t, nil, false)
		ended := read(s)
		stopped := make(chan error, 1)
		go func() {
			for {
				if err := send(s, message("data")); err != nil {
					stopped <- err
					return
				}
			}
		}()
		go func() { _, _ = c.conn.Write(masked(8, "\x03\xe8bye")) }()
		closed := false
		for {
			opcode, payload, err := c.frame()
			if err != nil {
				break
			}
			if closed {
				t.Fatalf("after the close frame came opcode %d, %q", opcode, payload)
			}
			closed = opcode == 8
		}
		if !closed {
			t.Error("the close frame was not answered")
		}
		<-ended
		if err := <-stopped; err == nil {
			t.Error("writing went on")
		}
	}
}

func TestACloseHandshakeIsByteExact(t *testing.T) {
	s, c := accept(t, nil, false)
	ended := read(s)
	done := make(chan error, 1)
	go func() {
		_ = send(s, message("[]"))
		done <- s.Close(4001, "gone")
	}()
	want := []byte("\x81\x02[]\x88\x06\x0f\xa1gone")
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c.in, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("% x, %v", got, err)
	}
	if _, err := c.conn.Write(masked(8, "\x0f\xa1gone")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(c.in); err != nil || len(rest) > 0 {
		t.Errorf("then comes % x, %v", rest, err)
	}
	<-ended
}

func TestCloseNowCutsACloseShortThatTheClientDoesNotAnswer(t *testing.T) {
	s, c := accept(t, nil, false)
	ended := read(s)
	began, done := time.Now(), make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Close(4001, "gone")
	}()
	if opcode, _, err := c.frame(); err != nil || opcode != 8 {
		t.Fatalf("opcode %d, %v", opcode, err)
	}
	_ = s.CloseNow()
	<-done
	<-ended
	if took := time.Since(began); took > 4*time.Second { // the library waits for 5 s
		t.Errorf("it took %v", took)
	}
}

func TestWhatCameWithTheRequestIsRead(t *testing.T) {
	long := strings.Repeat("0123456789", 12)
	s, _ := accept(t, slicesOf(masked(1, "first"), 1, masked(1, long), 30), false)
	for i := range 31 {
		want := long
		if i == 0 {
			want = "first"
		}
		_, r, err := s.Reader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(r); err != nil || string(data) != want {
			t.Fatalf("message %d is %q, %v", i, data, err)
		}
	}
}

func slicesOf(a []byte, n int, b []byte, m int) []byte {
	return append(bytes.Repeat(a, n), bytes.Repeat(b, m)...)
}

func TestOverTLSItIsCorrectAndWaits(t *testing.T) {
	s, c := accept(t, nil, true)
	ended := read(s)
	if s.Quick() {
		t.Fatal("it claims that a write over TLS does not wait")
	}
	if err := s.Write(message("hello"), patience); err != nil {
		t.Fatal(err)
	}
	if _, err := c.conn.Write(masked(9, "p")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 hello", "10 p"} {
		if opcode, payload, err := c.frame(); err != nil || fmt.Sprint(opcode, " ", string(payload)) != want {
			t.Fatalf("%d %q, %v", opcode, payload, err)
		}
	}
	_ = s.CloseNow()
	<-ended
}

func TestAClientThatTakesNothingIsGivenUpInTime(t *testing.T) {
	s, _ := accept(t, nil, false)
	big := message(strings.Repeat("x", 1<<20))
	for i := 0; ; i++ {
		whole, err := s.Offer(socket.Frame(big))
		if err != nil || i > 1000 {
			t.Fatalf("after %d MiB: %v", i, err)
		}
		if !whole {
			break
		}
	}
	began := time.Now()
	if err := s.Write(nil, 100*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it ends with %v", err)
	}
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("it was given %v", took)
	}
	if _, err := s.Offer(socket.Frame(message("more"))); err == nil {
		t.Error("a frame is written into another one")
	}
}

func TestAnOfferAllocatesNothing(t *testing.T) {
	s, c := accept(t, nil, false)
	go func() { _, _ = io.Copy(io.Discard, c.in) }()
	m := message("0123456789")
	if n := testing.AllocsPerRun(1000, func() {
		if whole, err := s.Offer(socket.Frame(m)); err != nil || !whole {
			t.Fatal(whole, err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
