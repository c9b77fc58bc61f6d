package hub_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
)

// BenchmarkAWriteAndItsAnswer is one tab that writes and waits, over WebSocket, with the embedded server and every
// commit on the disk before it is acknowledged.
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

// BenchmarkSixtyFourWriters is the same without sockets, from 64 clients at once: they share entries.
func BenchmarkSixtyFourWriters(b *testing.B) {
	n := newNode(b, nodeOptions{})
	n.token(b, "writer")
	space, err := n.Space(b.Context(), "lab")
	if err != nil {
		b.Fatal(err)
	}
	const writers = 64
	var running sync.WaitGroup
	b.ResetTimer()
	for w := range writers {
		running.Go(func() {
			for i := 1; i <= b.N/writers+1; i++ {
				write := channels.Write{Channel: "notes", Set: map[string]json.RawMessage{fmt.Sprint("k", w): json.RawMessage(fmt.Sprint(i))}}
				o := space.Do(b.Context(), channels.Proposal{
					Op: channels.Op{Client: fmt.Sprint("writer-", w), N: uint64(i)}, Actor: "writer", User: "writer",
					Source: uint64(w + 1), Decide: write.Decide,
				})
				if o.Err != nil {
					b.Error(o.Err)
				}
			}
		})
	}
	running.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}
