package bench

import (
	"context"
	"time"
)

// What the slow scenario is made of.
const (
	slowClients = 50
	slowBytes   = 8 << 10         // of a value, so that what a hub keeps for its readers is full soon
	slowTime    = 5 * time.Second // at most: after ten a hub closes a connection that takes nothing
	slowBuffer  = 64 << 10        // of the socket of a client that takes nothing
	quickBuffer = 1 << 20         // once it reads
)

// slow is readers that read, first by themselves and then beside others that take nothing. What counts is whether the ones
// that read notice, what memory the others cost, and that those have the last value once they read again.
func slow(ctx context.Context, t *turn) error {
	t.bytes = max(t.bytes, slowBytes)
	writer, err := t.readers(ctx, storeName)
	if err != nil {
		return err
	}
	d := min(t.duration, slowTime)
	if err := t.writeFor(ctx, writer, d); err != nil { // to get warm, and to fill what a hub keeps
		return err
	}
	before := t.delivered()
	if err := t.begin(); err != nil {
		return err
	}
	if err := t.writeFor(ctx, writer, d); err != nil {
		return err
	}
	alone := t.latency()
	t.forgetLatency()
	if err := t.besideSlow(ctx, writer, d, before); err != nil {
		return err
	}
	t.check(func(int) uint64 { return writer.n })
	t.result.Latency = alone
	return nil
}

// besideSlow goes on beside slow clients, and then has them read.
func (t *turn) besideSlow(ctx context.Context, writer *client, d time.Duration, delivered uint64) error {
	gate := make(chan struct{})
	open := func() { close(gate) }
	defer func() { open() }() // so that their readers end, whatever happens
	var slow []*client
	for range slowClients {
		one := t.add(storeName, 0, 0, 1)
		one.gate, one.meter, one.seen[0] = gate, &t.slow, writer.n
		slow = append(slow, one)
	}
	from := writer.n
	before, err := t.memory()
	if err != nil {
		return err
	}
	if err := t.open(ctx, slow, true); err != nil {
		return err
	}
	if err := t.writeFor(ctx, writer, d); err != nil {
		return err
	}
	if err := t.finish(t.delivered() - delivered); err != nil {
		return err
	}
	if l := t.latency(); l != nil {
		t.result.Others = l.P99
	}
	after, err := t.memory()
	if err != nil {
		return err
	}
	t.result.RSS = float64(after-before) / 1024 / slowClients
	open()
	open = func() {}
	_, err = t.await(ctx, (writer.n-from)*slowClients, t.slow.progress)
	return err // what is missing is counted as lost
}
