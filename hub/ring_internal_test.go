package hub

import (
	"fmt"
	"testing"

	"github.com/baton-hub/baton/hub/wire"

	"pgregory.net/rapid"
)

func TestTheRingForgetsTheOldestAndSaysSo(t *testing.T) {
	var r ring
	r.reset(10)
	for p := uint64(10); p < 10+2*ringEntries; p++ {
		r.add(slot{[]framed{{data: []byte(fmt.Sprint(p))}}})
	}
	head := uint64(9 + 2*ringEntries)
	if r.head() != head {
		t.Fatalf("the head is %d, not %d", r.head(), head)
	}
	if slots, held := r.after(head - ringEntries); !held || len(slots) != ringEntries || string(slots[0].frames[0].data) != fmt.Sprint(head-ringEntries+1) {
		t.Errorf("held %v, %d entries", held, len(slots))
	}
	if _, held := r.after(head - ringEntries - 1); held {
		t.Error("what is forgotten is said to be held")
	}
	if slots, held := r.after(head); !held || len(slots) != 0 {
		t.Errorf("at the head: held %v, %d entries", held, len(slots))
	}
	big := make([]byte, ringBytes/2+1)
	r.add(slot{[]framed{{data: big}}})
	r.add(slot{[]framed{{data: big}}})
	if slots, _ := r.after(r.head() - 1); len(slots) != 1 || r.bytes > 2*len(big) {
		t.Errorf("%d entries with %d bytes", len(slots), r.bytes)
	}
	if _, held := r.after(r.head() - 2); held {
		t.Error("the ring holds more bytes than it may")
	}
}

// TestTheBoardShowsEachReaderTheNewestOnce lets readers look at any time: what each has seen in the end is the newest
// value of every key, and no look shows a key twice or an older value.
func TestTheBoardShowsEachReaderTheNewestOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBoard()
		f, other := feed{channel: "motors"}, feed{channel: "other"}
		newest, seen := map[string]int{}, map[string]int{}
		var clock uint64
		look := func() {
			var values []*posted
			values, _, clock = b.since(clock, func(p *posted) bool { return p.feed == f }, everything)
			for _, p := range values {
				var n int
				if _, err := fmt.Sscan(string(p.data), &n); err != nil || n <= seen[p.key] {
					t.Fatalf("%s shows %s after %d", p.key, p.data, seen[p.key])
				}
				seen[p.key] = n
			}
		}
		for n := 1; n <= 50; n++ {
			key := rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "key")
			b.set(f, key, wire.Value{Value: []byte(fmt.Sprint(n))})
			b.set(other, key, wire.Value{Value: []byte("0")})
			newest[key] = n
			if rapid.Bool().Draw(t, "look") {
				look()
			}
		}
		look()
		if fmt.Sprint(newest) != fmt.Sprint(seen) {
			t.Fatalf("seen %v, newest %v", seen, newest)
		}
	})
}
