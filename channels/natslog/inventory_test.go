package natslog_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
)

func TestALogThatIsPutBackBeginsWhereItIsToldAndStaysSo(t *testing.T) {
	dir := t.TempDir()
	s := natstest.EmbeddedIn(t, dir)
	if err := s.LogFrom(t.Context(), "lab", 42); err != nil {
		t.Fatal(err)
	}
	if err := s.LogFrom(t.Context(), "lab", 43); err == nil {
		t.Error("a log was made where one is")
	}
	log, err := s.Log(t.Context(), "lab") // as a node opens it
	if err != nil {
		t.Fatal(err)
	}
	bounds := func(first, last uint64) {
		t.Helper()
		if f, l, err := log.Bounds(t.Context()); err != nil || f != first || l != last {
			t.Errorf("it goes from %d to %d, %v; want %d to %d", f, l, err, first, last)
		}
	}
	bounds(42, 41)
	if err := log.Append(t.Context(), 0, []byte("x")); !errors.Is(err, channels.ErrMoved) {
		t.Errorf("a record was taken for position 1: %v", err)
	}
	if err := log.Append(t.Context(), 41, []byte("x")); err != nil {
		t.Fatal(err)
	}
	bounds(42, 42)
	s.Close()
	s = natstest.EmbeddedIn(t, dir)
	if log, err = s.Log(t.Context(), "lab"); err != nil {
		t.Fatal(err)
	}
	bounds(42, 42)
}

func TestTheInventoryNamesWhatThereIsUntilItIsErased(t *testing.T) {
	s := natstest.Embedded(t)
	for _, space := range []string{"lab", "b.21"} {
		if _, err := s.Log(t.Context(), space); err != nil {
			t.Fatal(err)
		}
	}
	bucket, err := s.KV(t.Context(), "sessions")
	if err != nil {
		t.Fatal(err)
	}
	for key, lifetime := range map[string]time.Duration{"a": 0, "b/ä": time.Hour, "gone": 0} {
		if _, err := bucket.Create(t.Context(), key, []byte("value of "+key), lifetime); err != nil {
			t.Fatal(err)
		}
	}
	if err := bucket.Delete(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	if spaces, err := s.Spaces(t.Context()); err != nil || !slices.Equal(spaces, []string{"b.21", "lab"}) {
		t.Errorf("the spaces are %v, %v", spaces, err)
	}
	if buckets, err := s.Buckets(t.Context()); err != nil || !slices.Equal(buckets, []string{"sessions"}) {
		t.Errorf("the buckets are %v, %v", buckets, err)
	}
	entries := 0
	err = bucket.Entries(t.Context(), func(e natslog.KVEntry) error {
		entries++
		left := time.Until(e.Until)
		if string(e.Value) != "value of "+e.Key || e.Key == "a" && !e.Until.IsZero() || e.Key != "a" && (left < 59*time.Minute || left > time.Hour) {
			t.Errorf("an entry is %+v", e)
		}
		return nil
	})
	if err != nil || entries != 2 {
		t.Errorf("%d entries, %v", entries, err)
	}
	if err := s.Erase(t.Context()); err != nil {
		t.Fatal(err)
	}
	if spaces, err := s.Spaces(t.Context()); err != nil || len(spaces) > 0 {
		t.Errorf("then the spaces are %v, %v", spaces, err)
	}
}

func TestARestoreThatWasInterruptedIsNoticed(t *testing.T) {
	dir := t.TempDir()
	s := natstest.EmbeddedIn(t, dir)
	want := func(there bool) {
		t.Helper()
		if got, err := s.Restoring(context.Background()); err != nil || got != there {
			t.Errorf("restoring is %v, %v; want %v", got, err, there)
		}
	}
	want(false)
	if err := s.BeginRestore(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = natstest.EmbeddedIn(t, dir)
	want(true)
	if err := s.EndRestore(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(false)
}
