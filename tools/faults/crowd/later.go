package crowd

import (
	"context"
	"sync"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// later is what is sent again when it is forgotten: by whoever had no answer, or for no reason. The page that it came
// from is kept for that, and does nothing else any more, so the hub still knows what the operation became.
type later struct {
	mu    sync.Mutex
	tasks []task // guarded by mu
}

type task struct {
	t   *tab
	r   wire.Request
	due time.Time
}

// postpone takes a tab over, with a request that is to be sent again after a while.
func (s *Site) postpone(t *tab, r wire.Request, after time.Duration) {
	s.later.mu.Lock()
	defer s.later.mu.Unlock()
	s.later.tasks = append(s.later.tasks, task{t, r, time.Now().Add(after)})
	s.tally.add("postponed", 1)
}

// next takes a task out that is due; all counts each as that.
func (l *later) next(all bool) (task, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, one := range l.tasks {
		if all || time.Now().After(one.due) {
			l.tasks = append(l.tasks[:i], l.tasks[i+1:]...)
			return one, true
		}
	}
	return task{}, false
}

// remember sends again what is due, until over is closed; then all that is left. ctx ends it at once.
func (s *Site) remember(ctx context.Context, over <-chan struct{}) {
	for {
		last := false
		select {
		case <-over:
			last = true
		default:
		}
		one, ok := s.later.next(last)
		if ok {
			one.t.insist(ctx, one.r)
			one.t.leave()
			continue
		}
		if last || !pause(ctx, 100*time.Millisecond) {
			return
		}
	}
}
