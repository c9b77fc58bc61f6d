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

// openTime is how long a request waits for a replica that somebody is bringing up.
const openTime = 3 * time.Second

// opened returns the replica of the space, bringing it up if this is the first that asks for it.
func (r *room) opened(ctx context.Context) (*channels.Space, error) {
	if space := r.space.Load(); space != nil {
		return space, nil
	}
	late := time.NewTimer(openTime)
	defer late.Stop()
	select {
	case r.opening <- struct{}{}:
		defer func() { <-r.opening }()
	case <-late.C:
		return nil, fmt.Errorf("space %s is being opened", r.name)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if space := r.space.Load(); space != nil {
		return space, nil
	}
	if r.hub.ctx.Err() != nil {
		return nil, context.Cause(r.hub.ctx)
	}
	space, err := r.hub.options.Open(ctx, r.name, r)
	if err != nil {
		r.noteTrouble(ctx, err)
		return nil, err
	}
	r.trouble.Store(nil)
	if err := space.Problem(); err != nil {
		r.hub.logger.Error("a space is not ready", "space", r.name, "error", err)
	}
	r.space.Store(space)
	r.hub.announceRoom(ctx, r) // before anybody comes in: who signs somebody out asks this node, too
	r.hub.keep("answering stop commands of "+r.name, func(ctx context.Context) error {
		return r.hub.options.Relay.Answer(ctx, stopSubject(r.name), r.answerStops)
	})
	return space, nil
}

// noteTrouble makes this node not ready because of a space that it cannot open. Whoever needs the space next tries again,
// the sweep at the latest. An attempt that nobody waited for says nothing.
func (r *room) noteTrouble(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	why := err.Error()
	if before := r.trouble.Swap(&why); before == nil || *before != why {
		r.hub.logger.Error("a space could not be opened", "space", r.name, "error", err)
	}
}

// replica returns the replica to those who are in the room, which nobody is before it is open.
func (r *room) replica() *channels.Space { return r.space.Load() }

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
