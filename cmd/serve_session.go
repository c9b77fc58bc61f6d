package cmd

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/session"
)

// openLogins reaches the store of login sessions: Redis, or a bucket of NATS where none is named.
func (n *node) openLogins(ctx context.Context) error {
	store, err := n.sessionStore(ctx)
	if err != nil {
		return err
	}
	n.logins = session.NewLogins(session.LoginOptions{Store: store, Secure: !n.options.Dev})
	return nil
}

func (n *node) sessionStore(ctx context.Context) (session.Store, error) {
	if n.options.Redis != "" {
		session.LogRedis(n.logger)
		store, err := session.OpenRedis(n.options.Redis)
		if err != nil {
			return nil, configError{fmt.Errorf("--redis: %w", err)}
		}
		n.closing = append(n.closing, func() { _ = store.Close() })
		return store, nil
	}
	bucket, err := n.store.KV(ctx, "sessions")
	if err != nil {
		return nil, fmt.Errorf("opening the store of login sessions: %w", err)
	}
	return session.NewKVStore(bucket, natslog.ErrNotFound, natslog.ErrRevision), nil
}

// throttle returns what slows down who guesses passwords, with its counts where all nodes see them.
func (n *node) throttle(ctx context.Context) (*session.Throttle, error) {
	bucket, err := n.store.KV(ctx, "throttle")
	if err != nil {
		return nil, fmt.Errorf("opening the counts of failed sign-ins: %w", err)
	}
	return session.NewThrottle(bucket, natslog.ErrNotFound, natslog.ErrRevision), nil
}

// authenticators returns what a site file names, in its order.
func (n *node) authenticators(s *site) (session.Authenticator, error) {
	chain, err := s.authenticators(n.own, filepath.Dir(n.options.Config), n.logger)
	if err != nil {
		return nil, configError{err}
	}
	return chain, nil
}
