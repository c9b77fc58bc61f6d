package beamline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Command is a call to decide: its id, what was asked for, who asked (by name, and the user), and the time of day.
type Command struct {
	Call string
	Name string
	Args json.RawMessage
	By   string
	User string
	At   time.Time
}

// commands are what the beamline serves. Each returns nil when the call ends later, or was ended by it.
var commands = map[string]func(*Beamline, Command) error{
	"motor.move":      (*Beamline).doMotorMove,
	"motor.jog":       (*Beamline).doMotorJog,
	"motor.stop":      (*Beamline).doMotorStop,
	"queue.start":     (*Beamline).doQueueStart,
	"queue.stop":      (*Beamline).doQueueStop,
	"shutter.set":     (*Beamline).doShutterSet,
	"zoom.set":        (*Beamline).doZoomSet,
	"aperture.set":    (*Beamline).doApertureSet,
	"light.set":       (*Beamline).doLightSet,
	"sample.mount":    (*Beamline).doSampleMount,
	"sample.unmount":  (*Beamline).doSampleUnmount,
	"centring.start":  (*Beamline).doCentringStart,
	"centring.click":  (*Beamline).doCentringClick,
	"centring.cancel": (*Beamline).doCentringCancel,
	"action.run":      (*Beamline).doActionRun,
	"abort":           (*Beamline).doAbort,
}

// Commands returns the names of the commands that the beamline serves, sorted.
func Commands() []string { return slices.Sorted(maps.Keys(commands)) }

// Do begins a command. Its end is in the output, at once or after some time; every command ends once.
func (b *Beamline) Do(c Command) {
	do, known := commands[c.Name]
	if !known {
		b.end(c.Call, nil, fmt.Errorf("there is no command %.40q", c.Name))
		return
	}
	if err := do(b, c); err != nil {
		b.end(c.Call, nil, err)
	}
}

// args reads the arguments of a command; what it does not know is refused with what it does.
func args[T any](c Command) (T, error) {
	var a T
	data := c.Args
	if len(data) == 0 || string(data) == "null" {
		data = []byte("{}")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return a, fmt.Errorf("%s does not take these arguments: %w", c.Name, err)
	}
	return a, nil
}

func (b *Beamline) doMotorMove(c Command) error {
	a, err := args[struct {
		Motor    string   `json:"motor"`
		Position *float64 `json:"position"`
	}](c)
	if err != nil {
		return err
	}
	m, known := b.motors[a.Motor]
	switch {
	case !known:
		return unknownName("motor", a.Motor, b.motors)
	case a.Position == nil:
		return fmt.Errorf("motor.move needs a position, in %s", m.Unit)
	}
	if err := m.Check(*a.Position); err != nil {
		return err
	}
	if err := b.queueIsIdle(); err != nil {
		return err
	}
	b.log("info", "motors", "%s to %s (%s)", m.Label, m.show(*a.Position), c.By)
	b.move(a.Motor, *a.Position, m.Speed, c.Call)
	return nil
}

func (b *Beamline) doMotorStop(c Command) error {
	a, err := args[struct {
		Motor string `json:"motor"`
	}](c)
	if err != nil {
		return err
	}
	m, known := b.motors[a.Motor]
	if a.Motor != "" && !known {
		return unknownName("motor", a.Motor, b.motors)
	}
	reason := "stopped by " + c.By
	switch {
	case b.queue.state == queueRunning && (a.Motor == "" || m.State == MotorMoving):
		b.stopQueue(reason) // the queue needs its motors
	case a.Motor == "":
		b.stopMotors(reason)
	default:
		b.stopMotor(a.Motor, reason)
	}
	b.end(c.Call, struct{}{}, nil)
	return nil
}

func (b *Beamline) doQueueStart(c Command) error {
	if err := b.nothingRuns(); err != nil {
		return err
	}
	if b.anyMoving() {
		return fmt.Errorf("motors are moving: wait for them, or stop them")
	}
	if err := b.startQueue(c.At, c.By); err != nil {
		return err
	}
	b.end(c.Call, struct{}{}, nil)
	return nil
}

func (b *Beamline) doQueueStop(c Command) error {
	b.stopQueue("stopped by " + c.By)
	b.end(c.Call, struct{}{}, nil)
	return nil
}

func (b *Beamline) doShutterSet(c Command) error {
	a, err := args[struct {
		Shutter string `json:"shutter"`
		Value   string `json:"value"`
	}](c)
	if err != nil {
		return err
	}
	s, known := b.shutters[a.Shutter]
	switch {
	case !known:
		return unknownName("shutter", a.Shutter, b.shutters)
	case !slices.Contains(s.facts.Values, a.Value):
		return fmt.Errorf("a shutter is set to %s, not %.40q", strings.Join(s.facts.Values, " or "), a.Value)
	}
	if err := b.queueIsIdle(); err != nil {
		return err
	}
	b.setShutter(s, a.Value, c.Call)
	return nil
}

func (b *Beamline) doZoomSet(c Command) error {
	a, err := args[struct {
		Value string `json:"value"`
	}](c)
	if err != nil {
		return err
	}
	if !slices.Contains(b.facts.Zoom.Values, a.Value) {
		return fmt.Errorf("there is no zoom level %.40q: use one of %s", a.Value, strings.Join(b.facts.Zoom.Values, ", "))
	}
	b.zoom = a.Value
	b.showZoom()
	b.showCamera()
	b.end(c.Call, a, nil)
	return nil
}

func (b *Beamline) doApertureSet(c Command) error {
	a, err := args[struct {
		Value int `json:"value"`
	}](c)
	if err != nil {
		return err
	}
	if !slices.Contains(b.facts.Aperture.Values, a.Value) {
		return fmt.Errorf("there is no aperture of %d %s: use one of %v",
			a.Value, b.facts.Aperture.Invented.Unit, b.facts.Aperture.Values)
	}
	if err := b.queueIsIdle(); err != nil {
		return err
	}
	b.aperture = a.Value
	b.showAperture()
	b.end(c.Call, a, nil)
	return nil
}

func (b *Beamline) doLightSet(c Command) error {
	a, err := args[struct {
		Light string `json:"light"`
		On    *bool  `json:"on"`
	}](c)
	if err != nil {
		return err
	}
	light, known := b.lights[a.Light]
	switch {
	case !known:
		return unknownName("light", a.Light, b.lights)
	case a.On == nil:
		return fmt.Errorf("light.set needs on: true or false")
	}
	light.On = *a.On
	b.showEquipment("light/"+a.Light, *light)
	b.end(c.Call, a, nil)
	return nil
}

func (b *Beamline) doSampleMount(c Command) error {
	a, err := args[struct {
		Sample string `json:"sample"`
	}](c)
	if err != nil {
		return err
	}
	if _, there := b.samples[a.Sample]; !there {
		return fmt.Errorf("there is no sample %.40q: samples are named puck:position, such as 1:03", a.Sample)
	}
	if err := b.nothingRuns(); err != nil {
		return err
	}
	b.mount(a.Sample, c.Call)
	return nil
}

func (b *Beamline) doSampleUnmount(c Command) error {
	if err := b.nothingRuns(); err != nil {
		return err
	}
	if b.changer.mounted == "" {
		return fmt.Errorf("no sample is mounted")
	}
	b.mount("", c.Call)
	return nil
}

func (b *Beamline) doActionRun(c Command) error {
	a, err := args[struct {
		Action string `json:"action"`
	}](c)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(b.facts.Actions, func(f ActionFacts) bool { return f.Name == a.Action })
	if i < 0 {
		known := map[string]bool{}
		for _, f := range b.facts.Actions {
			known[f.Name] = true
		}
		return unknownName("action", a.Action, known)
	}
	if err := b.nothingRuns(); err != nil {
		return err
	}
	b.runAction(b.facts.Actions[i], c.Call)
	return nil
}

func (b *Beamline) doAbort(c Command) error {
	reason := "aborted by " + c.By
	b.stopQueue(reason)
	b.stopMotors(reason)
	b.stopChanger(reason)
	b.cancelCentring(reason)
	if b.action != nil {
		b.endAction(fmt.Errorf("%s was %s", b.action.label(), reason))
	}
	b.setShutter(b.shutters[fastShutter], shutterClosed, "")
	b.log("warning", "beamline", "%s", reason)
	b.end(c.Call, struct{}{}, nil)
	return nil
}

// queueIsIdle refuses what would disturb the queue.
func (b *Beamline) queueIsIdle() error {
	if b.queue.state != queueIdle {
		return fmt.Errorf("the queue is %s: stop it first", b.queue.state)
	}
	return nil
}

// nothingRuns refuses what needs the beamline for itself.
func (b *Beamline) nothingRuns() error {
	switch {
	case b.changer.busy():
		return fmt.Errorf("the sample changer is %s: wait for it, or abort", b.changer.phase)
	case b.action != nil:
		return fmt.Errorf("%s is running: wait for it, or abort", b.action.label())
	case b.centring.state != centringIdle:
		return fmt.Errorf("a sample is being centred: finish that, or cancel it")
	}
	return b.queueIsIdle()
}

func unknownName[V any](kind, name string, known map[string]V) error {
	return fmt.Errorf("there is no %s %.40q: use one of %s", kind, name,
		strings.Join(slices.Sorted(maps.Keys(known)), ", "))
}
