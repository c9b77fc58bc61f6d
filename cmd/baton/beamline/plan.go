package beamline

import (
	"fmt"
	"math"
	"time"
)

// omegaMotor turns the sample.
const omegaMotor = "omega"

// A stage is one step of a queue entry. It does one of three things: it brings a sample, moves motors, or sets a shutter.
type stage struct {
	text    string
	takes   time.Duration // how long it should take; the progress is reckoned from it
	mount   string
	motors  map[string]float64
	speed   float64 // of the motors; 0 = their own
	shutter string
	value   string
	images  int // taken while the motors move
}

// A plan is the stages of one queue entry, made before the first of them begins, so that what cannot be done is refused
// before anything moves.
type plan struct {
	beamline  *Beamline
	stages    []stage
	positions map[string]float64 // where the motors will be after the stages so far
}

// planEntry returns the stages of an entry, or why it cannot be run.
func (b *Beamline) planEntry(e Entry) ([]stage, error) {
	if _, there := b.samples[e.Sample]; !there {
		return nil, fmt.Errorf("there is no sample %.40q", e.Sample)
	}
	p := &plan{beamline: b, positions: map[string]float64{}}
	for name, m := range b.motors {
		p.positions[name] = m.Position
	}
	p.mount(e.Sample)
	p.centre(e.Sample)
	var err error
	switch e.Task {
	case "characterisation":
		err = p.wedges(e.Params.Images, 1, e.Params.RangeDeg, e.Params.ExposureS)
	case "collection":
		err = p.wedges(1, e.Params.Images, e.Params.RangeDeg, float64(e.Params.Images)*e.Params.ExposureS)
	}
	return p.stages, err
}

func (p *plan) mount(sample string) {
	b := p.beamline
	if b.changer.mounted == sample {
		return
	}
	s := stage{text: "mounting " + b.sampleName(sample), mount: sample, takes: seconds(b.facts.Invented.MountSeconds)}
	if b.changer.mounted != "" {
		s.takes += seconds(b.facts.Invented.UnmountSeconds)
	}
	p.stages = append(p.stages, s)
}

// centre looks at the sample from three sides and brings it into the beam.
func (p *plan) centre(sample string) {
	for i, angle := range []float64{0, 90, 180} {
		p.move(fmt.Sprintf("centring: view %d of 3", i+1), map[string]float64{omegaMotor: angle})
	}
	p.move("centring: moving into the beam", p.beamline.intoTheBeam(p.beamline.crystalOf(sample).CentreMM))
}

func (p *plan) move(text string, to map[string]float64) {
	s := stage{text: text, motors: to}
	for name, target := range to {
		s.takes = max(s.takes, p.beamline.motors[name].takes(target-p.positions[name]))
		p.positions[name] = target
	}
	p.stages = append(p.stages, s)
}

// wedges exposes the turning sample: count times images over rangeDeg in exposure seconds, each 90 degrees from the one before.
func (p *plan) wedges(count, images int, rangeDeg, exposure float64) error {
	omega := p.beamline.motors[omegaMotor]
	if count < 1 || images < 1 || rangeDeg <= 0 || exposure <= 0 {
		return fmt.Errorf("images, range_deg and exposure_s have to be more than 0")
	}
	speed := rangeDeg / exposure
	if speed > omega.Speed {
		return fmt.Errorf("%s turns at most %g %s/s: %s in %g s are %.4g %s/s",
			omega.Label, omega.Speed, omega.Unit, omega.show(rangeDeg), exposure, speed, omega.Unit)
	}
	if err := omega.Check(float64(count-1)*90 + rangeDeg); err != nil {
		return err
	}
	p.set("opening the safety shutter", safetyShutter, shutterOpen)
	for i := range count {
		start := float64(i) * 90
		p.move("turning to the start", map[string]float64{omegaMotor: start})
		p.set("opening the fast shutter", fastShutter, shutterOpen)
		text := "collecting"
		if count > 1 {
			text = fmt.Sprintf("collecting wedge %d of %d:", i+1, count)
		}
		p.stages = append(p.stages, stage{
			text: text, motors: map[string]float64{omegaMotor: start + rangeDeg}, speed: speed, images: images,
			takes: seconds(exposure),
		})
		p.positions[omegaMotor] = start + rangeDeg
		p.set("closing the fast shutter", fastShutter, shutterClosed)
	}
	return nil
}

func (p *plan) set(text, name, value string) {
	p.stages = append(p.stages, stage{
		text: text, shutter: name, value: value, takes: seconds(p.beamline.shutters[name].facts.Invented.Seconds),
	})
}

// words says what the stage is doing after some time.
func (s stage) words(passed time.Duration) string {
	if s.images == 0 {
		return s.text
	}
	return fmt.Sprintf("%s image %d of %d", s.text, min(1+s.taken(passed), s.images), s.images)
}

// taken returns how many images have been taken after some time.
func (s stage) taken(passed time.Duration) int {
	if s.images == 0 {
		return 0
	}
	return min(int(float64(s.images)*passed.Seconds()/s.takes.Seconds()), s.images)
}

// begin starts the stage.
func (b *Beamline) begin(s stage) {
	for name, target := range s.motors {
		speed := s.speed
		if speed == 0 {
			speed = b.motors[name].Speed
		}
		b.move(name, target, speed, "")
	}
	if s.shutter != "" {
		b.setShutter(b.shutters[s.shutter], s.value, "")
	}
	if s.mount != "" {
		b.mount(s.mount, "")
	}
}

// done reports whether the stage has come to its end.
func (b *Beamline) done(s stage) bool {
	for name := range s.motors {
		if b.motors[name].State == MotorMoving {
			return false
		}
	}
	if s.shutter != "" && b.shutters[s.shutter].value != s.value {
		return false
	}
	return s.mount == "" || !b.changer.busy()
}

func (a Axis) clamp(position float64) float64 { return math.Max(a.Min, math.Min(a.Max, position)) }
