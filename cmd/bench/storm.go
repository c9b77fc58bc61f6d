package bench

import (
	"context"
	"errors"
	"sync"
	"time"
)

// storm is readers of a log whose connections are all cut at once, and which come back with their cursors while somebody
// goes on writing. Each must get exactly what it has missed.
func storm(ctx context.Context, t *turn) error {
	writer, err := t.readers(ctx, logName)
	if err != nil {
		return err
	}
	crowd := t.clients[:t.size]
	if err := t.writeFor(ctx, writer, max(t.duration/5, time.Duration(float64(time.Second)/t.rate))); err != nil {
		return err
	}
	if err := t.begin(); err != nil {
		return err
	}
	cut(crowd)
	if err := writer.write(t.now()); err != nil { // which all of them miss
		return err
	}
	if err := t.awaitAnswers(ctx); err != nil {
		return err
	}
	writing, stop := context.WithCancel(ctx)
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- t.goOn(writing, writer) }()
	err = t.open(ctx, crowd, true)
	back := t.now() - t.started
	stop()
	if err = errors.Join(err, <-stopped); err != nil {
		return err
	}
	if err := t.finish(uint64(t.size)); err != nil {
		return err
	}
	t.result.PerSecond = float64(t.size) / back.Seconds()
	if _, err := t.awaitDelivered(ctx, writer.n*uint64(t.size)); err != nil {
		return err
	}
	t.check(func(int) uint64 { return writer.n })
	return nil
}

// cut ends connections without a word.
func cut(clients []*client) {
	var cutting sync.WaitGroup
	for _, c := range clients {
		cutting.Go(c.close)
	}
	cutting.Wait()
}

// goOn writes at the rate until it is stopped.
func (t *turn) goOn(stop context.Context, writer *client) error {
	tick := time.NewTicker(time.Duration(float64(time.Second) / t.rate))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := writer.write(t.now()); err != nil {
				return err
			}
		case <-stop.Done():
			return nil
		}
	}
}
