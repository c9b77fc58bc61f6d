package crowd

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// A leaver signs in, is busy at every node at once, and signs out at any of them in the midst of it. What then still
// reaches one of their sockets is noted to the byte, and their cookie is tried for the rest of the run.
type leaver struct {
	site   *Site
	user   string
	random *rand.Rand
}

func (l *leaver) run(ctx context.Context, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		default:
		}
		l.comeAndGo(ctx)
		if !pause(ctx, between(l.random, time.Second, 4*time.Second)) {
			return
		}
	}
}

func (l *leaver) comeAndGo(ctx context.Context) {
	p := l.site.person(l.site.Space, l.user)
	if p.signIn(ctx, l.site.anywhere(l.random), l.user, true).status != http.StatusOK {
		return
	}
	var tabs []*tab
	for _, hub := range l.site.Hubs {
		t := p.tab(l.random, Notes, Chat)
		tabs = append(tabs, t)
		if t.open(ctx, hub, true) != nil {
			continue // this node cannot be reached, or is not able to
		}
	}
	var busy sync.WaitGroup
	leaving, cancel := context.WithCancel(ctx)
	for _, t := range tabs {
		busy.Go(func() {
			for t.live() && leaving.Err() == nil {
				op := t.op()
				t.ask(leaving, &wire.Write{Channel: Notes, Set: map[string]json.RawMessage{"leaver": value(op)}, Op: op})
				pause(leaving, between(rand.New(rand.NewPCG(t.n, 1)), 20*time.Millisecond, 200*time.Millisecond))
			}
		})
		busy.Go(func() {
			for leaving.Err() == nil {
				p.visit(leaving, t.at(l.site))
				pause(leaving, 150*time.Millisecond)
			}
		})
	}
	pause(ctx, between(l.random, 100*time.Millisecond, 1500*time.Millisecond))
	a := p.signOut(ctx, l.site.anywhere(l.random), func() int64 { return settle(l.site, tabs) })
	if a.status == http.StatusNoContent {
		// A byte that comes now was sent after the answer.
		pause(ctx, between(l.random, 500*time.Millisecond, 1500*time.Millisecond))
		for _, hub := range l.site.Hubs {
			p.visit(ctx, hub)
		}
		l.site.dead.bury(p)
	}
	cancel()
	busy.Wait()
	for _, t := range tabs {
		t.leave()
	}
}

// at is the node that the tab is at.
func (t *tab) at(s *Site) Node {
	if t.socket != nil {
		return t.socket.node
	}
	return s.Front
}

// settle waits until all that has come to the sockets of some tabs has been read, and returns when that was so.
func settle(s *Site, tabs []*tab) int64 {
	for _, t := range tabs {
		if t.socket != nil && t.socket.raw != nil {
			t.socket.raw.Settle()
		}
	}
	return s.Record.Now()
}

// A graveyard has the people whose login sessions have ended.
type graveyard struct {
	mu   sync.Mutex
	dead []*person // guarded by mu
}

func (g *graveyard) bury(p *person) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dead = append(g.dead, p)
}

func (g *graveyard) all() []*person {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]*person(nil), g.dead...)
}

// haunt tries the cookies of those who have signed out, in every way, until over is closed.
func (s *Site) haunt(ctx context.Context, random *rand.Rand, over <-chan struct{}) {
	for pause(ctx, between(random, 300*time.Millisecond, time.Second)) {
		select {
		case <-over:
			return
		default:
		}
		if dead := s.dead.all(); len(dead) > 0 {
			s.knock(ctx, dead[random.IntN(len(dead))], s.anywhere(random), random)
		}
	}
}

// knock tries a cookie that has ended.
func (s *Site) knock(ctx context.Context, p *person, at Node, random *rand.Rand) {
	if random.IntN(2) == 0 {
		p.visit(ctx, at)
		return
	}
	if socket, err := p.dial(ctx, at, fmt.Sprintf("c%016x", random.Uint64()), false, func(*socket, []wire.Frame) {}); err == nil {
		socket.close()
	}
}
