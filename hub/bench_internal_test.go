package hub

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/baton-hub/baton/channels"
)

// The steps of the fan-out, each by itself: an entry of 64 transactions becomes frames, once for all readers, which go into
// the ring, and from there into a message of each reader. How much each may allocate is in `make test`, below.

// together is how many transactions share an entry here.
const together = 64

// entryHere is an entry in which so many tabs write one key each, and a room in which somebody reads them.
func entryHere(tb testing.TB) encoder {
	tb.Helper()
	r := openRoom(tb)
	r.followLocked(&conn{}, feed{channel: "a"}, 0)
	entry := &channels.Entry{Version: channels.EntryVersion, ID: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
	for i := range together {
		client := fmt.Sprint("writer-", i)
		entry.Transactions = append(entry.Transactions, channels.Transaction{
			Op: channels.Op{Client: client, N: 1_000}, Hash: "0123456789abcdef", By: channels.Actor{ID: "session-" + client, User: "user-" + client},
			Effects: []channels.Effect{{Channel: "a", Key: client, Value: json.RawMessage(`{"value":17.25,"unit":"mm","limits":[0,25],"moving":false}`)}},
		})
	}
	var e encoder
	r.replica().Read(func(s *channels.State) {
		e = encoder{room: r, state: s, change: channels.Change{Position: s.Position(), Time: s.Time(), Entry: entry}}
	})
	return e
}

var steps = []struct {
	name string
	most float64 // allocations for each transaction
	make func(testing.TB) func()
}{
	{"EncodeFrames", 15, func(tb testing.TB) func() {
		made := entryHere(tb)
		return func() {
			e := made
			e.entry()
		}
	}},
	{"Ring", 0.1, func(tb testing.TB) func() {
		e := entryHere(tb)
		s := e.entry()
		var r ring
		r.reset(1)
		for range 2 * ringEntries { // full: it forgets as much as it takes
			r.add(s)
		}
		return func() {
			r.add(s)
			if slots, held := r.after(r.head() - 1); !held || len(slots) != 1 {
				tb.Fatal("the ring does not hold what was added")
			}
		}
	}},
	{"Gather", 0.1, func(tb testing.TB) func() {
		e := entryHere(tb)
		s := e.entry()
		c := &conn{room: e.room, taken: make(chan struct{}, 1), heard: e.room.news, members: e.room.shown.version}
		e.room.followLocked(c, feed{channel: "a"}, 0)
		buffer := make([]byte, 0, 64<<10)
		return func() {
			c.cursor = e.change.Position - 1
			p := parcel{data: buffer}
			if c.gatherHeldLocked(&p, []slot{s}) || len(p.data) < together {
				tb.Fatal("it is not one message with all of it")
			}
		}
	}},
}

func TestAStepOfTheFanOutAllocatesLittle(t *testing.T) {
	for _, s := range steps {
		n := testing.AllocsPerRun(20, s.make(t)) / together
		t.Logf("%s: %.2f", s.name, n)
		if n > s.most {
			t.Errorf("%s takes %.2f allocations for each transaction, the limit is %.2f", s.name, n, s.most)
		}
	}
}

func benchmarkStep(b *testing.B, name string) {
	for _, s := range steps {
		if s.name == name {
			f := s.make(b)
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/together, "ns/transaction")
			return
		}
	}
}

func BenchmarkEncodeFrames(b *testing.B) { benchmarkStep(b, "EncodeFrames") }
func BenchmarkRing(b *testing.B)         { benchmarkStep(b, "Ring") }
func BenchmarkGather(b *testing.B)       { benchmarkStep(b, "Gather") }
