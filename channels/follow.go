package channels

import (
	"context"
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

// arrived returns the records; none come if there is no follower.
func (f *follower) arrived() <-chan Record {
	if f == nil {
		return nil
	}
	return f.records
}

// bounds is what a probe found.
type bounds struct {
	at          uint64 // where the replica was when it asked
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
	at := s.state.position
	s.running.Go(func() {
		probeCtx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		b := bounds{at: at}
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
	case l.follow == nil || l.broken:
		return
	case b.last < b.at:
		// A new leader of a cluster may not know its own end for a moment, so one such answer proves nothing.
		if l.short++; l.short >= 3 {
			l.lost = true
			s.beginAgain(ctx, fmt.Errorf("the log ends at %d, and what it has delivered at %d", b.last, position))
		}
		return
	case b.last > position && time.Since(l.applied) >= 2*tick && len(l.follow.records) == 0:
		if b.first > position+1 {
			s.beginAgain(ctx, fmt.Errorf("%w: from %d to %d", errGap, position+1, b.first-1))
			return
		}
		s.logger.Warn("the log has more than was delivered", "at", position, "last", b.last)
		l.follow.stop()
		l.follow = s.startFollowing(ctx, position)
	}
	l.short = 0
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
