package beamline

import (
	"fmt"
	"time"
)

// The values of a shutter.
const (
	shutterOpen   = "open"
	shutterClosed = "closed"
	shutterMoving = "moving"
)

// fastShutter exposes the sample; safetyShutter lets the beam into the hutch.
const (
	fastShutter   = "fast"
	safetyShutter = "safety"
)

type shutter struct {
	facts  ShutterFacts
	value  string
	target string
	left   time.Duration // until it is there
	calls  []string      // that wait for it
}

// A Shutter is equipment "shutter/<name>".
type Shutter struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// setShutter starts a shutter. When it turns round on its way, the calls that waited for the other end have failed.
func (b *Beamline) setShutter(s *shutter, target, call string) {
	if s.target != target {
		b.endShutter(s, fmt.Errorf("the shutter was set to %s meanwhile", target))
		s.value, s.target, s.left = shutterMoving, target, seconds(s.facts.Invented.Seconds)
		b.showShutter(s)
	}
	s.calls = append(s.calls, call)
	if s.value == target {
		b.endShutter(s, nil)
	}
}

func (b *Beamline) advanceShutter(s *shutter, d time.Duration) {
	if s.value != shutterMoving {
		return
	}
	if s.left -= d; s.left > 0 {
		return
	}
	s.value = s.target
	b.showShutter(s)
	b.endShutter(s, nil)
	if s.facts.Name == safetyShutter {
		b.log("info", "shutter", "%s is %s", s.facts.Label, s.value)
	}
}

func (b *Beamline) endShutter(s *shutter, err error) {
	for _, call := range s.calls {
		b.end(call, map[string]string{"value": s.value}, err)
	}
	s.calls = nil
}

func (b *Beamline) showShutter(s *shutter) {
	b.showEquipment("shutter/"+s.facts.Name, Shutter{Label: s.facts.Label, Value: s.value})
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
