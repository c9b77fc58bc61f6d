package beamline

import (
	"maps"
	"math"
	"slices"
)

// distanceMotor is the motor that moves the detector, which the resolution depends on.
const distanceMotor = "dtox"

// A Choice is equipment with a value that is one of several: "zoom", "aperture".
type Choice[T any] struct {
	Value  T      `json:"value"`
	Values []T    `json:"values"`
	Unit   string `json:"unit,omitempty"`
}

// A Reading is equipment with a number to show: "energy", "transmission", "resolution", "cryo".
type Reading struct {
	Label string  `json:"label,omitempty"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// Mounted is equipment "mounted": the key of the sample on the goniometer, or null.
type Mounted struct {
	Sample *string `json:"sample"`
}

// An Action is equipment "actions/<name>".
type Action struct {
	Label string `json:"label"`
	State string `json:"state"` // idle or running
}

func (b *Beamline) showEverything(found Found) {
	for _, name := range slices.Sorted(maps.Keys(b.motors)) {
		b.showMotor(name)
		b.showEquipment("motor/"+name, b.motors[name].Axis)
	}
	for _, s := range b.shutters {
		b.showShutter(s)
	}
	for name, light := range b.lights {
		b.showEquipment("light/"+name, *light)
	}
	for _, a := range b.facts.Actions {
		b.showAction(a, "idle")
	}
	b.showZoom()
	b.showCamera()
	b.showCentring()
	b.showAperture()
	b.showEquipment("detector", b.facts.Detector)
	b.showEquipment("energy", Reading{Value: b.facts.energy(), Unit: b.facts.Energy.Invented.Unit})
	b.showEquipment("cryo", reading(b.facts.Cryo))
	b.showTransmission()
	b.showResolution()
	b.showMounted()
	b.showQueue()
	for key, sample := range found.Samples {
		if state := b.changer.stateAtRest(key); state != sample.State {
			b.showSample(key, state)
		}
	}
	b.forgetDeleted()
}

func reading(f ReadingFacts) Reading {
	return Reading{Label: f.Label, Value: f.Value, Unit: f.Invented.Unit}
}

func (b *Beamline) showEquipment(key string, value any) {
	if b.out.Equipment == nil {
		b.out.Equipment = map[string]any{}
	}
	b.out.Equipment[key] = value
}

func (b *Beamline) showMotor(name string) {
	if b.out.Motors == nil {
		b.out.Motors = map[string]Motor{}
	}
	b.out.Motors[name] = b.motors[name].Motor
}

func (b *Beamline) showSample(key, state string) {
	if b.out.Samples == nil {
		b.out.Samples = map[string]string{}
	}
	b.out.Samples[key] = state
}

func (b *Beamline) showRun(key string, value any) {
	if b.out.Run == nil {
		b.out.Run = map[string]any{}
	}
	b.out.Run[key] = value
}

func (b *Beamline) showZoom() {
	b.showEquipment("zoom", Choice[string]{Value: b.zoom, Values: b.facts.Zoom.Values})
}

func (b *Beamline) showAperture() {
	f := b.facts.Aperture
	b.showEquipment("aperture", Choice[int]{Value: b.aperture, Values: f.Values, Unit: f.Invented.Unit})
}

func (b *Beamline) showTransmission() {
	b.showEquipment("transmission", Reading{Value: b.attenuate, Unit: b.facts.Transmission.Invented.Unit})
}

func (b *Beamline) showResolution() {
	d := b.facts.resolution(b.motors[distanceMotor].Position, b.facts.energy())
	b.showEquipment("resolution", Reading{Value: math.Round(d*1000) / 1000, Unit: "Å"})
}

func (b *Beamline) showMounted() {
	var m Mounted
	if sample := b.changer.mounted; sample != "" {
		m.Sample = &sample
	}
	b.showEquipment("mounted", m)
	b.showCrystal()
}

func (b *Beamline) showAction(a ActionFacts, state string) {
	b.showEquipment("actions/"+a.Name, Action{Label: orDefault(a.Label, a.Invented.Label), State: state})
}
