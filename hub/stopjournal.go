package hub

import (
	"sync"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// stopEvery is how often a stop command of one user is journaled at most: each is delivered at once, but the journal is
// kept for those who look later, and nobody should be able to fill it.
const stopEvery = time.Second

// A stopJournal writes down which stop commands were delivered: the first at once, and of those that follow within
// stopEvery the last, with how many there were besides.
type stopJournal struct {
	write func(channels.JournalStop)

	mu     sync.Mutex
	lately map[stopKey]*stops // guarded by mu: what was journaled within stopEvery
}

type stopKey struct{ user, command string }

// stops are those that wait to be journaled.
type stops struct {
	n    int
	last channels.JournalStop
}

func newStopJournal(write func(channels.JournalStop)) *stopJournal {
	return &stopJournal{write: write, lately: map[stopKey]*stops{}}
}

// add takes a stop that was delivered.
func (j *stopJournal) add(stop channels.JournalStop) {
	key := stopKey{stop.By.User, stop.Command}
	j.mu.Lock()
	s := j.lately[key]
	if s != nil {
		s.n++
		s.last = stop
	} else {
		j.lately[key] = &stops{}
		time.AfterFunc(stopEvery, func() { j.next(key) })
	}
	j.mu.Unlock()
	if s == nil {
		j.write(stop)
	}
}

// next writes down what has come since the last one was.
func (j *stopJournal) next(key stopKey) {
	j.mu.Lock()
	s := *j.lately[key]
	if s.n == 0 {
		delete(j.lately, key)
	} else {
		j.lately[key] = &stops{}
		time.AfterFunc(stopEvery, func() { j.next(key) })
	}
	j.mu.Unlock()
	if s.n > 0 {
		s.last.LeftOut = s.n - 1
		j.write(s.last)
	}
}

// stopped notes that a stop command was delivered.
func (r *room) stopped(who channels.Who, invoke *wire.Invoke) {
	r.hub.logger.Info("stop", "space", r.name, "command", invoke.Command, "user", who.User, "session", who.ID)
	r.stops.add(channels.JournalStop{Command: invoke.Command, By: who, Result: "delivered"})
}

// journalStop records a stop in the log, if that can be reached.
func (r *room) journalStop(stop channels.JournalStop) {
	r.replica().ProposeOwn("", stop.Decide, func(channels.Outcome) {})
}
