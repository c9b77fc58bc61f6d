// Package crowd is everybody who uses the spaces of a run: people who write, watch, hand control around, sign in and out,
// and programs that serve commands. Each acts by a random source of its own, made of the seed of the run and its name, so
// that it makes the same choices in the next run with that seed. What it is answered and when is another matter.
//
// Everything that is asked, answered and delivered goes into the history of the run. Nothing is judged here.
//
// Most of them speak the protocol by hand, over sockets of their own: what a library does for its user, such as sending an
// operation again at once, has to be done later here, elsewhere, or twice.
package crowd

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/baton-hub/baton/tools/faults/history"
)

// A Node is where clients connect.
type Node struct {
	Name string // hub-1, or front
	Addr string // host:port
}

// A Site is what the crowd knows of the world, and what it shares.
type Site struct {
	// Set at construction.
	Hubs   []Node
	Front  Node   // the proxy in front of them
	Space  string // where everything happens
	One    string // a space that lets one person in at a time
	Seed   uint64
	Record *history.Recorder

	web   *http.Client
	names atomic.Int64 // for cookies and sockets
	deaf  atomic.Bool  // what comes is not heard any more
	later later
	dead  graveyard
	tally tally
}

// answerTime is how long anybody waits for an answer. The hub gives one within 15 s.
const answerTime = 20 * time.Second

// Open makes a site ready for its crowd.
func (s *Site) Open() {
	dialer := &net.Dialer{Timeout: 3 * time.Second}
	s.web = &http.Client{
		Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
		Timeout:   answerTime,
	}
}

// source returns the random source of one of the crowd.
func (s *Site) source(name string) *rand.Rand {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name)) // never fails
	return rand.New(rand.NewPCG(s.Seed, hash.Sum64()))
}

// anywhere returns a node, or the front.
func (s *Site) anywhere(r *rand.Rand) Node {
	if n := r.IntN(len(s.Hubs) + 1); n < len(s.Hubs) {
		return s.Hubs[n]
	}
	return s.Front
}

// pause waits; false when ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

// between returns a duration from one to less than another.
func between(r *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(r.Int64N(int64(to-from)))
}

// A tally counts what came of what was asked.
type tally struct {
	mu     sync.Mutex
	counts map[string]int // guarded by mu
}

func (t *tally) add(what string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[what] += n
}

// Counts returns how often each thing has happened: verbs with their outcomes, sockets, visits.
func (s *Site) Counts() map[string]int {
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	counts := make(map[string]int, len(s.tally.counts))
	for what, n := range s.tally.counts {
		counts[what] = n
	}
	return counts
}
