package bench

import (
	"context"
	"errors"
	"time"
)

// window is how many values a writer that goes flat out may be ahead of the readers, on average.
const window = 64

// fanOut is one writer and many readers. With a rate, values are written when they are due, whatever the server does; flat out,
// as fast as the readers get them.
func fanOut(ctx context.Context, t *turn) error {
	writer, err := t.readers(ctx, storeName)
	if err != nil {
		return err
	}
	if err := t.writeFor(ctx, writer, t.duration/5); err != nil { // to get warm
		return err
	}
	before := t.delivered()
	if err := t.begin(); err != nil {
		return err
	}
	if err := t.writeFor(ctx, writer, t.duration); err != nil {
		return err
	}
	if err := t.finish(t.delivered() - before); err != nil {
		return err
	}
	t.result.PerSecond = float64(t.delivered()-before) / t.result.Seconds
	t.check(func(int) uint64 { return writer.n })
	return nil
}

// writeFor writes for a while, and waits until all of it has come or no more comes.
func (t *turn) writeFor(ctx context.Context, writer *client, d time.Duration) error {
	write := t.atRate
	if t.rate == 0 {
		write = t.flatOut
	}
	if err := write(ctx, writer, d); err != nil {
		return err
	}
	short, err := t.awaitDelivered(ctx, writer.n*uint64(t.size))
	if short || err != nil {
		return err // what is missing is counted as lost
	}
	return t.awaitAnswers(ctx)
}

// atRate writes what is due in a while, however late.
func (t *turn) atRate(ctx context.Context, writer *client, d time.Duration) error {
	return t.due(ctx, d, func(at time.Duration) error { return writer.write(at) })
}

// due calls a function for each value that is due in a while, with the time at which it is.
func (t *turn) due(ctx context.Context, d time.Duration, write func(at time.Duration) error) error {
	from := t.now()
	for k := 0; ; k++ {
		at := from + time.Duration(float64(k)/t.rate*float64(time.Second))
		if at >= from+d {
			return nil
		}
		if left := at - t.now(); left > 0 {
			select {
			case <-time.After(left):
			case <-ctx.Done():
			}
		}
		if err := errors.Join(t.failed(), ctx.Err()); err != nil {
			return err
		}
		if err := write(at); err != nil {
			return err
		}
	}
}

// flatOut writes as fast as the readers get it.
func (t *turn) flatOut(ctx context.Context, writer *client, d time.Duration) error {
	for end := t.now() + d; t.now() < end; {
		if err := errors.Join(t.failed(), ctx.Err()); err != nil {
			return err
		}
		if writer.n*uint64(t.size) > t.delivered()+window*uint64(t.size) {
			time.Sleep(50 * time.Microsecond)
			continue
		}
		if err := writer.write(t.now()); err != nil {
			return err
		}
	}
	return nil
}
