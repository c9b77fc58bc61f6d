package channels_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
)

// slowBounds answers with what was so when it was asked, a while later.
type slowBounds struct {
	*channels.MemoryLog
	late atomic.Int64
}

func (l *slowBounds) Bounds(ctx context.Context) (first, last uint64, err error) {
	first, last, err = l.MemoryLog.Bounds(ctx)
	time.Sleep(time.Duration(l.late.Load())) // in the bubble
	return first, last, err
}

func TestALateAnswerAboutTheLogIsNoLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		slow := &slowBounds{MemoryLog: b.log}
		b.wrap = func(*channels.MemoryLog) channels.Log { return slow }
		s := b.open()
		admit(t, s, "ann")
		slow.late.Store(int64(1500 * time.Millisecond))
		epoch := s.Epoch()
		for n := 1; n <= 20; n++ {
			time.Sleep(2100 * time.Millisecond) // so that each write crosses a question under way
			mustDo(t, s, set("ann", n, "open", "k", fmt.Sprint(n)))
		}
		if s.Epoch() != epoch {
			t.Error("a new epoch has begun, and nothing was lost")
		}
	})
}

func TestASecondLossBeginsANewEpochToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		base, first := position(s), s.Epoch()
		for n := 1; n <= 4; n++ {
			mustDo(t, s, set("ann", n, "open", fmt.Sprint(n), `1`))
		}
		b.log.LoseAfter(base + 1)
		until(t, "the second epoch", func() bool { return s.Epoch() != first })
		second := s.Epoch()
		mustDo(t, s, set("ann", 5, "open", "x", `1`))
		mustDo(t, s, set("ann", 6, "open", "x", `2`))
		late := b.entries()[position(s)-1]
		b.log.LoseAfter(base + 1) // the same again, the beginning of the second epoch included
		until(t, "the third epoch", func() bool { return s.Epoch() != first && s.Epoch() != second })

		// An entry of the second epoch, which nobody has read about, comes late: it does nothing, to anybody.
		data, err := late.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := b.log.Append(t.Context(), position(s), data); err != nil {
			t.Fatal(err)
		}
		mustDo(t, s, set("ann", 7, "open", "y", `1`))
		if got, want := snapshotOf(t, b.open()), snapshotOf(t, s); got != want || s.Problem() != nil {
			t.Errorf("a new replica differs, or there is a problem: %v", s.Problem())
		}
	})
}

func TestTheRulesAreInForceAgainAfterALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		old := s.Epoch()
		b.log.LoseAfter(0)
		until(t, "a new epoch", func() bool { return s.Epoch() != old && s.Epoch() != "" })
		admit(t, s, "ann")
		mustDo(t, s, set("ann", 1, "open", "k", `1`))
	})
}
