package natslog

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/nats-io/nats.go/jetstream"
)

func TestSnapshotWithoutAllItsChunksIsNotFoundAndWhatIsLeftOfItGoes(t *testing.T) {
	store, err := Embed(t.Context(), EmbedOptions{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	opened, err := store.Snapshots(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	s := opened.(*snapshots)
	save := func(through uint64) {
		t.Helper()
		if err := s.Save(t.Context(), through, bytes.NewReader(make([]byte, 300<<10))); err != nil {
			t.Fatal(err)
		}
	}
	save(1)
	save(2)
	found, err := s.list(t.Context())
	if err != nil || len(found.whole) != 2 {
		t.Fatalf("%d snapshots are whole, %v", len(found.whole), err)
	}
	chunks := snapshotChunks + found.whole[0].info.NUID
	if err := s.stream.Purge(t.Context(), jetstream.WithPurgeSubject(chunks), jetstream.WithPurgeKeep(1)); err != nil {
		t.Fatal(err)
	}
	if through, data, err := s.Newest(t.Context()); err != nil || through != 1 {
		t.Fatalf("the newest is %d, %v, want 1: of 2 some chunks are missing", through, err)
	} else {
		data.Close()
	}
	if _, err := store.js.Publish(t.Context(), snapshotChunks+"stray", []byte("left behind")); err != nil {
		t.Fatal(err)
	}
	s.stray = 0
	save(3)
	save(4)
	state, err := s.stream.Info(t.Context(), jetstream.WithSubjectFilter(">"))
	if err != nil {
		t.Fatal(err)
	}
	if subjects := state.State.Subjects; len(subjects) != 4 || state.State.Msgs != 2*(1+3) {
		t.Errorf("two snapshots of three chunks are left as %d messages: %v", state.State.Msgs, subjects)
	}
	for subject := range state.State.Subjects {
		if strings.HasSuffix(subject, "stray") || subject == chunks {
			t.Errorf("%s is still there", subject)
		}
	}
}

// While a bucket is being made on a cluster, and when a server of it is behind, the last message is not to be had from
// whoever is asked for it. That is so here because nobody gives it out.
func TestThatThereIsNoSnapshotIsKnownWhenTheLastMessageCannotBeRead(t *testing.T) {
	store, err := Embed(t.Context(), EmbedOptions{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s, err := store.Snapshots(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	stream, err := store.js.Stream(t.Context(), "OBJ_"+snapshotBucket)
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.AllowDirect = false
	if _, err := store.js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, _, err := s.Newest(ctx); !errors.Is(err, channels.ErrNoSnapshot) {
		t.Errorf("the newest of none is %v", err)
	}
}
