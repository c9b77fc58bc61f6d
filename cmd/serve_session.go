package cmd

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/hub"
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

// refuseAfter is longer than any authenticator should take to look at a password, so that the time of a refusal tells
// nothing, and shorter than people notice.
const refuseAfter = 400 * time.Millisecond

// addGuards makes what slows down who guesses passwords, and what seals that which browsers keep for the hub. The counts
// and the key are where all nodes see them.
func (n *node) addGuards(ctx context.Context, o *hub.Options) error {
	counts, err := n.store.KV(ctx, "throttle")
	if err != nil {
		return fmt.Errorf("opening the counts of failed sign-ins: %w", err)
	}
	keys, err := n.store.KV(ctx, "keys")
	if err != nil {
		return fmt.Errorf("opening the keys of the hub: %w", err)
	}
	o.Throttle = session.NewThrottle(counts, natslog.ErrNotFound, natslog.ErrRevision)
	n.began.Limits.slow(o.Throttle)
	o.Seal = session.NewSeal(keys, natslog.ErrNotFound, natslog.ErrRevision)
	o.RefuseAfter = refuseAfter
	return nil
}

// authenticators returns what a site file names, in its order, and where people sign in elsewhere.
func (n *node) authenticators(s *site) (session.Authenticator, []session.Redirector, error) {
	chain, elsewhere, err := s.authenticators(n.own, filepath.Dir(n.options.Config), n.logger)
	if err != nil {
		return nil, nil, configError{err}
	}
	return chain, elsewhere, nil
}
