package beamline

import (
	"fmt"
	"math"
	"time"
)

// An Axis is what a motor moves by: equipment "motor/<name>".
type Axis struct {
	Label    string   `json:"label"`
	Unit     string   `json:"unit"`
	Min      float64  `json:"min"`
	Max      float64  `json:"max"`
	Step     float64  `json:"step"`
	Speed    float64  `json:"speed"` // units per second
	Decimals int      `json:"decimals"`
	Roles    []string `json:"roles,omitempty"`
}

// MotorState says what a motor is doing.
type MotorState string

// The states of a motor. One that rests on a limit says so, as the switches of a real one do.
const (
	MotorIdle   MotorState = "idle"
	MotorMoving MotorState = "moving"
	MotorLimit  MotorState = "limit"
)

// A Motor is where a motor is and where it goes: the value of its key in the live store "motors".
type Motor struct {
	Position float64    `json:"position"`
	Target   float64    `json:"target"`
	State    MotorState `json:"state"`
}

// Check refuses a target that the axis cannot reach, and says what it can.
func (a Axis) Check(target float64) error {
	if math.IsNaN(target) || target < a.Min || target > a.Max {
		return fmt.Errorf("%s goes from %s to %s: %s is beyond its limits",
			a.Label, a.show(a.Min), a.show(a.Max), a.show(target))
	}
	return nil
}

// At returns the motor at rest.
func (a Axis) At(position float64) Motor {
	m := Motor{Position: position, Target: position, State: MotorIdle}
	if position <= a.Min || position >= a.Max {
		m.State = MotorLimit
	}
	return m
}

// To returns the motor as it starts to move to target, which must be within the limits.
func (a Axis) To(m Motor, target float64) Motor {
	if m.Position == target {
		return a.At(target)
	}
	return Motor{Position: m.Position, Target: target, State: MotorMoving}
}

// After returns the motor when it has gone on for some time at this speed. It stops exactly on its target.
func (a Axis) After(m Motor, speed float64, passed time.Duration) Motor {
	if m.State != MotorMoving {
		return m
	}
	way := speed * passed.Seconds()
	left := m.Target - m.Position
	// The last fraction of a step is not worth another tick: sums of binary fractions miss the target by a little.
	if math.Abs(left) <= way+1e-9 {
		return a.At(m.Target)
	}
	m.Position += math.Copysign(way, left)
	return m
}

// takes returns how long a way takes at the speed of the axis.
func (a Axis) takes(way float64) time.Duration {
	return time.Duration(math.Abs(way) / a.Speed * float64(time.Second))
}

func (a Axis) show(position float64) string {
	return fmt.Sprintf("%.*f %s", a.Decimals, position, a.Unit)
}
