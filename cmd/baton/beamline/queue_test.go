package beamline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func collection(sample string, order float64) Entry {
	return Entry{
		Sample: sample, Task: "collection", Order: order,
		Params: TaskParams{Images: 100, RangeDeg: 30, ExposureS: 0.05},
	}
}

func TestTheQueueMountsCentresAndCollectsInOrder(t *testing.T) {
	w := newWorld(t, map[string]Entry{
		"qb": collection("1:02", 2), "qa": {Sample: "1:01", Task: "characterisation", Order: 3},
		"qz": {Sample: "1:02", Task: "centring", Order: 1.5},
	})
	w.do("queue.start", "")
	var steps, done []string
	last, highest := map[string]float64{}, map[string]float64{}
	for range 2000 {
		w.pass(100 * time.Millisecond)
		item := w.queue.item
		if step := fmt.Sprintf("%s %.8s", item, w.item(item).Step); !slices.Contains(steps, step) && item != "" {
			steps = append(steps, step)
		}
		for key := range w.entries {
			now := w.item(key)
			if now.Progress < last[key] {
				t.Fatalf("the progress of %s went back from %v to %v", key, last[key], now.Progress)
			}
			last[key] = now.Progress
			if now.State == itemRunning {
				highest[key] = now.Progress
			}
			if now.State == itemDone && !slices.Contains(done, key) {
				done = append(done, key)
			}
		}
		if w.queueState() == queueIdle {
			break
		}
	}
	for key, progress := range highest {
		if progress < 0.9 || progress >= 1 {
			t.Errorf("the progress of %s was at most %v while it ran", key, progress)
		}
	}
	if !slices.Equal(done, []string{"qz", "qb", "qa"}) {
		t.Fatalf("done in this order: %v; steps %v", done, steps)
	}
	want := []string{
		"qz mounting", "qz centring", "qb centring", "qb opening ", "qb turning ", "qb collecti", "qb closing ",
		"qa mounting", "qa centring", "qa opening ", "qa turning ", "qa collecti", "qa closing ",
	}
	for _, step := range want {
		if !slices.Contains(steps, step) {
			t.Errorf("the step %q is missing in %q", step, steps)
		}
	}
	if w.samples["1:02"] != SampleCollected || w.samples["1:01"] != SampleMounted {
		t.Errorf("1:02 is %q, 1:01 is %q", w.samples["1:02"], w.samples["1:01"])
	}
	if w.Busy() || w.shutters[fastShutter].value != shutterClosed {
		t.Error("after the run something still moves, or the fast shutter is open")
	}
	if e := w.ended[w.do("queue.start", "")]; len(e) != 1 || e[0].Err == nil {
		t.Errorf("what is done was run again: %+v", e)
	}
}

func TestStopActsAtOnceWhateverTheQueueIsDoing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, map[string]Entry{"q1": collection("1:01", 1), "q2": collection("1:02", 2)})
		w.do("queue.start", "")
		w.pass(time.Duration(rapid.IntRange(0, 60_000).Draw(t, "ms")) * time.Millisecond)
		running := w.queue.item
		stop := rapid.SampledFrom([]string{"queue.stop", "abort", "motor.stop"}).Draw(t, "stop")
		if w.queueState() != queueRunning || stop == "motor.stop" && !w.anyMoving() {
			return
		}
		w.do(stop, "")
		if w.anyMoving() || w.changer.busy() {
			t.Fatal("something still moves")
		}
		for sample, state := range w.samples {
			if state == SampleLoading {
				t.Fatalf("%s is still %s", sample, state)
			}
		}
		if got := w.item(running); got.State != itemStopped {
			t.Fatalf("the entry is %+v", got)
		}
		w.pass(time.Second)
		if w.queueState() != queueIdle || w.shutters[fastShutter].value != shutterClosed {
			t.Fatalf("a second later the queue is %s", w.queueState())
		}
		w.pass(time.Second) // the safety shutter is slower, and goes all the way
		if w.Busy() {
			t.Fatal("two seconds later something still moves")
		}
		if w.item("q2").State == itemRunning {
			t.Fatal("the next entry has begun")
		}
		if e := w.ended[w.do("queue.start", "")]; len(e) != 1 || e[0].Err != nil || w.queue.item != running {
			t.Fatalf("it does not start again: %+v", e)
		}
	})
}

func TestAnEntryThatCannotBeRunFailsWithItsReasonAndTheNextOneRuns(t *testing.T) {
	tooFast := collection("1:02", 2)
	tooFast.Params.ExposureS = 0.0001
	tooFar := collection("1:02", 3)
	tooFar.Params.RangeDeg, tooFar.Params.ExposureS = 4000, 100
	w := newWorld(t, map[string]Entry{
		"q1": {Sample: "9:99", Task: "collection", Order: 1}, "q2": tooFast, "q3": tooFar,
		"q4": {Sample: "1:01", Task: "dance", Order: 4}, "q5": ParseEntry([]byte(`"nonsense"`)),
		"q6": {Sample: "1:01", Task: "centring", Order: 6},
	})
	w.do("queue.start", "")
	w.pass(time.Minute)
	for key, says := range map[string]string{
		"q1": "there is no sample", "q2": "Omega turns at most 60 deg/s", "q3": "beyond its limits",
		"q4": `"dance" is not a task`, "q5": "not a queue entry",
	} {
		if got := w.item(key); got.State != itemFailed || !strings.Contains(got.Step, says) {
			t.Errorf("%s is %+v, which does not say %q", key, got, says)
		}
	}
	if got := w.item("q6"); got.State != itemDone {
		t.Errorf("the last one is %+v", got)
	}
}

func TestEntriesAddedOrDeletedWhileItRuns(t *testing.T) {
	w := newWorld(t, map[string]Entry{"q1": collection("1:01", 1)})
	w.do("queue.start", "")
	w.pass(6 * time.Second)
	w.SetEntries(map[string]Entry{"q2": {Sample: "1:02", Task: "centring", Order: 5}})
	w.take()
	w.SetEntries(w.entries)
	if out := w.take(); len(out.Run) != 0 {
		t.Errorf("the state of the deleted entry is deleted again: %v", out.Run)
	}
	if _, there := w.run["item/q1"]; there {
		t.Error("the deleted entry still has a state")
	}
	if got := w.item("q2").State; got != itemRunning {
		t.Errorf("the one that was added is %q", got)
	}
	w.pass(time.Minute)
	if w.item("q2").State != itemDone || w.queueState() != queueIdle {
		t.Errorf("in the end it is %+v, the queue %s", w.item("q2"), w.queueState())
	}
}

func TestTheQueueHasTheBeamlineForItself(t *testing.T) {
	w := newWorld(t, map[string]Entry{"q1": collection("1:01", 1)})
	w.do("queue.start", "")
	for _, c := range [][2]string{
		{"motor.move", `{"motor":"kappa","position":10}`},
		{"shutter.set", `{"shutter":"safety","value":"closed"}`},
		{"aperture.set", `{"value":20}`},
		{"sample.unmount", ``},
		{"action.run", `{"action":"anneal"}`},
		{"queue.start", ``},
	} {
		if e := w.ended[w.do(c[0], c[1])]; len(e) != 1 || e[0].Err == nil {
			t.Errorf("%s was not refused: %+v", c[0], e)
		}
	}
	if e := w.ended[w.do("zoom.set", `{"value":"LEVEL3"}`)]; len(e) != 1 || e[0].Err != nil {
		t.Errorf("looking closer disturbs nobody, but: %+v", e)
	}
}

// Whatever is asked of it in whatever order: motors stay within their limits, every call ends exactly once, and after an
// abort the beamline is at rest within a second.
func TestAnyScheduleOfCommandsIsSafe(t *testing.T) {
	args := map[string][]string{
		"motor.move": {`{"motor":"omega","position":77}`, `{"motor":"omega","position":-8}`, `{"motor":"dtox","position":150}`},
		"motor.stop": {``, `{"motor":"omega"}`}, "queue.start": {``}, "queue.stop": {``}, "abort": {``},
		"shutter.set":  {`{"shutter":"fast","value":"open"}`, `{"shutter":"fast","value":"closed"}`, `{"shutter":"safety","value":"open"}`},
		"sample.mount": {`{"sample":"1:01"}`, `{"sample":"2:05"}`}, "sample.unmount": {``}, "zoom.set": {`{"value":"LEVEL2"}`},
		"motor.jog":      {`{"motor":"omega","direction":1,"jog":"a"}`, `{"motor":"kappa","direction":-1,"jog":"b"}`},
		"centring.start": {``}, "centring.click": {`{"h":0.1,"v":0.2}`, `{"h":-9,"v":0}`}, "centring.cancel": {``},
		"aperture.set": {`{"value":10}`}, "light.set": {`{"light":"front","on":true}`}, "action.run": {`{"action":"anneal"}`, `{"action":"anneal2"}`},
	}
	all := map[string]Entry{"q1": collection("1:01", 1), "q2": collection("1:02", 2), "q3": {Sample: "x"}}
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, all)
		var calls []string
		for range rapid.IntRange(1, 40).Draw(t, "commands") {
			name := rapid.SampledFrom(Commands()).Draw(t, "command")
			calls = append(calls, w.do(name, rapid.SampledFrom(args[name]).Draw(t, "args")))
			w.pass(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
			if rapid.IntRange(0, 9).Draw(t, "users") == 0 {
				key := rapid.SampledFrom([]string{"q1", "q2", "q3"}).Draw(t, "key")
				w.SetEntries(map[string]Entry{key: all[key]})
				w.take()
			}
			for name, m := range w.motors {
				if m.Check(m.Position) != nil || m.Check(m.Target) != nil {
					t.Fatalf("%s is at %v, beyond its limits", name, m.Position)
				}
			}
		}
		calls = append(calls, w.do("abort", ""))
		w.pass(time.Second)
		for name, s := range w.shutters { // the safety shutter alone may take longer
			if name != safetyShutter && s.value == shutterMoving {
				t.Fatalf("the shutter %s is still moving", name)
			}
		}
		w.pass(2 * time.Second)
		if w.Busy() || w.queueState() != queueIdle {
			t.Fatalf("it is not at rest, the queue is %s", w.queueState())
		}
		for _, call := range calls {
			if len(w.ended[call]) != 1 {
				t.Fatalf("%s ended %d times: %+v", call, len(w.ended[call]), w.ended[call])
			}
		}
		for key, item := range w.run {
			if s, is := item.(ItemState); is && s.State == itemRunning {
				t.Fatalf("%s is still %+v", key, s)
			}
		}
	})
}
