package hub

import (
	"context"
	"errors"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// A watch keeps, for each login session of a space, since when this node has known it and when it was last in use, here or
// on another node, by this node's own clock, which nobody can set. It is guarded by the room's mu.
type watch map[string]*sighting

type sighting struct {
	first, last, input time.Time
	warned             bool // that it ends for want of input
}

// used notes a use, unless a later one is known.
func (s *sighting) used(last, input time.Time) {
	if last.After(s.last) {
		s.last = last
	}
	if input.After(s.input) {
		s.input = input
	}
}

// see returns the sighting of a login session, a new one if it was not known.
func (w watch) see(id string, now time.Time) *sighting {
	s := w[id]
	if s == nil {
		s = &sighting{first: now, last: now, input: now}
		w[id] = s
	}
	return s
}

// lately is what other nodes may not know: what was in use since they were told before the last time.
func (w watch) lately(now time.Time) map[string]useAgo {
	used := map[string]useAgo{}
	for id, s := range w {
		if now.Sub(s.last) <= 2*presenceRenew || now.Sub(s.input) <= 2*presenceRenew {
			used[id] = useAgo{now.Sub(s.last).Milliseconds(), now.Sub(s.input).Milliseconds()}
		}
	}
	return used
}

// touch notes a request of a login session, and whether it shows that somebody is there.
func (r *room) touch(id string, input bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.touchLocked(id, input)
}

func (r *room) touchLocked(id string, input bool) {
	now := time.Now()
	s := r.watch.see(id, now)
	s.last = now
	if input {
		s.input = now
		r.relieveLocked(id, s)
	}
}

// The times of a login session that ends for want of input.
const (
	idleWarning = time.Minute       // to answer the warning
	idleSpare   = 2 * presenceRenew // for the word of input on one node to come to the others
)

// warnIdle warns the tabs here of login sessions that are about to end for want of input.
func (r *room) warnIdle(now time.Time) {
	limit := r.policyNow().IdleInput
	r.mu.Lock()
	defer r.mu.Unlock()
	if limit == 0 {
		return
	}
	for id, s := range r.watch {
		left := limit + idleSpare - now.Sub(s.input)
		switch {
		case left <= idleWarning+idleSpare && !s.warned:
			s.warned = true
			r.tellLocked(id, &wire.Idle{RemainingMS: max(1, left.Milliseconds())})
		case left > idleWarning+idleSpare:
			r.relieveLocked(id, s)
		}
	}
}

// relieveLocked takes a warning back.
func (r *room) relieveLocked(id string, s *sighting) {
	if s.warned {
		s.warned = false
		r.tellLocked(id, &wire.Idle{})
	}
}

// tellLocked sends a frame to the tabs of a login session here.
func (r *room) tellLocked(id string, frame wire.Frame) {
	for c := range r.conns {
		if c.who.ID == id {
			c.reply(0, frame)
		}
	}
}

// An overdue login session has to end, for a reason.
type overdue struct {
	id  string
	how session.How
}

// overdueLocked lists the login sessions whose time is up: too long without an open tab, on any node, or a request, too long
// without input, or too long signed in at all.
func (r *room) overdueLocked(sessions []session.Session, now time.Time) (due []overdue) {
	known, policy := watch{}, r.policyNow()
	for _, one := range sessions {
		s := r.watch.see(one.ID, now)
		known[one.ID] = s
		if r.presence.any(func(a attendant) bool { return a.Session == one.ID }) {
			s.last = now
		}
		switch {
		case now.Sub(s.first) >= policy.Absolute:
			due = append(due, overdue{one.ID, session.OutOfTime})
		case now.Sub(s.last) >= policy.Idle:
			due = append(due, overdue{one.ID, session.Idle})
		case policy.IdleInput > 0 && now.Sub(s.input) >= policy.IdleInput+idleSpare:
			due = append(due, overdue{one.ID, session.NoInput})
		}
	}
	r.watch = known
	return due
}

// freshFor is how long after entering the password what needs fresh credentials may be done.
const freshFor = 5 * time.Minute

// freshness is since when this node knows that the password was entered, at a position.
type freshness struct {
	position uint64
	since    time.Time
}

// staleLocked lists the login sessions whose credentials are not fresh any more, with the position at which they were given.
func (r *room) staleLocked(confirmed map[string]uint64, now time.Time) map[string]uint64 {
	known, stale := map[string]freshness{}, map[string]uint64{}
	for id, position := range confirmed {
		f := r.fresh[id]
		if f.position != position {
			f = freshness{position, now}
		}
		known[id] = f
		if now.Sub(f.since) >= freshFor {
			stale[id] = position
		}
	}
	r.fresh = known
	return stale
}

// sweepSessions signs out those whose time is up, so that nobody who left without a word keeps others out, and ends what
// entering the password has allowed.
func (r *room) sweepSessions(ctx context.Context, space *channels.Space) (err error) {
	var sessions []session.Session
	var confirmed map[string]uint64
	space.Read(func(state *channels.State) { sessions, confirmed = session.All(state), session.Confirmations(state) })
	r.mu.Lock()
	due, stale := r.overdueLocked(sessions, time.Now()), r.staleLocked(confirmed, time.Now())
	r.mu.Unlock()
	for _, one := range due {
		r.hub.logger.Info("signed out by the hub", "space", r.name, "session", one.id, "how", one.how)
		err = errors.Join(err, house(ctx, space, session.SignOut{Session: one.id, How: one.how}.Decide))
	}
	for id, position := range stale {
		err = errors.Join(err, house(ctx, space, session.Unconfirm(id, position)))
	}
	return err
}
