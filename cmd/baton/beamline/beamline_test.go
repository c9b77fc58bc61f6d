package beamline

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Fatal(args ...any)
}

func load(t tester) *Facts {
	t.Helper()
	f, err := LoadFacts()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// world is a beamline together with what the stores would hold after its outputs.
type world struct {
	*Beamline
	run     map[string]any
	samples map[string]string
	log     []Record
	ended   map[string][]Ended
	calls   int
}

func newWorld(t tester, entries map[string]Entry) *world {
	f := load(t)
	w := &world{
		Beamline: New(f, Found{Samples: f.Samples(), Entries: entries}),
		run:      map[string]any{}, samples: map[string]string{}, ended: map[string][]Ended{},
	}
	w.take()
	return w
}

func (w *world) take() Output {
	out := w.TakeOutput()
	for key, v := range out.Run {
		if v == nil {
			delete(w.run, key)
			continue
		}
		w.run[key] = v
	}
	for key, v := range out.Samples {
		w.samples[key] = v
	}
	w.log = append(w.log, out.Log...)
	for _, e := range out.Ended {
		w.ended[e.Call] = append(w.ended[e.Call], e)
	}
	return out
}

// do gives a command and returns the id of its call.
func (w *world) do(name, args string) string {
	w.calls++
	call := fmt.Sprintf("call-%d", w.calls)
	w.Do(Command{Call: call, Name: name, Args: json.RawMessage(args), By: "alice", At: time.Unix(0, 0).UTC()})
	w.take()
	return call
}

func (w *world) pass(d time.Duration) {
	w.Advance(d)
	w.take()
}

func (w *world) item(key string) ItemState {
	item, _ := w.run["item/"+key].(ItemState)
	return item
}

func (w *world) queueState() string { return w.run["queue"].(RunState).State }

func TestFactsAreThoseOfTheSource(t *testing.T) {
	f := load(t)
	axes := map[string]Axis{}
	for _, m := range f.Motors {
		axes[m.Name] = m.Axis()
	}
	if a := axes["kappa"]; a.Min != 0 || a.Max != 225 {
		t.Errorf("kappa goes from %v to %v", a.Min, a.Max)
	}
	if a := axes["dtox"]; a.Min != 150 || a.Max != 500 || a.Label != "Detector distance" {
		t.Errorf("the detector distance is %+v", a)
	}
	if a := axes["omega"]; a.Step != 90 {
		t.Errorf("omega steps by %v", a.Step)
	}
	if len(f.Zoom.Values) != 6 || !slices.Equal(f.Aperture.Values, []int{10, 20, 50, 100, 150}) {
		t.Errorf("zoom %v, aperture %v", f.Zoom.Values, f.Aperture.Values)
	}
	if n := len(f.Samples()); n != 32 {
		t.Errorf("there are %d samples, not 32", n)
	}
	if s := f.Samples()["2:16"]; s.Puck != 2 || s.Position != 16 || s.Protein == "" || s.State != SampleInPuck {
		t.Errorf("the last sample is %+v", s)
	}
	if d := f.resolution(200, f.energy()); math.Abs(d-1.86) > 0.02 {
		t.Errorf("at 200 mm and 12.66 keV the resolution is %.3f Å", d)
	}
}

func TestMotorStaysWithinItsLimitsAndArrivesInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Axis{Min: -10, Max: 10, Speed: rapid.Float64Range(0.1, 50).Draw(t, "speed")}
		from := rapid.Float64Range(a.Min, a.Max).Draw(t, "from")
		to := rapid.Float64Range(a.Min, a.Max).Draw(t, "to")
		m, passed := a.To(a.At(from), to), time.Duration(0)
		for m.State == MotorMoving {
			d := time.Duration(rapid.IntRange(1, 200).Draw(t, "ms")) * time.Millisecond
			was := m.Position
			m, passed = a.After(m, a.Speed, d), passed+d
			if m.Position < min(from, to) || m.Position > max(from, to) {
				t.Fatalf("at %v on the way from %v to %v", m.Position, from, to)
			}
			if way := math.Abs(m.Position - was); way > a.Speed*d.Seconds()+1e-6 {
				t.Fatalf("%v in %v is faster than %v", way, d, a.Speed)
			}
			if passed > a.takes(to-from)+200*time.Millisecond {
				t.Fatalf("not there after %v", passed)
			}
		}
		if m.Position != to || m.Target != to {
			t.Fatalf("it stopped at %v, not at %v", m.Position, to)
		}
	})
}

func TestMotorMovesAtItsSpeedAndTheCallEndsWhenItIsThere(t *testing.T) {
	w := newWorld(t, nil)
	call := w.do("motor.move", `{"motor":"omega","position":90}`)
	w.pass(time.Second)
	if got := w.motors["omega"].Motor; got.State != MotorMoving || math.Abs(got.Position-60) > 1e-6 || got.Target != 90 {
		t.Errorf("after a second at 60 deg/s omega is %+v", got)
	}
	if len(w.ended[call]) != 0 {
		t.Error("the call has ended on the way")
	}
	w.pass(time.Second)
	if got := w.motors["omega"].Motor; got != (Motor{Position: 90, Target: 90, State: MotorIdle}) {
		t.Errorf("after two seconds omega is %+v", got)
	}
	if e := w.ended[call]; len(e) != 1 || e[0].Err != nil {
		t.Errorf("the call ended %+v", e)
	}
}

func TestAMotorOnItsLimitSaysSo(t *testing.T) {
	w := newWorld(t, nil)
	w.do("motor.move", `{"motor":"dtox","position":150}`)
	w.pass(3 * time.Second)
	if got := w.motors["dtox"].State; got != MotorLimit {
		t.Errorf("at 150 mm the detector is %q", got)
	}
}

func TestCommandsRefuseWhatCannotBeAndSayWhatCan(t *testing.T) {
	for _, c := range []struct{ command, args, says string }{
		{"motor.move", `{"motor":"kappa","position":226}`, "Kappa goes from 0.00 deg to 225.00 deg: 226.00 deg is beyond its limits"},
		{"motor.move", `{"motor":"kapa","position":2}`, `there is no motor "kapa": use one of backlight, dtox`},
		{"motor.move", `{"motor":"kappa"}`, "motor.move needs a position, in deg"},
		{"motor.move", `{"motor":"kappa","to":3}`, "motor.move does not take these arguments"},
		{"motor.move", `[]`, "motor.move does not take these arguments"},
		{"motor.stop", `{"motor":"x"}`, "there is no motor"},
		{"queue.start", ``, "there is nothing in the queue"},
		{"shutter.set", `{"shutter":"fast","value":"ajar"}`, `a shutter is set to open or closed, not "ajar"`},
		{"shutter.set", `{"shutter":"slow","value":"open"}`, "use one of fast, safety"},
		{"zoom.set", `{"value":"LEVEL9"}`, "use one of LEVEL1"},
		{"aperture.set", `{"value":30}`, "there is no aperture of 30 µm: use one of [10 20 50 100 150]"},
		{"light.set", `{"light":"back"}`, "light.set needs on"},
		{"light.set", `{"light":"sun","on":true}`, "use one of back, front"},
		{"sample.mount", `{"sample":"3:01"}`, `there is no sample "3:01"`},
		{"sample.unmount", ``, "no sample is mounted"},
		{"action.run", `{"action":"dance"}`, "use one of anneal, anneal2"},
		{"self.destruct", ``, "there is no command"},
	} {
		w := newWorld(t, nil)
		e := w.ended[w.do(c.command, c.args)]
		if len(e) != 1 || e[0].Err == nil || !strings.Contains(e[0].Err.Error(), c.says) {
			t.Errorf("%s %s ended %+v, which does not say %q", c.command, c.args, e, c.says)
		}
		if w.Busy() {
			t.Errorf("%s %s was refused, but something moves", c.command, c.args)
		}
	}
}

func TestMountingBringsBackWhatWasThere(t *testing.T) {
	w := newWorld(t, nil)
	w.do("sample.mount", `{"sample":"1:01"}`)
	if got := w.samples["1:01"]; got != SampleLoading {
		t.Errorf("at first it is %q", got)
	}
	w.pass(5 * time.Second)
	call := w.do("sample.mount", `{"sample":"1:02"}`)
	if refused := w.ended[w.do("sample.mount", `{"sample":"1:03"}`)]; len(refused) != 1 || refused[0].Err == nil {
		t.Errorf("the robot took a second sample: %+v", refused)
	}
	w.pass(8 * time.Second)
	if w.samples["1:01"] != SampleInPuck || w.samples["1:02"] != SampleMounted || w.changer.mounted != "1:02" {
		t.Errorf("1:01 is %q, 1:02 is %q", w.samples["1:01"], w.samples["1:02"])
	}
	if e := w.ended[call]; len(e) != 1 || e[0].Err != nil {
		t.Errorf("the call ended %+v", e)
	}
}

func TestAShutterTakesTimeAndMayTurnRound(t *testing.T) {
	w := newWorld(t, nil)
	opening := w.do("shutter.set", `{"shutter":"safety","value":"open"}`)
	w.pass(time.Second)
	if got := w.shutters["safety"].value; got != shutterMoving {
		t.Errorf("after a second it is %q", got)
	}
	again := w.do("shutter.set", `{"shutter":"safety","value":"open"}`)
	w.pass(time.Second)
	for _, call := range []string{opening, again} {
		if e := w.ended[call]; len(e) != 1 || e[0].Err != nil {
			t.Errorf("a call to open it ended %+v", e)
		}
	}
	closing := w.do("shutter.set", `{"shutter":"safety","value":"closed"}`)
	w.do("shutter.set", `{"shutter":"safety","value":"open"}`)
	if e := w.ended[closing]; len(e) != 1 || e[0].Err == nil {
		t.Errorf("the call to close it ended %+v", e)
	}
	w.pass(3 * time.Second)
	if got := w.shutters["safety"].value; got != shutterOpen {
		t.Errorf("in the end it is %q", got)
	}
}

func TestAbortStopsEverythingAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	calls := []string{
		w.do("motor.move", `{"motor":"omega","position":3000}`),
		w.do("action.run", `{"action":"quick_realign"}`),
	}
	w.pass(time.Second)
	w.do("abort", ``)
	if w.Busy() {
		t.Error("something still moves")
	}
	for _, call := range calls {
		if e := w.ended[call]; len(e) != 1 || e[0].Err == nil || !strings.Contains(e[0].Err.Error(), "aborted by alice") {
			t.Errorf("%s ended %+v", call, e)
		}
	}
}

func TestTheActionThatFailsInTheSourceFails(t *testing.T) {
	w := newWorld(t, nil)
	fails, works := w.do("action.run", `{"action":"anneal"}`), ""
	w.pass(10 * time.Second)
	works = w.do("action.run", `{"action":"centre_beam"}`)
	w.pass(10 * time.Second)
	if e := w.ended[fails]; len(e) != 1 || e[0].Err == nil {
		t.Errorf("anneal ended %+v", e)
	}
	if e := w.ended[works]; len(e) != 1 || e[0].Err != nil {
		t.Errorf("centre_beam ended %+v", e)
	}
}

func TestTheBeamlineGoesOnFromWhatItFinds(t *testing.T) {
	f := load(t)
	samples := f.Samples()
	loading, mounted := samples["1:03"], samples["1:04"]
	loading.State, mounted.State = SampleLoading, SampleMounted
	samples["1:03"], samples["1:04"] = loading, mounted
	b := New(f, Found{
		Motors: map[string]json.RawMessage{
			"dtox":  json.RawMessage(`{"position":321,"target":400,"state":"moving"}`),
			"kappa": json.RawMessage(`{"position":999,"target":999,"state":"idle"}`),
		},
		Equipment: map[string]json.RawMessage{
			"zoom": json.RawMessage(`{"value":"LEVEL4"}`), "aperture": json.RawMessage(`{"value":7}`),
			"mounted": json.RawMessage(`{"sample":"1:04"}`),
		},
		Run: map[string]json.RawMessage{
			"queue":   json.RawMessage(`{"state":"running","item":"q1"}`),
			"item/q1": json.RawMessage(`{"state":"running","progress":0.4,"step":"collecting"}`),
			"item/q2": json.RawMessage(`{"state":"done","progress":1,"step":""}`),
			"item/q3": json.RawMessage(`{"state":"done","progress":1,"step":""}`),
		},
		Samples: samples,
		Entries: map[string]Entry{"q1": {}, "q2": {}},
	})
	out := b.TakeOutput()
	if out.Motors["dtox"] != (Motor{Position: 321, Target: 321, State: MotorIdle}) || out.Motors["kappa"].Position != 15 {
		t.Errorf("dtox %+v, kappa %+v", out.Motors["dtox"], out.Motors["kappa"])
	}
	if b.zoom != "LEVEL4" || b.aperture != 50 || b.changer.mounted != "1:04" {
		t.Errorf("zoom %s, aperture %d, mounted %q", b.zoom, b.aperture, b.changer.mounted)
	}
	if got := out.Run["queue"]; got != (RunState{State: queueIdle}) {
		t.Errorf("the queue is %+v", got)
	}
	if got := out.Run["item/q1"]; got != (ItemState{State: itemStopped, Progress: 0.4, Step: "collecting"}) {
		t.Errorf("what was running is %+v", got)
	}
	if got, there := out.Run["item/q3"]; !there || got != nil {
		t.Errorf("the state of a deleted entry is %v, not deleted", got)
	}
	if len(out.Samples) != 1 || out.Samples["1:03"] != SampleInPuck {
		t.Errorf("samples to change: %v", out.Samples)
	}
	if b.Busy() {
		t.Error("something moves")
	}
}
