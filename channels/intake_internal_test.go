package channels

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func drain(in *intake) (ns []string) {
	for w := in.pop(); w != nil; w = in.pop() {
		ns = append(ns, w.Op.String())
	}
	return ns
}

func item(source uint64, n int, urgent bool) *waiting {
	return &waiting{Proposal: &Proposal{Op: Op{Client: fmt.Sprintf("source%d", source), N: uint64(n)}, Source: source, Urgent: urgent}}
}

func TestSourcesTakeTurnsAndTheUrgentGoFirst(t *testing.T) {
	in := newIntake()
	for n := 1; n <= 3; n++ {
		in.push(item(1, n, false))
	}
	in.push(item(2, 1, false))
	in.push(item(3, 1, true))
	want := []string{"source3.1", "source1.1", "source2.1", "source1.2", "source1.3"}
	if got := drain(in); !slices.Equal(got, want) {
		t.Errorf("served %v, want %v", got, want)
	}
}

func TestNothingOvertakesWithinASource(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := newIntake()
		next, last := map[uint64]int{}, map[uint64]uint64{}
		var taken []*waiting
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				source := rapid.Uint64Range(1, 4).Draw(t, "source")
				next[source]++
				in.push(item(source, next[source], rapid.Bool().Draw(t, "urgent")))
			case 2:
				if w := in.pop(); w != nil {
					taken = append(taken, w)
				}
			case 3: // an entry that was not stored gives everything back
				in.unpop(taken...)
				taken = nil
			}
		}
		in.unpop(taken...)
		for w := in.pop(); w != nil; w = in.pop() {
			if w.Op.N != last[w.Source]+1 {
				t.Fatalf("after %d of source %d came %d", last[w.Source], w.Source, w.Op.N)
			}
			last[w.Source]++
		}
		for source, n := range next {
			if last[source] != uint64(n) {
				t.Fatalf("of source %d, %d of %d came out", source, last[source], n)
			}
		}
	})
}

func TestALookAtTheClockLeavesTheUrgentTheirTurn(t *testing.T) {
	in := newIntake()
	for n := 1; n <= 3; n++ {
		in.push(item(1, n, false))
	}
	in.unpop(in.pop())
	gone := in.expire(func(w *waiting) bool { return w.Op.N == 2 })
	if len(gone) != 1 || in.held != 2 {
		t.Errorf("%d went and %d are left", len(gone), in.held)
	}
	in.push(item(2, 1, true))
	in.push(item(3, 1, false))
	want := []string{"source1.1", "source2.1", "source1.3", "source3.1"} // what was put back goes before all
	if got := drain(in); !slices.Equal(got, want) {
		t.Errorf("served %v, want %v", got, want)
	}
	in.push(item(1, 4, false))
	in.expire(func(*waiting) bool { return true })
	in.push(item(1, 5, false))
	if got := drain(in); !slices.Equal(got, []string{"source1.5"}) || in.held != 0 {
		t.Errorf("after all had gone, %v were served, %d are left", got, in.held)
	}
}
