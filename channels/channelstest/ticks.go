package channelstest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
)

// TestTicks is the contract of channels.Ticks. It calls newTicks for each of its parts; each call of open opens the same
// schedules as another node would. It takes some seconds: a second is the shortest period.
func TestTicks(t *testing.T, newTicks func(t *testing.T) (open func(t *testing.T) channels.Ticks)) {
	for _, part := range []struct {
		name string
		test func(*testing.T, func(*testing.T) channels.Ticks)
	}{
		{"each tick is handled by exactly one of two followers", testTicksOnce},
		{"a tick whose handler fails comes again with its sequence", testTicksAgain},
		{"a schedule set twice fires once", testTicksTwice},
		{"schedules are apart", testTicksNames},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel() // they only wait
			part.test(t, newTicks(t))
		})
	}
}

// A fired is one call of a handler.
type fired struct {
	node string
	tick channels.Tick
	at   time.Time
}

func testTicksOnce(t *testing.T, open func(*testing.T) channels.Ticks) {
	a, b := open(t), open(t)
	every(t, a, "sweep", time.Second)
	c := make(chan fired, 16)
	followTicks(t, a, "a", c, nil)
	stop := followTicks(t, b, "b", c, nil)
	handled := map[uint64]string{}
	wantNew := func() {
		t.Helper()
		f := soon(t, c, "a tick")
		if f.tick.Name != "sweep" {
			t.Fatalf("got a tick of %q", f.tick.Name)
		}
		if by := handled[f.tick.Sequence]; by != "" {
			t.Fatalf("the tick %d was handled by %s and by %s", f.tick.Sequence, by, f.node)
		}
		handled[f.tick.Sequence] = f.node
	}
	for range 4 {
		wantNew()
	}
	stop()
	wantNew()
	wantNew() // the other goes on
}

func testTicksAgain(t *testing.T, open func(*testing.T) channels.Ticks) {
	ticks := open(t)
	every(t, ticks, "sweep", 2*time.Second)
	c := make(chan fired, 16)
	failed := false
	followTicks(t, ticks, "a", c, func() error {
		if failed {
			return nil
		}
		failed = true
		return errors.New("the first one fails, on purpose")
	})
	first, again, next := soon(t, c, "a tick"), soon(t, c, "the tick again"), soon(t, c, "the next tick")
	if first.tick != again.tick {
		t.Fatalf("after the tick %v failed, %v came", first.tick, again.tick)
	}
	if next.tick.Sequence <= first.tick.Sequence {
		t.Fatalf("the tick %v came after %v", next.tick, first.tick)
	}
}

func testTicksTwice(t *testing.T, open func(*testing.T) channels.Ticks) {
	a, b := open(t), open(t)
	every(t, a, "sweep", time.Second)
	every(t, a, "sweep", time.Second)
	every(t, b, "sweep", time.Second)
	c := make(chan fired, 16)
	followTicks(t, a, "a", c, nil)
	last := soon(t, c, "a tick")
	for range 3 {
		every(t, b, "sweep", time.Second)
		f := soon(t, c, "a tick")
		if d := f.at.Sub(last.at); d < 500*time.Millisecond {
			t.Fatalf("two ticks came within %v", d)
		}
		last = f
	}
}

func testTicksNames(t *testing.T, open func(*testing.T) channels.Ticks) {
	ticks := open(t)
	names := map[string]bool{"sweep": true, "sweep.demo": true, "a b": true}
	for name := range names {
		every(t, ticks, name, time.Second)
	}
	c := make(chan fired, 16)
	followTicks(t, ticks, "a", c, nil)
	for len(names) > 0 {
		delete(names, soon(t, c, "a tick of each name").tick.Name)
	}
}

func every(t testing.TB, ticks channels.Ticks, name string, period time.Duration) {
	t.Helper()
	if err := ticks.Every(t.Context(), name, period); err != nil {
		t.Fatalf("setting the schedule %s: %v", name, err)
	}
}

// followTicks reports each tick before outcome decides how handling it ends; nil is always well.
func followTicks(t testing.TB, ticks channels.Ticks, node string, c chan<- fired, outcome func() error) (stop func()) {
	t.Helper()
	return background(t, "Follow", func(ctx context.Context) error {
		return ticks.Follow(ctx, func(_ context.Context, tick channels.Tick) error {
			select {
			case c <- fired{node, tick, time.Now()}:
			case <-ctx.Done():
			}
			if outcome == nil {
				return nil
			}
			return outcome()
		})
	})
}
