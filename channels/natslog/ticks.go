package natslog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ticks is the stream TICKS. A schedule is a message on tick.every.<name>, by which the server puts a message on
// tick.due.<name> each time; that is a work queue with one durable consumer that all nodes share.
type ticks struct {
	store    *Store
	stream   jetstream.Stream
	consumer jetstream.Consumer
}

var _ channels.Ticks = (*ticks)(nil)

const (
	// tickWait is how long a node that took a tick may be silent until another gets it. A node says that it still
	// works on one three times as often.
	tickWait = 15 * time.Second
	// tickRetry is how soon a tick comes again whose handler failed.
	tickRetry = 250 * time.Millisecond
)

// Ticks opens the schedules of the whole hub. A schedule keeps one tick: when nobody is there for a while, or a
// handler fails for a whole period, the next tick takes the place of the last.
func (s *Store) Ticks(ctx context.Context) (channels.Ticks, error) {
	stream, err := s.stream(ctx, jetstream.StreamConfig{
		Name:              "TICKS",
		Subjects:          []string{"tick.every.*", "tick.due.*"},
		Storage:           jetstream.FileStorage,
		Retention:         jetstream.WorkQueuePolicy,
		MaxMsgsPerSubject: 1,
		AllowMsgSchedules: true,
		AllowRollup:       true, // schedules need it
	})
	if err != nil {
		return nil, err
	}
	consumer, err := stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable:       "nodes",
		FilterSubject: "tick.due.*",
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       tickWait,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the consumer of ticks: %w", cause(err))
	}
	return &ticks{store: s, stream: stream, consumer: consumer}, nil
}

// Every publishes the schedule unless it is there already; one with another period is replaced.
func (t *ticks) Every(ctx context.Context, name string, period time.Duration) error {
	schedule, err := subject("tick.every", name)
	if err != nil {
		return err
	}
	due, err := subject("tick.due", name)
	if err != nil {
		return err
	}
	pattern := "@every " + seconds(period)
	m := nats.NewMsg(schedule)
	m.Header.Set(jetstream.ScheduleHeader, pattern)
	m.Header.Set(jetstream.ScheduleTargetHeader, due)
	for {
		present, err := t.stream.GetLastMsgForSubject(ctx, schedule)
		var last uint64
		switch {
		case err == nil && present.Header.Get(jetstream.ScheduleHeader) == pattern:
			return nil
		case err == nil:
			last = present.Sequence
		case !isCode(err, codeMessageNotFound):
			return fmt.Errorf("reading the schedule %s: %w", name, cause(err))
		}
		m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(last, 10))
		_, err = t.store.publish(ctx, m)
		if !isCode(err, codeWrongSequence, codeSequenceBusy) {
			if err != nil {
				return fmt.Errorf("setting the schedule %s: %w", name, err)
			}
			return nil
		}
		if !pause(ctx, 20*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
}

// Follow asks for one tick when it is ready for one, so that none waits in a node that does not get to it.
func (t *ticks) Follow(ctx context.Context, handle func(context.Context, channels.Tick) error) error {
	wait := 10 * time.Millisecond
	for ctx.Err() == nil {
		if err := t.store.link.wait(ctx); err != nil {
			return unlessEnded(ctx, err)
		}
		m, err := t.next(ctx)
		if err == nil {
			wait = 10 * time.Millisecond
			t.handle(ctx, m, handle)
			continue
		}
		if errors.Is(err, errNoTick) || ctx.Err() != nil {
			continue
		}
		if isCode(err, codeStreamNotFound) {
			return fmt.Errorf("following ticks: %w", err)
		}
		t.store.logger.Debug("no tick", "why", err)
		wait = min(2*wait, time.Second)
		pause(ctx, wait)
	}
	return nil
}

var errNoTick = errors.New("no tick for now")

// next waits for a tick for some seconds.
func (t *ticks) next(ctx context.Context) (jetstream.Msg, error) {
	ctx, release := t.store.link.attach(ctx)
	defer release()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	batch, err := t.consumer.Fetch(1, jetstream.FetchContext(ctx), jetstream.FetchHeartbeat(heartbeat))
	if err != nil {
		return nil, cause(err)
	}
	for m := range batch.Messages() {
		return m, nil
	}
	if err := batch.Error(); err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrTimeout) {
		return nil, cause(err)
	}
	return nil, errNoTick
}

// handle runs the handler, and tells the server meanwhile that it is at work and afterwards how it went.
func (t *ticks) handle(ctx context.Context, m jetstream.Msg, handle func(context.Context, channels.Tick) error) {
	tick, err := tickOf(m)
	if err != nil {
		t.store.logger.Warn("not a tick of ours", "subject", m.Subject(), "why", err)
		_ = m.Term()
		return
	}
	done := make(chan struct{})
	var working sync.WaitGroup
	working.Go(func() {
		every := time.NewTicker(tickWait / 3)
		defer every.Stop()
		for {
			select {
			case <-done:
				return
			case <-every.C:
				_ = m.InProgress() // if it does not arrive, the tick goes to somebody else: that is allowed
			}
		}
	})
	err = handle(ctx, tick)
	close(done)
	working.Wait()
	if err != nil {
		t.store.logger.Warn("a tick failed", "name", tick.Name, "sequence", tick.Sequence, "error", err)
		_ = m.NakWithDelay(tickRetry) // likewise
		return
	}
	_ = m.Ack() // likewise
}

func tickOf(m jetstream.Msg) (channels.Tick, error) {
	meta, err := m.Metadata()
	if err != nil {
		return channels.Tick{}, err
	}
	name, err := untoken(strings.TrimPrefix(m.Subject(), "tick.due."))
	return channels.Tick{Name: name, Sequence: meta.Sequence.Stream}, err
}
