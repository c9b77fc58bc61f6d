package hub

import (
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// What telling who is here may cost. It goes to everybody, and names everybody: with n people in a space n² of it. So a
// change is told at once where that is cheap, and where it is not the next one waits, until the bytes that all connections
// of the room were sent, or the other nodes, are within these rates. A thousand tabs that come back at once are a few such
// frames, and not a thousand for each of them.
const (
	presenceRate = 16 << 20               // bytes per second to all connections of a room together
	presenceCost = 8 << 10                // bytes that each of them costs beside its own: it is a write, of which 2,000 a second are enough
	announceRate = 4 << 20                // bytes per second of a room to the other nodes
	announceCost = 20 * time.Millisecond  // of each beside its bytes: 50 a second at most
	slack        = 500 * time.Millisecond // how far a pace may be ahead of its rate
	longestRest  = presenceLife
)

// A pace says when something may be done again: at once as long as what was done is within the rate, but for some slack. It is not safe for concurrent use.
type pace struct {
	next    time.Time
	pending bool // it is to be done then
}

// due reports whether it may be done now. If not, wait is how long it has to, and set whether somebody waits already.
func (p *pace) due(now time.Time) (wait time.Duration, set bool) {
	if wait = p.next.Sub(now.Add(slack)); wait <= 0 {
		return 0, false
	}
	set, p.pending = p.pending, true
	return wait, set
}

// did takes note that it was done, and at what cost.
func (p *pace) did(now time.Time, bytes, rate int, least time.Duration) {
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(least + time.Duration(float64(bytes)/float64(rate)*float64(time.Second)))
	if latest := now.Add(longestRest); p.next.After(latest) {
		p.next = latest
	}
	p.pending = false
}

// shown is who is here as the connections of a room are told, encoded once for all of them.
type shown struct {
	version uint64 // of the presence
	members wire.SharedMembers
	pace    pace
}

// showLocked tells the connections who is here, now or when it may.
func (r *room) showLocked() {
	now := time.Now()
	wait, set := r.shown.pace.due(now)
	switch {
	case set:
	case wait > 0:
		time.AfterFunc(wait, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.showNowLocked(time.Now())
		})
	default:
		r.showNowLocked(now)
	}
}

func (r *room) showNowLocked(now time.Time) {
	s := &r.shown
	s.version, s.members = r.presence.version, wire.ShareMembers(r.presence.members())
	s.pace.did(now, (presenceCost+len(s.members))*len(r.conns), presenceRate, 0)
	for c := range r.conns {
		c.rouse()
	}
}

// announceSoonLocked makes this node tell the others who is connected to it, now or when it may.
func (r *room) announceSoonLocked() {
	wait, set := r.announced.due(time.Now())
	switch {
	case set:
	case wait > 0:
		time.AfterFunc(wait, func() { r.hub.announceSoon(r) })
	default:
		r.hub.announceSoon(r)
	}
}
