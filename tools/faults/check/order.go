package check

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"github.com/baton-hub/baton/tools/faults/history"
)

// ordered is G3: what was done came in one order, the same for everybody.
//
//   - What began after something else was done has a higher position.
//   - Writes to a key, with and without a condition, and reads are linearizable, by porcupine; so is the operator's seat, and
//     the place of the one person who is let in.
//   - A read, or a refusal, holds at a position at or after what its client had seen.
func ordered(h *history.History, l *Ledger) []Violation {
	done := commitments(h, l)
	found := realTime(done)
	done = bounded(done)
	found = append(found, linearKeys(h, l, done)...)
	found = append(found, linearSeat(l, done)...)
	found = append(found, linearPlaces(h, l)...)
	return append(found, seen(h, l)...)
}

// A commitment is an operation that is in L, with the time in which that happened: after it was first sent, and before it
// was first acknowledged, or before the end of the world if it was not.
type commitment struct {
	history.Operation
	tx         int
	position   uint64
	begin, end int64
}

const endOfTheWorld = 1 << 62

// commitments are the operations of clients that are in L, whatever their clients know of that, in its order.
func commitments(h *history.History, l *Ledger) (done []commitment) {
	for _, group := range attempts(h) {
		at := l.byOp[group[0].Op]
		if len(at) == 0 {
			continue
		}
		c := commitment{Operation: group[0], tx: at[0], position: l.txs[at[0]].position, begin: group[0].Begin, end: endOfTheWorld}
		for _, o := range group {
			if o.Outcome == history.OK && o.End < c.end {
				c.Operation, c.end = o, o.End
			}
			c.begin = min(c.begin, o.Begin)
		}
		done = append(done, c)
	}
	slices.SortStableFunc(done, func(a, b commitment) int { return cmp.Compare(a.tx, b.tx) })
	return done
}

// bounded are the same, and of what was never acknowledged it says that it happened before what comes after it in L was.
// That L's order is that of the time is for realTime to find out.
func bounded(done []commitment) []commitment {
	done = slices.Clone(done)
	end := int64(endOfTheWorld)
	for i := range slices.Backward(done) {
		if done[i].end == endOfTheWorld {
			done[i].end = max(end, done[i].begin)
		}
		end = min(end, done[i].end)
	}
	return done
}

// realTime finds what has an earlier place than something that was done before it began.
func realTime(done []commitment) (found []Violation) {
	first := commitment{end: endOfTheWorld} // of those from here on, that which was acknowledged first
	for _, c := range slices.Backward(done) {
		if first.end < c.begin {
			found = append(found, Violation{
				Promise: "G3", What: fmt.Sprintf("it began after %s was done, at %d, and has an earlier place", first.Op, first.position),
				Op: c.Op, Client: c.Client, Position: c.position, At: c.begin,
				Evidence: []string{fmt.Sprintf("%s was acknowledged at %.3f s by %s", first.Op, float64(first.end)/1e9, first.Node)},
			})
		}
		if c.end < first.end {
			first = c
		}
	}
	return found
}

// notBefore is a time before which a position cannot have been committed: when the last of the operations up to it began.
type notBefore struct {
	positions []uint64
	times     []int64
}

func newNotBefore(done []commitment) (n notBefore) {
	latest := int64(0)
	for _, c := range done {
		latest = max(latest, c.begin)
		n.positions, n.times = append(n.positions, c.position), append(n.times, latest)
	}
	return n
}

func (n notBefore) at(position uint64) int64 {
	i := sort.Search(len(n.positions), func(i int) bool { return n.positions[i] > position })
	if i == 0 {
		return 0
	}
	return n.times[i-1]
}
