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
// tick.due.<name>, or tick.at.<label>.<name>, each time; that is a work queue with one durable consumer for the ticks
// without a label and one for each label, which all nodes share. The plan in force is on tick.plan.
type ticks struct {
	store  *Store
	stream jetstream.Stream
	life   string
}

var _ channels.Ticks = (*ticks)(nil)

const (
	// tickWait is how long a node that took a tick may be silent until another gets it. A node says that it still
	// works on one three times as often.
	tickWait = 15 * time.Second
	// tickRetry is how soon a tick comes again whose handler failed, and tickElsewhere one that was for another node: so
	// soon that it gets to several of them before the next tick of a schedule of one second takes its place.
	tickRetry     = 250 * time.Millisecond
	tickElsewhere = 200 * time.Millisecond
	// tickHands is how many ticks of one queue a node handles at once.
	tickHands = 16
)

// Ticks opens the schedules of the whole hub. A schedule keeps one tick: when nobody is there for a while, or a
// handler fails for a whole period, the next tick takes the place of the last.
func (s *Store) Ticks(ctx context.Context) (channels.Ticks, error) {
	stream, err := s.stream(ctx, jetstream.StreamConfig{
		Name:              "TICKS",
		Subjects:          []string{planSubject, "tick.every.*", "tick.due.*", "tick.at.*.*"},
		Storage:           jetstream.FileStorage,
		Retention:         jetstream.WorkQueuePolicy,
		MaxMsgsPerSubject: 1,
		AllowMsgSchedules: true,
		AllowRollup:       true, // schedules need it
	})
	if err != nil {
		return nil, err
	}
	life := strconv.FormatInt(stream.CachedInfo().Created.UnixNano(), 36)
	return &ticks{store: s, stream: stream, life: life}, nil
}

// Follow asks for ticks as long as it has hands free, so that none waits in a node that does not get to it.
func (t *ticks) Follow(ctx context.Context, labels []string, handle func(context.Context, channels.Tick) error) error {
	following, end := context.WithCancelCause(ctx)
	defer end(nil)
	h := &hands{ticks: t, handle: handle, free: make(chan struct{}, tickHands), busy: map[string]bool{}}
	defer h.working.Wait()
	var queues sync.WaitGroup
	for _, label := range append([]string{""}, labels...) {
		queues.Go(func() {
			if err := t.followQueue(following, label, h); err != nil {
				end(err)
			}
		})
	}
	queues.Wait()
	if ctx.Err() != nil || following.Err() == nil {
		return nil
	}
	return context.Cause(following)
}

// queue opens the consumer of a label; "" is that of the ticks without one.
func (t *ticks) queue(ctx context.Context, label string) (jetstream.Consumer, error) {
	name, filter := "nodes", "tick.due.*"
	if label != "" {
		name, filter = "label-"+token(label), "tick.at."+token(label)+".*"
	}
	consumer, err := insist(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
		return t.stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
			Durable: name, FilterSubject: filter, AckPolicy: jetstream.AckExplicitPolicy, AckWait: tickWait,
		})
	})
	if err != nil {
		return nil, fmt.Errorf("opening the consumer of ticks: %w", cause(err))
	}
	return consumer, nil
}

// followQueue hands out the ticks of one queue until ctx ends (nil) or the store is closed.
func (t *ticks) followQueue(ctx context.Context, label string, h *hands) error {
	wait := 10 * time.Millisecond
	var queue jetstream.Consumer
	for ctx.Err() == nil {
		if err := t.store.link.wait(ctx); err != nil {
			return unlessEnded(ctx, err)
		}
		if !h.take(ctx) {
			return nil
		}
		m, err := t.next(ctx, label, &queue)
		if err == nil {
			wait = 10 * time.Millisecond
			h.give(ctx, m)
			continue
		}
		h.release()
		if errors.Is(err, errNoTick) || ctx.Err() != nil {
			continue
		}
		if isCode(err, codeStreamNotFound) {
			return fmt.Errorf("following ticks: %w", err)
		}
		t.store.logger.Debug("no tick", "why", err)
		queue = nil // perhaps somebody has deleted it
		wait = min(2*wait, time.Second)
		pause(ctx, wait)
	}
	return nil
}

var errNoTick = errors.New("no tick for now")

// next waits for a tick for some seconds.
func (t *ticks) next(ctx context.Context, label string, queue *jetstream.Consumer) (jetstream.Msg, error) {
	ctx, release := t.store.link.attach(ctx)
	defer release()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if *queue == nil {
		opened, err := t.queue(ctx, label)
		if err != nil {
			return nil, err
		}
		*queue = opened
	}
	batch, err := (*queue).Fetch(1, jetstream.FetchContext(ctx), jetstream.FetchHeartbeat(heartbeat))
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

// hands are what a node handles ticks with.
type hands struct {
	ticks   *ticks
	handle  func(context.Context, channels.Tick) error
	free    chan struct{} // holds a token for each tick at hand
	working sync.WaitGroup

	mu   sync.Mutex
	busy map[string]bool // by the name of a schedule; guarded by mu
}

// take waits for a free hand; false if ctx ends first.
func (h *hands) take(ctx context.Context) bool {
	select {
	case h.free <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (h *hands) release() { <-h.free }

// give handles a tick with the hand that was taken for it.
func (h *hands) give(ctx context.Context, m jetstream.Msg) {
	h.working.Go(func() {
		defer h.release()
		tick, err := h.ticks.tickOf(m)
		if err != nil {
			h.ticks.store.logger.Warn("not a tick of ours", "subject", m.Subject(), "why", err)
			_ = m.Term()
			return
		}
		if !h.begin(tick.Name) {
			_ = m.NakWithDelay(tickElsewhere) // the one before it is still being handled here
			return
		}
		defer h.end(tick.Name)
		h.work(ctx, m, tick)
	})
}

func (h *hands) begin(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.busy[name] {
		return false
	}
	h.busy[name] = true
	return true
}

func (h *hands) end(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.busy, name)
}

// work runs the handler, and tells the server meanwhile that it is at work and afterwards how it went. What does not
// arrive there makes the tick come again: that is allowed.
func (h *hands) work(ctx context.Context, m jetstream.Msg, tick channels.Tick) {
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
				_ = m.InProgress()
			}
		}
	})
	err := h.handle(ctx, tick)
	close(done)
	working.Wait()
	switch {
	case errors.Is(err, channels.ErrElsewhere):
		_ = m.NakWithDelay(tickElsewhere)
	case err != nil:
		h.ticks.store.logger.Warn("a tick failed", "name", tick.Name, "sequence", tick.Sequence, "error", err)
		_ = m.NakWithDelay(tickRetry)
	default:
		_ = m.Ack()
	}
}

// tickOf reads a tick: its name ends the subject, its body is the version of the plan.
func (t *ticks) tickOf(m jetstream.Msg) (channels.Tick, error) {
	meta, err := m.Metadata()
	if err != nil {
		return channels.Tick{}, err
	}
	version, err := strconv.ParseUint(string(m.Data()), 10, 64)
	if err != nil {
		return channels.Tick{}, fmt.Errorf("reading its version: %w", err)
	}
	name, err := untoken(m.Subject()[strings.LastIndexByte(m.Subject(), '.')+1:])
	return channels.Tick{Name: name, Life: t.life, Sequence: meta.Sequence.Stream, Version: version}, err
}
