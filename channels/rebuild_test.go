package channels_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
)

// until waits in the bubble for a condition, for a minute at most.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 600 {
		if ok() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("a minute later still not: %s", what)
}

// shy returns a replica that can be cut off from the log, and how.
func (b *bench) shy(snapshots channels.Snapshots) (s *channels.Space, cut, back func()) {
	b.t.Helper()
	shy := &shyLog{MemoryLog: b.log, refused: errors.New("cut off")}
	shy.hang, shy.hangUp = context.WithCancel(b.t.Context())
	s, err := channels.Open(b.t.Context(), channels.Options{Name: "lab", Log: shy, Snapshots: snapshots, Authority: people{}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(s.Close)
	cut = func() {
		shy.away.Store(true)
		shy.hangUp()
		synctest.Wait()
	}
	back = func() { shy.hang = b.t.Context(); shy.away.Store(false) }
	return s, cut, back
}

func TestAReplicaThatSawTheLostEndComesToWhatTheLogHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		one := b.open()
		admit(t, one, "ann")
		mustDo(t, one, set("ann", 1, "open", "kept", `1`))
		for n := 2; n <= 4; n++ {
			mustDo(t, one, set("ann", n, "open", fmt.Sprint("lost", n), `1`))
		}
		away, cut, back := b.shy(b.snapshots)
		epoch := one.Epoch()
		synctest.Wait()
		cut()
		b.log.LoseAfter(position(one) - 3)
		until(t, "a new epoch", func() bool { return one.Epoch() != epoch })
		for n := 5; n <= 14; n++ { // the log grows beyond what the other replica has seen before it comes back
			mustDo(t, one, set("ann", n, "open", fmt.Sprint("new", n), `2`))
		}
		back()
		until(t, "the same state", func() bool { return snapshotOf(t, away) == snapshotOf(t, one) })
		if get(away, "open", "kept") != "1" || get(away, "open", "lost2") != "" || away.Problem() != nil {
			t.Errorf("kept %q, lost %q, problem %v", get(away, "open", "kept"), get(away, "open", "lost2"), away.Problem())
		}
	})
}

func TestWhatIsProposedWhileAReplicaBeginsAgainIsDecidedOnTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		signedIn := position(s)
		for n := 1; n <= 5; n++ {
			mustDo(t, s, set("ann", n, "open", "k", `1`))
		}
		epoch := s.Epoch()
		b.log.LoseAfter(signedIn)
		mustDo(t, s, set("ann", 6, "open", "z", `1`))
		if s.Epoch() == epoch || get(s, "open", "k") != "" {
			t.Errorf("epoch %s after %s, k is %q", s.Epoch(), epoch, get(s, "open", "k"))
		}
		for _, e := range b.entries()[signedIn+1:] {
			if e.Epoch == epoch {
				t.Error("something was committed in the epoch that had lost its end")
			}
		}
	})
}

func TestAnEntryOfAnEpochThatEndedTakesItsPositionOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		mustDo(t, s, set("ann", 1, "open", "k", `1`))
		lost := b.entries()[position(s)-1]
		epoch := s.Epoch()
		b.log.LoseAfter(position(s) - 1)
		until(t, "a new epoch", func() bool { return s.Epoch() != epoch })
		data, err := lost.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := b.log.Append(t.Context(), position(s), data); err != nil {
			t.Fatal(err)
		}
		mustDo(t, s, set("ann", 2, "open", "other", `1`))
		if got := get(s, "open", "k"); got != "" {
			t.Errorf("the late entry counts: k is %s", got)
		}
		if got, want := snapshotOf(t, b.open()), snapshotOf(t, s); got != want {
			t.Errorf("a new replica has\n%s\nthe old one\n%s", got, want)
		}
	})
}

func TestALogThatEndsBeforeItsSnapshotIsToldAndNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		for n := 1; n <= 5; n++ {
			mustDo(t, s, set("ann", n, "open", "k", `1`))
		}
		if err := s.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.log.LoseAfter(position(s) - 3)
		_, end, _ := b.log.Bounds(t.Context())
		until(t, "a problem", func() bool {
			return s.Problem() != nil && strings.Contains(s.Problem().Error(), "do not belong together")
		})
		o := s.Do(t.Context(), set("ann", 9, "open", "k", `2`))
		if u, ok := o.Err.(*channels.Uncertain); !ok || u.Code != channels.CodeUnavailable {
			t.Errorf("a write is answered %v", o.Err)
		}
		if s.WaitFor(t.Context(), 1) == nil {
			t.Error("the state is taken for what the log holds")
		}
		if _, last, _ := b.log.Bounds(t.Context()); last != end {
			t.Errorf("the log went on from %d to %d", end, last)
		}
		_, err := channels.Open(t.Context(), channels.Options{Name: "lab", Log: b.log, Snapshots: b.snapshots, Authority: people{}})
		if err == nil || !strings.Contains(err.Error(), "do not belong together") {
			t.Errorf("opening it says %v", err)
		}
	})
}

// failing are Snapshots that do not answer as they should.
type failing struct {
	channels.Snapshots
	newest atomic.Pointer[func(context.Context) error] // nil: as they should
	asked  atomic.Int64
}

func (f *failing) Newest(ctx context.Context) (uint64, io.ReadCloser, error) {
	f.asked.Add(1)
	if newest := f.newest.Load(); newest != nil {
		return 0, nil, (*newest)(ctx)
	}
	return f.Snapshots.Newest(ctx)
}

func TestAGapThatCannotBeClosedIsTriedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		snapshots := &failing{Snapshots: b.snapshots}
		away, cut, back := b.shy(snapshots)
		synctest.Wait()
		cut()
		for n := 1; n <= 5; n++ {
			mustDo(t, s, set("ann", n, "open", "k", fmt.Sprint(n)))
		}
		if err := s.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		fail := func(context.Context) error { return errors.New("the object store is away") }
		snapshots.newest.Store(&fail)
		snapshots.asked.Store(0)
		back()
		time.Sleep(30 * time.Second) // in the bubble
		if n := snapshots.asked.Load(); n < 20 || n > 31 {
			t.Errorf("it was asked for %d times in 30 s", n)
		}
		if p := away.Problem(); p == nil || !strings.Contains(p.Error(), "the object store is away") {
			t.Errorf("the problem is %v", p)
		}
		snapshots.newest.Store(nil)
		until(t, "the same state", func() bool { return snapshotOf(t, away) == snapshotOf(t, s) })
		if away.Problem() != nil {
			t.Errorf("the problem is %v", away.Problem())
		}
	})
}

func TestASnapshotThatTakesLongHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		snapshots := &failing{Snapshots: b.snapshots}
		away, cut, back := b.shy(snapshots)
		synctest.Wait()
		cut()
		mustDo(t, s, set("ann", 1, "open", "k", `1`))
		if err := s.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		snapshots.newest.Store(&hang)
		inFlight := make(chan channels.Outcome, 1)
		p := set("ann", 3, "open", "k", `3`)
		p.Done = func(o channels.Outcome) { inFlight <- o }
		away.Propose(p)
		synctest.Wait()
		back()
		until(t, "a problem", func() bool { return away.Problem() != nil })
		start := time.Now()
		o := away.Do(t.Context(), set("ann", 2, "open", "k", `2`))
		if u, ok := o.Err.(*channels.Uncertain); !ok || u.Code != channels.CodeUnavailable || time.Since(start) > 15*time.Second {
			t.Errorf("after %v it was answered %v", time.Since(start), o.Err)
		}
		if u, ok := (<-inFlight).Err.(*channels.Uncertain); !ok || u.Code != channels.CodeUnknown {
			t.Errorf("what was in flight is answered %v", u)
		}
	})
}
