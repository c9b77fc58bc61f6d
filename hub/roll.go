package hub

import (
	"context"
	"crypto/rand"
	"time"
)

// A rollCall is whether this node knows who else shows the space. What they said is kept in memory, and gone when NATS was;
// they say it again in presenceRenew, which is long for somebody who signs out. So a node asks when it opens the space, and
// when what was said may have passed it by. Nobody answers for what keeps and passes on what is said, and it can be away while
// the log is not. So a question counts when the node hears it, as the others do, and what they said as long as it hears itself.
type rollCall struct {
	question string    // that it has not heard; "" = it has
	at       time.Time // when it heard the last one
	heard    time.Time // when it last heard itself
}

const (
	rollCallTime = time.Second                    // the others have it for an answer
	deafAfter    = presenceRenew + 2*rollCallTime // a node that has not heard itself for so long hears nobody; it is before their word lapses
)

// ask makes this node ask.
func (r *room) ask() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.askLocked()
}

func (r *room) askLocked() {
	r.roll.question = rand.Text()
	r.announceSoonLocked()
}

// hearSelf takes what this node has said. Who had not heard itself for deafAfter had not heard the others either.
func (r *room) hearSelf(said announcement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, roll := time.Now(), &r.roll
	switch {
	case said.Ask != "" && said.Ask == roll.question:
		roll.question, roll.at = "", now
	case now.Sub(roll.heard) > deafAfter && roll.question == "":
		r.askLocked()
	}
	roll.heard = now
}

// hearOthers waits until every node that shows the space has had time to say so. It does not wait for longer than a node can be
// out of touch: one that still has not been heard follows the log by itself, or is mute.
func (r *room) hearOthers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, presenceLife)
	defer cancel()
	for wait := time.Duration(1); wait > 0 && ctx.Err() == nil; sleep(ctx, wait) {
		r.mu.Lock()
		wait = r.roll.unheard(time.Now())
		r.mu.Unlock()
	}
}

// unheard is how long to wait before it is looked again whether the others were heard; 0 = they were.
func (c *rollCall) unheard(now time.Time) time.Duration {
	if c.question != "" || now.Sub(c.heard) > deafAfter {
		return rollCallTime / 20
	}
	return max(0, rollCallTime-now.Sub(c.at))
}
