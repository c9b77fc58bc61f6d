package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A KV keeps small values by key, each with a revision that changes whenever the value does, and for its lifetime at
// least. It has two errors that it is known by: one for a key without a value, one for a value that is not the
// expected one. With any other error nobody knows whether a change was made. natslog.KV is one.
type KV interface {
	// Get returns the present value and its revision.
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	// Create stores a value if there is none.
	Create(ctx context.Context, key string, value []byte, lifetime time.Duration) (revision uint64, err error)
	// Update replaces the value of that revision.
	Update(ctx context.Context, key string, value []byte, revision uint64, lifetime time.Duration) (newer uint64, err error)
}

// KVStore is the Store of a hub that has everything embedded.
type KVStore struct {
	kv                KV
	notFound, changed error
}

var _ Store = (*KVStore)(nil)

// NewKVStore returns the store in kv; notFound and changed are the errors that kv is known by.
func NewKVStore(kv KV, notFound, changed error) *KVStore { return &KVStore{kv, notFound, changed} }

// kept is a record in the KV. The KV forgets it some time after Until; Until itself decides.
type kept struct {
	Data  json.RawMessage `json:"data,omitempty"` // none: a tombstone
	Until time.Time       `json:"until"`
}

func (k kept) alive() bool { return k.Data != nil && time.Now().Before(k.Until) }

// FindCtx is the FindCtx of a Store.
func (s *KVStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	k, _, err := s.get(ctx, token)
	if err != nil || !k.alive() {
		return nil, false, err
	}
	return k.Data, true, nil
}

// CommitCtx is the CommitCtx of a Store.
func (s *KVStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	next := kept{Data: data, Until: expiry}
	if !next.alive() {
		return ErrEnded
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	if creating(ctx) {
		return s.create(ctx, token, next)
	}
	return s.change(ctx, token, func(present kept, revision uint64) (kept, bool, error) {
		longer := expiry.Sub(present.Until)
		same := string(present.Data) == string(data) && longer >= 0 && longer < renewAfter
		if !present.alive() {
			return kept{}, false, ErrEnded
		}
		return next, !same, nil
	})
}

// DeleteCtx is the DeleteCtx of a Store.
func (s *KVStore) DeleteCtx(ctx context.Context, token string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	return s.change(ctx, token, func(kept, uint64) (kept, bool, error) {
		return kept{Until: time.Now().Add(tombstoneLife)}, true, nil
	})
}

func (s *KVStore) create(ctx context.Context, token string, k kept) error {
	value, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("encoding a login session: %w", err)
	}
	_, err = s.kv.Create(ctx, token, value, time.Until(k.Until))
	switch {
	case errors.Is(err, s.changed):
		present, _, err := s.get(ctx, token)
		if err == nil && !bytes.Equal(present.Data, k.Data) { // if it is the same it was sent again
			err = ErrEnded
		}
		return err
	case err != nil:
		return fmt.Errorf("creating a login session: %w", err)
	}
	return nil
}

// change replaces a record by what next makes of it (revision 0: there is none), and begins again when another
// change came in between. next says false when there is nothing to write.
func (s *KVStore) change(ctx context.Context, token string, next func(present kept, revision uint64) (kept, bool, error)) error {
	for {
		present, revision, err := s.get(ctx, token)
		if err != nil {
			return err
		}
		k, write, err := next(present, revision)
		if err != nil || !write {
			return err
		}
		value, err := json.Marshal(k)
		if err != nil {
			return fmt.Errorf("encoding a login session: %w", err)
		}
		if revision == 0 {
			_, err = s.kv.Create(ctx, token, value, time.Until(k.Until))
		} else {
			_, err = s.kv.Update(ctx, token, value, revision, time.Until(k.Until))
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, s.changed) || ctx.Err() != nil {
			return fmt.Errorf("changing a login session: %w", err)
		}
	}
}

func (s *KVStore) get(ctx context.Context, token string) (k kept, revision uint64, err error) {
	value, revision, err := s.kv.Get(ctx, token)
	if errors.Is(err, s.notFound) {
		return kept{}, 0, nil
	}
	if err != nil {
		return kept{}, 0, fmt.Errorf("finding a login session: %w", err)
	}
	if err := json.Unmarshal(value, &k); err != nil {
		return kept{}, 0, fmt.Errorf("reading a login session: %w", err)
	}
	return k, revision, nil
}

// Find, Commit and Delete are what scs.CtxStore asks for beyond what it uses.

// Find is FindCtx.
func (s *KVStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx.
func (s *KVStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx.
func (s *KVStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
