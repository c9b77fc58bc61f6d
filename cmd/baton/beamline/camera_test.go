package beamline

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// seen returns where the camera sees a place on the pin: what the app draws, in the words of camera.go.
func (w *world) seen(place [3]float64) (h, v float64) {
	axis, at := w.camera().Axis, func(name string) float64 { return w.motors[name].Position }
	sin, cos := math.Sincos(at("omega") * math.Pi / 180)
	return place[2] + at("phiy") - axis.Phiy,
		(place[0]+at("sampx"))*cos + (place[1]+at("sampy"))*sin + at("phiz") - axis.Phiz
}

// end gives a command and returns how it ended within two minutes.
func (w *world) end(t tester, name, args string) Ended {
	t.Helper()
	call := w.do(name, args)
	for range 1200 {
		if ended := w.ended[call]; len(ended) == 1 {
			return ended[0]
		}
		w.pass(100 * time.Millisecond)
	}
	t.Fatal(name, args, "has not ended")
	return Ended{}
}

func (w *world) ends(t tester, name, args string) {
	t.Helper()
	if e := w.end(t, name, args); e.Err != nil {
		t.Fatal(name, args, e.Err)
	}
}

func (w *world) fails(t tester, name, args string) string {
	t.Helper()
	e := w.end(t, name, args)
	if e.Err == nil {
		t.Fatal(name, args, "did not fail")
	}
	return e.Err.Error()
}

func TestThreeClicksOnTheCrystalBringItIntoTheBeamAtEveryAngle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, nil)
		sample := fmt.Sprintf("%d:%02d", rapid.IntRange(1, 2).Draw(t, "puck"), rapid.IntRange(1, 16).Draw(t, "position"))
		w.ends(t, "sample.mount", `{"sample":"`+sample+`"}`)
		w.ends(t, "motor.move", fmt.Sprintf(`{"motor":"omega","position":%d}`, rapid.IntRange(-400, 400).Draw(t, "omega")))
		w.ends(t, "centring.start", `{}`)
		crystal := w.crystalOf(sample)
		for range clicks {
			h, v := w.seen(crystal.CentreMM)
			w.ends(t, "centring.click", fmt.Sprintf(`{"h":%g,"v":%g}`, h, v))
			w.Advance(time.Minute)
		}
		if w.centring.state != centringIdle {
			t.Fatalf("after %d clicks it is %s", clicks, w.centring.state)
		}
		for _, omega := range []int{0, 77, 200} {
			w.ends(t, "motor.move", fmt.Sprintf(`{"motor":"omega","position":%d}`, omega))
			if h, v := w.seen(crystal.CentreMM); math.Abs(h) > 1e-9 || math.Abs(v) > 1e-9 {
				t.Fatalf("at %d deg the crystal is seen at %g, %g", omega, h, v)
			}
		}
	})
}

func TestACentringThatIsStoppedOrCannotBeReachedLeavesTheMotorsAlone(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.fails(t, "centring.start", `{}`); !strings.Contains(err, "mount one first") {
		t.Error(err)
	}
	w.ends(t, "sample.mount", `{"sample":"1:03"}`)
	w.ends(t, "centring.start", `{}`)
	if err := w.fails(t, "queue.start", `{}`); !strings.Contains(err, "finish that, or cancel it") {
		t.Error(err)
	}
	w.ends(t, "centring.click", `{"h":0,"v":0}`)
	if err := w.fails(t, "centring.click", `{"h":0,"v":0}`); !strings.Contains(err, "still moving") {
		t.Error(err)
	}
	w.Advance(time.Minute)
	w.ends(t, "centring.click", `{"h":0,"v":0}`)
	w.Advance(time.Minute)
	if err := w.fails(t, "centring.click", `{"h":-50,"v":0}`); !strings.Contains(err, "cannot be brought into the beam") {
		t.Error(err)
	}
	if w.centring.state != centringIdle || w.anyMoving() {
		t.Errorf("it is %s", w.centring.state)
	}
	w.ends(t, "centring.start", `{}`)
	w.ends(t, "centring.click", `{"h":0,"v":0}`)
	w.ends(t, "abort", `{}`)
	if w.centring.state != centringIdle || w.anyMoving() {
		t.Errorf("after an abort it is %s", w.centring.state)
	}
}

func TestAJoggedMotorStopsWhenNothingIsHeardOfWhoHoldsTheButton(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newMemoryHub()
		defer start(t, h)()
		type end struct {
			result any
			err    error
			at     time.Time
		}
		jog := func(name string) <-chan end {
			ended := make(chan end, 1)
			go func() {
				result, err := h.call(t.Context(), "motor.jog", `{"motor":"omega","direction":1,"jog":"`+name+`"}`)
				ended <- end{result, err, time.Now()}
			}()
			return ended
		}
		began, ended := time.Now(), jog("one")
		for range 20 {
			<-time.After(100 * time.Millisecond)
			h.say("alice", "jog", `{"jog":"one"}`)
		}
		for range 20 { // others cannot hold it for her, nor she with another name
			<-time.After(100 * time.Millisecond)
			h.say("bob", "jog", `{"jog":"one"}`)
			h.say("alice", "jog", `{"jog":"two"}`)
		}
		e := <-ended
		if e.err == nil || !strings.Contains(e.err.Error(), "nothing was heard of you for 500ms, so Omega was stopped") {
			t.Errorf("it ended with %v", e.err)
		}
		if took := e.at.Sub(began); took < 2500*time.Millisecond || took > 2700*time.Millisecond {
			t.Errorf("it went on for %v of which it was held for 2 s", took)
		}

		ended = jog("three")
		<-time.After(250 * time.Millisecond)
		if _, err := h.call(t.Context(), "motor.stop", `{"motor":"omega"}`); err != nil {
			t.Fatal(err)
		}
		if e := <-ended; e.err != nil {
			t.Errorf("letting go made it fail: %v", e.err)
		}
	})
}

func TestTheScanShowsAPointForEachImageOfTheCollectionThatRuns(t *testing.T) {
	for images, want := range map[int]int{100: 100, 1500: 500} {
		w := newWorld(t, map[string]Entry{"a": {Sample: "1:01", Task: "collection", Params: TaskParams{
			Images: images, RangeDeg: 180, ExposureS: 10 / float64(images),
		}}})
		w.ends(t, "queue.start", `{}`)
		shown := map[string]any{}
		for range 600 {
			w.Advance(100 * time.Millisecond)
			for key, value := range w.take().Scan {
				shown[key] = value
			}
		}
		scan, points := shown["scan"].(Scan), 0
		if scan.State != itemDone || scan.Images != images || scan.Sample != "1:01" {
			t.Errorf("the scan is %+v", scan)
		}
		for key, value := range shown {
			if part, is := value.(ScanPart); is {
				points += len(part.Spots)
				if part.ID != scan.ID || len(part.Spots) != len(part.Resolution) || len(part.Spots) > partPoints {
					t.Errorf("%s is %+v", key, part)
				}
				if data, err := json.Marshal(part); err != nil || len(data) > 1500 {
					t.Errorf("%s takes %d bytes (%v)", key, len(data), err)
				}
			}
		}
		if points != want {
			t.Errorf("%d images are %d points, not %d", images, points, want)
		}
	}
}

func TestACrystalOutOfTheBeamGivesFewerSpots(t *testing.T) {
	w := newWorld(t, nil)
	w.ends(t, "sample.mount", `{"sample":"1:01"}`)
	crystal := w.crystalOf("1:01")
	for name, position := range w.intoTheBeam(crystal.CentreMM) {
		w.ends(t, "motor.move", fmt.Sprintf(`{"motor":%q,"position":%g}`, name, position))
	}
	if in := w.inTheBeam(crystal); in < 0.999 {
		t.Errorf("of a centred crystal %g is in the beam", in)
	}
	w.ends(t, "motor.move", `{"motor":"phiy","position":1}`)
	if in := w.inTheBeam(crystal); in > 0.001 {
		t.Errorf("of a crystal far off %g is in the beam", in)
	}
}
