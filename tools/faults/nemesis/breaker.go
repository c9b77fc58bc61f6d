package nemesis

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/baton-hub/baton/tools/cluster"
	"github.com/baton-hub/baton/tools/faults/link"
	"github.com/baton-hub/baton/tools/faults/world"
)

// A breaker carries steps out.
type breaker struct {
	ctx context.Context
	w   *world.World
}

// Do carries a step out, from breaking to whole again. An error is one of the world, such as a hub that does not come up
// or does not end when it is told to.
func Do(ctx context.Context, w *world.World, s Step) error {
	for _, k := range kinds() {
		if k.name == s.Kind {
			if err := k.act(&breaker{ctx, w}, s); err != nil {
				return fmt.Errorf("%v: %w", s, err)
			}
			return nil
		}
	}
	return fmt.Errorf("there is no fault %q", s.Kind)
}

// last waits until a step's time is up, or the run's.
func (b *breaker) last(s Step) {
	select {
	case <-b.ctx.Done():
	case <-time.After(s.For):
	}
}

func (b *breaker) kill(s Step) error {
	p := b.w.Part(s.Target)
	if err := p.Kill(); err != nil {
		return err
	}
	b.last(s)
	return p.Start(b.ctx)
}

func (b *breaker) pause(s Step) error {
	p := b.w.Part(s.Target)
	if err := p.Stop(); err != nil {
		return err
	}
	b.last(s)
	if err := p.Continue(); err != nil {
		return err
	}
	return p.Ready(b.ctx)
}

// restart asks it to end, which for a hub is a drain.
func (b *breaker) restart(s Step) error {
	p := b.w.Part(s.Target)
	if err := b.term(p); err != nil {
		return err
	}
	b.last(s)
	return p.Start(b.ctx)
}

// term ends a part well. A NATS server that gets SIGTERM ends with 1.
func (b *breaker) term(p *cluster.Part) error {
	err := p.Term()
	for _, server := range b.w.Cluster.NATS {
		if p == server {
			return nil
		}
	}
	return err
}

func (b *breaker) killHubs(s Step) error    { return b.killAll(s, b.w.Cluster.Hubs) }
func (b *breaker) killServers(s Step) error { return b.killAll(s, b.w.Cluster.NATS) }

// killAll pauses them first, so that they die at one moment.
func (b *breaker) killAll(s Step, parts []*cluster.Part) error {
	var trouble []error
	for _, p := range parts {
		trouble = append(trouble, p.Stop())
	}
	for _, p := range parts {
		trouble = append(trouble, p.Kill())
	}
	b.last(s)
	return errors.Join(append(trouble, b.up(parts))...)
}

// up starts parts together.
func (b *breaker) up(parts []*cluster.Part) error {
	for _, p := range parts {
		if err := p.Launch(); err != nil {
			return err
		}
	}
	for _, p := range parts {
		if err := p.Ready(b.ctx); err != nil {
			return err
		}
	}
	return nil
}

var (
	whole = link.Way{}
	cut   = link.Way{Cut: true}
)

// between does something to the links of a part to others, and undoes it. What waited in them arrives late, or in half of
// the cases is lost with its connection, as it is when a partition outlasts what TCP stands.
func (b *breaker) between(s Step, of string, others []string, toward, from link.Way) error {
	for _, other := range others {
		b.w.Set(of, other, toward, from)
	}
	b.last(s)
	for _, other := range others {
		if s.Choice&1 == 1 {
			b.w.Break(of, other)
		}
		b.w.Set(of, other, whole, whole)
	}
	return nil
}

func (b *breaker) cutOff(s Step) error { return b.between(s, s.Target, servers, cut, cut) }

func (b *breaker) oneWay(s Step) error {
	if s.Choice&2 == 0 {
		return b.between(s, s.Target, servers, cut, whole)
	}
	return b.between(s, s.Target, servers, whole, cut)
}

func (b *breaker) cutServers(s Step) error {
	return b.between(s, s.Target, []string{s.Other}, cut, cut)
}

func (b *breaker) isolate(s Step) error {
	return b.between(s, s.Target, without(servers, s.Target), cut, cut)
}

func (b *breaker) serversOneWay(s Step) error {
	return b.between(s, s.Target, without(servers, s.Target), cut, whole)
}

func (b *breaker) slow(s Step) error {
	late := link.Way{Delay: 50*time.Millisecond + time.Duration(s.Choice>>8%750)*time.Millisecond}
	return b.between(s, s.Target, append([]string{"redis"}, servers...), late, late)
}

// reset breaks connections off, some times.
func (b *breaker) reset(s Step) error {
	s.For /= 4
	for range 4 {
		for _, other := range append([]string{"redis"}, servers...) {
			b.w.Break(s.Target, other)
		}
		b.last(s)
	}
	return nil
}

func (b *breaker) cutRedis(s Step) error { return b.between(s, s.Target, redis, cut, cut) }

// redisLoses has Redis come back as it was some time before it crashed.
func (b *breaker) redisLoses(s Step) error {
	folder, p := b.w.Folder("redis"), b.w.Part("redis")
	kept, err := os.MkdirTemp("", "baton-redis-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(kept)
	err = errors.Join(p.Stop(), copyAll(folder, kept), p.Continue())
	b.last(s) // while it takes writes
	if err := errors.Join(err, p.Kill(), empty(folder), copyAll(kept, folder)); err != nil {
		return err
	}
	return p.Start(b.ctx)
}

func (b *breaker) redisEmpty(s Step) error {
	p := b.w.Part("redis")
	if err := errors.Join(p.Kill(), empty(b.w.Folder("redis"))); err != nil {
		return err
	}
	b.last(s)
	return p.Start(b.ctx)
}

// fill leaves a server no room for what it is to store. It stores nothing more until it is started again with room.
func (b *breaker) fill(s Step) error {
	d, p := b.w.Disk(s.Target), b.w.Part(s.Target)
	err := d.Fill()
	b.last(s)
	if err := errors.Join(err, d.Free()); err != nil {
		return err
	}
	if p.PID() != 0 {
		_ = b.term(p)
	}
	return p.Start(b.ctx)
}

// powerCut ends everything at one moment, with what was on the disks then.
func (b *breaker) powerCut(s Step) error {
	parts := b.w.Cluster.Parts()
	parts = parts[:len(parts)-1] // without nginx, which keeps nothing
	var trouble []error
	for _, p := range parts {
		trouble = append(trouble, p.Stop())
	}
	stateful := append(append([]string{}, servers...), redis...)
	for _, name := range stateful {
		trouble = append(trouble, b.w.Disk(name).Copy())
	}
	for _, p := range parts {
		trouble = append(trouble, p.Kill())
	}
	for _, name := range stateful {
		trouble = append(trouble, b.w.Disk(name).Cut())
	}
	b.last(s)
	return errors.Join(append(trouble, b.up(parts))...)
}

func without(names []string, one string) (others []string) {
	for _, name := range names {
		if name != one {
			others = append(others, name)
		}
	}
	return others
}

// empty removes what is in a folder, and leaves the folder: it may be a disk.
func empty(folder string) error {
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		if e.Name() != "lost+found" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(folder, e.Name())))
		}
	}
	return err
}

func copyAll(from, to string) error {
	for _, command := range [][]string{{"cp", "-a", from + "/.", to}, {"sync", "-f", to}} { // a power cut may come next
		if words, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w: %s", command, err, words)
		}
	}
	return nil
}
