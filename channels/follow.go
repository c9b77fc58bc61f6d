package channels

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A follower reads the log for a space. A space has one at a time; a new one starts when the old one seems stuck.
type follower struct {
	records chan Record
	stop    context.CancelFunc
}

// startFollowing reads the log after a position, again and again if that fails, until it is stopped.
func (s *Space) startFollowing(ctx context.Context, after uint64) *follower {
	ctx, stop := context.WithCancel(ctx)
	f := &follower{records: make(chan Record, 256), stop: stop}
	s.running.Go(func() {
		deliver := func(r Record) {
			select {
			case f.records <- r:
				after = r.Position
			case <-ctx.Done():
			}
		}
		for ctx.Err() == nil {
			if err := s.options.Log.Follow(ctx, after, deliver); err != nil {
				s.logger.Warn("following the log was interrupted", "after", after, "error", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	return f
}

func (s *Space) restartFollowing(ctx context.Context) *follower {
	s.loop.follow.stop()
	return s.startFollowing(ctx, s.state.position)
}

// bounds is what a probe found.
type bounds struct {
	first, last uint64
	err         error
}

// staleAfter is how long the log may be silent, probes included, before clients are told.
const staleAfter = 2500 * time.Millisecond

// probe asks the log for its bounds when it has been silent for a tick: is it there, and is this replica at its end?
func (s *Space) probe(ctx context.Context, now time.Time) {
	l := &s.loop
	if now.Sub(l.contact) >= staleAfter {
		s.setStale(l.contact)
	}
	if l.probing || now.Sub(l.applied) < tick {
		return
	}
	l.probing = true
	s.running.Go(func() {
		probeCtx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		var b bounds
		b.first, b.last, b.err = s.options.Log.Bounds(probeCtx)
		select {
		case l.probes <- b:
		case <-ctx.Done():
		}
	})
}

func (s *Space) noteProbe(ctx context.Context, b bounds) {
	l := &s.loop
	l.probing = false
	if b.err != nil {
		s.logger.Debug("the log does not answer", "error", b.err)
		return
	}
	l.contact = time.Now()
	s.setFresh()
	position := s.state.position
	switch {
	case b.last < position:
		// A new leader of a cluster may not know its own end for a moment, so one such answer proves nothing.
		if l.short++; l.short >= 3 {
			l.short = 0
			s.beginAgain(ctx)
		}
		return
	case b.last > position && time.Since(l.applied) >= 2*tick && len(l.follow.records) == 0:
		s.logger.Warn("the log has more than was delivered", "at", position, "last", b.last)
		if b.first > position+1 {
			if err := s.repair(ctx, b.first-1); err != nil {
				s.logger.Error("a gap in the log cannot be closed yet", "from", position+1, "to", b.first-1, "error", err)
			}
		}
		l.follow = s.restartFollowing(ctx)
	}
	l.short = 0
}

// repair closes a gap up to a position, which was purged from the log, with the newest snapshot.
func (s *Space) repair(ctx context.Context, through uint64) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := s.loadSnapshot(ctx); err != nil {
		return fmt.Errorf("loading the snapshot: %w", err)
	}
	s.settleFlight(nil)
	if s.state.position < through {
		return fmt.Errorf("the newest snapshot ends at %d, the log begins at %d", s.state.position, through+1)
	}
	return nil
}

// loadSnapshot replaces the state by the newest snapshot, if that is further.
func (s *Space) loadSnapshot(ctx context.Context) error {
	if s.options.Snapshots == nil {
		return ErrNoSnapshot
	}
	through, data, err := s.options.Snapshots.Newest(ctx)
	if err != nil {
		return err
	}
	defer data.Close()
	if through <= s.state.position {
		return nil
	}
	state, err := ReadSnapshot(data)
	if err != nil {
		return fmt.Errorf("reading the snapshot at %d: %w", through, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
	s.movedLocked(Change{Position: state.position, Time: state.time, Reset: true})
	return nil
}

// beginAgain is for a log that has lost its end (a power cut of a server that does not sync always, a restore): what
// this replica holds is not what the log holds, so it starts over, in a new epoch.
func (s *Space) beginAgain(ctx context.Context) {
	s.logger.Error("the log is shorter than this replica: acknowledged changes are lost; starting again in a new epoch",
		"replica", s.state.position)
	epoch := s.state.epoch
	s.mu.Lock()
	s.state = NewState()
	s.movedLocked(Change{Reset: true})
	s.mu.Unlock()
	if err := s.loadSnapshot(ctx); err != nil && !errors.Is(err, ErrNoSnapshot) {
		s.logger.Error("loading the snapshot", "error", err)
	}
	if f := s.loop.flight; f != nil {
		f.end()
		s.loop.flight = nil
		s.loop.intake.unpop(f.batch.members...)
	}
	s.loop.follow = s.restartFollowing(ctx)
	s.ProposeOwn("", commitEpoch(epoch, newEpoch()), func(o Outcome) {
		if o.Err != nil {
			s.logger.Error("the new epoch was not committed", "error", o.Err)
		}
	})
}

func (s *Space) setFresh() {
	if s.stale.IsZero() {
		return
	}
	s.mu.Lock()
	s.stale = time.Time{}
	s.mu.Unlock()
	s.logger.Info("the log is back")
	if s.options.Watcher != nil {
		s.options.Watcher.Freshness(time.Time{})
	}
}

func (s *Space) setStale(since time.Time) {
	if !s.stale.IsZero() {
		return
	}
	s.mu.Lock()
	s.stale = since
	s.mu.Unlock()
	s.logger.Error("the log cannot be reached", "since", since)
	if s.options.Watcher != nil {
		s.options.Watcher.Freshness(since)
	}
}
