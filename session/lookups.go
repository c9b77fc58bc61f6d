package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Lookups a second of one node in the store of login sessions, and how many may come at once. When thousands of tabs come
// back together they wait their turn, and those with the same cookie share one look-up.
const (
	lookupRate  = 1000
	lookupBurst = 100
)

// errBusy says that too many wait already for a look-up to have its turn in time.
var errBusy = errors.New("too many look-ups of login sessions at once")

// lookups bound what is asked of a store. A look-up is shared by those who come with the same token while it waits or is
// under way. That cannot bring anybody back: nobody has a token before it leads somewhere, and where it leads the log says
// whether the login session has ended, see Found.Check.
type lookups struct {
	limiter *rate.Limiter

	mu    sync.Mutex
	going map[string]*lookup // by the hash of the token
}

// A lookup is one question to the store. What came of it is there once done is closed.
type lookup struct {
	done  chan struct{}
	found Found
	err   error
}

func newLookups() *lookups {
	return &lookups{limiter: rate.NewLimiter(lookupRate, lookupBurst), going: map[string]*lookup{}}
}

// share calls find, unless it is being called for the same hash: then it waits for that. The first one's question goes on
// when its client has gone: others may wait for it.
func (l *lookups) share(ctx context.Context, hash string, find func(context.Context) (Found, error)) (Found, error) {
	l.mu.Lock()
	if going := l.going[hash]; going != nil {
		l.mu.Unlock()
		select {
		case <-going.done:
			return going.found, going.err
		case <-ctx.Done():
			return Found{}, context.Cause(ctx)
		}
	}
	mine := &lookup{done: make(chan struct{})}
	l.going[hash] = mine
	l.mu.Unlock()

	defer func() {
		l.mu.Lock()
		delete(l.going, hash)
		l.mu.Unlock()
		close(mine.done)
	}()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), loginWait)
	defer cancel()
	if mine.err = l.turn(bounded); mine.err == nil {
		mine.found, mine.err = find(bounded)
	}
	return mine.found, mine.err
}

// turn waits until a look-up has its turn, or refuses it at once if that would be too late.
func (l *lookups) turn(ctx context.Context) error {
	l.mu.Lock() // the limiter counts a moment twice whenever time seems to it to go back
	now := time.Now()
	place := l.limiter.ReserveN(now, 1)
	wait := place.DelayFrom(now)
	if wait > loginWait {
		place.CancelAt(now)
	}
	l.mu.Unlock()
	if wait > loginWait {
		return errBusy
	}
	turn := time.NewTimer(wait)
	defer turn.Stop()
	select {
	case <-turn.C:
		return nil
	case <-ctx.Done():
		return errBusy
	}
}
