package channels_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/baton-hub/baton/channels"
)

// entrySeeds are entries with something of everything, for the position after those of startedState.
var entrySeeds = []string{
	`{"v":1,"id":"A","e":"EPOCH"}`,
	`{"v":1,"id":"A"}`,
	`{"v":2,"id":"A"}`,
	`{"v":1,"id":"A","e":"OTHER"}`,
	`{"v":1,"id":"A","e":"PAST"}`,
	`{"v":1,"id":"A","e":"EPOCH","t":[{"op":"ann-tab.2","h":"h2","by":{"id":"s1","user":"ann"},"term":3,"a":{"x":1},"e":[{"c":"open","k":"a","v":{"x":2}},{"c":"open","k":"b","v":null},{"c":"ui","o":"ann","k":"a","v":[]}]}]}`,
	`{"v":1,"id":"A","e":"EPOCH","t":[{"op":"bob-tab.1","h":"h","by":{"id":"s2","user":"bob"},"e":[{"c":"open","k":"a","p":{"x":null,"y":{"z":"<&>"}}},{"c":"open","k":"none","p":{"x":1}},{"c":"open","k":"gone","p":[1]}]}]}`,
	`{"v":1,"id":"A","e":"EPOCH","t":[{"op":"bob-tab.1","h":"h","by":{},"e":[{"c":"open","k":"a"},{"c":"open","k":"none"},{"c":"log","v":"\u2028<"},{"c":"log"},{"c":"control","v":{"do":"take"}}]}]}`,
	`{"v":1,"id":"A","e":"EPOCH","t":[{"op":"hub-x.1","h":"h","by":{},"e":[{"c":"~ops","k":"ann-tab"},{"c":"~space","k":"checkpoint","v":{"through":2}}]},{"op":"ann-tab.3","h":"h","by":{"user":"ann"}}]}`,
	`{"v":1,"id":"A","e":"EPOCH","t":[{"op":"hub-x.1","h":"h","by":{},"e":[{"c":"~space","k":"epoch","v":"NEXT"},{"c":"~space","k":"past/EPOCH","v":4}]}]}`,
	`{"v":1,"id":"A","e":"EPOCH","t":[{"op":"hub-x.1","h":"h","by":{},"e":[{"c":"~space","k":"trim","v":{"tombstones":3,"messages":{"log":3}}}]}]}`,
	`{"v":1,"id":"A","e":"EPOCH","t":[{"op":"hub-x.1","h":"h","by":{},"e":[{"c":"~site","k":"rules","v":{"version":2,"channels":{"log":{"kind":"log","write":["member"],"keep":1}}}}]}]}`,
	`{"v":1,"id":"A","e":"EPOCH","t":[{"op":"hub-x.1","h":"h","by":{},"e":[{"c":"~site","k":"rules","v":{"version":"two"}}]}]}`,
	`{"v":1,"id":"A","e":"EPOCH","t":[{"op":"x.1","h":"h","by":{}}]}`,
	`{"v":1,"t":[{"op":"ann-tab.2","e":[{"c":"open","o":"x","k":"","v":1}]}]}`,
	`{"v":1} {"v":1}`, `{`, `null`, `[]`,
}

// startedState has folded a few records: an epoch after another, rules, values, a tombstone, messages.
func startedState(t testing.TB) *channels.State {
	t.Helper()
	state := channels.NewState()
	for i, data := range []string{
		`{"v":1,"id":"1","t":[{"op":"hub-x.1","h":"h","by":{},"e":[{"c":"~space","k":"epoch","v":"EPOCH"},{"c":"~space","k":"past/PAST","v":1}]}]}`,
		`{"v":1,"id":"2","e":"EPOCH","t":[{"op":"hub-x.2","h":"h","by":{},"e":[{"c":"~site","k":"rules","v":{"version":1,"channels":{"open":{"kind":"store","write":["member"]},"log":{"kind":"log","write":["member"],"keep":3}}}}]}]}`,
		`{"v":1,"id":"3","e":"EPOCH","t":[{"op":"ann-tab.1","h":"h1","by":{"id":"s1","user":"ann"},"e":[{"c":"open","k":"a","v":{"x":1}},{"c":"open","k":"gone","v":1},{"c":"log","v":1},{"c":"log","v":2},{"c":"log","v":3},{"c":"ui","o":"bob","k":"z","v":"z"}]}]}`,
		`{"v":1,"id":"4","e":"EPOCH","t":[{"op":"bob-tab.7","h":"h7","by":{"id":"s2","user":"bob"},"a":7,"e":[{"c":"open","k":"gone"},{"c":"log","v":4}]}]}`,
	} {
		if _, err := state.Apply(record(state, data)); err != nil {
			t.Fatalf("record %d: %v", i+1, err)
		}
	}
	return state
}

// record is the next one of a log.
func record(state *channels.State, data string) channels.Record {
	position := state.Position() + 1
	return channels.Record{
		Position: position, Time: time.Date(2026, 1, 2, 3, 4, int(position), 123, time.UTC), Data: []byte(data),
	}
}

func written(t testing.TB, state *channels.State) string {
	t.Helper()
	var b strings.Builder
	if err := state.WriteSnapshot(&b); err != nil {
		t.Fatalf("writing the state: %v", err)
	}
	return b.String()
}

func restored(t testing.TB, snapshot string) *channels.State {
	t.Helper()
	state, err := channels.ReadSnapshot(strings.NewReader(snapshot))
	if err != nil {
		t.Fatalf("reading what was written: %v\n%s", err, snapshot)
	}
	return state
}

func FuzzEntries(f *testing.F) {
	for _, seed := range entrySeeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		checkEncoding(t, data)
		state := startedState(t)
		before := written(t, state)
		replica := restored(t, before)
		r := record(state, data)
		_, err := state.Apply(r)
		after := written(t, state)
		if err != nil && after != before {
			t.Fatalf("refused (%v), and the state is\n%s, was\n%s", err, after, before)
		}
		if err == nil && state.Position() != r.Position {
			t.Fatalf("applied, and the state is at %d", state.Position())
		}
		_, err2 := replica.Apply(r)
		if (err == nil) != (err2 == nil) || written(t, replica) != after {
			t.Fatalf("a replica that began with the snapshot (%v) has\n%s, the other (%v)\n%s", err2, written(t, replica), err, after)
		}
		if again := written(t, restored(t, after)); again != after {
			t.Fatalf("read and written again it is\n%s, was\n%s", again, after)
		}
		late := record(state, data)
		late.Position++
		if _, err := state.Apply(late); err == nil || written(t, state) != after {
			t.Fatalf("a record after a gap: %v", err)
		}
	})
}

// checkEncoding checks that an entry that can be read is written as what is read again.
func checkEncoding(t *testing.T, data string) {
	t.Helper()
	entry, err := channels.DecodeEntry([]byte(data))
	if err != nil {
		return
	}
	once, err := entry.Encode()
	if err != nil {
		t.Fatalf("encoding %s: %v", data, err)
	}
	again, err := channels.DecodeEntry(once)
	if err != nil {
		t.Fatalf("decoding %s: %v", once, err)
	}
	if twice, err := again.Encode(); err != nil || !bytes.Equal(once, twice) {
		t.Fatalf("%s is encoded as %s, and again as %s (%v)", data, once, twice, err)
	}
}

func FuzzSnapshots(f *testing.F) {
	f.Add([]byte(written(f, startedState(f))), uint(100))
	f.Add([]byte(written(f, channels.NewState())), uint(1))
	for _, s := range []string{
		"", "\n", `{"head":{"v":2}}`, "{\"head\":{\"v\":1}}\n{\"end\":1}", "{\"head\":{\"v\":1}}\n{\"end\":1}\n{\"end\":2}\n", "{\"end\":1}", `{"head":{"v":1}}{"end":1}`,
		"{\"head\":{\"v\":1,\"position\":7}}\n{\"floor\":{\"c\":\"open\"}}\n{\"value\":{\"c\":\"open\",\"k\":\"a\"}}\n{\"value\":{\"c\":\"open\",\"k\":\"a\",\"v\":1}}\n{\"end\":4}\n",
		"{\"head\":{\"v\":1}}\n{\"value\":{\"c\":\"open\",\"k\":\"a\",\"v\":1}}\n{\"end\":2}\n",
		"{\"head\":{\"v\":1}}\n{}\n{\"end\":2}\n",
	} {
		f.Add([]byte(s), uint(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint) {
		state, err := channels.ReadSnapshot(bytes.NewReader(data))
		slow, err2 := channels.ReadSnapshot(iotest.HalfReader(iotest.DataErrReader(bytes.NewReader(data))))
		if (err == nil) != (err2 == nil) {
			t.Fatalf("read at once: %v, in pieces: %v", err, err2)
		}
		if err != nil {
			return
		}
		whole := written(t, state)
		if other := written(t, slow); other != whole {
			t.Fatalf("read in pieces it is\n%s, at once\n%s", other, whole)
		}
		if again := written(t, restored(t, whole)); again != whole {
			t.Fatalf("read and written again it is\n%s, was\n%s", again, whole)
		}
		part := whole[:int(cut%uint(len(whole)-1))] // without the last newline it still says all
		if _, err := channels.ReadSnapshot(strings.NewReader(part)); err == nil {
			t.Fatalf("cut off after %d of %d bytes it is taken for whole", len(part), len(whole))
		}
	})
}
