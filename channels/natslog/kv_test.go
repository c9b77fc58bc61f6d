package natslog_test

import (
	"errors"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
)

func openKV(t *testing.T, s *natslog.Store) *natslog.KV {
	t.Helper()
	kv, err := s.KV(t.Context(), "sessions.web")
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

func TestKVComparesRevisions(t *testing.T) {
	kv := openKV(t, natstest.Embedded(t))
	ctx := t.Context()
	if _, _, err := kv.Get(ctx, "k.*"); !errors.Is(err, natslog.ErrNotFound) {
		t.Fatalf("a key that was never there: %v", err)
	}
	if _, err := kv.Update(ctx, "k.*", []byte("0"), 0, 0); !errors.Is(err, natslog.ErrRevision) {
		t.Fatalf("an update of nothing: %v", err)
	}
	first, err := kv.Create(ctx, "k.*", []byte("1"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Create(ctx, "k.*", []byte("2"), 0); !errors.Is(err, natslog.ErrRevision) {
		t.Fatalf("creating it twice: %v", err)
	}
	second, err := kv.Update(ctx, "k.*", []byte("2"), first, time.Minute)
	if err != nil || second <= first {
		t.Fatalf("got the revision %d after %d, %v", second, first, err)
	}
	if _, err := kv.Update(ctx, "k.*", []byte("3"), first, 0); !errors.Is(err, natslog.ErrRevision) {
		t.Fatalf("updating an old revision: %v", err)
	}
	value, revision, err := kv.Get(ctx, "k.*")
	if err != nil || string(value) != "2" || revision != second {
		t.Fatalf("got %q, %d, %v", value, revision, err)
	}
}

func TestKVDeletedKeyIsNotUpdatedAndCanBeCreatedAgain(t *testing.T) {
	kv := openKV(t, natstest.Embedded(t))
	ctx := t.Context()
	if err := kv.Delete(ctx, "never there"); err != nil {
		t.Fatal(err)
	}
	revision, err := kv.Create(ctx, "k", []byte{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if value, _, err := kv.Get(ctx, "k"); err != nil || len(value) != 0 {
		t.Fatalf("an empty value: %q, %v", value, err)
	}
	if err := kv.Delete(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := kv.Get(ctx, "k"); !errors.Is(err, natslog.ErrNotFound) {
		t.Fatalf("a deleted key: %v", err)
	}
	if _, err := kv.Update(ctx, "k", []byte("back"), revision, 0); !errors.Is(err, natslog.ErrRevision) {
		t.Fatalf("updating a deleted key: %v", err)
	}
	if _, err := kv.Create(ctx, "k", []byte("again"), 0); err != nil {
		t.Fatal(err)
	}
}

func TestKVValuesEndAndSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	store := natstest.EmbeddedIn(t, dir)
	kv := openKV(t, store)
	ctx := t.Context()
	for key, lifetime := range map[string]time.Duration{"short": time.Millisecond, "long": time.Hour, "for ever": 0} {
		if _, err := kv.Create(ctx, key, []byte(key), lifetime); err != nil {
			t.Fatal(err)
		}
	}
	for lifetime := time.Second; ; lifetime *= 2 { // until a slow machine renews it before it ends
		revision, err := kv.Create(ctx, "renewed", []byte("renewed"), lifetime)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kv.Update(ctx, "renewed", []byte("renewed"), revision, time.Hour); err == nil {
			break
		} else if !errors.Is(err, natslog.ErrRevision) || lifetime > time.Minute {
			t.Fatal(err)
		}
	}
	store.Close()
	kv = openKV(t, natstest.EmbeddedIn(t, dir))
	eventually(t, "a value ends", func() bool {
		_, _, err := kv.Get(ctx, "short")
		return errors.Is(err, natslog.ErrNotFound)
	})
	for _, key := range []string{"long", "for ever", "renewed"} {
		if value, _, err := kv.Get(ctx, key); err != nil || string(value) != key {
			t.Errorf("%s: %q, %v", key, value, err)
		}
	}
	if _, err := kv.Create(ctx, "short", nil, time.Hour); err != nil {
		t.Errorf("creating a value again that has ended: %v", err)
	}
}
