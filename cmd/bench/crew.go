package bench

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A turn is one measurement of one server.
type turn struct {
	*crew
	size     int
	rate     float64
	duration time.Duration
	result   Turn
	used     time.Duration // of the processor, when measuring began
	started  time.Duration
}

// dialers is how many connections are opened at once.
const dialers = 32

// add makes clients that read a channel, or write to it, without connecting them.
func (c *crew) add(channel string, number, from, writers int) *client {
	name := fmt.Sprintf("%s-%d", c.run, len(c.clients))
	one := &client{
		crew: c, meter: &c.meters[len(c.clients)%meters], number: number, name: name,
		channel: channel, from: from, writers: writers, seen: make([]uint64, writers), dialect: hubDialect{client: name, log: c.log},
	}
	if c.server.dialect != nil {
		one.dialect = c.server.dialect(name)
	}
	c.clients = append(c.clients, one)
	return one
}

// open connects clients and waits until all of those that join have.
func (c *crew) open(ctx context.Context, clients []*client, joins bool) error {
	want := c.joined.Load()
	if joins {
		want += int64(len(clients))
	}
	work := make(chan *client)
	var dialing sync.WaitGroup
	for range min(dialers, len(clients)) {
		dialing.Go(func() {
			for one := range work {
				if c.failed() != nil {
					continue
				}
				if err := one.connect(ctx, joins); err != nil {
					c.fail(err)
				}
			}
		})
	}
	for _, one := range clients {
		work <- one
	}
	close(work)
	dialing.Wait()
	if err := c.failed(); err != nil {
		return err
	}
	short, err := c.await(ctx, uint64(want), func() uint64 { return uint64(c.joined.Load()) })
	if err == nil && short {
		err = fmt.Errorf("%d of %d clients have joined, and nothing more comes", c.joined.Load(), want)
	}
	return err
}

// readers opens the clients that the turn is about, which read a channel, and one that writes to it.
func (t *turn) readers(ctx context.Context, channel string) (writer *client, err error) {
	for range t.size {
		t.add(channel, 0, 0, 1)
	}
	if err := t.open(ctx, t.clients, true); err != nil {
		return nil, err
	}
	writer = t.add(channel, 0, 0, 1)
	return writer, t.open(ctx, []*client{writer}, false)
}

// close ends all connections.
func (c *crew) close() {
	var closing sync.WaitGroup
	for _, one := range c.clients {
		if one.ended != nil {
			closing.Go(one.close)
		}
	}
	closing.Wait()
}

// begin begins to measure.
func (t *turn) begin() error {
	t.measuring.Store(true)
	t.started = t.now()
	if t.server.pid == 0 {
		return nil
	}
	var err error
	t.used, err = processorTime(t.server.pid)
	return err
}

// finish ends it: what the server has used since is for so many things.
func (t *turn) finish(things uint64) error {
	t.result.Seconds = (t.now() - t.started).Seconds()
	if t.server.pid == 0 {
		return nil
	}
	used, err := processorTime(t.server.pid)
	if err != nil {
		return err
	}
	t.result.CPUSeconds = (used - t.used).Seconds()
	if things > 0 {
		t.result.CPU = t.result.CPUSeconds * 1e6 / float64(things)
	}
	return nil
}

// settle is how long a turn looks for what should not come any more.
const settle = 50 * time.Millisecond

// check counts what has come to all clients, and what has not by now and so is lost. written says how far each writer came.
func (t *turn) check(written func(writer int) uint64) {
	time.Sleep(settle)
	for _, c := range t.clients {
		if c.ended != nil {
			c.close() // from here on its counts are still
		}
	}
	r := &t.result
	r.Latency = t.latency()
	for _, m := range t.all() {
		r.Delivered += m.delivered.Load()
		r.Closed += m.closed.Load()
		r.Messages += m.messages.Load()
		r.Bytes += m.bytes.Load()
		r.Lost += m.lost.Load()
		r.Duplicated += m.duplicated.Load()
		r.Spared += m.spared.Load()
	}
	for _, c := range t.clients {
		if !c.joined {
			continue
		}
		for i, seen := range c.seen {
			if last := written(c.from + i); last > seen {
				r.Lost += last - seen
			}
		}
	}
	r.Written = t.written.Load()
}

// all are the meters.
func (c *crew) all() []*meter {
	all := []*meter{&c.slow}
	for i := range c.meters {
		all = append(all, &c.meters[i])
	}
	return all
}

// latency is that of the clients that read.
func (c *crew) latency() *Latency {
	var all tally
	for i := range c.meters {
		all.add(&c.meters[i].latency)
	}
	return all.latency()
}

// forgetLatency begins anew with it.
func (c *crew) forgetLatency() {
	for _, m := range c.all() {
		m.latency.clear()
	}
}
