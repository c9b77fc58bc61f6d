package channels

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// A batch encodes its transactions one by one, without reflection, and a flight does not decode its entry when it comes
// back. Both have to be what everybody else makes of it.
func TestABatchIsEncodedAsItsEntryAndIsWhatOthersDecode(t *testing.T) {
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
		b := newBatch(state, nobody{}, members, take, func(*waiting) { t.Error("the batch is full") })
		data := b.encode()
		entry, err := DecodeEntry(data)
		if err != nil || len(entry.Transactions) != members || entry.ID != b.entry.ID || entry.Epoch != "EPOCH" {
			t.Fatalf("%d members are encoded as %s (%v)", members, data, err)
		}
		if again, err := entry.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("the batch is encoded as\n%s, its entry as\n%s (%v)", data, again, err)
		}
		f := newFlight(b)
		own := f.decode(Record{Position: 1, Data: bytes.Clone(data)})
		if !reflect.DeepEqual(own.entry, entry) {
			t.Errorf("what comes back is %+v, others read %+v", own.entry, entry)
		}
		if again, err := own.entry.Encode(); err != nil || !bytes.Equal(again, data) || own.Position != 1 {
			t.Errorf("what comes back at %d is %s, was %s (%v)", own.Position, again, data, err)
		}
		other := f.decode(Record{Position: 1, Data: []byte(`{"v":1,"id":"other"}`)})
		if other.err != nil || other.entry.ID != "other" {
			t.Errorf("another entry is taken for %+v (%v)", other.entry, other.err)
		}
	}
}

// A node folds what it has decided itself, all others what they read from the log: these have to be the same, whatever
// names and values are like.
func TestWhatIsDecidedIsWhatOthersReadFromTheLog(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "plain", `"\\<&>`, "\u2028\x7f\x00\t", "ä€😀", "\xff", "a\xc3"}))
	value := rapid.Map(rapid.SampledFrom([]string{`null`, ` 1.50e1 `, `"<\u003c\u2028 é😀"`, `{ "b" : [ 1 , { } ] }`, `[]`, "[\n]", `""`}),
		func(s string) json.RawMessage { return json.RawMessage(s) })
	state := NewState()
	state.epoch = "EPOCH"
	rapid.Check(t, func(t *rapid.T) {
		var proposals []*waiting
		valid := true
		for n := range rapid.IntRange(1, 3).Draw(t, "transactions") {
			names := rapid.SliceOfN(text, 6, 6).Draw(t, "names")
			v, kinds := value.Draw(t, "value"), rapid.SliceOf(rapid.IntRange(0, 3)).Draw(t, "effects")
			term, answer := rapid.Uint64().Draw(t, "term"), rapid.SampledFrom([]any{nil, 7, "x<y", json.RawMessage(` [ ] `)}).Draw(t, "answer")
			again := n != 1 && rapid.Bool().Draw(t, "refused when it was sent again")
			valid = valid && utf8.ValidString(strings.Join(names[3:], "|"))
			if len(kinds) > 0 && !again {
				valid = valid && utf8.ValidString(strings.Join(names[:3], "|"))
			}
			decide := func(d *Draft) (any, error) {
				d.SetTerm(term)
				for i, kind := range kinds {
					ref := Ref{names[0] + "c", names[1], fmt.Sprint(names[2], n, i)}
					switch kind {
					case 0:
						d.Set(ref, v)
					case 1:
						d.Set(ref, v)
						d.patch(ref, v, v)
					case 2:
						d.Append(ref.Channel+ref.Owner+ref.Key, v)
					case 3:
						d.Set(ref, names[5])
						d.Delete(ref)
					}
				}
				if again {
					return nil, &Refusal{Code: CodeConflict, Detail: names[0], Current: map[string]json.RawMessage{names[1]: v}}
				}
				return answer, nil
			}
			proposals = append(proposals, &waiting{hash: HashBody(v), Proposal: &Proposal{
				Op: Op{Client: fmt.Sprint("client-", n), N: 1}, Actor: names[3], User: names[4], Trace: names[5], Unnamed: n == 1, Again: again, Decide: decide,
			}})
		}
		b := batchOf(state, proposals)
		if len(b.entry.Transactions) < len(proposals) {
			if valid {
				t.Fatalf("refused: %v", b.outcomes)
			}
			return
		}
		data := b.encode()
		read, err := DecodeEntry(data)
		if err != nil || !reflect.DeepEqual(read, &b.entry) {
			t.Fatalf("decided %+v\nothers read %+v (%v)\nin %s", b.entry, read, err, data)
		}
		if again, err := b.entry.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("encoded as\n%s, its entry as\n%s (%v)", data, again, err)
		}
	})
}
