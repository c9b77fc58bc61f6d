package beamline

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// step is the longest time that Advance lets pass at once: what happens in one step happens at its end.
const step = 100 * time.Millisecond

// A Beamline is the simulated machine. It belongs to one goroutine.
type Beamline struct {
	// Set at construction.
	facts *Facts

	motors    map[string]*motor
	shutters  map[string]*shutter
	lights    map[string]*Light
	zoom      string
	aperture  int
	attenuate float64 // transmission in per cent
	changer   changer
	action    *action // nil: none is running
	queue     runner
	centring  centring
	scan      scan

	// What users wrote last.
	samples map[string]Sample
	entries map[string]Entry

	out Output
}

type motor struct {
	Axis
	Motor
	speed float64 // of this move
	call  string  // that waits for the end of it; "" = none
	jog   *jog    // nil: this move is none
}

// A Light is equipment "light/<name>".
type Light struct {
	Label string `json:"label"`
	On    bool   `json:"on"`
}

// A Record is a message of the log channel "log".
type Record struct {
	Level  string `json:"level"` // info, warning or error
	Text   string `json:"text"`
	Source string `json:"source"`
}

// An Ended is the end of a call: its result, or why it failed.
type Ended struct {
	Call   string
	Result any
	Err    error
}

// An Output is what there is to publish. A nil value deletes its key.
type Output struct {
	Motors    map[string]Motor // live
	Scan      map[string]any   // live
	Equipment map[string]any
	Samples   map[string]string // the new state of each; the rest of a sample belongs to users
	Run       map[string]any
	Log       []Record
	Ended     []Ended
}

// Found is what the stores held when the beamline was started: it goes on from there.
type Found struct {
	Motors, Equipment, Run map[string]json.RawMessage
	Samples                map[string]Sample
	Entries                map[string]Entry
}

// New returns the beamline at rest, as it was found: what cannot be read from there is as in the facts. A queue that was
// running is idle and its running entry stopped: nobody was there to run it. Its first output is everything it shows.
func New(facts *Facts, found Found) *Beamline {
	b := &Beamline{
		facts: facts, motors: map[string]*motor{}, shutters: map[string]*shutter{}, lights: map[string]*Light{},
		samples: found.Samples, entries: found.Entries,
		zoom:      foundValue(found.Equipment["zoom"], facts.Zoom.Values, facts.Zoom.Invented.Start),
		aperture:  foundValue(found.Equipment["aperture"], facts.Aperture.Values, facts.Aperture.Invented.Start),
		attenuate: facts.Transmission.Value, centring: centring{state: centringIdle},
	}
	for _, f := range facts.Motors {
		m := &motor{Axis: f.Axis()}
		m.Motor = m.At(f.start())
		var was Motor
		if json.Unmarshal(found.Motors[f.Name], &was) == nil && m.Check(was.Position) == nil {
			m.Motor = m.At(was.Position)
		}
		b.motors[f.Name] = m
	}
	for _, f := range facts.Shutters {
		b.shutters[f.Name] = &shutter{facts: f, value: shutterClosed, target: shutterClosed}
	}
	for _, f := range facts.Lights {
		light := &Light{On: f.Invented.On}
		_ = json.Unmarshal(found.Equipment["light/"+f.Name], light) // as in the facts when nothing was found
		light.Label = f.Invented.Label
		b.lights[f.Name] = light
	}
	b.changer.restore(found)
	b.queue.restore(found)
	b.showEverything(found)
	return b
}

// foundValue returns the value of {"value": …} if it is one of those that can be, else the other.
func foundValue[T comparable](data json.RawMessage, can []T, otherwise T) T {
	var was struct {
		Value T `json:"value"`
	}
	if json.Unmarshal(data, &was) == nil && slices.Contains(can, was.Value) {
		return was.Value
	}
	return otherwise
}

// Advance lets time pass.
func (b *Beamline) Advance(passed time.Duration) {
	for passed > 0 && b.Busy() {
		d := min(passed, step)
		passed -= d
		for _, name := range slices.Sorted(maps.Keys(b.motors)) {
			b.advanceMotor(name, d)
		}
		for _, name := range slices.Sorted(maps.Keys(b.shutters)) {
			b.advanceShutter(b.shutters[name], d)
		}
		b.advanceCentring()
		b.advanceChanger(d)
		b.advanceAction(d)
		b.advanceQueue(d)
	}
}

// Busy reports whether time changes anything. When it does not, no clock needs to run.
func (b *Beamline) Busy() bool {
	if b.queue.state != queueIdle || b.action != nil || b.changer.busy() {
		return true
	}
	for _, s := range b.shutters {
		if s.value == shutterMoving {
			return true
		}
	}
	return b.anyMoving()
}

// TakeOutput returns what there is to publish since it was last called.
func (b *Beamline) TakeOutput() Output {
	out := b.out
	b.out = Output{}
	return out
}

// SetSamples takes over the store "samples", which users write too.
func (b *Beamline) SetSamples(samples map[string]Sample) { b.samples = samples }

// SetEntries takes over the store "queue". The state of an entry that has been deleted goes with it; one that is being
// run is stopped first.
func (b *Beamline) SetEntries(entries map[string]Entry) {
	b.entries = entries
	b.forgetDeleted()
}

func (b *Beamline) anyMoving() bool {
	for _, m := range b.motors {
		if m.State == MotorMoving {
			return true
		}
	}
	return false
}

// move starts a motor. A call that waited for an earlier move of it has failed.
func (b *Beamline) move(name string, target, speed float64, call string) {
	m := b.motors[name]
	b.end(m.call, nil, fmt.Errorf("another move of %s took its place", m.Label))
	m.Motor, m.speed, m.call, m.jog = m.To(m.Motor, target), speed, call, nil
	b.showMotor(name)
	if m.State != MotorMoving {
		b.arrived(name)
	}
}

func (b *Beamline) advanceMotor(name string, d time.Duration) {
	m := b.motors[name]
	if m.State != MotorMoving {
		return
	}
	m.Motor = m.After(m.Motor, m.speed, d)
	b.showMotor(name)
	if m.State != MotorMoving {
		b.arrived(name)
		return
	}
	b.advanceJog(name, d)
}

func (b *Beamline) arrived(name string) {
	m := b.motors[name]
	b.end(m.call, map[string]float64{"position": m.Position}, nil)
	m.call, m.jog = "", nil
	if name == distanceMotor {
		b.showResolution()
	}
}

// stopMotor stops a motor where it is, now.
func (b *Beamline) stopMotor(name, reason string) {
	m := b.motors[name]
	if m.State != MotorMoving {
		return
	}
	m.Motor = m.At(m.Position)
	b.showMotor(name)
	if m.jog == nil || !m.jog.held { // that a jog is stopped is how it should end
		b.end(m.call, nil, fmt.Errorf("%s at %s", reason, m.show(m.Position)))
		m.call = ""
	}
	b.arrived(name)
}

func (b *Beamline) stopMotors(reason string) {
	for _, name := range slices.Sorted(maps.Keys(b.motors)) {
		b.stopMotor(name, reason)
	}
}

// end ends a call, if there is one to end.
func (b *Beamline) end(call string, result any, err error) {
	if call == "" {
		return
	}
	if err != nil {
		result = nil
	}
	b.out.Ended = append(b.out.Ended, Ended{Call: call, Result: result, Err: err})
}

func (b *Beamline) log(level, source, format string, args ...any) {
	b.out.Log = append(b.out.Log, Record{Level: level, Text: fmt.Sprintf(format, args...), Source: source})
}
