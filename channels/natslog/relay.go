package natslog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/nats-io/nats.go"
)

// relay is core NATS: nothing is stored.
type relay struct{ store *Store }

var _ channels.Relay = relay{}

const (
	// askWait bounds a question when its context does not: everybody who could answer may choose to be silent.
	askWait = 2 * time.Second
	// answering is how many questions a node answers at the same time on one subject.
	answering = 64
)

// Relay asks and answers between nodes. Questions are answered concurrently, so that a slow one delays no other.
func (s *Store) Relay() channels.Relay { return relay{s} }

// Ask sends a request; NATS tells at once when nobody listens.
func (r relay) Ask(ctx context.Context, name string, data []byte) ([]byte, error) {
	subj, err := subject("relay", name)
	if err != nil {
		return nil, err
	}
	if !r.store.Connected() {
		return nil, fmt.Errorf("asking the other nodes: %w", ErrNotSent)
	}
	attached, release := r.store.link.attach(ctx)
	defer release()
	bounded, cancel := context.WithTimeoutCause(attached, askWait, channels.ErrNobody)
	defer cancel()
	answer, err := r.store.nc.RequestWithContext(bounded, subj, data)
	switch {
	case err == nil:
		return answer.Data, nil
	case errors.Is(err, nats.ErrNoResponders):
		return nil, channels.ErrNobody
	case bounded.Err() != nil:
		return nil, fmt.Errorf("asking the other nodes: %w", context.Cause(bounded))
	}
	return nil, fmt.Errorf("asking the other nodes: %w", cause(err))
}

// Answer subscribes; the subscription survives breaks of the connection. It returns when the last answer is given.
func (r relay) Answer(ctx context.Context, name string, answer func(data []byte) []byte) error {
	subj, err := subject("relay", name)
	if err != nil {
		return err
	}
	var busy sync.WaitGroup
	free := make(chan struct{}, answering)
	sub, err := r.store.nc.Subscribe(subj, func(m *nats.Msg) {
		free <- struct{}{}
		busy.Go(func() {
			defer func() { <-free }()
			if a := answer(m.Data); a != nil {
				if err := m.Respond(a); err != nil {
					r.store.logger.Debug("an answer was not sent", "why", err)
				}
			}
		})
	})
	if err != nil {
		return fmt.Errorf("listening for other nodes: %w", cause(err))
	}
	closed := make(chan struct{})
	ended := sync.OnceFunc(func() { close(closed) })
	sub.SetClosedHandler(func(string) { ended() })
	if !sub.IsValid() {
		ended() // it was closed before the handler was set, which then is not called
	}
	select {
	case <-ctx.Done():
		err = nil
		_ = sub.Unsubscribe() // it fails only when the connection is closed, which ends it too
	case <-closed:
		err = fmt.Errorf("listening for other nodes: %w", ErrClosed)
	}
	<-closed
	busy.Wait()
	return err
}
