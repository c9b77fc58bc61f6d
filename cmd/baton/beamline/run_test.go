package beamline

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// start runs a beamline against the hub until the test ends.
func start(t *testing.T, h *memoryHub) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, h, Options{Logger: slog.New(slog.DiscardHandler)}) }()
	synctest.Wait()
	return func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	}
}

func TestPositionsArePublishedTenTimesASecondAndTheLastOneAlways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newMemoryHub()
		defer start(t, h)()
		before, began := len(h.sent), time.Now()
		if _, err := h.call(t.Context(), "motor.move", `{"motor":"omega","position":63}`); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 1050*time.Millisecond || took > 1200*time.Millisecond {
			t.Errorf("63 deg at 60 deg/s took %v", took)
		}
		moves := h.sent[before:]
		if len(moves) != 12 {
			t.Errorf("%d positions in %v", len(moves), time.Since(began))
		}
		for i := 2; i < len(moves); i++ {
			if gap := moves[i].at.Sub(moves[i-1].at); gap != 100*time.Millisecond {
				t.Errorf("%v between two positions", gap)
			}
		}
		if last := moves[len(moves)-1].motors["omega"]; last != (Motor{Position: 63, Target: 63, State: MotorIdle}) {
			t.Errorf("the last one is %+v", last)
		}
		after := len(h.sent)
		synctest.Wait()
		if <-time.After(time.Hour); len(h.sent) != after {
			t.Errorf("at rest it published %d positions in an hour", len(h.sent)-after)
		}
	})
}

func TestStopActsWhileTheHubStoresNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newMemoryHub()
		defer start(t, h)()
		come := h.goAway()
		moved := make(chan error, 1)
		go func() {
			_, err := h.call(t.Context(), "motor.move", `{"motor":"omega","position":3000}`)
			moved <- err
		}()
		<-time.After(1030 * time.Millisecond)
		began := time.Now()
		if _, err := h.call(t.Context(), "motor.stop", `{"motor":"omega"}`); err != nil {
			t.Fatal(err)
		}
		if err := <-moved; err == nil || !strings.Contains(err.Error(), "stopped by alice at 61.8") {
			t.Errorf("the move ended with %v", err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("stopping took %v", took)
		}
		come()
		synctest.Wait()
		if n := len(h.records); n != 1 {
			t.Errorf("%d log records arrived when the hub was back", n)
		}
	})
}

func TestACallThatIsGivenUpStopsWhatItBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newMemoryHub()
		defer start(t, h)()
		ctx, giveUp := context.WithCancelCause(t.Context())
		moved := make(chan error, 1)
		go func() {
			_, err := h.call(ctx, "motor.move", `{"motor":"omega","position":3000}`)
			moved <- err
		}()
		<-time.After(1030 * time.Millisecond)
		began := time.Now()
		giveUp(errors.New("nobody wants it any more"))
		if err := <-moved; err == nil || !strings.Contains(err.Error(), "stopped by alice at 61.8") {
			t.Errorf("the move ended with %v", err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("stopping took %v", took)
		}
		after := len(h.sent)
		if <-time.After(time.Minute); len(h.sent) > after+1 {
			t.Errorf("omega goes on: %+v", h.sent[len(h.sent)-1].motors)
		}
	})
}

func TestTheQueueRunsToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newMemoryHub()
		defer start(t, h)()
		write(t, h, "queue", map[string]any{"q1": collection("1:01", 1), "q2": collection("1:02", 2)})
		synctest.Wait()
		if _, err := h.call(t.Context(), "queue.start", ""); err != nil {
			t.Fatal(err)
		}
		<-time.After(9 * time.Second)
		if got := read[ItemState](t, h, "run", "item/q1"); got.State != itemRunning || got.Progress <= 0 {
			t.Errorf("on the way the first is %+v", got)
		}
		if got := read[RunState](t, h, "run", "queue"); got.State != queueRunning || got.Item != "q1" || got.Started == nil {
			t.Errorf("on the way the queue is %+v", got)
		}
		<-time.After(time.Minute)
		for _, key := range []string{"item/q1", "item/q2"} {
			if got := read[ItemState](t, h, "run", key); got.State != itemDone || got.Progress != 1 {
				t.Errorf("%s is %+v", key, got)
			}
		}
		if got := read[RunState](t, h, "run", "queue"); got.State != queueIdle || got.Item != "" {
			t.Errorf("in the end the queue is %+v", got)
		}
		if got := read[Sample](t, h, "samples", "1:01").State; got != SampleCollected {
			t.Errorf("the first sample is %q", got)
		}
		if got := *read[Mounted](t, h, "equipment", "mounted").Sample; got != "1:02" {
			t.Errorf("mounted is %q", got)
		}
		if len(h.records) < 6 {
			t.Errorf("the log has %d records", len(h.records))
		}
	})
}

func TestWhatUsersWroteIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newMemoryHub()
		start(t, h)()
		if n := len(h.values("samples")); n != 32 {
			t.Fatalf("there are %d samples", n)
		}
		renamed := read[Sample](t, h, "samples", "1:01")
		renamed.Name = "mine"
		write(t, h, "samples", map[string]any{"1:01": renamed})
		write(t, h, "queue", map[string]any{"q1": collection("1:01", 1)})
		before := h.position
		defer start(t, h)()
		if h.position != before {
			t.Errorf("starting again wrote %d times, though nothing was missing", h.position-before)
		}
		if _, err := h.call(t.Context(), "sample.mount", `{"sample":"1:01"}`); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		renamed.State = SampleMounted
		if got := read[Sample](t, h, "samples", "1:01"); got != renamed {
			t.Errorf("after mounting it is %+v", got)
		}
	})
}

func TestAChangeThatCrossesTheStateOfASampleIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newMemoryHub()
		defer start(t, h)()
		renamed := read[Sample](t, h, "samples", "1:01")
		renamed.Name = "mine"
		arrive := h.lag()
		write(t, h, "samples", map[string]any{"1:01": renamed})
		if _, err := h.call(t.Context(), "sample.mount", `{"sample":"1:01"}`); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		arrive()
		synctest.Wait()
		renamed.State = SampleMounted
		if got := read[Sample](t, h, "samples", "1:01"); got != renamed {
			t.Errorf("when the change has arrived the sample is %+v", got)
		}
	})
}

func TestAHubThatWasAwayGetsTheNewestOfEachKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newMemoryHub()
		defer start(t, h)()
		come := h.goAway()
		for range 50 {
			for _, level := range []string{"LEVEL2", "LEVEL3"} {
				if _, err := h.call(t.Context(), "zoom.set", `{"value":"`+level+`"}`); err != nil {
					t.Fatal(err)
				}
			}
		}
		before := h.position
		come()
		synctest.Wait()
		if got := read[Choice[string]](t, h, "equipment", "zoom").Value; got != "LEVEL3" {
			t.Errorf("the zoom is %s", got)
		}
		if n := h.position - before; n > 2 {
			t.Errorf("it took %d writes", n)
		}
	})
}

func TestACallWhenTheBeamlineIsOffIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newMemoryHub()
		stop := start(t, h)
		moved := make(chan error, 1)
		go func() {
			_, err := h.call(t.Context(), "motor.move", `{"motor":"omega","position":3000}`)
			moved <- err
		}()
		synctest.Wait()
		stop()
		if err := <-moved; err == nil {
			t.Error("the move has ended well")
		}
		if _, err := h.call(t.Context(), "motor.stop", ""); err == nil {
			t.Error("a motor was stopped by nobody")
		}
	})
}

func write(t *testing.T, h *memoryHub, store string, set map[string]any) {
	t.Helper()
	if err := h.Write(t.Context(), store, set, nil); err != nil {
		t.Fatal(err)
	}
}
