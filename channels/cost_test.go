package channels_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
)

// These bounds hold on any machine: bytes and allocations, not times. Those are for `make bench`.

// sampleValue is a value as user interfaces keep them, about 230 bytes.
func sampleValue(i int) string {
	return fmt.Sprintf(`{"id":%d,"name":"sample %d","protein":"P%05d","cell":[78.125,78.125,37.25,90,90,120],"state":"mounted",`+
		`"comment":"%s","path":"/data/visitor/mx2112/id30a1/20260101/RAW_DATA/P%05d"}`, i, i, i, strings.Repeat("x", i%60), i)
}

// sampleRecord is a record in which a tab writes one such value. There are 100 tabs.
func sampleRecord(i int) channels.Record {
	tab := fmt.Sprintf("tab-%03d", i%100)
	data, err := channels.Entry{
		Version: channels.EntryVersion, ID: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		Transactions: []channels.Transaction{{
			Op: channels.Op{Client: tab, N: uint64(1 + i/100)}, Hash: channels.HashBody([]byte(tab)),
			By:      channels.Actor{ID: "session-" + tab, User: "user-" + tab},
			Effects: []channels.Effect{{Channel: "params", Key: fmt.Sprintf("sample/%06d", i), Value: json.RawMessage(sampleValue(i))}},
		}},
	}.Encode()
	if err != nil {
		panic(err)
	}
	return channels.Record{Position: uint64(i + 1), Time: time.Unix(int64(i), 0), Data: data}
}

const sampleKeys = 6_000 // of 8,192, between which a map grows: so full is one of 100,000

func sampleState(t *testing.T) *channels.State {
	t.Helper()
	state := channels.NewState()
	for i := range sampleKeys {
		if _, err := state.Apply(sampleRecord(i)); err != nil {
			t.Fatal(err)
		}
	}
	return state
}

func TestAReplicaTakesAtMostThreeTimesTheBytesOfItsValues(t *testing.T) {
	values := 0
	for i := range sampleKeys {
		values += len(sampleValue(i))
	}
	var snapshot bytes.Buffer
	if err := sampleState(t).WriteSnapshot(&snapshot); err != nil {
		t.Fatal(err)
	}
	fromLog := func() *channels.State { return sampleState(t) }
	fromSnapshot := func() *channels.State {
		state, err := channels.ReadSnapshot(bytes.NewReader(snapshot.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		return state
	}
	for name, build := range map[string]func() *channels.State{"log": fromLog, "snapshot": fromSnapshot} {
		before := liveHeap()
		state := build()
		heap := liveHeap() - before
		runtime.KeepAlive(state)
		t.Logf("%s: %d bytes of heap a key, of which %d are the value", name, heap/sampleKeys, values/sampleKeys)
		if each := (heap - int64(values)) / sampleKeys; heap > int64(3*values) || each > 320 {
			t.Errorf("from the %s a replica takes %.2f times the bytes of its values, and %d more than its value for each key",
				name, float64(heap)/float64(values), each)
		}
	}
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // what the first one finalized
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestAllocationsStayFew(t *testing.T) {
	records := make([]channels.Record, 1_000)
	for i := range records {
		records[i] = sampleRecord(i)
	}
	var snapshot bytes.Buffer
	if err := sampleState(t).WriteSnapshot(&snapshot); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		most float64
		f    func()
		n    int
	}{
		{"folding a record", 25, func() {
			state := channels.NewState()
			for _, r := range records {
				_, _ = state.Apply(r)
			}
		}, len(records)},
		{"reading a value of a snapshot", 10, func() {
			_, _ = channels.ReadSnapshot(bytes.NewReader(snapshot.Bytes()))
		}, sampleKeys},
	} {
		n := testing.AllocsPerRun(3, c.f) / float64(c.n)
		t.Logf("%s: %.1f", c.what, n)
		if n > c.most {
			t.Errorf("%s takes %.1f allocations, want at most %.0f", c.what, n, c.most)
		}
	}
	bench := newBench(t)
	s := bench.open()
	admit(t, s, "ann")
	n := 0
	write := func() {
		n++
		mustDo(t, s, set("ann", n, "open", "k", sampleValue(7)))
	}
	const most = 80 // 66, and with -race some more
	each := testing.AllocsPerRun(200, write)
	t.Logf("a write of one key: %.0f", each)
	if each > most {
		t.Errorf("a write of one key takes %.0f allocations, want at most %d", each, most)
	}
}
