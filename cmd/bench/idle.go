package bench

import (
	"context"
	"time"
)

// first is how many connections are open before memory is measured, so that what all share is not counted.
const first = 50

// idle is connections that have joined, and are then left alone. Memory is what the process has after a while, garbage that
// the connecting has left included.
func idle(ctx context.Context, t *turn) error {
	for range first + t.size {
		t.add(storeName, 0, 0, 1)
	}
	if err := t.open(ctx, t.clients[:first], true); err != nil {
		return err
	}
	before, err := t.memory()
	if err != nil {
		return err
	}
	if err := t.open(ctx, t.clients[first:], true); err != nil {
		return err
	}
	if err := wait(ctx, t.duration/2); err != nil { // what connecting has left to do
		return err
	}
	if err := t.begin(); err != nil {
		return err
	}
	if err := wait(ctx, t.duration); err != nil {
		return err
	}
	if err := t.finish(0); err != nil {
		return err
	}
	t.result.CPU = t.result.CPUSeconds * 1e6 / float64(first+t.size) / t.result.Seconds
	after, err := t.memory()
	if err != nil {
		return err
	}
	t.result.RSS = float64(after-before) / 1024 / float64(t.size)
	return t.one(ctx)
}

// one writes one value, which has to come to everybody, so that a connection that is there and deaf does not count.
func (t *turn) one(ctx context.Context) error {
	readers := uint64(len(t.clients))
	writer := t.add(storeName, 0, 0, 1)
	if err := t.open(ctx, []*client{writer}, false); err != nil {
		return err
	}
	if err := writer.write(t.now()); err != nil {
		return err
	}
	if _, err := t.awaitDelivered(ctx, readers); err != nil {
		return err
	}
	t.check(func(int) uint64 { return writer.n })
	return nil
}

// memory is what the server has, in bytes; 0 if nobody can tell.
func (t *turn) memory() (int64, error) {
	if t.server.pid == 0 {
		return 0, nil
	}
	return resident(t.server.pid)
}

// wait waits for a while.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
