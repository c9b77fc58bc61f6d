package hub

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// sweepTick is the schedule that makes some node look after all spaces.
const (
	sweepTick   = "sweep"
	sweepPeriod = 2 * time.Second

	sweepTime      = 5 * time.Second // for one space
	checkpointTime = 2 * time.Minute
)

// sweep proposes what is due in a space. It only proposes: whether the operator's link is lost, or their time is up, is
// decided on the log, so it does no harm if two nodes sweep at once or one of them has a wrong clock.
func (r *room) sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	space, err := r.opened(ctx)
	if err != nil {
		return err
	}
	policy := r.policyNow()
	r.mu.Lock()
	now := time.Now()
	if r.watchedLocked(now) && r.presence.lapse(now) {
		r.presenceMovedLocked()
	}
	seat := r.seat
	watched := r.watchedLocked(now) // else the operator may be on a node that has had no time to say so
	lost := watched && seat.Operator != nil && seat.Lost == nil && !r.absent.IsZero() && now.Sub(r.absent) >= policy.Linger
	back := seat.Lost != nil && r.absent.IsZero()
	expired := watched && seat.Lost != nil && !back && now.Sub(r.lostAt) >= policy.Grace
	alive := r.calls.aliveLocked(now)
	r.mu.Unlock()

	switch {
	case lost:
		err = house(ctx, space, session.Lost(seat.Operator.Session))
	case back:
		err = house(ctx, space, session.Back(seat.Operator.Session))
	case expired:
		err = house(ctx, space, session.Expired(seat.Lost.Position))
	}
	err = errors.Join(err, r.sweepCalls(ctx, space, alive), r.sweepSessions(ctx, space), r.sweepTokens(ctx, space))
	if space.NeedsCheckpoint() {
		r.checkpointBeside(space)
	}
	return err
}

// checkpointBeside makes a checkpoint while the sweep goes on to other spaces: the larger a space is the longer it takes.
func (r *room) checkpointBeside(space *channels.Space) {
	if !r.checkpointing.CompareAndSwap(false, true) {
		return // the last one goes on
	}
	h := r.hub
	h.tasking.Go(func() {
		defer r.checkpointing.Store(false)
		ctx, cancel := context.WithTimeout(h.ctx, checkpointTime)
		defer cancel()
		if err := space.Checkpoint(ctx); err != nil && h.ctx.Err() == nil {
			h.logger.Warn("making a checkpoint failed", "space", r.name, "error", err)
		}
	})
}

// watchedLocked reports whether this node would have heard of everybody who is connected: when the log was out of reach, or the
// word of the other nodes, they need a while to say it again.
func (r *room) watchedLocked(now time.Time) bool {
	return r.stale.IsZero() && now.Sub(r.back) >= presenceLife && r.roll.unheard(now) == 0
}

// muteAfter is how long a node that cannot reach the log goes on as usual. Later it can no longer know who was signed
// out elsewhere, and passes nothing on (DESIGN §8).
const muteAfter = 15 * time.Second

func (r *room) muteLocked() bool { return !r.stale.IsZero() && time.Since(r.stale) >= muteAfter }

// sweepCalls gives up the calls whose service is gone or never came, and those whose deadline has passed; it frees the locks
// of clients that are gone, forgets clients that were silent for days, and what is older than its window.
func (r *room) sweepCalls(ctx context.Context, space *channels.Space, alive []string) error {
	var due []channels.Decide
	space.Read(func(state *channels.State) {
		now := time.Now()
		if trim, worth := state.Trimmable(r.logTime(state, now)); worth {
			due = append(due, trim.Decide)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		open := channels.Calls(state, func(c channels.Call) bool { return !c.Ended() })
		if alive != nil {
			due = append(due, r.calls.loseLocked(open, channels.Locks(state), alive, now)...)
		}
		if state.Forgettable() {
			due = append(due, channels.Forget())
		}
		if late := r.calls.lateLocked(open, state, now); len(late) > 0 {
			due = append(due, channels.LateCalls{IDs: late}.Decide)
		}
		waiting := slices.DeleteFunc(open, func(c channels.Call) bool { return c.State != channels.CallWaiting })
		if overdue := r.calls.overdueLocked(waiting, state, now); len(overdue) > 0 {
			fail := channels.FailWaiting{IDs: overdue, Reason: "no service took it in time: look whether its service runs, then call again"}
			due = append(due, fail.Decide)
		}
	})
	var err error
	for _, decide := range due {
		err = errors.Join(err, house(ctx, space, decide))
	}
	return err
}

// logTime is what the clock of the log shows now, by this node's own clock since the last entry came; or an earlier time.
func (r *room) logTime(state *channels.State, now time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return state.Time().Add(now.Sub(r.applied))
}

// missedGrace is how long this node must have missed a client before what it has in the log is lost: a client may act
// before the word of its node that it is here has come to this one.
const missedGrace = 2 * presenceRenew

// loseLocked returns what there is to decide because clients are gone: those that have taken calls or hold locks, are not
// among those alive, and have been missed for a while.
func (d *desk) loseLocked(open []channels.Call, locks map[string]channels.LockRecord, alive []string, now time.Time) (due []channels.Decide) {
	missed := map[string]time.Time{}
	gone := func(client string) bool {
		if slices.Contains(alive, client) {
			return false
		}
		since, known := d.missed[client]
		if !known {
			since = now
		}
		missed[client] = since
		return now.Sub(since) >= missedGrace
	}
	lostCalls, lostLocks := channels.LoseCalls{}, channels.LoseLocks{}
	for _, call := range open {
		if call.State == channels.CallTaken && gone(call.Taken) {
			lostCalls[call.ID] = call.Taken
		}
	}
	for name, lock := range locks {
		if gone(lock.Client) {
			lostLocks[name] = lock.Token
		}
	}
	d.missed = missed
	if len(lostCalls) > 0 {
		due = append(due, lostCalls.Decide)
	}
	if len(lostLocks) > 0 {
		due = append(due, lostLocks.Decide)
	}
	return due
}

// house commits a decision of the hub. That the state has moved on and it is not due any more is no failure.
func house(ctx context.Context, space *channels.Space, decide channels.Decide) error {
	o := space.House(ctx, decide)
	var refused *channels.Refusal
	if errors.As(o.Err, &refused) {
		return nil
	}
	return o.Err
}

func (r *room) mute() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.muteLocked()
}
