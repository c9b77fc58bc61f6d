package check

import (
	"fmt"
	"time"

	"github.com/baton-hub/baton/tools/faults/history"
)

// convergeTime is how long after the last fault everybody has to be current.
const convergeTime = 10 * time.Second

// converge is G7: who is connected at the end has all that was committed, and had it within 10 s after the last fault, or
// after the last answer if that came later. That it is the right thing is for G6, which has compared it.
func converge(h *history.History, l *Ledger) (found []Violation) {
	var healed, over int64
	for _, e := range h.Events {
		switch e.What {
		case history.Healed, history.Quiet:
			healed = max(healed, e.At)
		case history.Over:
			over = e.At
		}
	}
	if over == 0 {
		return []Violation{{Promise: "G7", What: "the run says nowhere that it is over: nobody can say who was current then"}}
	}
	for _, o := range h.Operations {
		if o.Outcome == history.OK {
			healed = max(healed, o.End)
		}
	}
	latest := healed + int64(convergeTime)
	for _, s := range replay(h, l).sockets {
		if s.closed != 0 && s.closed < over {
			continue
		}
		for _, f := range s.feeds {
			tell := func(at int64, format string, args ...any) {
				found = append(found, Violation{Promise: "G7", What: fmt.Sprintf(format, args...), Client: s.client, Conn: s.conn, At: at, Position: l.lastOf(f)})
			}
			switch last := l.lastOf(f); {
			case f.position < last && over < latest:
				tell(over, "%s has not come from %d to %d, and the run was over %v after the last fault: listen longer",
					f.channel, f.position, last, time.Duration(over-healed).Round(time.Millisecond))
			case f.position < last:
				tell(over, "%s has not come from %d to %d", f.channel, f.position, last)
			case f.current(l) > latest:
				tell(f.current(l), "%s came to %d %v after the last fault", f.channel, last, time.Duration(f.current(l)-healed).Round(time.Millisecond))
			}
		}
	}
	return found
}

// lastOf is the position of the last change of a feed's channel.
func (l *Ledger) lastOf(f *feed) uint64 {
	if f.log {
		if all := l.logs[f.channel]; len(all) > 0 {
			return all[len(all)-1].position
		}
		return 0
	}
	if all := l.trails[f.store]; len(all) > 0 {
		return all[len(all)-1].position
	}
	return 0
}

// current is when a feed was brought to its last change.
func (f *feed) current(l *Ledger) int64 {
	last := l.lastOf(f)
	for _, step := range f.steps {
		if step.position >= last {
			return step.at
		}
	}
	return 0
}
