package hub_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
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
	if err != nil {
		t.Fatal(err)
	}
	return watchOver(t, conn, token, number)
}

func watchOver(t *testing.T, conn net.Conn, token string, number int) *watcher {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() })
	err := conn.SetDeadline(time.Now().Add(4 * hubtest.Patience))
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
	w.await(t, `"type":"joined"`) // and not the limit of that name, in the welcome
	return w
}

// await reads messages until one has a text.
func (w *watcher) await(t *testing.T, text string) {
	t.Helper()
	for {
		if _, data := w.next(t, text); strings.Contains(string(data), text) {
			return
		}
	}
}

// closed reads until the connection is closed, and returns the code.
func (w *watcher) closed(t *testing.T) int {
	t.Helper()
	for {
		if opcode, data := w.next(t, "a close frame"); opcode == 8 {
			return int(binary.BigEndian.Uint16(data))
		}
	}
}

// next reads one frame, and answers it if it is a ping.
func (w *watcher) next(t *testing.T, what string) (opcode byte, data []byte) {
	t.Helper()
	head, err := w.in.Peek(2)
	if err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
	skip, n := 2, int(head[1])
	if more := map[int]int{126: 2, 127: 8}[n]; more > 0 {
		long, err := w.in.Peek(2 + more)
		if err != nil {
			t.Fatal(err)
		}
		skip, n = 2+more, int(binary.BigEndian.Uint64(append(make([]byte, 8-more, 8), long[2:]...)))
	}
	data = make([]byte, skip+n)
	if _, err := io.ReadFull(w.in, data); err != nil {
		t.Fatal(err)
	}
	opcode, data = data[0]&0x0f, data[skip:]
	if opcode == 9 {
		if _, err := w.Write(append([]byte{0x8a, 0x80 | byte(n), 0, 0, 0, 0}, data...)); err != nil {
			t.Fatal(err)
		}
	}
	return opcode, data
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
	const size, most = 200, 14 << 10
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

// writesSoFar reads how many writes this process has made, as the kernel counts them: write(2), of whatever it was.
func writesSoFar(t *testing.T) (writes int) {
	t.Helper()
	data, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skip("this system does not count the system calls of a process: ", err)
	}
	for line := range strings.Lines(string(data)) {
		if n, found := strings.CutPrefix(line, "syscw: "); found {
			if writes, err = strconv.Atoi(strings.TrimSpace(n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return writes
}

// TestADeliveryCostsOneWriteAndABurstFewer counts the system calls of all of this process, which has nothing else to do: the
// clients only read. What a commit writes, and wakes up, is among them: less than a fifth, so one write more for each
// delivery would be far beyond the limit.
func TestADeliveryCostsOneWriteAndABurstFewer(t *testing.T) {
	if !alone(t) {
		return
	}
	const size, lone, burst = 100, 50, 1000
	n := newNode(t, nodeOptions{limits: noLimits})
	all := crowd(t, n, size)
	commitMany(t, n, 1, 1) // its token is made by now
	await := func(last int) {
		for _, w := range all {
			w.await(t, fmt.Sprintf(`"last":%d`, last))
		}
	}
	await(1)
	before := writesSoFar(t)
	for i := 2; i <= lone+1; i++ {
		commitMany(t, n, i, i)
		await(i)
	}
	writes := writesSoFar(t) - before
	t.Logf("%d deliveries, one after the other, took %d writes", size*lone, writes)
	if writes < size*lone || writes > size*lone*3/2 {
		t.Errorf("%d deliveries, one after the other, took %d writes", size*lone, writes)
	}
	before = writesSoFar(t)
	commitMany(t, n, lone+2, lone+1+burst)
	await(lone + 1 + burst)
	writes = writesSoFar(t) - before
	t.Logf("%d deliveries at once took %d writes", size*burst, writes)
	if writes > size*burst/10 {
		t.Errorf("%d deliveries at once took %d writes", size*burst, writes)
	}
}

func TestWhatManyLeaveBehindWhenTheyComeIsGivenBack(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNode(t, nodeOptions{limits: noLimits})
	collected := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumForcedGC // others come by themselves
	}
	before := collected()
	all := crowd(t, n, 600)
	until(t, "what 600 connections left behind is given back", func() bool { return collected() > before })
	runtime.KeepAlive(all)
}
