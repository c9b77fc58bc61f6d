package hub

import (
	"context"
	"errors"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// A watch keeps, for each login session of a space, since when this node has known it and when it was last in use, both
// on this node's own clock, which nobody can set. It is guarded by the room's mu.
type watch map[string]*sighting

type sighting struct{ first, last time.Time }

// touch notes a request of a login session.
func (r *room) touch(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.watch[id]; s != nil {
		s.last = time.Now()
	}
}

// overdueLocked lists the login sessions whose time is up: too long without an open tab, on any node, or a request, or
// too long signed in at all.
func (r *room) overdueLocked(sessions []session.Session, now time.Time) (overdue []string) {
	known, policy := watch{}, r.policyNow()
	for _, one := range sessions {
		s := r.watch[one.ID]
		if s == nil {
			s = &sighting{now, now}
		}
		known[one.ID] = s
		if r.presence.any(func(a attendant) bool { return a.Session == one.ID }) {
			s.last = now
		}
		if now.Sub(s.last) >= policy.Idle || now.Sub(s.first) >= policy.Absolute {
			overdue = append(overdue, one.ID)
		}
	}
	r.watch = known
	return overdue
}

// sweepSessions signs out those whose time is up, so that nobody who left without a word keeps others out.
func (r *room) sweepSessions(ctx context.Context, space *channels.Space) (err error) {
	var sessions []session.Session
	space.Read(func(state *channels.State) { sessions = session.All(state) })
	r.mu.Lock()
	overdue := r.overdueLocked(sessions, time.Now())
	r.mu.Unlock()
	for _, id := range overdue {
		r.hub.logger.Info("signed out, not in use", "space", r.name, "session", id)
		err = errors.Join(err, house(ctx, space, session.SignOut(id)))
	}
	return err
}
