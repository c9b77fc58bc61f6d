package hub

import (
	"context"
	"fmt"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// policyNow is the sign-in and control policy in force.
func (r *room) policyNow() session.Policy {
	if p := r.policy.Load(); p != nil {
		return *p
	}
	return session.Policy{}.Filled()
}

// openTime is how long a request waits for a replica that is being brought up, so that with the rest of it, it is answered
// within 3 s.
const openTime = 2500 * time.Millisecond

// opened returns the replica of the space to a request, which does not wait long for one that is being brought up.
func (r *room) opened(ctx context.Context) (*channels.Space, error) {
	if space := r.space.Load(); space != nil {
		return space, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, openTime, fmt.Errorf("space %s is being opened", r.name))
	defer cancel()
	return r.whenOpen(ctx)
}

// whenOpen returns the replica of the space. The first that asks for it begins to bring it up, which goes on when they
// wait no more: what takes longer than a request would never be done.
func (r *room) whenOpen(ctx context.Context) (*channels.Space, error) {
	r.mu.Lock()
	if r.opening == nil {
		o := &opening{done: make(chan struct{})}
		r.opening = o
		r.hub.running.Go(func() { r.open(o) })
	}
	o := r.opening
	r.mu.Unlock()
	select {
	case <-o.done:
		return o.space, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// An opening is one attempt to bring up a replica. What it came to is there once done is closed.
type opening struct {
	done  chan struct{}
	space *channels.Space
	err   error
}

// open brings up the replica. After a failure, whoever needs it next tries again, the sweep at the latest.
func (r *room) open(o *opening) {
	h := r.hub
	o.space, o.err = h.options.Open(h.ctx, r.name, r)
	switch {
	case h.ctx.Err() != nil && o.err == nil: // the hub has closed those that it had
		o.space.Close()
		o.space, o.err = nil, context.Cause(h.ctx)
	case o.err != nil:
		r.noteTrouble(o.err)
		r.mu.Lock()
		r.opening = nil
		r.mu.Unlock()
	default:
		r.trouble.Store(nil)
		if err := o.space.Problem(); err != nil {
			h.logger.Error("a space is not ready", "space", r.name, "error", err)
		}
		r.space.Store(o.space)
		h.announceRoom(h.ctx, r) // before anybody comes in: who signs somebody out asks this node, too
		h.keep("committing what other nodes hand to "+r.name, func(ctx context.Context) error {
			return h.options.Relay.Answer(ctx, homeSubject(r.name, h.options.Node), r.answerHome)
		})
		h.keep("answering stop commands of "+r.name, func(ctx context.Context) error {
			return h.options.Relay.Answer(ctx, stopSubject(r.name), r.answerStops)
		})
	}
	close(o.done)
}

// noteTrouble makes this node not ready because of a space that it cannot open.
func (r *room) noteTrouble(err error) {
	if r.hub.ctx.Err() != nil {
		return
	}
	why := err.Error()
	if before := r.trouble.Swap(&why); before == nil || *before != why {
		r.hub.logger.Error("a space could not be opened", "space", r.name, "error", err)
	}
}

// replica returns the replica to those who are in the room, which nobody is before it is open.
func (r *room) replica() *channels.Space { return r.space.Load() }

// sendAllAway has the connections end. Those that come in later see by themselves that the hub is closed.
func (r *room) sendAllAway() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.sendAway()
	}
}

// empty waits until the connections, which have been told to end, have.
func (r *room) empty() {
	r.mu.Lock()
	ending := make([]*conn, 0, len(r.conns))
	for c := range r.conns {
		ending = append(ending, c)
	}
	r.mu.Unlock()
	for _, c := range ending {
		<-c.left
	}
}

// epochNow is the epoch at the head of the ring.
func (r *room) epochNow() string {
	epoch, _ := r.epoch.Load().(string)
	return epoch
}
