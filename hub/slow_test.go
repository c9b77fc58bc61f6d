package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

// A tap is a connection that can be turned down to one byte a second.
type tap struct {
	net.Conn
	slow atomic.Bool
	open chan struct{} // closed when it is to run freely again
}

func (c *tap) Read(p []byte) (int, error) {
	if c.slow.Load() {
		select {
		case <-c.open:
		case <-time.After(time.Second): // what is tested is a client that takes one byte a second
			p = p[:1]
		}
	}
	return c.Conn.Read(p)
}

// dialTap opens a socket of a browser through a tap.
func dialTap(t *testing.T, n *node, b *hubtest.Browser, client string) (*websocket.Conn, *tap) {
	t.Helper()
	c := &tap{open: make(chan struct{})}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		c.Conn = conn
		return c, err
	}}
	header := http.Header{"Origin": {n.url}}
	for _, cookie := range b.Cookies(n.url) {
		header.Add("Cookie", cookie.Name+"="+cookie.Value)
	}
	socket, _, err := hubtest.TryDial(t, n.url, client, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}, HTTPHeader: header})
	if err != nil {
		t.Fatal(err)
	}
	socket.SetReadLimit(-1)
	t.Cleanup(func() { _ = socket.CloseNow() })
	return socket, c
}

// How many commits pass while the client is slow, and after how many it is weighed: several times the ring, and before it
// is closed. Several are weighed at once, because the heap of this process moves by a megabyte or two of its own accord.
const (
	slowCommits = 100_000
	weighAt     = 20_000
	weighed     = 8
)

// commitMany makes a service commit as fast as it can; the key last ends as the number of the last one.
func commitMany(t *testing.T, n *node, from, to int) {
	t.Helper()
	n.token(t, "writer")
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	var waiting sync.WaitGroup
	tickets := make(chan struct{}, 500)
	for i := from; i <= to; i++ {
		tickets <- struct{}{}
		waiting.Add(1)
		w := channels.Write{Channel: "notes", Set: map[string]json.RawMessage{
			fmt.Sprint("k", i%100): json.RawMessage(fmt.Sprintf(`"%0100d"`, i)), "last": json.RawMessage(fmt.Sprint(i)),
		}}
		space.Propose(channels.Proposal{
			Op: channels.Op{Client: "writer", N: uint64(i)}, Actor: "writer", User: "writer", Source: 1, Decide: w.Decide,
			Done: func(o channels.Outcome) {
				if o.Err != nil {
					t.Error(o.Err)
				}
				<-tickets
				waiting.Done()
			},
		})
	}
	waiting.Wait()
}

// readTo reads until a frame shows the key last with a value.
func readTo(socket *websocket.Conn, last int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*hubtest.Patience)
	defer cancel()
	for {
		_, data, err := socket.Read(ctx)
		if err != nil {
			return err
		}
		var frames []struct {
			Set    map[string]json.RawMessage
			Values map[string]wire.Value
		}
		if err := json.Unmarshal(data, &frames); err != nil {
			return err
		}
		for _, f := range frames {
			if want := fmt.Sprint(last); string(f.Set["last"]) == want || string(f.Values["last"].Value) == want {
				return nil
			}
		}
	}
}

// heap is what is in use once everything that can be collected is.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func TestASlowClientCostsACursorAndEndsOnTheLastValue(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNode(t, nodeOptions{})
	browser, _ := n.open(t, "alice")
	slowly := func(client string) (*websocket.Conn, *tap) {
		s, tap := dialTap(t, n, browser, client)
		if err := s.Write(t.Context(), websocket.MessageText, wire.Encode(&wire.Join{Head: wire.Head{ID: 1}, Channel: "notes"})); err != nil {
			t.Fatal(err)
		}
		tap.slow.Store(true)
		return s, tap
	}
	socket, slow := slowly("alice-slow")
	var taps []*tap
	for i := range weighed {
		s, tap := slowly(fmt.Sprint("alice-weighed-", i))
		go func() { _ = readTo(s, -1) }() // one byte a second, until it is closed
		taps = append(taps, tap)
	}
	ended := make(chan error, 1)
	go func() { ended <- readTo(socket, slowCommits) }()
	start := time.Now()
	commitMany(t, n, 1, weighAt)

	with := heap()
	if time.Since(start) > 9*time.Second {
		t.Log("this machine is so slow that the client may be gone before it is weighed")
	}
	for _, tap := range taps {
		if err := tap.Close(); err != nil {
			t.Fatal(err)
		}
	}
	n.waitForTabs(t, "alice", 2)
	if cost := (with - heap()) / weighed >> 10; cost > 1200 {
		t.Errorf("a slow client costs %d KiB, the limit is 1,200", cost)
	} else {
		t.Logf("a slow client costs %d KiB", cost)
	}
	patient := time.Since(start) < 9*time.Second // else it may have taken nothing for 10 s
	slow.slow.Store(false)
	close(slow.open)
	commitMany(t, n, weighAt+1, slowCommits)
	t.Logf("%d commits in %v", slowCommits, time.Since(start).Round(time.Millisecond))
	if err := <-ended; err != nil && (patient || websocket.CloseStatus(err) != wire.CloseTooSlow && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF)) {
		t.Errorf("it did not end on the last value: %v", err)
	}
}

// load writes values of a size, and returns with all of them in the log.
func load(t *testing.T, n *node, channel string, keys, size int, value string) {
	t.Helper()
	n.token(t, "writer")
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	data := json.RawMessage(fmt.Sprintf("%q", value+strings.Repeat("x", size)))
	var waiting sync.WaitGroup
	for from, most := 0, max(1, (128<<10)/(size+64)); from < keys; from += most {
		set := map[string]json.RawMessage{}
		for k := from; k < min(keys, from+most); k++ {
			set[fmt.Sprint("k", k)] = data
		}
		waiting.Add(1)
		space.Propose(channels.Proposal{
			Op: channels.Op{Client: "filler", N: filled.Add(1)}, Actor: "writer", User: "writer", Source: 1, Decide: channels.Write{Channel: channel, Set: set}.Decide,
			Done: func(o channels.Outcome) {
				if o.Err != nil {
					t.Error(o.Err)
				}
				waiting.Done()
			},
		})
		if from/most%8 == 7 { // a few at a time
			waiting.Wait()
		}
	}
	waiting.Wait()
}

var filled atomic.Uint64

// askForNotes is watch without waiting for what the store has.
func askForNotes(t *testing.T, n *node, token string, number int) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	join := wire.Encode(&wire.Join{Head: wire.Head{ID: 1}, Channel: "notes"})
	_, err = fmt.Fprintf(conn, "GET %s?client=watcher-%d HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer %s\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: %s\r\n\r\n%s",
		wire.Path, number, token, wire.Subprotocol, append([]byte{0x81, 0x80 | byte(len(join)), 0, 0, 0, 0}, join...))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestClientsThatTakeNothingOfALargeStoreHaveItInCommon(t *testing.T) {
	if !alone(t) {
		return
	}
	const clients = 24
	n := newNode(t, nodeOptions{limits: noLimits, buffer: 32 << 10})
	token := n.token(t, "screen")
	load(t, n, "notes", 800, 10<<10, "") // 8 MiB
	before := heap()
	var all []net.Conn
	for i := range clients {
		all = append(all, askForNotes(t, n, token, i))
	}
	until(t, "all of them wait", func() bool { return counted(t, n, "baton_waits_total") >= clients })
	cost := (heap() - before) / clients >> 10
	t.Logf("each costs %d KiB", cost)
	if cost > 1200 {
		t.Errorf("a client that takes nothing of 8 MiB costs %d KiB, the limit is 1,200", cost)
	}
	runtime.KeepAlive(all)
}
