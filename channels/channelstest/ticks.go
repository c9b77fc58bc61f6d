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
		{"a tick whose handler fails comes again as it was", testTicksAgain},
		{"a tick that is for another node goes there", testTicksElsewhere},
		{"a plan set twice fires once", testTicksTwice},
		{"schedules are apart, and one does not wait for another", testTicksNames},
		{"a calendar fires when it says", testTicksCalendar},
		{"a label decides who gets a tick", testTicksLabels},
		{"a newer plan removes what it does not have, an older one changes nothing", testTicksPlans},
		{"what cannot be is refused, and nothing of it is in force", testTicksRefused},
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
	plan(t, a, 1, every("sweep", time.Second))
	c := make(chan fired, 16)
	followTicks(t, a, "a", c, nil)
	stop := followTicks(t, b, "b", c, nil)
	handled := map[uint64]string{}
	wantNew := func() {
		t.Helper()
		f := soon(t, c, "a tick")
		if f.tick.Name != "sweep" || f.tick.Version != 1 || f.tick.Life == "" {
			t.Fatalf("got the tick %+v", f.tick)
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
	plan(t, ticks, 1, every("sweep", 2*time.Second))
	c := make(chan fired, 16)
	failed := false
	followTicks(t, ticks, "a", c, func(channels.Tick) error {
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
	if next.tick.Sequence <= first.tick.Sequence || next.tick.Life != first.tick.Life {
		t.Fatalf("the tick %v came after %v", next.tick, first.tick)
	}
}

func testTicksElsewhere(t *testing.T, open func(*testing.T) channels.Ticks) {
	a, b := open(t), open(t)
	plan(t, a, 1, every("task", 5*time.Second))
	c := make(chan fired, 16)
	followTicks(t, a, "a", c, func(channels.Tick) error { return channels.ErrElsewhere })
	refused := soon(t, c, "a tick")
	followTicks(t, b, "b", c, nil)
	for {
		f := soon(t, c, "the tick again")
		if f.tick != refused.tick {
			t.Fatalf("the tick %v was for another node, and then came %v", refused.tick, f.tick)
		}
		if f.node == "b" {
			return
		}
	}
}

func testTicksTwice(t *testing.T, open func(*testing.T) channels.Ticks) {
	a, b := open(t), open(t)
	for _, ticks := range []channels.Ticks{a, a, b} {
		plan(t, ticks, 1, every("sweep", time.Second))
	}
	c := make(chan fired, 16)
	followTicks(t, a, "a", c, nil)
	last := soon(t, c, "a tick")
	for range 3 {
		plan(t, b, 1, every("sweep", time.Second))
		f := soon(t, c, "a tick")
		if d := f.at.Sub(last.at); d < 500*time.Millisecond {
			t.Fatalf("two ticks came within %v", d)
		}
		last = f
	}
}

func testTicksNames(t *testing.T, open func(*testing.T) channels.Ticks) {
	ticks := open(t)
	names := map[string]bool{"sweep": true, "sweep.demo": true, "a b": true, "lab/night": true}
	var schedules []channels.Schedule
	for name := range names {
		schedules = append(schedules, every(name, time.Second))
	}
	plan(t, ticks, 1, schedules...)
	c := make(chan fired, 16)
	hold := make(chan struct{})
	followTicks(t, ticks, "a", c, func(tick channels.Tick) error {
		if tick.Name == "sweep" {
			<-hold
		}
		return nil
	})
	t.Cleanup(func() { close(hold) }) // before the follower is stopped
	for sweeps := 0; len(names) > 0; {
		f := soon(t, c, "a tick of each name")
		if f.tick.Name == "sweep" {
			if sweeps++; sweeps > 1 {
				t.Fatal("a second tick was handed out while the first was at hand")
			}
		}
		delete(names, f.tick.Name)
	}
}

func testTicksCalendar(t *testing.T, open func(*testing.T) channels.Ticks) {
	ticks := open(t)
	plan(t, ticks, 1, channels.Schedule{Name: "odd", Cron: "1-59/2 * * * * *"}, channels.Schedule{Name: "far", Cron: "0 0 0 29 2 *"})
	c := make(chan fired, 16)
	followTicks(t, ticks, "a", c, nil)
	last := soon(t, c, "a tick")
	for range 2 {
		f := soon(t, c, "a tick")
		if d := f.at.Sub(last.at); f.tick.Name != "odd" || d < time.Second || d > 4*time.Second {
			t.Fatalf("%v after the tick %v came %v", d, last.tick, f.tick)
		}
		last = f
	}
}

func testTicksLabels(t *testing.T, open func(*testing.T) channels.Ticks) {
	a, b := open(t), open(t)
	here := every("here", time.Second)
	here.Label = "instrument"
	plan(t, a, 1, here, every("any", time.Second))
	plain, labelled := make(chan fired, 64), make(chan fired, 64)
	followTicks(t, a, "a", plain, nil)
	for range 3 {
		if f := soon(t, plain, "a tick without a label"); f.tick.Name != "any" {
			t.Fatalf("a node without the label got %v", f.tick)
		}
	}
	stop := followTicks(t, b, "b", labelled, nil, "other", "instrument")
	first := soon(t, labelled, "a tick with the label")
	for first.tick.Name != "here" {
		first = soon(t, labelled, "a tick with the label")
	}
	stop()
	followTicks(t, open(t), "c", labelled, nil, "instrument") // takes over
	next := soon(t, labelled, "a tick with the label")
	for next.tick.Name != "here" || next.node != "c" {
		next = soon(t, labelled, "a tick with the label")
	}
	if next.tick.Sequence <= first.tick.Sequence {
		t.Fatalf("after the tick %v came %v", first.tick, next.tick)
	}
}

func testTicksPlans(t *testing.T, open func(*testing.T) channels.Ticks) {
	a, b := open(t), open(t)
	plan(t, a, 1, every("old", time.Second), every("both", time.Second))
	c := make(chan fired, 64)
	followTicks(t, a, "a", c, nil)
	for f := soon(t, c, "a tick"); f.tick.Name != "old"; {
		f = soon(t, c, "a tick")
	}
	newer := []channels.Schedule{every("both", time.Second), every("new", time.Second)}
	plan(t, b, 2, newer...)
	older := []channels.Schedule{every("old", time.Second), every("both", time.Second)}
	err := a.Plan(t.Context(), channels.Plan{Version: 1, Schedules: older}) // changes nothing
	if !errors.Is(err, channels.ErrPlan) {
		t.Fatalf("an older plan: got %v, not %v", err, channels.ErrPlan)
	}
	err = a.Plan(t.Context(), channels.Plan{Version: 2, Schedules: newer[:1]})
	if !errors.Is(err, channels.ErrPlan) {
		t.Fatalf("another plan with the same version: got %v, not %v", err, channels.ErrPlan)
	}
	for len(c) > 0 {
		<-c
	}
	<-c // perhaps it was under way when the plan changed
	seen := map[string]int{}
	for seen["new"] < 3 || seen["both"] < 3 {
		f := soon(t, c, "ticks of the newer plan")
		if f.tick.Version == 2 {
			seen[f.tick.Name]++
		}
		if f.tick.Name == "old" {
			t.Fatalf("the tick %v is of a schedule that was removed", f.tick)
		}
	}
}

func testTicksRefused(t *testing.T, open func(*testing.T) channels.Ticks) {
	ticks := open(t)
	for what, s := range map[string]channels.Schedule{
		"no name":             {Every: time.Second},
		"neither":             {Name: "a"},
		"both":                {Name: "a", Every: time.Second, Cron: "* * * * * *"},
		"half seconds":        {Name: "a", Every: 1500 * time.Millisecond},
		"negative":            {Name: "a", Every: -time.Second},
		"five fields":         {Name: "a", Cron: "0 3 * * *"},
		"a word":              {Name: "a", Cron: "@daily"},
		"a zone":              {Name: "a", Cron: "TZ=UTC 0 0 3 * * *"},
		"an hour too many":    {Name: "a", Cron: "0 0 24 * * *"},
		"a day that is never": {Name: "a", Cron: "0 0 0 31 2 *"},
	} {
		if err := ticks.Plan(t.Context(), channels.Plan{Version: 9, Schedules: []channels.Schedule{s}}); err == nil {
			t.Errorf("%s: %+v was not refused", what, s)
		}
	}
	twice := []channels.Schedule{every("a", time.Second), every("a", time.Minute)}
	if err := ticks.Plan(t.Context(), channels.Plan{Version: 9, Schedules: twice}); err == nil {
		t.Error("two schedules with one name were not refused")
	}
	plan(t, ticks, 1, every("a", time.Second))
	c := make(chan fired, 16)
	followTicks(t, ticks, "a", c, nil)
	soon(t, c, "a tick of the plan that can be")
}

func every(name string, period time.Duration) channels.Schedule {
	return channels.Schedule{Name: name, Every: period}
}

func plan(t testing.TB, ticks channels.Ticks, version uint64, schedules ...channels.Schedule) {
	t.Helper()
	if err := ticks.Plan(t.Context(), channels.Plan{Version: version, Schedules: schedules}); err != nil {
		t.Fatalf("putting plan %d in force: %v", version, err)
	}
}

// followTicks reports each tick before outcome decides how handling it ends; nil is always well.
func followTicks(t testing.TB, ticks channels.Ticks, node string, c chan<- fired, outcome func(channels.Tick) error, labels ...string) (stop func()) {
	t.Helper()
	return background(t, "Follow", func(ctx context.Context) error {
		return ticks.Follow(ctx, labels, func(_ context.Context, tick channels.Tick) error {
			select {
			case c <- fired{node, tick, time.Now()}:
			case <-ctx.Done():
			}
			if outcome == nil {
				return nil
			}
			return outcome(tick)
		})
	})
}
