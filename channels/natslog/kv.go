package natslog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrNotFound is returned when a key has no value.
	ErrNotFound = errors.New("no such key")

	// ErrRevision is returned, and nothing is stored, when the present value is not the one that was expected:
	// by Create when there is one, by Update when it was changed or deleted since.
	ErrRevision = errors.New("the key has changed")
)

// A KV keeps small values by key, durably, each with a lifetime of its own. A value has a revision, which grows with
// every change of the bucket. Any other error means that nobody knows whether the change was made.
type KV struct {
	store  *Store
	bucket string
	stream jetstream.Stream
}

const (
	headerDeleted = "Baton-Deleted"
	// deletedFor is how long a deletion is remembered. It need not be: without it the key is simply not there.
	deletedFor = time.Minute
)

// KV opens a bucket; the first to do so makes it. Lifetimes are rounded up to whole seconds, 0 is for ever; a value
// may still be found up to a second after its end.
func (s *Store) KV(ctx context.Context, bucket string) (*KV, error) {
	name, err := streamName(bucketPrefix, bucket)
	if err != nil {
		return nil, err
	}
	root, err := subject("kv", bucket)
	if err != nil {
		return nil, err
	}
	stream, err := s.stream(ctx, jetstream.StreamConfig{
		Name:              name,
		Subjects:          []string{root + ".*"},
		Storage:           jetstream.FileStorage,
		MaxMsgsPerSubject: 1,
		AllowMsgTTL:       true,
	})
	if err != nil {
		return nil, err
	}
	return &KV{store: s, bucket: bucket, stream: stream}, nil
}

// Get returns the present value and its revision, or ErrNotFound.
func (k *KV) Get(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	value, revision, err = k.last(ctx, key)
	if err == nil && value == nil {
		return nil, 0, ErrNotFound
	}
	return value, revision, err
}

// Create stores a value if there is none, and returns its revision, or ErrRevision.
func (k *KV) Create(ctx context.Context, key string, value []byte, lifetime time.Duration) (revision uint64, err error) {
	present, last, err := k.last(ctx, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	if present != nil {
		return 0, ErrRevision
	}
	return k.put(ctx, key, value, last, lifetime)
}

// Update replaces the value of that revision, and returns the new revision, or ErrRevision.
func (k *KV) Update(ctx context.Context, key string, value []byte, revision uint64, lifetime time.Duration) (uint64, error) {
	if revision == 0 {
		return 0, ErrRevision
	}
	return k.put(ctx, key, value, revision, lifetime)
}

// Delete takes the value away, whatever its revision; a key without one is no error.
func (k *KV) Delete(ctx context.Context, key string) error {
	m, err := k.message(key, nil, deletedFor)
	if err != nil {
		return err
	}
	m.Header.Set(headerDeleted, "1")
	if _, err := k.store.publish(ctx, m); err != nil {
		return fmt.Errorf("deleting a key of %s: %w", k.bucket, err)
	}
	return nil
}

// last returns the newest message of a key: a deleted one has a revision and a nil value.
func (k *KV) last(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	subj, err := subject("kv", k.bucket, key)
	if err != nil {
		return nil, 0, err
	}
	attached, release := k.store.link.attach(ctx)
	defer release()
	m, err := k.stream.GetLastMsgForSubject(attached, subj)
	switch {
	case isCode(err, codeMessageNotFound):
		return nil, 0, ErrNotFound
	case err != nil:
		return nil, 0, fmt.Errorf("reading a key of %s: %w", k.bucket, why(attached, err))
	case m.Header.Get(headerDeleted) != "":
		return nil, m.Sequence, nil
	case m.Data == nil:
		return []byte{}, m.Sequence, nil
	}
	return m.Data, m.Sequence, nil
}

func (k *KV) put(ctx context.Context, key string, value []byte, expected uint64, lifetime time.Duration) (uint64, error) {
	m, err := k.message(key, value, lifetime)
	if err != nil {
		return 0, err
	}
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(expected, 10))
	revision, err := k.store.publish(ctx, m)
	if isCode(err, codeWrongSequence, codeSequenceBusy) {
		return 0, ErrRevision
	}
	if err != nil {
		return 0, fmt.Errorf("writing a key of %s: %w", k.bucket, err)
	}
	return revision, nil
}

func (k *KV) message(key string, value []byte, lifetime time.Duration) (*nats.Msg, error) {
	subj, err := subject("kv", k.bucket, key)
	if err != nil {
		return nil, err
	}
	m := nats.NewMsg(subj)
	m.Data = value
	if lifetime > 0 {
		m.Header.Set(jetstream.MsgTTLHeader, seconds(lifetime))
	}
	return m, nil
}
