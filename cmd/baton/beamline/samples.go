package beamline

import (
	"encoding/json"
	"fmt"
)

// The states of a sample.
const (
	SampleInPuck    = "in puck"
	SampleLoading   = "loading"
	SampleMounted   = "mounted"
	SampleCollected = "collected"
)

// A Sample is a value of the store "samples".
type Sample struct {
	Name     string `json:"name"`
	Protein  string `json:"protein"`
	Puck     int    `json:"puck"`
	Position int    `json:"position"`
	State    string `json:"state"`
}

// TaskParams are the parameters of a queue entry. Zero means the default of its task.
type TaskParams struct {
	Images          int     `json:"images,omitempty" yaml:"images"`
	RangeDeg        float64 `json:"range_deg,omitempty" yaml:"range_deg"` // in all; characterisation: of each image
	ExposureS       float64 `json:"exposure_s,omitempty" yaml:"exposure_s"`
	TransmissionPct float64 `json:"transmission_pct,omitempty" yaml:"transmission_pct"`
}

// An Entry is a value of the store "queue". Entries run in the order of Order, then of their keys.
type Entry struct {
	Sample string     `json:"sample"`
	Task   string     `json:"task"`
	Order  float64    `json:"order"`
	Params TaskParams `json:"params"`
	bad    error      // set when users wrote something that is not an entry
}

// ParseEntry reads a value of the store "queue". Users write it, so anything can be in it: what cannot be run becomes
// an entry that fails, with the reason, when its turn comes.
func ParseEntry(data json.RawMessage) Entry {
	var e Entry
	if err := json.Unmarshal(data, &e); err != nil {
		e.bad = fmt.Errorf("this is not a queue entry: %w", err)
	}
	return e
}

// withDefaults fills in the parameters of the task and refuses those that no instrument could run.
func (e Entry) withDefaults(f *Facts) (Entry, error) {
	if e.bad != nil {
		return e, e.bad
	}
	defaults, known := f.Invented.Tasks[e.Task]
	if !known {
		return e, fmt.Errorf("%.40q is not a task: use centring, characterisation or collection", e.Task)
	}
	p := &e.Params
	if p.Images < 0 || p.RangeDeg < 0 || p.ExposureS < 0 || p.TransmissionPct < 0 || p.TransmissionPct > 100 {
		return e, fmt.Errorf("images, range_deg and exposure_s are not negative, transmission_pct is 0 to 100")
	}
	p.Images = orDefault(p.Images, defaults.Images)
	p.RangeDeg = orDefault(p.RangeDeg, defaults.RangeDeg)
	p.ExposureS = orDefault(p.ExposureS, defaults.ExposureS)
	p.TransmissionPct = orDefault(p.TransmissionPct, defaults.TransmissionPct)
	return e, nil
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
