package channels

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/steptest"
)

// The steps of a commit, each by itself and without a log: what a transaction costs a node that decides it, stores it and
// folds it. `make bench` runs them for benchstat; how much each may allocate is in `make test`, below.

// known is an Authority that knows everybody.
type known struct{}

func (known) Identify(_ View, id string) (Who, error) { return Who{ID: id, User: id}, nil }
func (known) Fence(View, Who, uint64) error           { return nil }

// writers are proposals of so many clients, each to write one key, as a tab would.
func writers(n int) (all []*waiting) {
	const value = `{"value":17.25,"unit":"mm","limits":[0,25],"moving":false}`
	for i := range n {
		client := fmt.Sprint("writer-", i)
		write := Write{Channel: "params", Set: map[string]json.RawMessage{client: json.RawMessage(value)}}
		all = append(all, &waiting{hash: HashBody([]byte(client)), Proposal: &Proposal{
			Op: Op{Client: client, N: 1_000}, Actor: "session-" + client, User: "user-" + client, Source: uint64(i + 1), Decide: write.Decide,
		}})
	}
	return all
}

// paramsState is a state with a few keys and clients, at position 1.
func paramsState(tb testing.TB) *State {
	tb.Helper()
	state := NewState()
	state.rules = Rules{Version: 1, Channels: map[string]ChannelRules{"params": {Kind: KindStore, Write: []Right{RightMember}}}}
	b := batchOf(state, writers(steptest.Together))
	if _, err := state.Apply(Record{Position: 1, Time: time.Unix(1, 0), Data: b.encode()}); err != nil {
		tb.Fatal(err)
	}
	return state
}

func batchOf(state *State, proposals []*waiting) *batch {
	take := func() (w *waiting) {
		if len(proposals) > 0 {
			w, proposals = proposals[0], proposals[1:]
		}
		return w
	}
	return newBatch(state, known{}, len(proposals), take, func(*waiting) {})
}

// entryOf64 is an entry that can be folded any number of times.
func entryOf64(tb testing.TB, state *State) []byte {
	proposals := writers(steptest.Together)
	for _, w := range proposals {
		w.Op.N++
	}
	b := batchOf(state, proposals)
	if len(b.entry.Transactions) != steptest.Together {
		tb.Fatalf("the entry has %d transactions", len(b.entry.Transactions))
	}
	return b.encode()
}

var commitSteps = []steptest.Step{
	{Name: "Decide", Most: 13, Make: func(tb testing.TB) func() {
		state, proposals := paramsState(tb), writers(steptest.Together)
		for _, w := range proposals {
			w.Op.N++
		}
		return func() { batchOf(state, proposals) }
	}},
	{Name: "EncodeEntry", Most: 0.5, Make: func(tb testing.TB) func() {
		state, proposals := paramsState(tb), writers(steptest.Together)
		for _, w := range proposals {
			w.Op.N++
		}
		b := batchOf(state, proposals)
		return func() {
			fresh := batch{entry: Entry{Version: EntryVersion, ID: b.entry.ID}}
			for _, tx := range b.entry.Transactions {
				fresh.encoded = tx.appendTo(fresh.begin())
				fresh.entry.Transactions = append(fresh.entry.Transactions, tx)
			}
			fresh.encode()
		}
	}},
	{Name: "DecodeEntry", Most: 9, Make: func(tb testing.TB) func() {
		data := entryOf64(tb, paramsState(tb))
		return func() {
			if _, err := DecodeEntry(data); err != nil {
				tb.Fatal(err)
			}
		}
	}},
	{Name: "Fold", Most: 9, Make: func(tb testing.TB) func() {
		state := paramsState(tb)
		data := entryOf64(tb, state)
		return func() {
			entry, err := DecodeEntry(data)
			if err != nil {
				tb.Fatal(err)
			}
			state.position++
			for i := range entry.Transactions {
				state.applyTransaction(&entry.Transactions[i])
			}
		}
	}},
	{Name: "WriteSnapshot", Most: 14, Make: func(tb testing.TB) func() {
		state := paramsState(tb)
		return func() { _ = state.WriteSnapshot(io.Discard) }
	}},
	{Name: "ReadSnapshot", Most: 16, Make: func(tb testing.TB) func() {
		var data bytes.Buffer
		_ = paramsState(tb).WriteSnapshot(&data)
		return func() {
			if _, err := ReadSnapshot(bytes.NewReader(data.Bytes())); err != nil {
				tb.Fatal(err)
			}
		}
	}},
}

func TestAStepOfACommitAllocatesLittle(t *testing.T) { steptest.Check(t, commitSteps) }

func BenchmarkDecide(b *testing.B)        { steptest.Benchmark(b, commitSteps, "Decide") }
func BenchmarkEncodeEntry(b *testing.B)   { steptest.Benchmark(b, commitSteps, "EncodeEntry") }
func BenchmarkDecodeEntry(b *testing.B)   { steptest.Benchmark(b, commitSteps, "DecodeEntry") }
func BenchmarkFold(b *testing.B)          { steptest.Benchmark(b, commitSteps, "Fold") }
func BenchmarkWriteSnapshot(b *testing.B) { steptest.Benchmark(b, commitSteps, "WriteSnapshot") }
func BenchmarkReadSnapshot(b *testing.B)  { steptest.Benchmark(b, commitSteps, "ReadSnapshot") }
