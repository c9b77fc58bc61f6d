package natslog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// tailing is what a tail reads and what it does with it.
type tailing struct {
	stream string
	// config says where a new consumer starts. It is asked again whenever one is made.
	config func(ctx context.Context) (jetstream.ConsumerConfig, error)
	// begin is called when a new consumer was made, with how many messages there are for it. Optional.
	begin func(pending uint64)
	// deliver is called for each message, in the order in which the server sent them to this consumer, none left out.
	// An error ends the consumer, and a new one is made.
	deliver func(ctx context.Context, m jetstream.Msg, meta *jetstream.MsgMetadata) error
}

// fatalError ends a tail.
type fatalError struct{ error }

func (e fatalError) Unwrap() error { return e.error }

// errDisordered is returned when messages did not come as they were sent; a new consumer puts it right.
var errDisordered = errors.New("messages are missing")

const (
	// heartbeat is how often the server says that there is nothing new; a consumer is given up after two.
	heartbeat = 500 * time.Millisecond
	// prefetch is how many messages may wait in memory for a slow reader: 32 MiB of the largest entries.
	prefetch = 64
	// setUp bounds the making of a consumer.
	setUp = 5 * time.Second
)

// tail reads a stream until ctx ends (nil), the store is closed (ErrClosed), or there is no hope: a fatalError, or the
// stream does not exist. Whatever else goes wrong, it waits for the connection and makes a new consumer.
func (s *Store) tail(ctx context.Context, t tailing) error {
	wait := 10 * time.Millisecond
	for ctx.Err() == nil {
		if err := s.link.wait(ctx); err != nil {
			return unlessEnded(ctx, err)
		}
		delivered, err := s.tailOnce(ctx, t)
		var fatal fatalError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &fatal):
			return fatal.error
		case isCode(err, codeStreamNotFound):
			return fmt.Errorf("following: %w", err)
		case delivered:
			wait = 10 * time.Millisecond
		default:
			wait = min(2*wait, time.Second)
		}
		s.logger.Debug("a consumer ended", "stream", t.stream, "why", err)
		pause(ctx, wait)
	}
	return nil
}

// tailOnce makes one consumer and reads from it until something is wrong.
func (s *Store) tailOnce(ctx context.Context, t tailing) (delivered bool, err error) {
	ctx, release := s.link.attach(ctx)
	defer release()
	consumer, err := s.makeConsumer(ctx, t)
	if err != nil {
		return false, err
	}
	defer s.dropConsumer(t.stream, consumer)
	messages, err := consumer.Messages(
		jetstream.PullMaxMessages(prefetch),
		jetstream.PullHeartbeat(heartbeat),
		jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return false, fmt.Errorf("reading from a consumer: %w", cause(err))
	}
	defer messages.Stop()
	if t.begin != nil {
		t.begin(consumer.CachedInfo().NumPending)
	}
	for n := uint64(1); ; n++ {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err == nil {
			err = ctx.Err() // Next may prefer a message to the end of ctx
		}
		if err != nil {
			return delivered, fmt.Errorf("reading from a consumer: %w", cause(err))
		}
		meta, err := m.Metadata()
		if err != nil {
			return delivered, fmt.Errorf("reading from a consumer: %w", err)
		}
		if meta.Sequence.Consumer != n {
			return delivered, errDisordered
		}
		if err := t.deliver(ctx, m, meta); err != nil {
			return delivered, err
		}
		delivered = true
	}
}

// makeConsumer makes a consumer that keeps nothing on disk and is forgotten by the server soon after we are gone.
func (s *Store) makeConsumer(ctx context.Context, t tailing) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, setUp)
	defer cancel()
	config, err := t.config(ctx)
	if err != nil {
		return nil, err
	}
	config.AckPolicy = jetstream.AckNonePolicy
	config.MemoryStorage = true
	config.Replicas = 1
	config.InactiveThreshold = 5 * time.Second
	consumer, err := s.js.CreateConsumer(ctx, t.stream, config)
	if err != nil {
		return nil, fmt.Errorf("making a consumer: %w", cause(err))
	}
	return consumer, nil
}

// dropConsumer is a courtesy: the server would forget the consumer by itself.
func (s *Store) dropConsumer(stream string, consumer jetstream.Consumer) {
	if !s.Connected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.js.DeleteConsumer(ctx, stream, consumer.CachedInfo().Name); err != nil && !isCode(err, codeConsumerNotFound) {
		s.logger.Debug("a consumer was not deleted", "why", err)
	}
}

// unlessEnded returns err, or nil if ctx has ended: a Follow that was told to stop has not failed.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
