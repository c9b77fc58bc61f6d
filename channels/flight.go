package channels

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"time"
)

// How long an append may take before it counts as unknown, and how often an unknown outcome is looked into.
const (
	appendTime  = 5 * time.Second
	settleFirst = 50 * time.Millisecond // doubled each time nobody answers
	settleMost  = time.Second           // also what a record may take to come back once it is stored
)

// A flight is the one entry that is on its way into the log. Answers to its publication only tell how long to wait:
// what decides is the record that comes back at the position after the one it was decided on. As long as none does,
// an entry without transactions is published to that same position; whichever of the two the log takes, something is
// there then, and the other can never be.
type flight struct {
	batch  *batch
	began  time.Time
	data   []byte     // the entry of the batch
	acks   chan error // from the append under way, at most one
	asking bool       // an append is under way
	wait   time.Duration
	timer  *time.Timer
	cancel context.CancelFunc
}

func newFlight(b *batch) *flight {
	f := &flight{
		batch: b, began: time.Now(), data: b.encode(), acks: make(chan error, 1),
		wait: settleFirst, timer: time.NewTimer(time.Hour), cancel: func() {},
	}
	f.timer.Stop()
	return f
}

// decode decodes a record. If it is the flight's own entry, to the byte, then what it says is known.
func (f *flight) decode(r Record) decodedRecord {
	if f == nil || !bytes.Equal(f.data, r.Data) {
		return decodeRecord(r)
	}
	return decodedRecord{Record: r, entry: &f.batch.entry} // it comes once: with it the flight ends
}

// publish appends an entry at the flight's position, without waiting.
func (f *flight) publish(ctx context.Context, s *Space, data []byte) {
	ctx, f.cancel = context.WithTimeout(ctx, appendTime)
	f.asking = true
	s.running.Go(func() { f.acks <- s.options.Log.Append(ctx, f.batch.after, data) })
}

// noteAck hears how an append went. Stored, or refused: the record will come. Unknown: look into it soon.
func (f *flight) noteAck(err error) {
	f.cancel()
	f.asking = false
	switch {
	case err == nil:
		f.timer.Reset(settleMost)
	case errors.Is(err, ErrMoved):
		f.timer.Reset(settleMost / 4)
	default:
		f.timer.Reset(f.wait)
		f.wait = min(2*f.wait, settleMost)
	}
}

// settle publishes an entry that changes nothing, so that something takes the position.
func (f *flight) settle(ctx context.Context, s *Space) {
	if f.asking {
		return
	}
	s.logger.Warn("settling an unknown outcome", "position", f.batch.after+1, "operations", len(f.batch.members))
	f.publish(ctx, s, mustJSON(Entry{Version: EntryVersion, ID: rand.Text(), Epoch: f.batch.entry.Epoch}))
}

// end forgets the flight; what is still under way is settled.
func (f *flight) end() {
	f.cancel()
	f.timer.Stop()
}

// acked and late return what run waits for; nothing if there is no flight.
func (f *flight) acked() <-chan error {
	if f == nil {
		return nil
	}
	return f.acks
}

func (f *flight) late() <-chan time.Time {
	if f == nil {
		return nil
	}
	return f.timer.C
}
