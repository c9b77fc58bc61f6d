package crowd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/baton-hub/baton/tools/faults/history"
)

// A Crowd is everybody, at work.
type Crowd struct {
	site  *Site
	ctx   context.Context // ends what is under way
	over  chan struct{}   // closed: nobody begins anything any more
	work  sync.WaitGroup
	tabs  []func() *tab // of those who watch
	progs []*program
	shop  workshop
	last  uint64 // set before over is closed: what readers have to know then

	mu      sync.Mutex
	current time.Time // when the last of the readers knew it; guarded by mu
}

// Options say how much is going on.
type Options struct {
	Writers, Scripts, Readers, Contenders, Leavers int

	Pace time.Duration // between two changes of a writer
}

// people are the accounts of the authenticator of --dev; the password is the name.
var people = []string{"alice", "bob", "sam", "ada"}

// Start has everybody sign in and begin. ctx ends everything at once.
func (s *Site) Start(ctx context.Context, o Options) (*Crowd, error) {
	c := &Crowd{site: s, ctx: ctx, over: make(chan struct{}), shop: workshop{taken: map[string][]string{}}}
	admin, err := c.signIn("ada")
	if err != nil {
		return nil, err
	}
	if err := c.startPrograms(ctx, admin); err != nil {
		return nil, err
	}
	for _, start := range []func(Options) error{c.startWriters, c.startScripts, c.startReaders, c.startOperators} {
		if err := start(o); err != nil {
			return nil, err
		}
	}
	for i := range o.Leavers {
		l := &leaver{site: s, user: people[(i+3)%len(people)], random: s.source(fmt.Sprint("leaver ", i))}
		c.go1(l.run)
	}
	for i := range o.Contenders {
		one := &contender{p: s.person(s.One, people[i%len(people)]), random: s.source(fmt.Sprint("contender ", i))}
		c.go1(one.run)
	}
	c.go1(func(ctx context.Context, over <-chan struct{}) { s.haunt(ctx, s.source("ghost"), over) })
	for range 3 {
		c.go1(s.remember)
	}
	return c, nil
}

func (c *Crowd) signIn(user string) (*person, error) {
	p := c.site.person(c.site.Space, user)
	if a := p.signIn(c.ctx, c.site.Front, user, false); a.status != http.StatusOK {
		return nil, fmt.Errorf("signing %s in is answered %d: %s", user, a.status, a.body)
	}
	return p, nil
}

func (c *Crowd) startWriters(o Options) error {
	for i := range o.Writers {
		name := fmt.Sprint("writer ", i)
		p, err := c.signIn(people[i%len(people)])
		if err != nil {
			return err
		}
		w := &writer{t: p.tab(c.site.source(name), Notes, Runs, Chat), name: name, pace: o.Pace}
		c.tabs = append(c.tabs, func() *tab { return w.t })
		c.go1(w.run)
	}
	return nil
}

func (c *Crowd) startScripts(o Options) error {
	for i := range o.Scripts {
		p, err := c.signIn(people[(i+2)%len(people)])
		if err != nil {
			return err
		}
		source := c.site.source(fmt.Sprint("script ", i))
		one := &script{p: p, random: source, id: fmt.Sprintf("c%016x", source.Uint64()), pace: o.Pace}
		c.go1(one.run)
	}
	return nil
}

func (c *Crowd) startReaders(o Options) error {
	for i := range o.Readers {
		p, err := c.signIn(people[i%len(people)])
		if err != nil {
			return err
		}
		r := &reader{p.tab(c.site.source(fmt.Sprint("reader ", i)), Notes, Runs, Chat, Queue)}
		c.tabs = append(c.tabs, func() *tab { return r.t })
		c.work.Go(func() {
			r.run(c.ctx, c.over)
			if r.t.catchUp(c.ctx, c.last, history.PositionOf) {
				current := time.Now()
				c.mu.Lock()
				defer c.mu.Unlock()
				if current.After(c.current) {
					c.current = current
				}
			}
		})
	}
	return nil
}

func (c *Crowd) startOperators(Options) error {
	for i, user := range people[:3] {
		name := fmt.Sprint("operator ", i)
		p, err := c.signIn(user)
		if err != nil {
			return err
		}
		op := &operator{t: p.tab(c.site.source(name), Queue, "control"), name: name, staff: user == "sam"}
		c.tabs = append(c.tabs, func() *tab { return op.t })
		c.go1(op.run)
	}
	return nil
}

func (c *Crowd) go1(run func(ctx context.Context, over <-chan struct{})) {
	c.work.Go(func() { run(c.ctx, c.over) })
}

// startPrograms makes tokens and starts what uses them: one that changes things, two that serve.
func (c *Crowd) startPrograms(ctx context.Context, admin *person) error {
	for _, name := range []string{"recorder", "service-1", "service-2"} {
		a := admin.ask(ctx, c.site.Front, http.MethodPost, "/api/v1/spaces/"+c.site.Space+"/tokens", nil, map[string]any{"name": name})
		var issued struct{ Token string }
		if a.status != http.StatusCreated || json.Unmarshal(a.body, &issued) != nil {
			return fmt.Errorf("making a token is answered %d: %s", a.status, a.body)
		}
		p, err := c.site.program(ctx, name, issued.Token)
		if err != nil {
			return err
		}
		c.progs = append(c.progs, p)
		if name == "recorder" {
			c.go1(p.run)
			continue
		}
		if err := c.shop.serve(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// Rest returns when nobody asks for anything any more, and everything that was put off has been done. What does not come to
// its end before ctx does is given up. current is when all who only read knew of everything up to a position.
func (c *Crowd) Rest(ctx context.Context, position uint64) (current time.Time, err error) {
	c.last = position
	close(c.over)
	done := make(chan struct{})
	go func() {
		c.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return c.current, nil
	case <-ctx.Done():
		return c.current, errors.New("the crowd has not come to rest: a request is never answered")
	}
}

// CatchUp returns when everybody who watches has been told of everything up to a position. The error names who has not.
func (c *Crowd) CatchUp(ctx context.Context, position uint64) error {
	failed := make(chan string, len(c.tabs))
	var all sync.WaitGroup
	for _, present := range c.tabs {
		t := present()
		all.Go(func() {
			if !t.catchUp(ctx, position, history.PositionOf) {
				failed <- t.id
			}
		})
	}
	all.Wait()
	close(failed)
	var trouble []error
	for id := range failed {
		trouble = append(trouble, fmt.Errorf("client %s has not caught up with position %d", id, position))
	}
	return errors.Join(trouble...)
}

// Knock tries the cookies of all who have signed out, at every node.
func (c *Crowd) Knock(ctx context.Context) {
	random := c.site.source("last knock")
	for _, p := range c.site.dead.all() {
		for _, hub := range c.site.Hubs {
			c.site.knock(ctx, p, hub, random)
		}
	}
}

// Deafen has nobody hear anything any more.
func (c *Crowd) Deafen() { c.site.deaf.Store(true) }

// Leave closes everything, and returns what only the crowd can tell: calls that were handed out twice.
func (c *Crowd) Leave() []string {
	for _, present := range c.tabs {
		present().leave()
	}
	for _, p := range c.progs {
		_ = p.client.Close()
	}
	return c.shop.twice()
}
