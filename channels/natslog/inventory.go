package natslog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// This file is for backups: what there is, and how it is put back.

const (
	logPrefix    = "TX_"
	bucketPrefix = "KV_"
	// restoring is a stream that is there while a backup is being put back, and stays if that is interrupted.
	restoring = "RESTORING"
)

// Spaces lists the spaces that have a log, sorted.
func (s *Store) Spaces(ctx context.Context) ([]string, error) { return s.named(ctx, logPrefix) }

// Buckets lists what KV has made, sorted.
func (s *Store) Buckets(ctx context.Context) ([]string, error) { return s.named(ctx, bucketPrefix) }

// named lists the names of the streams that begin with a prefix.
func (s *Store) named(ctx context.Context, prefix string) (names []string, err error) {
	streams := s.js.StreamNames(ctx)
	for stream := range streams.Name() {
		if token, ours := strings.CutPrefix(stream, prefix); ours {
			name, err := untoken(token)
			if err != nil {
				return nil, fmt.Errorf("listing the streams: %w", err)
			}
			names = append(names, name)
		}
	}
	if err := streams.Err(); err != nil {
		return nil, fmt.Errorf("listing the streams: %w", cause(err))
	}
	slices.Sort(names)
	return names, nil
}

// LogFrom makes the log of a space that was put back: nothing is in it yet, and its first record will be at a position. It
// fails if the space has a log.
func (s *Store) LogFrom(ctx context.Context, space string, first uint64) error {
	config, err := logConfig(space)
	if err != nil {
		return err
	}
	config.FirstSeq, config.Replicas, config.Duplicates = first, s.replicas, time.Second
	if _, err := s.js.CreateStream(ctx, config); err != nil {
		return fmt.Errorf("making the log of %s from %d: %w", space, first, cause(err))
	}
	return nil
}

// Erase removes all that is durable: the logs and snapshots of every space, and every bucket. No node may be there.
func (s *Store) Erase(ctx context.Context) error {
	streams := s.js.StreamNames(ctx)
	var gone []string
	for stream := range streams.Name() {
		if strings.HasPrefix(stream, logPrefix) || strings.HasPrefix(stream, bucketPrefix) || stream == "OBJ_"+snapshotBucket {
			gone = append(gone, stream)
		}
	}
	if err := streams.Err(); err != nil {
		return fmt.Errorf("listing the streams: %w", cause(err))
	}
	for _, stream := range gone {
		if err := s.js.DeleteStream(ctx, stream); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("removing the stream %s: %w", stream, cause(err))
		}
	}
	return nil
}

// InUse reports whether a node follows what is here. One that was killed counts for five seconds more.
func (s *Store) InUse(ctx context.Context) (bool, error) {
	stream, err := s.js.Stream(ctx, liveStream) // every node follows it, whatever else it does
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking for nodes: %w", cause(err))
	}
	return stream.CachedInfo().State.Consumers > 0, nil
}

// BeginRestore notes that a backup is being put back, until EndRestore. In between, and for ever if it never comes to that,
// Restoring says so, and no node should start.
func (s *Store) BeginRestore(ctx context.Context) error {
	_, err := s.stream(ctx, jetstream.StreamConfig{Name: restoring, Subjects: []string{"restoring"}, Storage: jetstream.FileStorage})
	return err
}

// EndRestore notes that all of it is there.
func (s *Store) EndRestore(ctx context.Context) error {
	if err := s.js.DeleteStream(ctx, restoring); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("removing the stream %s: %w", restoring, cause(err))
	}
	return nil
}

// Restoring reports whether a backup is being put back here, or was and not to the end.
func (s *Store) Restoring(ctx context.Context) (bool, error) {
	_, err := s.js.Stream(ctx, restoring)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking for the stream %s: %w", restoring, cause(err))
	}
	return true, nil
}

// A KVEntry is a key of a bucket with its value.
type KVEntry struct {
	Key   string    `json:"key"`
	Value []byte    `json:"value"`
	Until time.Time `json:"until,omitzero"` // when it is forgotten; zero = never
}

// Entries calls f for every key that has a value, until it returns an error.
func (k *KV) Entries(ctx context.Context, f func(KVEntry) error) error {
	root, err := subject("kv", k.bucket)
	if err != nil {
		return err
	}
	info, err := k.stream.Info(ctx, jetstream.WithSubjectFilter(root+".*"))
	if err != nil {
		return fmt.Errorf("listing the keys of %s: %w", k.bucket, cause(err))
	}
	for subj := range info.State.Subjects {
		key, err := untoken(strings.TrimPrefix(subj, root+"."))
		if err != nil {
			return fmt.Errorf("listing the keys of %s: %w", k.bucket, err)
		}
		m, err := k.stream.GetLastMsgForSubject(ctx, subj)
		switch {
		case isCode(err, codeMessageNotFound):
			continue // it has just ended
		case err != nil:
			return fmt.Errorf("reading a key of %s: %w", k.bucket, cause(err))
		case m.Header.Get(headerDeleted) != "":
			continue
		}
		if err := f(KVEntry{Key: key, Value: m.Data, Until: endOf(m.Header, m.Time)}); err != nil {
			return err
		}
	}
	return nil
}

// endOf returns when a value that was stored at a time is forgotten; zero if never.
func endOf(h nats.Header, at time.Time) time.Time {
	ttl := h.Get(jetstream.MsgTTLHeader)
	if d, err := time.ParseDuration(ttl); err == nil {
		return at.Add(d)
	}
	if n, err := strconv.Atoi(ttl); err == nil {
		return at.Add(time.Duration(n) * time.Second)
	}
	return time.Time{}
}
