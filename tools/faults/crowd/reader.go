package crowd

import (
	"context"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// A reader only watches. Its connection drops all the time, and it resumes wherever it gets to.
type reader struct{ t *tab }

func (r *reader) run(ctx context.Context, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		default:
		}
		if r.t.connect(ctx) != nil || !rest(ctx, over, between(r.t.random, 500*time.Millisecond, 6*time.Second)) {
			return
		}
		if r.t.random.IntN(3) > 0 {
			r.t.leave()
			if r.t.random.IntN(4) == 0 && !rest(ctx, over, between(r.t.random, time.Second, 5*time.Second)) {
				return
			}
		}
	}
}

// rest pauses; false when it is over, or ctx has ended.
func rest(ctx context.Context, over <-chan struct{}, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-over:
		return false
	case <-time.After(d):
		return true
	}
}

// catchUp returns when the tab has been told of everything up to a position of the log, false when ctx ends before.
func (t *tab) catchUp(ctx context.Context, position uint64, at func(cursor string) uint64) bool {
	for t.connect(ctx) == nil {
		pong, ok := t.ask(ctx, &wire.Ping{}).(*wire.Pong)
		t.mu.Lock()
		joined := t.joined >= len(t.channels)
		t.mu.Unlock()
		if ok && joined && at(pong.Cursor) >= position {
			return true
		}
		if !ok {
			t.leave()
		}
		if !pause(ctx, 50*time.Millisecond) {
			break
		}
	}
	return false
}
