package beamline

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// clicks is how often somebody clicks on the crystal to centre it, each time from another side.
const clicks = 3

// The states of a centring.
const (
	centringIdle    = "idle"
	centringClick   = "click"   // waits for somebody to click on the crystal
	centringTurning = "turning" // to the next side
	centringMoving  = "moving"  // the crystal into the beam
)

// Centring is equipment "centring": what is going on, and what was clicked on so far.
type Centring struct {
	State  string  `json:"state"`
	Of     int     `json:"of"`
	Clicks []Click `json:"clicks"`
}

// A Click is where the crystal was seen, in mm from the beam, at which omega.
type Click struct {
	Omega float64 `json:"omega"`
	H     float64 `json:"h"`
	V     float64 `json:"v"`
}

type centring struct {
	state  string
	clicks []Click
	// Of each click: the angle, and the place on the pin as seen from there, so motors may move between clicks.
	sights  []sight
	targets map[string]float64 // of the move that ends it
}

type sight struct{ cos, sin, across, along float64 }

func (b *Beamline) doCentringStart(c Command) error {
	if err := b.nothingRuns(); err != nil {
		return err
	}
	if b.changer.mounted == "" {
		return errors.New("no sample is mounted: mount one first")
	}
	b.centring = centring{state: centringClick}
	b.showCentring()
	b.log("info", "centring", "%s is centred by %s", b.sampleName(b.changer.mounted), c.By)
	b.end(c.Call, struct{}{}, nil)
	return nil
}

func (b *Beamline) doCentringClick(c Command) error {
	a, err := args[struct {
		H *float64 `json:"h"`
		V *float64 `json:"v"`
	}](c)
	if err != nil {
		return err
	}
	t := &b.centring
	switch {
	case a.H == nil || a.V == nil:
		return errors.New("centring.click needs h and v, in mm from the beam")
	case t.state == centringIdle:
		return errors.New("nothing is being centred: begin with centring.start")
	case t.state != centringClick || b.motors[omegaMotor].State == MotorMoving:
		return errors.New("the motors are still moving: wait for them, then click")
	}
	t.see(b, *a.H, *a.V)
	if len(t.clicks) < clicks {
		b.turn()
	} else if err := b.centreOnClicks(); err != nil {
		b.centring = centring{state: centringIdle}
		b.showCentring()
		return err
	}
	b.showCentring()
	b.end(c.Call, struct{}{}, nil)
	return nil
}

func (b *Beamline) doCentringCancel(c Command) error {
	b.cancelCentring("centring was cancelled by " + c.By)
	b.end(c.Call, struct{}{}, nil)
	return nil
}

// see notes what was clicked on.
func (t *centring) see(b *Beamline, h, v float64) {
	omega, axis := b.motors[omegaMotor].Position, b.camera().Axis
	sin, cos := math.Sincos(omega * math.Pi / 180)
	t.clicks = append(t.clicks, Click{Omega: omega, H: h, V: v})
	t.sights = append(t.sights, sight{
		cos: cos, sin: sin,
		across: v - (b.motors["phiz"].Position - axis.Phiz) - b.motors["sampx"].Position*cos - b.motors["sampy"].Position*sin,
		along:  h - (b.motors["phiy"].Position - axis.Phiy),
	})
}

// turn shows the crystal from the next side.
func (b *Beamline) turn() {
	omega := b.motors[omegaMotor]
	target := omega.Position + 90
	if omega.Check(target) != nil {
		target = omega.Position - 90
	}
	b.centring.state = centringTurning
	b.move(omegaMotor, target, omega.Speed, "")
}

// centreOnClicks moves what was clicked on into the beam.
func (b *Beamline) centreOnClicks() error {
	place, err := placeOf(b.centring.sights)
	if err != nil {
		return err
	}
	axis := b.camera().Axis
	targets := map[string]float64{"sampx": -place[0], "sampy": -place[1], "phiy": axis.Phiy - place[2], "phiz": axis.Phiz}
	for name, target := range targets {
		if err := b.motors[name].Check(target); err != nil {
			return fmt.Errorf("what was clicked on cannot be brought into the beam: %w", err)
		}
	}
	b.centring.state, b.centring.targets = centringMoving, targets
	for name, target := range targets {
		b.move(name, target, b.motors[name].Speed, "")
	}
	return nil
}

// placeOf returns the place on the pin that was seen from several sides, by least squares.
func placeOf(sights []sight) (place [3]float64, err error) {
	var cc, ss, cs, ca, sa float64
	for _, s := range sights {
		cc += s.cos * s.cos
		ss += s.sin * s.sin
		cs += s.cos * s.sin
		ca += s.cos * s.across
		sa += s.sin * s.across
		place[2] += s.along / float64(len(sights))
	}
	det := cc*ss - cs*cs
	if det < 0.1 {
		return place, errors.New("the crystal was not seen from different sides: turn it between the clicks, and begin again")
	}
	place[0] = (ca*ss - sa*cs) / det
	place[1] = (sa*cc - ca*cs) / det
	return place, nil
}

func (b *Beamline) advanceCentring() {
	t := &b.centring
	switch t.state {
	case centringTurning:
		if b.motors[omegaMotor].State != MotorMoving {
			t.state = centringClick
			b.showCentring()
		}
	case centringMoving:
		for name, target := range t.targets {
			m := b.motors[name]
			if m.State == MotorMoving {
				return
			}
			if m.Position != target {
				b.cancelCentring("centring was stopped on its way")
				return
			}
		}
		b.centring = centring{state: centringIdle}
		b.showCentring()
		b.log("info", "centring", "%s is in the beam", b.sampleName(b.changer.mounted))
	}
}

func (b *Beamline) cancelCentring(reason string) {
	if b.centring.state == centringIdle {
		return
	}
	if b.centring.state == centringTurning {
		b.stopMotor(omegaMotor, reason)
	}
	b.centring = centring{state: centringIdle}
	b.showCentring()
	b.log("warning", "centring", "%s", reason)
}

func (b *Beamline) showCentring() {
	shown := slices.Clone(b.centring.clicks)
	if shown == nil {
		shown = []Click{}
	}
	b.showEquipment("centring", Centring{State: b.centring.state, Of: clicks, Clicks: shown})
}
