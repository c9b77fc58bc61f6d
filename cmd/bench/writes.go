package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// watching is how many readers the durable writes have.
const watching = 10

// writes is writers that each wait for the answer to one value before they write the next, and a few readers. What counts is
// the time until the answer: by then a hub has the value on its disk.
func writes(ctx context.Context, t *turn) error {
	for range watching {
		t.add(storeName, 0, 0, t.size)
	}
	if err := t.open(ctx, t.clients, true); err != nil {
		return err
	}
	for i := range t.size {
		t.add(storeName, i, 0, t.size).answers = make(chan struct{}, 1)
	}
	writers := t.clients[watching:]
	if err := t.open(ctx, writers, false); err != nil {
		return err
	}
	t.byAnswer = true
	return t.oneByOne(ctx, writers, watching)
}

// echo is one connection that waits until its own value comes back before it writes the next.
func echo(ctx context.Context, t *turn) error {
	one := t.add(storeName, 0, 0, 1)
	one.answers = make(chan struct{}, 1) // which comes after the value, in the same message
	if err := t.open(ctx, t.clients, true); err != nil {
		return err
	}
	return t.oneByOne(ctx, t.clients, 1)
}

// oneByOne has writers write for a while, each one value after the other, and so many readers get all of it.
func (t *turn) oneByOne(ctx context.Context, writers []*client, readers int) error {
	if err := t.takeTurns(ctx, writers, t.duration/5); err != nil { // to get warm
		return err
	}
	before := t.written.Load()
	if err := t.begin(); err != nil {
		return err
	}
	if err := t.takeTurns(ctx, writers, t.duration); err != nil {
		return err
	}
	written := t.written.Load()
	t.result.PerSecond = float64(written-before) / (t.now() - t.started).Seconds()
	if _, err := t.awaitDelivered(ctx, written*uint64(readers)); err != nil {
		return err
	}
	if err := t.finish(written - before); err != nil {
		return err
	}
	t.check(func(writer int) uint64 { return writers[writer].n })
	return nil
}

func (t *turn) takeTurns(ctx context.Context, writers []*client, d time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	end := t.now() + d
	var writing sync.WaitGroup
	for _, c := range writers {
		writing.Go(func() {
			for t.now() < end {
				if err := c.writeAndWait(ctx); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	stopped := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { t.watch(writers, stopped, cancel) })
	writing.Wait()
	close(stopped)
	watching.Wait()
	return errors.Join(t.failed(), context.Cause(ctx))
}

// watch stops writers that nobody answers.
func (t *turn) watch(writers []*client, stopped <-chan struct{}, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(t.patience)
	defer tick.Stop()
	for before := uint64(0); ; {
		select {
		case <-stopped:
			return
		case <-tick.C:
		}
		answered := uint64(0)
		for _, c := range writers {
			answered += c.answered.Load()
		}
		if answered == before {
			cancel(fmt.Errorf("no answer came for %v", t.patience))
			return
		}
		before = answered
	}
}

// writeAndWait writes a value and waits for the answer.
func (c *client) writeAndWait(ctx context.Context) error {
	at := c.crew.now()
	if err := c.write(at); err != nil {
		return err
	}
	select {
	case <-c.answers:
	case <-c.ended:
		return errors.New("the connection ended before the answer came")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if c.crew.byAnswer && c.crew.measuring.Load() {
		c.meter.latency.add(c.crew.now() - at)
	}
	return nil
}
