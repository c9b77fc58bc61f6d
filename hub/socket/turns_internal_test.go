package socket

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

// A hijackable gives a connection away.
type hijackable struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

// acceptPipe is a WebSocket over a pipe, which keeps nothing: what is written has been read. It is for a bubble of synctest.
func acceptPipe(t *testing.T) (s *Conn, client net.Conn) {
	t.Helper()
	client, server := net.Pipe()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		r.Header.Set(name, value)
	}
	s, err := Accept(hijackable{httptest.NewRecorder(), server}, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		_ = s.CloseNow()
	})
	return s, client
}

// A pace is a client that takes so many bytes in one go, and then has a rest.
type pace struct {
	io.Reader
	bytes, got int
	rest       time.Duration
}

func (p *pace) Read(b []byte) (int, error) {
	if p.got == p.bytes {
		time.Sleep(p.rest) // of a bubble
		p.got = 0
	}
	n, err := p.Reader.Read(b[:min(len(b), p.bytes-p.got)])
	p.got += n
	return n, err
}

func aMessage(size int) []byte { return append(make([]byte, Head), bytes.Repeat([]byte("x"), size)...) }

func TestAClientIsGivenUpWhenItTakesNothingForAWhileOrLessThanTheSlowest(t *testing.T) {
	const limit = 10 * time.Second
	for name, c := range map[string]struct {
		size int
		pace pace
		gone time.Duration // about when it is given up; 0: it is not
	}{
		"nothing":                        {8 << 20, pace{}, limit},
		"a byte now and then":            {8 << 20, pace{bytes: 1, rest: time.Second}, limit},
		"some, and then nothing":         {8 << 20, pace{bytes: 3 * piece, rest: time.Hour}, limit},
		"a little slower than may be":    {1 << 20, pace{bytes: piece, rest: 3 * time.Second}, limit + 32*time.Second},
		"in time, at the slowest":        {8 << 20, pace{bytes: piece, rest: 1900 * time.Millisecond}, 0},
		"in time, with rests in between": {1 << 20, pace{bytes: 8 * piece, rest: 9 * time.Second}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, client := acceptPipe(t)
				done := make(chan struct{})
				go func() {
					defer close(done)
					if c.pace.Reader = client; c.pace.bytes > 0 {
						_, _ = io.Copy(io.Discard, &c.pace)
					}
				}()
				began := time.Now()
				err := s.Write(aMessage(c.size), limit)
				took := time.Since(began)
				_ = client.Close()
				<-done
				switch {
				case c.gone == 0 && err != nil:
					t.Errorf("given up after %v: %v", took, err)
				case c.gone > 0 && !errors.Is(err, os.ErrDeadlineExceeded):
					t.Errorf("after %v: %v", took, err)
				case c.gone > 0 && (took < c.gone || took > c.gone+limit/looks):
					t.Errorf("given up after %v, want %v", took, c.gone)
				}
			})
		})
	}
}

func TestAPingBehindALargeMessageWaitsForIt(t *testing.T) {
	for name, silent := range map[string]bool{"a client that answers": false, "a client that does not": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const limit = 10 * time.Second
				s, client := acceptPipe(t)
				go func() { _, _, _ = s.Reader(t.Context()) }()
				written := make(chan time.Duration, 1)
				began := time.Now()
				go func() {
					if err := s.Write(aMessage(2<<20), limit); err != nil {
						t.Error(err)
					}
					written <- time.Since(began)
				}()
				synctest.Wait()
				pinged, answered := make(chan error, 1), time.Duration(0)
				go func() {
					err := s.Ping(limit)
					answered = time.Since(began)
					pinged <- err
				}()
				synctest.Wait()
				in := &pace{Reader: client, bytes: piece, rest: time.Second}
				for _, want := range []byte{0x81, 0x89} {
					if op, payload := aFrame(t, in); op != want {
						t.Fatalf("% x came, want % x", op, want)
					} else if want == 0x89 && !silent {
						_, _ = client.Write(append([]byte{0x8a, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...))
					}
				}
				err, took := <-pinged, <-written
				if took < 2*limit {
					t.Errorf("all was written within %v, which shows nothing", took)
				}
				if (err != nil) != silent || silent && answered > took+2*limit {
					t.Errorf("the ping ended after %v with %v, the message after %v", answered, err, took)
				}
			})
		})
	}
}

// aFrame reads one whole frame.
func aFrame(t *testing.T, in io.Reader) (first byte, payload []byte) {
	t.Helper()
	head := make([]byte, 2)
	if _, err := io.ReadFull(in, head); err != nil {
		t.Fatal(err)
	}
	n := uint64(head[1])
	if more := map[uint64]int{126: 2, 127: 8}[n]; more > 0 {
		long := make([]byte, 8)
		if _, err := io.ReadFull(in, long[8-more:]); err != nil {
			t.Fatal(err)
		}
		n = binary.BigEndian.Uint64(long)
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(in, payload); err != nil {
		t.Fatal(err)
	}
	return head[0], payload
}

// pair is a link over TCP and its other end.
func pair(t *testing.T) (*link, net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	if err := client.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return newLink(server), client
}

// fill offers messages until one is not taken as a whole.
func fill(t *testing.T, s *Conn) (messages int) {
	t.Helper()
	m := aMessage(1 << 20)
	for messages = 1; ; messages++ {
		whole, err := s.Offer(Frame(m))
		if err != nil || messages == 1000 {
			t.Fatalf("after %d MiB: %v", messages, err)
		}
		if !whole {
			return messages
		}
	}
}

func TestControlFramesDoNotWaitAndGoOutBetweenMessages(t *testing.T) {
	l, client := pair(t)
	s := &Conn{link: l}
	n := fill(t, s)
	for i := range 100 { // of a client that pings and does not read
		for _, frame := range []string{"\x8a\x02" + string([]byte{byte(i), 'p'}), "\x89\x01q"} {
			if _, err := l.Write([]byte(frame)); err != nil { // nobody reads yet
				t.Fatal(err)
			}
		}
	}
	written := make(chan error, 1)
	go func() { written <- s.Write(aMessage(5), time.Minute) }()
	for range n {
		if op, payload := aFrame(t, client); op != 0x81 || len(payload) != 1<<20 {
			t.Fatalf("% x with %d bytes", op, len(payload))
		}
	}
	for _, want := range []string{"\x8acp", "\x89q", "\x81xxxxx"} { // the last pong stands for all
		if op, payload := aFrame(t, client); string([]byte{op})+string(payload) != want {
			t.Errorf("% x %q came, want %q", op, payload, want)
		}
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}

func TestAControlFrameThatIsNotTakenAtOnceGoesOutByItself(t *testing.T) {
	l, client := pair(t)
	s := &Conn{link: l}
	fill(t, s)
	l.rest = nil // nothing more is under way, and the connection is full to the brim
	if _, err := l.Write([]byte("\x89\x01q")); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 1<<20)
	for got := []byte{}; !bytes.HasSuffix(got, []byte("\x89\x01q")); {
		n, err := client.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, data[max(0, n-3):n]...)
	}
}

func TestWhatHasArrivedIsSeenWhileNothingMoreIsHandedOver(t *testing.T) {
	l, client := pair(t)
	if l.flow == nil {
		t.Skip("this system does not tell")
	}
	fill(t, &Conn{link: l})
	before := l.taken()
	go func() { _, _ = io.Copy(io.Discard, client) }()
	for deadline := time.Now().Add(time.Minute); l.taken() == before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is seen of what the client takes")
		}
	}
}

func TestWhatIsKeptWhileSomebodyWritesIsItsOwn(t *testing.T) {
	l, client := pair(t)
	s := &Conn{link: l}
	m := aMessage(5)
	frame := Frame(m)
	want := bytes.Clone(frame)
	l.writing = true // as while a control frame waits
	if whole, err := s.Offer(frame); whole || err != nil {
		t.Fatal(whole, err)
	}
	clear(m) // the shard uses it for somebody else
	if err := s.Write(nil, time.Minute); err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if got, _ := io.ReadAll(client); !bytes.Equal(got, want) {
		t.Errorf("%q came, want %q", got, want)
	}
}

// Wherever in a frame the system stops, and whatever the library writes then.
func TestAFrameIsCompletedFromEveryByteOn(t *testing.T) {
	for _, size := range []int{1, 126, 1<<16 + 7} {
		for k := 0; k <= size+Head; k++ {
			if size > 1000 && k > 24 && k < size-8 && k%9973 != 0 {
				continue
			}
			for _, control := range []string{"", "\x8a\x01p", "\x88\x02\x03\xe8"} {
				stopAt(t, size, k, control)
			}
		}
	}
}

// stopAt offers a message of which the system takes k bytes at first.
func stopAt(t *testing.T, size, k int, control string) {
	t.Helper()
	l, client := pair(t)
	defer func() { _ = client.Close() }()
	s := &Conn{link: l}
	once := l.try.run
	l.try.run = func(fd uintptr) bool {
		l.try.data = l.try.data[:min(k, len(l.try.data))]
		l.try.n = 0
		return len(l.try.data) == 0 || once(fd)
	}
	m := aMessage(size)
	frame := Frame(m)
	want := append(bytes.Clone(frame), control...)
	got := make(chan []byte, 1)
	go func() {
		data, _ := io.ReadAll(client)
		got <- data
	}()
	whole, err := s.Offer(frame)
	if err != nil || whole != (k >= len(frame)) {
		t.Fatal(size, k, whole, err)
	}
	clear(m) // the shard uses it for somebody else
	l.try.run = once
	if control != "" {
		if _, err := l.Write([]byte(control)); err != nil {
			t.Fatal(err)
		}
	}
	closed := control != "" && control[0] == 0x88
	if err := s.Write(aMessage(1), time.Minute); closed != (err != nil) { // after a close frame there are no data
		t.Fatalf("size %d, stopped at %d, control %q: %v", size, k, control, err)
	}
	if !closed {
		want = append(want, "\x81\x01x"...)
	}
	_ = l.Close()
	if data := <-got; !bytes.Equal(data, want) {
		t.Fatalf("size %d, stopped at %d, control %q: % .20x… of %d bytes, want % .20x… of %d", size, k, control, data, len(data), want, len(want))
	}
}
