package channels

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// tick is how often a space looks after itself: late proposals, a silent log.
const tick = time.Second

// loop is what only run touches.
type loop struct {
	intake  *intake
	flight  *flight   // the one entry in flight, nil if none
	follow  *follower // nil while the replica is built anew
	probes  chan bounds
	probing bool
	contact time.Time // when the log was last heard
	applied time.Time // when an entry was last applied
	full    bool      // the log said that it cannot store
	broken  bool      // an entry could not be read: nothing can be applied or decided any more
	short   int       // how many probes in a row found the log shorter than the replica

	rebuilt    chan rebuilt
	rebuilding bool
	tried      time.Time // when building anew was last begun
	lost       bool      // the log has lost its end: when the replica has been built anew, a new epoch begins
}

// run is the goroutine of the space: it alone applies entries, decides proposals and answers them.
func (s *Space) run(ctx context.Context) {
	defer close(s.ended)
	l := &s.loop
	l.intake, l.probes, l.contact = newIntake(), make(chan bounds), time.Now()
	l.rebuilt = make(chan rebuilt, 1)
	l.follow = s.startFollowing(ctx, s.state.position)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		s.launch(ctx)
		select {
		case <-ctx.Done():
			s.leave()
			return
		case <-s.wake:
			s.collect()
		case r := <-l.follow.arrived():
			s.advance(ctx, r)
		case err := <-l.flight.acked():
			s.noteStorage(err)
			l.flight.noteAck(err)
		case <-l.flight.late():
			l.flight.settle(ctx, s)
		case b := <-l.probes:
			s.noteProbe(ctx, b)
		case r := <-l.rebuilt:
			s.noteRebuilt(ctx, r)
		case now := <-ticker.C:
			s.expire(now)
			s.startRebuild(ctx, now)
			s.probe(ctx, now)
		}
	}
}

// collect moves what was proposed into the intake.
func (s *Space) collect() {
	s.inboxMu.Lock()
	inbox := s.inbox
	s.inbox = nil
	s.inboxMu.Unlock()
	for _, w := range inbox {
		s.loop.intake.push(w)
	}
}

// launch decides the proposals that wait, if no entry is in flight, and publishes the entry that came of it. If every
// one of them was refused or had been done before, there is no entry, and they are answered at once: the state they
// were decided on came from the log.
func (s *Space) launch(ctx context.Context) {
	l := &s.loop
	if l.flight != nil || l.intake.held == 0 || l.broken || l.follow == nil {
		return
	}
	b := newBatch(s.state, s.options.Authority, l.intake.held, s.inTime, func(w *waiting) { l.intake.unpop(w) })
	if len(b.entry.Transactions) == 0 {
		b.answer()
		return
	}
	l.flight = newFlight(b)
	l.flight.publish(ctx, s, l.flight.data)
}

// inTime takes the next proposal for which it is not too late, nil if there is none. Late ones are answered at the next tick
// or here; the difference matters for those that somebody else does by now.
func (s *Space) inTime() *waiting {
	for {
		w := s.loop.intake.pop()
		if w == nil || w.answered || w.Within == 0 || time.Now().Before(w.deadline) {
			return w
		}
		s.tooLate(w)
	}
}

// advance takes the next record from the log.
func (s *Space) advance(ctx context.Context, r Record) {
	l := &s.loop
	l.contact = time.Now()
	s.setFresh()
	switch {
	case r.Position <= s.state.position || l.broken:
		return
	case r.Position > s.state.position+1:
		s.beginAgain(ctx, fmt.Errorf("%w: from %d to %d", errGap, s.state.position+1, r.Position-1))
		return
	}
	decoded := l.flight.decode(r)
	s.mu.Lock()
	entry, err := s.state.applyDecoded(decoded)
	if errors.Is(err, errOtherEpoch) {
		s.mu.Unlock()
		s.beginAgain(ctx, err)
		return
	}
	if err != nil {
		s.problem, l.broken = err, true
		s.mu.Unlock()
		s.logger.Error("this node cannot go on with the space", "error", err)
		return
	}
	change := Change{Position: r.Position, Time: r.Time, Entry: entry}
	s.movedLocked(change)
	s.mu.Unlock()
	l.applied = l.contact
	s.settleFlight(change)
}

// settleFlight is called when the position after the one at which the flight was decided is taken. If its own entry
// did, everybody is answered. If another did, the flight's was not and will never be stored, and its proposals are
// decided again.
func (s *Space) settleFlight(c Change) {
	f := s.loop.flight
	if f == nil || s.state.position <= f.batch.after {
		return
	}
	s.loop.flight = nil
	f.end()
	if c.Entry.ID == f.batch.entry.ID {
		s.meter.Committed(c, time.Since(f.began))
		f.batch.answer()
		runtime.Gosched() // those who were answered may have more: they share the next entry with who waits
		s.collect()
		return
	}
	s.loop.intake.unpop(f.batch.members...)
}

// movedLocked tells whoever waits that the state is another.
func (s *Space) movedLocked(c Change) {
	if s.options.Watcher != nil {
		s.options.Watcher.Applied(s.state, c)
	}
	kept := s.waiters[:0]
	for _, w := range s.waiters {
		if s.behind == nil && s.state.position >= w.position {
			close(w.reached)
		} else {
			kept = append(kept, w)
		}
	}
	s.waiters = kept
}

// noteStorage takes note of whether the log can store.
func (s *Space) noteStorage(err error) {
	full := errors.Is(err, ErrStorage)
	if full && !s.loop.full {
		s.logger.Error("the log cannot store: look after its disk", "error", err)
	}
	s.loop.full = full
}

// expire answers the proposals that have waited as long as DESIGN §2 allows.
func (s *Space) expire(now time.Time) {
	late := func(w *waiting) bool { return w.answered || !now.Before(w.deadline) }
	for _, w := range s.loop.intake.expire(late) {
		s.tooLate(w)
	}
	if f := s.loop.flight; f != nil {
		for _, w := range f.batch.members {
			if late(w) {
				w.answer(perhapsDone(w.Op))
			}
		}
	}
}

// tooLate answers a proposal that has waited too long to be decided.
func (s *Space) tooLate(w *waiting) {
	switch {
	case w.sent:
		w.answer(perhapsDone(w.Op))
	case s.loop.full:
		w.answer(Outcome{Err: &Uncertain{CodeStorage, w.Op, "the log cannot store, nothing was changed: its disk is full or fails"}})
	default:
		w.answer(Outcome{Err: &Uncertain{CodeUnavailable, w.Op, "the log cannot be reached, nothing was changed: send the same operation again"}})
	}
}

func perhapsDone(op Op) Outcome {
	return Outcome{Err: &Uncertain{CodeUnknown, op, "the log did not answer, this was perhaps done: send the same operation again"}}
}

// leave answers everybody when the space is closed.
func (s *Space) leave() {
	s.inboxMu.Lock()
	s.closed = true
	s.inboxMu.Unlock()
	s.collect()
	for w := s.loop.intake.pop(); w != nil; w = s.loop.intake.pop() {
		if w.sent {
			w.answer(perhapsDone(w.Op))
		} else {
			w.answer(Outcome{Err: &Uncertain{CodeUnavailable, w.Op, "this node is leaving: send it again to another"}})
		}
	}
	if f := s.loop.flight; f != nil {
		f.end()
		for _, w := range f.batch.members {
			w.answer(Outcome{Err: &Uncertain{CodeUnknown, w.Op, "this node is leaving, this was perhaps done: send it again to another"}})
		}
	}
}
