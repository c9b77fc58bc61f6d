package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/baton-hub/baton/tools/faults/crowd"
	"github.com/baton-hub/baton/tools/faults/history"
	"github.com/baton-hub/baton/tools/faults/nemesis"
	"github.com/baton-hub/baton/tools/faults/world"
)

// options are of one run.
type options struct {
	Seed        uint64
	Time        time.Duration
	Longest     time.Duration // of a fault; 0 = each kind has its own
	Kinds       []string      // of faults; nil = all
	Dir         string        // kept; "" = a new one, kept if a promise was broken
	Bin, Deploy string
	Out         io.Writer
}

const (
	restTime  = 3 * time.Minute // for all that is under way when the last fault is over
	catchTime = time.Minute     // for everybody to be current: G7 says 10 s, of a machine that has nothing else to do
)

// A run is one world and its crowd.
type runner struct {
	options
	dir    string
	began  time.Time
	world  *world.World
	site   *crowd.Site
	record *history.Recorder
	report report

	mu       sync.Mutex
	troubles []string // promises that were broken; guarded by mu
}

// prove runs everything once. It fails if a promise was broken, and names the folder with all that is known of it.
func prove(ctx context.Context, o options) error {
	r := &runner{options: o, dir: o.Dir, began: time.Now()}
	if r.dir == "" {
		dir, err := os.MkdirTemp("", "baton-faults-")
		if err != nil {
			return err
		}
		r.dir = dir
	}
	fmt.Fprintf(o.Out, "seed %d\n", o.Seed)
	err := r.run(ctx)
	if r.site != nil {
		r.report.counts = r.site.Counts()
	}
	r.report.print(o.Out)
	for _, trouble := range r.troubles {
		fmt.Fprintf(o.Out, "BROKEN %s\n", trouble)
	}
	if n := len(r.troubles); err == nil && n > 0 {
		err = fmt.Errorf("%d promises were broken", n)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: seed %d; history, log and the words of all parts are in %s", err, o.Seed, r.dir)
	case o.Dir == "":
		return os.RemoveAll(r.dir)
	}
	return nil
}

func (r *runner) run(ctx context.Context) (err error) {
	r.record, err = history.Record(filepath.Join(r.dir, "history"), history.Run{Seed: r.Seed, Space: world.Space, Nodes: 3})
	if err != nil {
		return err
	}
	r.world, err = world.Build(ctx, world.Options{Dir: filepath.Join(r.dir, "world"), Bin: r.Bin, Deploy: r.Deploy, Log: io.Discard})
	if err != nil {
		return err
	}
	ended := false
	end := func() error {
		if ended {
			return nil
		}
		ended = true
		return r.world.End()
	}
	defer func() { err = errors.Join(err, end()) }()
	r.say("the cluster is up")
	if err := r.play(ctx); err != nil {
		return err
	}
	if err := r.collect(ctx); err != nil {
		return err
	}
	if err := errors.Join(end(), r.record.Close()); err != nil {
		return err
	}
	return r.judge()
}

// say prints a line of progress.
func (r *runner) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sayLocked(format, args...)
}

func (r *runner) sayLocked(format string, args ...any) {
	fmt.Fprintf(r.Out, "%6.1fs  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// play has the crowd at work while things break, and until everybody knows everything again.
func (r *runner) play(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.site = &crowd.Site{Space: world.Space, One: world.One, Seed: r.Seed, Record: r.record}
	for _, hub := range r.world.Cluster.Hubs {
		r.site.Hubs = append(r.site.Hubs, crowd.Node{Name: hub.Name, Addr: hub.Address})
	}
	r.site.Front = crowd.Node{Name: "front", Addr: r.world.Cluster.Nginx.Address}
	r.site.Open()
	c, err := r.site.Start(ctx, crowd.Options{Writers: 5, Scripts: 2, Readers: 3, Leavers: 2, Contenders: 4, Pace: 200 * time.Millisecond})
	if err != nil {
		return err
	}
	r.breakThings(ctx)
	if err := r.world.Heal(ctx); err != nil {
		return err
	}
	healed := time.Now()
	r.record.Event(history.Healed, "", "everything")
	head, err := r.world.Head(ctx, world.Space)
	if err != nil {
		return err
	}
	if err := r.converge(ctx, c, head, healed); err != nil {
		r.broken("G7: %v", err)
	}
	c.Knock(ctx)
	if err := r.conclude(ctx, c); err != nil {
		r.broken("G7: %v", err)
	}
	for _, twice := range c.Leave() {
		r.broken("commands: %s", twice)
	}
	return ctx.Err()
}

// converge returns when everybody is current.
func (r *runner) converge(ctx context.Context, c *crowd.Crowd, head uint64, healed time.Time) error {
	resting, cancel := context.WithTimeout(ctx, restTime)
	defer cancel()
	current, err := c.Rest(resting, head)
	if err != nil {
		return err
	}
	r.record.Event(history.Quiet, "", "")
	rested := time.Now()
	last, err := r.world.Head(ctx, world.Space)
	if err != nil {
		return err
	}
	catching, cancel := context.WithTimeout(ctx, catchTime)
	defer cancel()
	if err := c.CatchUp(catching, max(head, last)); err != nil {
		return err
	}
	r.report.current, r.report.rest = current.Sub(healed), rested.Sub(healed)
	r.say("who reads was current %v after the last fault, what was under way had come to its end after %v, and everybody was current after %v",
		r.report.current.Round(time.Millisecond), r.report.rest.Round(time.Millisecond), time.Since(healed).Round(time.Millisecond))
	if late := r.report.current; late > catchTime {
		return fmt.Errorf("who reads was current only %v after the last fault", late)
	}
	return nil
}

// conclude reads the log while everybody still listens, and nothing comes any more: what is committed after it, because they
// leave, nobody hears.
func (r *runner) conclude(ctx context.Context, c *crowd.Crowd) error {
	ctx, cancel := context.WithTimeout(ctx, catchTime)
	defer cancel()
	for {
		entries, err := r.world.Entries(ctx, world.Space)
		if err != nil {
			return err
		}
		head := entries[len(entries)-1].Position
		if err := c.CatchUp(ctx, head); err != nil {
			return err
		}
		now, err := r.world.Head(ctx, world.Space)
		if err != nil {
			return err
		}
		if now == head {
			c.Deafen()
			r.record.Event(history.Over, "", "")
			r.report.entries = len(entries)
			return r.record.Log(entries)
		}
	}
}

// breakThings plays the schedule.
func (r *runner) breakThings(ctx context.Context) {
	names := r.Kinds
	if names == nil {
		names = nemesis.Kinds(true)
	}
	if r.world.NoDisks != nil {
		without := nemesis.Kinds(false)
		r.say("NOT PLAYED: power cuts and full disks: %v", r.world.NoDisks)
		names = both(names, without)
	}
	steps := nemesis.Schedule(rand.New(rand.NewPCG(r.Seed, 0)), names, r.Time, r.Longest)
	var beside sync.WaitGroup
	began := time.Now()
	for i, s := range steps {
		// What takes its time is made whole in more of it than was scheduled. One round is always played.
		if ctx.Err() != nil || i >= len(names) && time.Since(began) > r.Time {
			break
		}
		if s.Beside {
			beside.Wait() // one at a time
			beside.Go(func() { r.breakOne(ctx, s) })
		} else {
			r.breakOne(ctx, s)
		}
		select {
		case <-ctx.Done():
		case <-time.After(s.Gap):
		}
	}
	beside.Wait()
}

// breakOne breaks something and makes it whole again.
func (r *runner) breakOne(ctx context.Context, s nemesis.Step) {
	r.say("%v", s)
	r.record.Event(history.Fault, s.Target, s.String())
	if err := nemesis.Do(ctx, r.world, s); err != nil && ctx.Err() == nil {
		r.broken("the cluster: %v", err)
	}
	r.record.Event(history.Healed, s.Target, s.Kind)
	r.report.fault(s.Kind)
}

func both(a, b []string) (names []string) {
	for _, one := range a {
		for _, other := range b {
			if one == other {
				names = append(names, one)
			}
		}
	}
	return names
}

// collect reads the log of the space for one person, and the last words of the hubs.
func (r *runner) collect(ctx context.Context) error {
	one, err := r.world.Entries(ctx, world.One)
	if err != nil {
		return err
	}
	if err := r.record.Other(world.One, one); err != nil {
		return err
	}
	others, err := r.world.Entries(ctx, world.One)
	if err != nil {
		return err
	}
	if err := r.record.Other(world.One, others); err != nil {
		return err
	}
	return r.panics()
}
