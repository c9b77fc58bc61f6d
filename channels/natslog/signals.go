package natslog

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/baton-hub/baton/channels"
	"github.com/nats-io/nats.go"
)

// signals is core NATS: one subject signal.<space> for each space.
type signals struct{ store *Store }

var _ channels.Signals = signals{}

// How much may wait for a follower that does not keep up, before it misses some.
const (
	signalsWaiting     = 16 << 10
	signalBytesWaiting = 16 << 20
)

// Signals opens the signals of the whole hub.
func (s *Store) Signals() channels.Signals { return signals{s} }

// Publish sends and does not wait.
func (s signals) Publish(_ context.Context, space string, data []byte) error {
	subj, err := subject("signal", space)
	if err != nil {
		return err
	}
	if !s.store.Connected() {
		return fmt.Errorf("publishing a signal: %w", ErrNotSent)
	}
	if err := s.store.nc.Publish(subj, data); err != nil {
		return fmt.Errorf("publishing a signal: %w", cause(err))
	}
	return nil
}

// Follow subscribes; the subscription survives breaks of the connection. It returns after the last delivery.
func (s signals) Follow(ctx context.Context, deliver func(space string, data []byte)) error {
	sub, err := s.store.nc.Subscribe("signal.*", func(m *nats.Msg) {
		space, err := untoken(strings.TrimPrefix(m.Subject, "signal."))
		if err != nil {
			s.store.logger.Warn("not a signal of ours", "subject", m.Subject, "why", err)
			return
		}
		deliver(space, m.Data)
	})
	if err != nil {
		return fmt.Errorf("following signals: %w", cause(err))
	}
	closed := make(chan struct{})
	ended := sync.OnceFunc(func() { close(closed) })
	sub.SetClosedHandler(func(string) { ended() })
	if !sub.IsValid() {
		ended() // it was closed before the handler was set, which then is not called
	} else if err = sub.SetPendingLimits(signalsWaiting, signalBytesWaiting); err != nil && sub.IsValid() {
		_ = sub.Unsubscribe()
		return fmt.Errorf("following signals: %w", cause(err))
	}
	select {
	case <-ctx.Done():
		err = nil
		_ = sub.Unsubscribe() // it fails only when the connection is closed, which ends it too
	case <-closed:
		err = fmt.Errorf("following signals: %w", ErrClosed)
	}
	<-closed
	return err
}
