package hub

import (
	"context"
	"time"
)

// A rollCall is whether this node knows who else shows the space. What they said is kept in memory, and gone when NATS was;
// they say it again in presenceRenew, which is long for somebody who signs out. So a node asks when it opens the space, and
// when what was said may have passed it by.
type rollCall struct {
	open bool      // it has to
	at   time.Time // when it did
}

// rollCallTime is how long the others have for an answer.
const rollCallTime = time.Second

// ask makes this node ask.
func (r *room) ask() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.roll.open = true
	r.announceSoonLocked()
}

// askAgainLater is for an announcement that did not go out. The next one asks.
func (r *room) askAgainLater() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.roll.open = true
}

// hearOthers waits until every node that shows the space has had time to say so.
func (r *room) hearOthers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, presenceRenew+rollCallTime) // by then they have said it unasked
	defer cancel()
	for ctx.Err() == nil {
		r.mu.Lock()
		a := r.roll
		r.mu.Unlock()
		wait := rollCallTime - time.Since(a.at)
		switch {
		case a.open:
			sleep(ctx, rollCallTime/20)
		case wait > 0:
			sleep(ctx, wait)
		default:
			return
		}
	}
}
