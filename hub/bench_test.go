package hub_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/steptest"
	"github.com/baton-hub/baton/hub"
	sockets "github.com/baton-hub/baton/hub/crowd"
	"github.com/baton-hub/baton/hub/hubtest"
)

// The benchmarks here are of a whole node: the embedded server, every commit on the disk before it is acknowledged, and
// readers over WebSockets of the system. `make bench` holds them against their targets.

// BenchmarkAWriteAndItsAnswer is one tab that writes and waits, over WebSocket.
func BenchmarkAWriteAndItsAnswer(b *testing.B) {
	n := newNode(b, nodeOptions{limits: hub.Limits{Rate: 1e6, Burst: 1e6}})
	browser := hubtest.NewBrowser(b)
	browser.SignIn(n.url, "lab", "alice")
	tab := browser.Open(n.url, "alice-tab")
	tab.Do(join("notes"), "joined", nil)
	for i := 0; b.Loop(); i++ {
		tab.Do(write("notes", "k", i), "written", nil)
	}
}

// What the many writers write, and how many read all of it over WebSockets.
const (
	manyWriters = 64
	manyReaders = 10
	position    = `{"value":17.25,"unit":"mm","limits":[0,25],"moving":false}`
)

// BenchmarkSixtyFourWriters is 64 writers of this process, each of which waits for its answer, and ten readers. An
// operation is a write that is on the disk, answered, and with all readers.
func BenchmarkSixtyFourWriters(b *testing.B) {
	n := newNode(b, nodeOptions{limits: noLimits})
	n.token(b, "writer")
	space, err := n.Space(b.Context(), "lab")
	if err != nil {
		b.Fatal(err)
	}
	manyWrite(b, n, func(w int) func(i int) error {
		client := fmt.Sprint("writer-", w)
		return func(i int) error {
			write := channels.Write{Channel: "notes", Set: map[string]json.RawMessage{client: json.RawMessage(position)}}
			o := space.Do(b.Context(), channels.Proposal{
				Op: channels.Op{Client: client, N: uint64(i)}, Actor: "writer", User: "writer",
				Body: fmt.Appendf(nil, `{"type":"write","channel":"notes","set":{%q:%s}}`, client, position), Source: uint64(w + 1), Decide: write.Decide,
			})
			return o.Err
		}
	})
}

// BenchmarkSixtyFourSockets is the same with each writer on a WebSocket of its own: the clients are in this process too,
// and take their part of the processors.
func BenchmarkSixtyFourSockets(b *testing.B) {
	n := newNode(b, nodeOptions{limits: noLimits})
	token := n.token(b, "writer")
	manyWrite(b, n, func(w int) func(i int) error {
		client := fmt.Sprint("writer-", w)
		conn := dial(b, n, token, client)
		var frame []byte
		return func(i int) error {
			frame = fmt.Appendf(frame[:0], `[{"type":"write","id":%d,"channel":"notes","set":{%q:%s},"op":"%s.%d"}]`, i, client, position, client, i)
			if err := conn.Write(frame); err != nil {
				return err
			}
			return await(conn, func(f sockets.Frame) bool { return string(f.Type) == "written" && f.ID == uint64(i) })
		}
	})
}

// manyWrite measures writers that are made one by one, until the readers have everything.
func manyWrite(b *testing.B, n *node, writer func(w int) func(i int) error) {
	var writing, reading sync.WaitGroup
	token := n.token(b, "reader")
	each := b.N/manyWriters + 1
	for r := range manyReaders {
		conn := dial(b, n, token, fmt.Sprint("reader-", r))
		if err := conn.Write([]byte(`[{"type":"join","id":1,"channel":"notes"}]`)); err != nil {
			b.Fatal(err)
		}
		if err := await(conn, func(f sockets.Frame) bool { return string(f.Type) == "joined" }); err != nil {
			b.Fatal(err)
		}
		reading.Go(func() {
			for got := 0; got < each*manyWriters; {
				message, err := conn.Read()
				if err != nil {
					b.Errorf("after %d changes: %v", got, err)
					return
				}
				got += bytes.Count(message, []byte(`{"type":"change"`)) // the reader is not what is measured
			}
		})
	}
	writers := make([]func(int) error, manyWriters)
	for w := range writers {
		writers[w] = writer(w)
	}
	b.ReportAllocs()
	b.ResetTimer()
	busy := steptest.ProcessTime(b)
	for _, write := range writers {
		writing.Go(func() {
			for i := 1; i <= each; i++ {
				if err := write(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	writing.Wait()
	reading.Wait()
	writes := float64(each * manyWriters)
	b.ReportMetric(writes/b.Elapsed().Seconds(), "writes/s")
	b.ReportMetric(float64((steptest.ProcessTime(b)-busy).Microseconds())/writes, "cpu-µs/write")
	b.ReportMetric(writes/float64(entries(b, n)), "writes/entry")
}

// entries is how many entries were committed.
func entries(b *testing.B, n *node) (entries uint64) {
	space, err := n.Space(b.Context(), "lab")
	if err != nil {
		b.Fatal(err)
	}
	space.Read(func(s *channels.State) { entries = s.Position() })
	return entries
}

// dial opens a connection that costs this process little.
func dial(b *testing.B, n *node, token, client string) *sockets.Conn {
	b.Helper()
	conn, err := sockets.Dial(b.Context(), sockets.Options{URL: n.url, Client: client, Token: token})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return conn
}

// await reads until a frame is the one.
func await(conn *sockets.Conn, is func(sockets.Frame) bool) error {
	for found := false; !found; {
		message, err := conn.Read()
		if err == nil {
			err = sockets.Each(message, func(f sockets.Frame) error {
				found = is(f) || found
				return nil
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
