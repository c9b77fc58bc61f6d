package channels

import (
	"encoding/json"
	"fmt"
	"testing"
)

// manyKeys is a store of so many keys, of which each change was one entry, and of which the first has changed many times.
func manyKeys(n int) *store {
	s := newStore()
	for i := range n {
		s.set(fmt.Sprintf("key-%07d", i), Value{Data: json.RawMessage("1"), Position: uint64(i + 1)})
	}
	for i := range 10 * n {
		s.set("key-0000000", Value{Data: json.RawMessage("2"), Position: uint64(n + i + 1)})
	}
	return s
}

func TestWhatChangedCostsNoMoreThanTheChanges(t *testing.T) {
	const keys = 20_000
	s := manyKeys(keys)
	if len(s.trail) > 3*keys {
		t.Errorf("the trail of %d keys has %d items", keys, len(s.trail))
	}
	looked := 0
	for range s.after(11*keys - 1) {
		looked++
	}
	if looked != 1 {
		t.Errorf("one change was found as %d", looked)
	}
	allocated := testing.AllocsPerRun(10, func() { s.since(11*keys - 1) })
	if allocated > 20 {
		t.Errorf("telling one change allocates %v times", allocated)
	}
	if c, _ := s.since(0); len(c.Values) != keys {
		t.Errorf("there are %d keys, %d are told", keys, len(c.Values))
	}
}

func BenchmarkOneChangeOfAMillionKeys(b *testing.B) {
	s := manyKeys(1_000_000)
	for b.Loop() {
		s.since(11_000_000 - 1)
	}
}
