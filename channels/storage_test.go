package channels_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/channels"
)

// fullLog is a log whose disk can be full.
type fullLog struct {
	*channels.MemoryLog
	full *atomic.Bool
}

func (l fullLog) Append(ctx context.Context, after uint64, data []byte) error {
	if l.full.Load() {
		return fmt.Errorf("no space left: %w", channels.ErrStorage)
	}
	return l.MemoryLog.Append(ctx, after, data)
}

func TestWhatALogThatCannotStoreKeepsOutIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var full atomic.Bool
		b.wrap = func(l *channels.MemoryLog) channels.Log { return fullLog{l, &full} }
		s := b.open()
		admit(t, s, "ann")
		full.Store(true)
		inFlight := make(chan channels.Outcome, 1)
		p := set("ann", 1, "open", "k", `1`)
		p.Done = func(o channels.Outcome) { inFlight <- o }
		s.Propose(p)
		synctest.Wait()
		queued := s.Do(t.Context(), set("ann", 2, "open", "k", `2`))
		if u, ok := queued.Err.(*channels.Uncertain); !ok || u.Code != channels.CodeStorage {
			t.Errorf("what never left is answered %v", queued.Err)
		}
		if u, ok := (<-inFlight).Err.(*channels.Uncertain); !ok || u.Code != channels.CodeUnknown {
			t.Errorf("what was in flight, and may be found in the log, is answered %v", u)
		}
		full.Store(false)
		mustDo(t, s, set("ann", 2, "open", "k", `2`))
		b.log.SetDown(true)
		t.Cleanup(func() { b.log.SetDown(false) })
		p = set("ann", 3, "open", "k", `3`)
		p.Done = func(channels.Outcome) {}
		s.Propose(p)
		synctest.Wait()
		queued = s.Do(t.Context(), set("ann", 4, "open", "k", `4`))
		if u, ok := queued.Err.(*channels.Uncertain); !ok || u.Code != channels.CodeUnavailable {
			t.Errorf("what never left, when the log is away, is answered %v", queued.Err)
		}
	})
}
