package hub

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/steptest"
)

// The steps of the fan-out, each by itself: an entry of 64 transactions becomes frames, once for all readers, which go into
// the ring, and from there into a message of each reader. How much each may allocate is in `make test`, below.

// entryHere is an entry in which so many tabs write one key each, and a room in which somebody reads them.
func entryHere(tb testing.TB) encoder {
	tb.Helper()
	r := openRoom(tb)
	r.followLocked(&conn{}, feed{channel: "a"}, 0)
	entry := &channels.Entry{Version: channels.EntryVersion, ID: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
	for i := range steptest.Together {
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

var fanOutSteps = []steptest.Step{
	{Name: "EncodeFrames", Most: 15, Make: func(tb testing.TB) func() {
		made := entryHere(tb)
		return func() {
			e := made
			e.entry()
		}
	}},
	{Name: "Ring", Most: 0.1, Make: func(tb testing.TB) func() {
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
	{Name: "Gather", Most: 0.1, Make: func(tb testing.TB) func() {
		e := entryHere(tb)
		s := e.entry()
		c := &conn{room: e.room, taken: make(chan struct{}, 1), heard: e.room.news, members: e.room.shown.version}
		e.room.followLocked(c, feed{channel: "a"}, 0)
		buffer := make([]byte, 0, 64<<10)
		return func() {
			c.cursor = e.change.Position - 1
			p := parcel{data: buffer}
			if c.gatherHeldLocked(&p, []slot{s}) || len(p.data) < steptest.Together {
				tb.Fatal("it is not one message with all of it")
			}
		}
	}},
}

func TestAStepOfTheFanOutAllocatesLittle(t *testing.T) { steptest.Check(t, fanOutSteps) }

func BenchmarkEncodeFrames(b *testing.B) { steptest.Benchmark(b, fanOutSteps, "EncodeFrames") }
func BenchmarkRing(b *testing.B)         { steptest.Benchmark(b, fanOutSteps, "Ring") }
func BenchmarkGather(b *testing.B)       { steptest.Benchmark(b, fanOutSteps, "Gather") }
