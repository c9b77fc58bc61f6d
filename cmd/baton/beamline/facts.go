package beamline

import (
	_ "embed"
	"errors"
	"fmt"
	"math"

	"go.yaml.in/yaml/v4"
)

//go:embed facts.yaml
var factsFile []byte

// Facts are what the beamline is made of, as in facts.yaml. Fields in an Invented struct are not in the source.
type Facts struct {
	Motors       []MotorFacts   `yaml:"motors"`
	Zoom         ZoomFacts      `yaml:"zoom"`
	Aperture     ApertureFacts  `yaml:"aperture"`
	Shutters     []ShutterFacts `yaml:"shutters"`
	Lights       []LightFacts   `yaml:"lights"`
	Detector     DetectorFacts  `yaml:"detector"`
	Energy       EnergyFacts    `yaml:"energy"`
	Transmission ReadingFacts   `yaml:"transmission"`
	Cryo         ReadingFacts   `yaml:"cryo"`
	Actions      []ActionFacts  `yaml:"actions"`
	Invented     InventedFacts  `yaml:"invented"`
}

// MotorFacts describe one motor. Limits, Step and Start are in Invented where the source does not say them.
type MotorFacts struct {
	Name       string      `yaml:"name"`
	Device     string      `yaml:"device"`
	Label      string      `yaml:"label"`
	Roles      []string    `yaml:"roles"`
	Resolution float64     `yaml:"resolution"`
	Direction  int         `yaml:"direction"`
	Limits     *[2]float64 `yaml:"limits"`
	Step       *float64    `yaml:"step"`
	Start      *float64    `yaml:"start"`
	Invented   struct {
		Unit     string      `yaml:"unit"`
		Limits   *[2]float64 `yaml:"limits"`
		Step     *float64    `yaml:"step"`
		Start    *float64    `yaml:"start"`
		Speed    float64     `yaml:"speed"` // units per second
		Decimals int         `yaml:"decimals"`
	} `yaml:"invented"`
}

// ZoomFacts are the levels of the microscope.
type ZoomFacts struct {
	Values   []string `yaml:"values"`
	Invented struct {
		Start string `yaml:"start"`
	} `yaml:"invented"`
}

// ApertureFacts are the diameters of the beam-defining aperture.
type ApertureFacts struct {
	Values   []int `yaml:"values"`
	Invented struct {
		Unit  string `yaml:"unit"`
		Start int    `yaml:"start"`
	} `yaml:"invented"`
}

// ShutterFacts describe a shutter.
type ShutterFacts struct {
	Name     string   `yaml:"name"`
	Device   string   `yaml:"device"`
	Label    string   `yaml:"label"`
	Values   []string `yaml:"values"`
	Invented struct {
		Seconds float64 `yaml:"seconds"` // how long it takes to open or close
	} `yaml:"invented"`
}

// LightFacts describe a light that can be switched.
type LightFacts struct {
	Name     string `yaml:"name"`
	Switch   string `yaml:"switch"`
	Invented struct {
		Label string `yaml:"label"`
		On    bool   `yaml:"on"`
	} `yaml:"invented"`
}

// DetectorFacts describe the detector; the resolution at its edge follows from them.
type DetectorFacts struct {
	Manufacturer string     `yaml:"manufacturer" json:"manufacturer"`
	Type         string     `yaml:"type" json:"type"`
	Model        string     `yaml:"model" json:"model"`
	Width        int        `yaml:"width" json:"width"`   // pixels
	Height       int        `yaml:"height" json:"height"` // pixels
	PixelMM      [2]float64 `yaml:"pixel_mm" json:"pixel_mm"`
	FileSuffix   string     `yaml:"file_suffix" json:"file_suffix"`
}

// EnergyFacts are the energies for anomalous scattering: peak, inflection point, remote.
type EnergyFacts struct {
	Peak       float64 `yaml:"pk"`
	Inflection float64 `yaml:"ip"`
	Remote     float64 `yaml:"rm"`
	Invented   struct {
		Unit  string `yaml:"unit"`
		Start string `yaml:"start"` // pk, ip or rm
	} `yaml:"invented"`
}

// ReadingFacts describe a value that is only shown.
type ReadingFacts struct {
	Label    string  `yaml:"label"`
	Value    float64 `yaml:"value"`
	Invented struct {
		Unit string `yaml:"unit"`
	} `yaml:"invented"`
}

// ActionFacts describe a beamline action.
type ActionFacts struct {
	Name     string `yaml:"name"`
	Device   string `yaml:"device"`
	Label    string `yaml:"label"`
	Fails    bool   `yaml:"fails"` // the source's simulation of it ends with an error
	Invented struct {
		Label   string  `yaml:"label"`
		Seconds float64 `yaml:"seconds"`
	} `yaml:"invented"`
}

// InventedFacts are what the source says nothing about at all.
type InventedFacts struct {
	MountSeconds   float64            `yaml:"mount_seconds"`
	UnmountSeconds float64            `yaml:"unmount_seconds"`
	CameraMM       map[string]float64 `yaml:"camera_mm"` // width of the picture at each zoom level
	Jog            struct {
		PartOfSpeed      float64 `yaml:"part_of_speed"`
		KeepAliveSeconds float64 `yaml:"keep_alive_seconds"`
	} `yaml:"jog"`
	Tasks map[string]TaskParams `yaml:"tasks"`
	Pucks []struct {
		Number   int `yaml:"number"`
		Proteins []struct {
			Protein string `yaml:"protein"`
			Prefix  string `yaml:"prefix"`
			Samples int    `yaml:"samples"`
		} `yaml:"proteins"`
	} `yaml:"pucks"`
}

// Axis returns the facts a motor moves by; what the source says wins over what was invented.
func (m MotorFacts) Axis() Axis {
	a := Axis{
		Label: m.Label, Unit: m.Invented.Unit, Roles: m.Roles,
		Speed: m.Invented.Speed, Decimals: m.Invented.Decimals,
	}
	if l := firstOf(m.Limits, m.Invented.Limits); l != nil {
		a.Min, a.Max = l[0], l[1]
	}
	if s := firstOf(m.Step, m.Invented.Step); s != nil {
		a.Step = *s
	}
	return a
}

func (m MotorFacts) start() float64 {
	if s := firstOf(m.Start, m.Invented.Start); s != nil {
		return *s
	}
	return 0
}

func firstOf[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

// resolution returns the smallest lattice spacing, in ångström, that reaches the nearer edge of the detector at this
// distance: Bragg's law with the wavelength of the energy in keV.
func (f *Facts) resolution(distanceMM, energyKeV float64) float64 {
	radius := min(float64(f.Detector.Width)*f.Detector.PixelMM[0], float64(f.Detector.Height)*f.Detector.PixelMM[1]) / 2
	wavelength := 12.398 / energyKeV
	return wavelength / (2 * math.Sin(math.Atan(radius/distanceMM)/2))
}

func (f *Facts) energy() float64 {
	switch f.Energy.Invented.Start {
	case "ip":
		return f.Energy.Inflection
	case "rm":
		return f.Energy.Remote
	default:
		return f.Energy.Peak
	}
}

// Samples returns the invented content of the sample changer, by key: "puck:position", the position in two digits.
func (f *Facts) Samples() map[string]Sample {
	samples := map[string]Sample{}
	for _, puck := range f.Invented.Pucks {
		position := 0
		for _, group := range puck.Proteins {
			for i := range group.Samples {
				position++
				samples[fmt.Sprintf("%d:%02d", puck.Number, position)] = Sample{
					Name: fmt.Sprintf("%s-%02d", group.Prefix, i+1), Protein: group.Protein,
					Puck: puck.Number, Position: position, State: SampleInPuck,
				}
			}
		}
	}
	return samples
}

// LoadFacts reads the facts that are built in. It refuses unknown keys and a motor that could not move.
func LoadFacts() (*Facts, error) {
	f := &Facts{}
	if err := yaml.Load(factsFile, f, yaml.WithKnownFields()); err != nil {
		return nil, fmt.Errorf("reading facts.yaml: %w", err)
	}
	var problems []error
	for _, m := range f.Motors {
		if a := m.Axis(); a.Speed <= 0 || a.Min >= a.Max || m.start() < a.Min || m.start() > a.Max {
			problems = append(problems, fmt.Errorf("facts.yaml: %s cannot move: %+v", m.Name, a))
		}
		if firstOf(m.Limits, m.Invented.Limits) == nil {
			problems = append(problems, fmt.Errorf("facts.yaml: %s has no limits", m.Name))
		}
	}
	for _, level := range f.Zoom.Values {
		if f.Invented.CameraMM[level] <= 0 {
			problems = append(problems, fmt.Errorf("facts.yaml: camera_mm does not say how much is seen at %s", level))
		}
	}
	return f, errors.Join(problems...)
}
