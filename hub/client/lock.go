package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// A Lock is a named lock that this client holds.
type Lock struct {
	Name  string
	Token uint64 // its position in the log: it grows with every holder

	c *Client
}

// Lock waits until this client holds a named lock; ctx says for how long. While another holds it, it asks again after a
// random time, that grows to at most lockPause. One that this client holds already it returns again; so it does if ctx
// ended before while the hub did not answer, when nobody could tell whether the lock was taken.
//
// The lock is lost when the client has been away from the hub for longer than a reconnect takes, and nobody can tell the
// client, since it is away. So what must not happen without the lock is to name it: a change with Held is refused with
// code locked, unless the lock is still held. What is not a change of the space cannot be protected in this way: check
// that the holder's token is the greatest, as with any lock over a network.
func (c *Client) Lock(ctx context.Context, name string) (*Lock, error) {
	for attempt := 0; ; attempt++ {
		locked, err := ask[*wire.Locked](ctx, c, func(op string) wire.Request { return &wire.Lock{Name: name, Op: op} })
		switch {
		case err == nil:
			return &Lock{Name: name, Token: locked.Token, c: c}, nil
		case !IsCode(err, "locked"):
			return nil, err
		}
		select {
		case <-time.After(min(backoff(attempt), backoff(0)+lockPause)):
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the lock %s: %w", name, errors.Join(context.Cause(ctx), err))
		case <-c.ctx.Done():
			return nil, c.Err()
		}
	}
}

// lockPause is how long a client waits at most before it asks for a lock again, but for the jitter.
const lockPause = 4 * time.Second

// Unlock gives the lock up. An *Error with code conflict says that it was lost before.
func (l *Lock) Unlock(ctx context.Context) error {
	_, err := ask[*wire.Written](ctx, l.c, func(op string) wire.Request { return &wire.Unlock{Name: l.Name, Token: l.Token, Op: op} })
	return err
}

// Held has the write refused with locked unless this client still holds the locks.
func Held(locks ...*Lock) Option {
	return func(w *Write) { w.Held = append(w.Held[:len(w.Held):len(w.Held)], locks...) }
}

func tokens(locks []*Lock) map[string]uint64 {
	if len(locks) == 0 {
		return nil
	}
	held := make(map[string]uint64, len(locks))
	for _, l := range locks {
		held[l.Name] = l.Token
	}
	return held
}
