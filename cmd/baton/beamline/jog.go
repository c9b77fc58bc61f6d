package beamline

import (
	"fmt"
	"time"
)

// A jog moves a motor for as long as somebody holds a button: until they let go, which is an ordinary stop, or until
// nothing has been heard of them for a while. So a motor stops by itself when a link stalls, a browser dies or a cable
// is pulled; no page and no hub has to do anything for it.
type jog struct {
	id   string // given by the page; what it sends over the signal "jog" while the button is held
	user string
	left time.Duration // until it ends unless something is heard
	held bool          // false: nothing was heard for too long
}

func (b *Beamline) doMotorJog(c Command) error {
	a, err := args[struct {
		Motor     string `json:"motor"`
		Direction int    `json:"direction"`
		Jog       string `json:"jog"`
	}](c)
	if err != nil {
		return err
	}
	m, known := b.motors[a.Motor]
	switch {
	case !known:
		return unknownName("motor", a.Motor, b.motors)
	case a.Direction != 1 && a.Direction != -1:
		return fmt.Errorf("motor.jog needs a direction, 1 or -1")
	case a.Jog == "":
		return fmt.Errorf("motor.jog needs a name of your own under jog: the motor stops unless it is sent over the signal jog")
	}
	if err := b.queueIsIdle(); err != nil {
		return err
	}
	target := m.Max
	if a.Direction < 0 {
		target = m.Min
	}
	b.log("info", "motors", "%s is jogged (%s)", m.Label, c.By)
	b.move(a.Motor, target, m.Speed*b.facts.Invented.Jog.PartOfSpeed, c.Call)
	if m.State == MotorMoving {
		m.jog = &jog{id: a.Jog, user: c.User, left: b.keepAlive(), held: true}
	}
	return nil
}

// GoOn lets a jog go on: its user still holds the button. Nobody else can hold it for them.
func (b *Beamline) GoOn(id, user string) {
	for _, m := range b.motors {
		if m.jog != nil && m.jog.id == id && m.jog.user == user {
			m.jog.left = b.keepAlive()
		}
	}
}

func (b *Beamline) keepAlive() time.Duration { return seconds(b.facts.Invented.Jog.KeepAliveSeconds) }

func (b *Beamline) advanceJog(name string, d time.Duration) {
	m := b.motors[name]
	if m.jog == nil {
		return
	}
	if m.jog.left -= d; m.jog.left > 0 {
		return
	}
	m.jog.held = false
	b.log("warning", "motors", "%s has stopped: nothing was heard of who jogs it for %s", m.Label, b.keepAlive())
	b.stopMotor(name, fmt.Sprintf("nothing was heard of you for %s, so %s was stopped", b.keepAlive(), m.Label))
}
