package channels

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
)

// A batch encodes its transactions one by one, for their sizes, and a flight decodes its entry before it comes back. Both
// have to be what everybody else makes of it.
func TestABatchIsEncodedAsItsEntryAndDecodedOnItsWayAsOthersDo(t *testing.T) {
	state := NewState()
	state.epoch = "EPOCH"
	for _, members := range []int{1, 3} {
		var proposals []*waiting
		for n := range members {
			decide := func(d *Draft) (any, error) {
				d.Set(Ref{Channel: "open", Key: fmt.Sprint("k", n)}, json.RawMessage(` { "a" : "<&>\u2028" } `))
				d.patch(Ref{Channel: "open", Key: fmt.Sprint("k", n)}, json.RawMessage(`{}`), json.RawMessage(`{ "a" : null }`))
				d.Append("log", map[string]int{"n": n})
				return n, nil
			}
			p := &Proposal{Op: Op{Client: fmt.Sprint("client-", n), N: 1}, Actor: "s1", User: "ann", Decide: decide}
			proposals = append(proposals, &waiting{Proposal: p, hash: HashBody(nil)})
		}
		take := func() (w *waiting) {
			if len(proposals) > 0 {
				w, proposals = proposals[0], proposals[1:]
			}
			return w
		}
		b := newBatch(state, nobody{}, take, func(*waiting) { t.Error("the batch is full") })
		data := b.encode()
		entry, err := DecodeEntry(data)
		if err != nil || len(entry.Transactions) != members || entry.ID != b.head.ID || entry.Epoch != "EPOCH" {
			t.Fatalf("%d members are encoded as %s (%v)", members, data, err)
		}
		if again, err := entry.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("the batch is encoded as\n%s, its entry as\n%s (%v)", data, again, err)
		}
		f := newFlight(b)
		f.decodeOwn()
		own := f.decode(Record{Position: 1, Data: bytes.Clone(data)})
		if again, err := own.entry.Encode(); err != nil || !bytes.Equal(again, data) || own.Position != 1 {
			t.Errorf("what comes back at %d is %s, was %s (%v)", own.Position, again, data, err)
		}
		other := f.decode(Record{Position: 1, Data: []byte(`{"v":1,"id":"other"}`)})
		if other.err != nil || other.entry.ID != "other" {
			t.Errorf("another entry is taken for %+v (%v)", other.entry, other.err)
		}
	}
}
