package hub_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

// A watcher is a client that costs this process next to nothing: it has no goroutine.
type watcher struct {
	net.Conn
	in *bufio.Reader
}

// watch opens a connection and joins the notes.
func watch(t *testing.T, n *node, token string, number int) *watcher {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
	if err == nil {
		t.Cleanup(func() { _ = conn.Close() })
		err = conn.SetDeadline(time.Now().Add(4 * hubtest.Patience))
	}
	if err == nil {
		_, err = fmt.Fprintf(conn, "GET %s?client=watcher-%d HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer %s\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
			wire.Path, number, token, wire.Subprotocol)
	}
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{conn, bufio.NewReaderSize(conn, 256)}
	if response, err := http.ReadResponse(w.in, nil); err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(response, err)
	}
	join := wire.Encode(&wire.Join{Head: wire.Head{ID: 1}, Channel: "notes"})
	frame := append([]byte{0x81, 0x80 | byte(len(join)), 0, 0, 0, 0}, join...) // a mask of zeros is one, too
	if _, err := w.Write(frame); err != nil {
		t.Fatal(err)
	}
	w.await(t, `"joined"`)
	return w
}

// await reads messages until one has a text.
func (w *watcher) await(t *testing.T, text string) {
	t.Helper()
	for {
		head, err := w.in.Peek(2)
		if err != nil {
			t.Fatalf("waiting for %s: %v", text, err)
		}
		skip, n := 2, int(head[1])
		if more := map[int]int{126: 2, 127: 8}[n]; more > 0 {
			long, err := w.in.Peek(2 + more)
			if err != nil {
				t.Fatal(err)
			}
			skip, n = 2+more, int(binary.BigEndian.Uint64(append(make([]byte, 8-more, 8), long[2:]...)))
		}
		data := make([]byte, skip+n)
		if _, err := io.ReadFull(w.in, data); err != nil {
			t.Fatal(err)
		}
		if data[0]&0x0f == 9 { // a ping
			if _, err := w.Write(append([]byte{0x8a, 0x80 | byte(n), 0, 0, 0, 0}, data[skip:]...)); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(string(data), text) {
			return
		}
	}
}

// crowd opens connections of a service.
func crowd(t *testing.T, n *node, size int) (all []*watcher) {
	t.Helper()
	token := n.token(t, "screen")
	for i := range size {
		all = append(all, watch(t, n, token, i))
	}
	return all
}

var noLimits = hub.Limits{PerSession: 1e6, PerUser: 1e6, PerAddress: 1e6, PerNode: 1e6, Rate: 1e6, Burst: 1e6}

// A screen that shows what it has joined and says nothing.
func TestAConnectionCostsAGoroutineAndFewKilobytes(t *testing.T) {
	if !alone(t) {
		return
	}
	const size, most = 100, 32 << 10
	n := newNode(t, nodeOptions{limits: noLimits})
	crowd(t, n, 10) // what all of them share
	weigh := func() (bytes, goroutines int) {
		var m runtime.MemStats
		for range 5 { // a stack shrinks by half each time
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc + m.StackInuse), runtime.NumGoroutine()
	}
	bytesBefore, before := weigh()
	all := crowd(t, n, size)
	bytesAfter, after := weigh()
	each := (bytesAfter - bytesBefore) / size
	t.Logf("a connection costs %d bytes and %.2f goroutines, this client of it included", each, float64(after-before)/size)
	if after-before > size+size/10 {
		t.Errorf("%d connections cost %d goroutines", size, after-before)
	}
	if each > most {
		t.Errorf("a connection costs %d bytes, the limit is %d", each, most)
	}
	runtime.KeepAlive(all)
}

// counted reads a figure of the node.
func counted(t *testing.T, n *node, name string) int {
	t.Helper()
	m := regexp.MustCompile(name + `\{space="lab"\} (\S+)`).FindStringSubmatch(figures(t, n))
	if m == nil {
		t.Fatalf("there is no %s", name)
	}
	f, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return int(f)
}

func TestADeliveryCostsOneWriteAndABurstFewer(t *testing.T) {
	const size, lone, burst = 40, 50, 1000
	n := newNode(t, nodeOptions{limits: noLimits})
	all := crowd(t, n, size)
	writes := func() int { return counted(t, n, "baton_sent_messages_total") + counted(t, n, "baton_waits_total") }
	before := writes()
	for i := 1; i <= lone; i++ {
		commitMany(t, n, i, i)
		for _, w := range all {
			w.await(t, fmt.Sprintf(`"last":%d`, i))
		}
	}
	if n := writes() - before; n > size*lone*11/10 {
		t.Errorf("%d deliveries, one after the other, took %d writes", size*lone, n)
	}
	before = writes()
	commitMany(t, n, lone+1, lone+burst)
	for _, w := range all {
		w.await(t, fmt.Sprintf(`"last":%d`, lone+burst))
	}
	t.Logf("%d deliveries at once took %d writes", size*burst, writes()-before)
	if n := writes() - before; n > size*burst/4 {
		t.Errorf("%d deliveries at once took %d writes", size*burst, n)
	}
}
