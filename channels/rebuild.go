package channels

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// rebuildTime bounds one attempt to read a space from its snapshot and log.
const rebuildTime = time.Minute

// errApart begins what is said when the log and the snapshots of a space cannot be of the same history.
var errApart = errors.New("the log and the snapshots of this space do not belong together: put back the log and the snapshots " +
	"of one and the same backup, or remove both to begin the space anew")

// errGap is why a state could not be folded: the log does not go back to where it is.
var errGap = errors.New("a part of the log is gone")

// rebuild reads the newest snapshot and folds the log from there to its present end.
func (s *Space) rebuild(ctx context.Context) (*State, error) {
	state, lines, err := s.newestSnapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("loading the snapshot: %w", err)
	}
	first, last, err := s.options.Log.Bounds(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the bounds of the log: %w", err)
	case last < state.position:
		return nil, fmt.Errorf("%w (the log ends at %d, the newest snapshot at %d)", errApart, last, state.position)
	case first > state.position+1:
		return nil, fmt.Errorf("%w: the newest snapshot ends at %d, the log begins at %d", errGap, state.position, first)
	}
	if err := s.foldUntil(ctx, state, last, lines); err != nil {
		return nil, err
	}
	return state, nil
}

// newestSnapshot returns the state that was saved last, or the one before the first record, and how many lines it had.
func (s *Space) newestSnapshot(ctx context.Context) (state *State, lines int, err error) {
	if s.options.Snapshots == nil {
		return NewState(), 0, nil
	}
	through, data, err := s.options.Snapshots.Newest(ctx)
	if errors.Is(err, ErrNoSnapshot) {
		return NewState(), 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer data.Close()
	counted := &lineCounter{Reader: data, tell: func(lines int) { s.progress(lines, 0) }}
	state, err = ReadSnapshot(counted)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the one at %d: %w", through, err)
	}
	return state, counted.lines, nil
}

// progress tells how far reading the space is, in lines of the snapshot and records of the log.
func (s *Space) progress(done, total int) {
	if s.options.Progress != nil {
		s.options.Progress(done, total)
	}
}

// foldUntil applies the records up to a position, which the log has. So many lines were read before.
func (s *Space) foldUntil(ctx context.Context, state *State, last uint64, lines int) error {
	total := lines + int(last-state.position)
	defer s.progress(total, total)
	if state.position >= last {
		return nil
	}
	first := state.position + 1
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	decoding := startInOrder(decodeRecords, state.foldAll)
	next := state.position + 1
	var wrong error
	var some []Record
	bytes := 0
	err := s.options.Log.Follow(ctx, state.position, func(r Record) {
		switch {
		case wrong != nil || next > last:
			return
		case r.Position != next: // purged while it was read
			wrong = fmt.Errorf("%w: from %d to %d", errGap, next, r.Position-1)
		default:
			next++
			some, bytes = append(some, r), bytes+len(r.Data)
			if bytes >= decodedAtOnce || next > last {
				wrong = decoding.give(some)
				some, bytes = nil, 0
				s.progress(lines+int(next-first), total)
			}
		}
		if wrong != nil || next > last {
			enough()
		}
	})
	if failed := decoding.finish(); failed != nil {
		wrong = failed
	}
	switch {
	case errors.Is(wrong, errOtherEpoch):
		return fmt.Errorf("%w (%w)", errApart, wrong)
	case wrong != nil:
		return wrong
	case state.position < last && err == nil:
		err = context.Cause(ctx)
		fallthrough
	case state.position < last:
		return fmt.Errorf("reading the log: it came to %d of %d: %w", next-1, last, err)
	}
	return nil
}

// decodedAtOnce is nearly how many bytes of the log are decoded at once.
const decodedAtOnce = 64 << 10

// A decodedRecord is a record with its entry, or why that could not be read.
type decodedRecord struct {
	Record
	entry *Entry
	err   error
}

func decodeRecords(records []Record) []decodedRecord {
	decoded := make([]decodedRecord, len(records))
	for i, r := range records {
		decoded[i] = decodeRecord(r)
	}
	return decoded
}

func decodeRecord(r Record) decodedRecord {
	entry, err := DecodeEntry(r.Data)
	return decodedRecord{r, entry, err}
}

// foldAll is Apply of records that are decoded already.
func (s *State) foldAll(records []decodedRecord) error {
	for _, r := range records {
		if _, err := s.applyDecoded(r); err != nil {
			return err
		}
	}
	return nil
}

// A rebuilt is what came of an attempt.
type rebuilt struct {
	state *State
	err   error
}

// beginAgain gives up following: what the replica holds cannot be led on to what the log holds. Nothing is decided
// until it has been rebuilt, which is tried once a second.
func (s *Space) beginAgain(ctx context.Context, why error) {
	l := &s.loop
	s.logger.Warn("the replica is built anew", "at", s.state.position, "why", why)
	s.setBehind(why)
	if f := l.flight; f != nil {
		f.end()
		l.flight = nil
		for _, w := range f.batch.members {
			w.sent = true
			if w.Unnamed { // whether it was done cannot be looked up
				w.answer(perhapsDone(w.Op))
			}
		}
		l.intake.unpop(f.batch.members...)
	}
	l.follow.stop()
	l.follow = nil
	s.startRebuild(ctx, time.Now())
}

// startRebuild builds the replica anew beside the goroutine of the space, if that is due.
func (s *Space) startRebuild(ctx context.Context, now time.Time) {
	l := &s.loop
	if l.follow != nil || l.rebuilding || l.broken || now.Sub(l.tried) < tick {
		return
	}
	l.rebuilding, l.tried = true, now
	s.running.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, rebuildTime)
		defer cancel()
		var r rebuilt
		r.state, r.err = s.rebuild(ctx)
		l.rebuilt <- r
	})
}

// noteRebuilt goes on from what was rebuilt.
func (s *Space) noteRebuilt(ctx context.Context, r rebuilt) {
	l := &s.loop
	l.rebuilding = false
	if r.err != nil {
		if s.behind == nil || s.behind.Error() != r.err.Error() {
			s.logger.Error("the replica could not be built anew yet", "error", r.err)
		}
		s.setBehind(r.err)
		return
	}
	if r.state.position < s.state.position {
		l.lost = true
	}
	if l.lost {
		s.logger.Error("the log is shorter than it was: acknowledged changes are lost, a new epoch begins",
			"was", s.state.position, "is", r.state.position)
		l.intake.unpop(s.first(commitEpoch(s.state.epoch, newEpoch())))
		if s.options.Rules != nil { // they may be lost too
			l.intake.push(s.first(commitRules(s.options.Rules)))
		}
		l.lost = false
	}
	s.mu.Lock()
	s.state, s.behind = r.state, nil
	s.movedLocked(Change{Position: r.state.position, Time: r.state.time, Reset: true})
	s.mu.Unlock()
	l.applied, l.short = time.Now(), 0
	l.follow = s.startFollowing(ctx, r.state.position)
}

// first is a proposal of the replica's own that waits as long as it takes. That a new epoch begins goes before all
// others, so that nothing more is committed in the epoch that has lost its end.
func (s *Space) first(decide Decide) *waiting {
	done := func(o Outcome) {
		if o.Err != nil {
			s.logger.Error("what has to come first after a loss was not committed", "error", o.Err)
		}
	}
	p := &Proposal{Op: s.nextOp(), Urgent: true, Decide: decide, Done: done}
	return &waiting{Proposal: p, hash: HashBody(nil), deadline: time.Now().AddDate(100, 0, 0)}
}

func (s *Space) setBehind(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behind = why
}
