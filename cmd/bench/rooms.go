package bench

import (
	"context"
	"errors"
	"time"
)

// inRoom is how many connections a room has.
const inRoom = 10

// rooms is channels with ten connections each, all of which write and read. All rooms are of one space, so their writes have
// one log.
func rooms(ctx context.Context, t *turn) error {
	for i := range t.size {
		from := i / inRoom * inRoom
		t.add(roomName(i/inRoom), i, from, min(inRoom, t.size-from))
	}
	if err := t.open(ctx, t.clients, true); err != nil {
		return err
	}
	if err := t.everyone(ctx, t.duration/5); err != nil { // to get warm
		return err
	}
	before := t.delivered()
	if err := t.begin(); err != nil {
		return err
	}
	if err := t.everyone(ctx, t.duration); err != nil {
		return err
	}
	if err := t.finish(t.delivered() - before); err != nil {
		return err
	}
	t.result.PerSecond = float64(t.delivered()-before) / t.result.Seconds
	t.check(func(writer int) uint64 { return t.clients[writer].n })
	return nil
}

// everyone has the clients write for a while, one after the other at the rate, and waits until all of it has come, or no more
// comes.
func (t *turn) everyone(ctx context.Context, d time.Duration) error {
	k := 0
	err := t.due(ctx, d, func(at time.Duration) error {
		k++
		return t.clients[k%len(t.clients)].write(at)
	})
	if err != nil {
		return err
	}
	want := uint64(0)
	for _, c := range t.clients {
		want += c.n * uint64(c.writers)
	}
	short, err := t.awaitDelivered(ctx, want)
	if short || err != nil {
		return err // what is missing is counted as lost
	}
	return t.awaitAnswers(ctx)
}

// awaitAnswers waits until the clients have the answers to what they have written.
func (t *turn) awaitAnswers(ctx context.Context) error {
	short, err := t.await(ctx, t.written.Load(), func() (answered uint64) {
		for _, c := range t.clients {
			answered += c.answered.Load()
		}
		return answered
	})
	if err == nil && short {
		err = errors.New("some writes were never answered")
	}
	return err
}
