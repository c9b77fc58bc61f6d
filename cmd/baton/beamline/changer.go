package beamline

import (
	"encoding/json"
	"fmt"
	"time"
)

// A changer is the sample changer. Its robot takes one sample at a time: while it mounts one, another that is on the
// goniometer is brought back first.
type changer struct {
	mounted   string          // key of the sample on the goniometer; "" = none
	collected map[string]bool // samples that data were collected from

	phase string        // changerIdle, changerMounting, changerUnmounting
	want  string        // what is to be mounted in the end; "" = nothing
	left  time.Duration // of this phase
	call  string        // that waits for it; "" = none
}

const (
	changerIdle       = ""
	changerMounting   = "mounting"
	changerUnmounting = "unmounting"
)

func (c *changer) busy() bool { return c.phase != changerIdle }

func (c *changer) restore(found Found) {
	c.collected = map[string]bool{}
	for key, sample := range found.Samples {
		if sample.State == SampleCollected {
			c.collected[key] = true
		}
	}
	var m Mounted
	if json.Unmarshal(found.Equipment["mounted"], &m) != nil || m.Sample == nil {
		return
	}
	if _, there := found.Samples[*m.Sample]; there {
		c.mounted = *m.Sample
	}
}

// stateAtRest is what the state of a sample ought to be when the robot does nothing.
func (c *changer) stateAtRest(key string) string {
	switch {
	case c.collected[key]:
		return SampleCollected
	case c.mounted == key:
		return SampleMounted
	default:
		return SampleInPuck
	}
}

// mount starts to bring a sample to the goniometer; "" brings back the one that is there.
func (b *Beamline) mount(sample, call string) {
	c := &b.changer
	c.want, c.call = sample, call
	switch {
	case c.mounted == sample:
		b.changerDone()
	case c.mounted != "":
		c.phase, c.left = changerUnmounting, seconds(b.facts.Invented.UnmountSeconds)
	default:
		b.startMounting()
	}
}

func (b *Beamline) startMounting() {
	c := &b.changer
	c.phase, c.left = changerMounting, seconds(b.facts.Invented.MountSeconds)
	b.showSample(c.want, SampleLoading)
}

func (b *Beamline) advanceChanger(d time.Duration) {
	c := &b.changer
	if !c.busy() {
		return
	}
	if c.left -= d; c.left > 0 {
		return
	}
	switch c.phase {
	case changerUnmounting:
		was := c.mounted
		c.mounted = ""
		b.showMounted()
		b.showSample(was, c.stateAtRest(was))
		b.log("info", "sample changer", "%s is back in its puck", b.sampleName(was))
		if c.want != "" {
			b.startMounting()
			return
		}
	case changerMounting:
		c.mounted = c.want
		b.showMounted()
		b.showSample(c.mounted, SampleMounted)
		b.log("info", "sample changer", "%s is mounted", b.sampleName(c.mounted))
	}
	b.changerDone()
}

func (b *Beamline) changerDone() {
	c := &b.changer
	c.phase = changerIdle
	b.end(c.call, map[string]string{"sample": c.mounted}, nil)
	c.call = ""
}

// stopChanger stops the robot: a sample that it was bringing goes back to its puck, one that it was taking away stays.
func (b *Beamline) stopChanger(reason string) {
	c := &b.changer
	if !c.busy() {
		return
	}
	if c.phase == changerMounting {
		b.showSample(c.want, c.stateAtRest(c.want))
	}
	c.phase = changerIdle
	b.end(c.call, nil, fmt.Errorf("%s", reason))
	c.call = ""
	b.log("warning", "sample changer", "%s", reason)
}

func (b *Beamline) sampleName(key string) string {
	if name := b.samples[key].Name; name != "" {
		return fmt.Sprintf("%s (%s)", name, key)
	}
	return key
}

// An action is a beamline action that is running.
type action struct {
	facts ActionFacts
	left  time.Duration
	call  string
}

func (a *action) label() string { return orDefault(a.facts.Label, a.facts.Invented.Label) }

func (b *Beamline) runAction(f ActionFacts, call string) {
	b.action = &action{facts: f, left: seconds(f.Invented.Seconds), call: call}
	b.showAction(f, "running")
}

func (b *Beamline) advanceAction(d time.Duration) {
	a := b.action
	if a == nil {
		return
	}
	if a.left -= d; a.left > 0 {
		return
	}
	if a.facts.Fails {
		b.endAction(fmt.Errorf("%s failed: it is an action whose simulation fails", a.label()))
		return
	}
	b.endAction(nil)
}

func (b *Beamline) endAction(err error) {
	a := b.action
	b.action = nil
	b.showAction(a.facts, "idle")
	if err != nil {
		b.log("error", "action", "%s", err)
		b.end(a.call, nil, err)
		return
	}
	b.log("info", "action", "%s is done", a.label())
	b.end(a.call, map[string]string{"action": a.facts.Name}, nil)
}
