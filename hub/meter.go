package hub

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// A meter bounds what the HTTP requests of one login session or token may take of this node: how many there are in a
// while, and how many at once. It is the HTTP side of what a connection's limiter is.
type meter struct {
	limits Limits

	mu       sync.Mutex
	visitors map[string]*visitor // by session or token
	swept    time.Time
}

type visitor struct {
	limiter  *rate.Limiter
	stopping *rate.Limiter // of stop commands, which nothing else holds up
	signals  *rate.Limiter
	large    chan struct{} // holds something for each large answer under way
	open     int           // requests without an answer
	last     time.Time
}

// visitorLife is how long a visitor without requests is remembered: by then the limiter would be full again.
const visitorLife = time.Minute

func newMeter(l Limits) *meter { return &meter{limits: l, visitors: map[string]*visitor{}} }

// enter counts a request until leave is called, or refuses it.
func (m *meter) enter(who channels.Who) (leave func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	v := m.visitorLocked(who, now)
	switch {
	case v.open >= m.limits.Unanswered:
		return nil, &connectionError{wire.CodeUnanswered, "too many of your requests wait for an answer: wait for one, then send this again"}
	case !v.limiter.AllowN(now, 1):
		return nil, errRate
	}
	v.open++
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		v.open--
		v.last = time.Now()
	}, nil
}

// stop counts a stop command, beside everything else.
func (m *meter) stop(who channels.Who) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.visitorLocked(who, time.Now()).stopping.Allow() {
		return errRate
	}
	return nil
}

// signal counts a signal of somebody who has entered, or refuses it.
func (m *meter) signal(who channels.Who) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.visitorLocked(who, time.Now()).signals.Allow() {
		return &connectionError{wire.CodeRate, "too many signals: send the newest, a few times a second"}
	}
	return nil
}

// turns are those of the large answers to somebody who has entered: to put something in is to take one.
func (m *meter) turns(who channels.Who) chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.visitorLocked(who, time.Now()).large
}

var errRate = &connectionError{wire.CodeRate, "too many requests: wait a moment, then send this again"}

func (m *meter) visitorLocked(who channels.Who, now time.Time) *visitor {
	m.sweepLocked(now)
	v := m.visitors[who.ID]
	if v == nil {
		v = &visitor{limiter: m.limits.limiter(who), stopping: rate.NewLimiter(20, 50), large: make(chan struct{}, largeAtOnce)}
		perSecond := m.limits.Signals
		if who.Has(channels.RoleService) {
			perSecond = m.limits.Services
		}
		v.signals = rate.NewLimiter(rate.Limit(perSecond), perSecond)
		m.visitors[who.ID] = v
	}
	v.last = now
	return v
}

// sweepLocked forgets visitors now and then.
func (m *meter) sweepLocked(now time.Time) {
	if now.Sub(m.swept) < visitorLife {
		return
	}
	m.swept = now
	for id, v := range m.visitors {
		if v.open == 0 && now.Sub(v.last) >= visitorLife {
			delete(m.visitors, id)
		}
	}
}
