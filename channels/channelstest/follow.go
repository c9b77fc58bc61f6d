package channelstest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
)

// follow delivers into a channel until stop is called or the test ends.
func follow(t testing.TB, log channels.Log, after uint64) (records <-chan channels.Record, stop func()) {
	t.Helper()
	c := make(chan channels.Record, 16)
	stop = background(t, "Follow", func(ctx context.Context) error {
		return log.Follow(ctx, after, func(r channels.Record) {
			select {
			case c <- r:
			case <-ctx.Done():
			}
		})
	})
	return c, stop
}

func wantRecord(t testing.TB, records <-chan channels.Record, position uint64, data string) {
	t.Helper()
	r := soon(t, records, "a record")
	if r.Position != position || string(r.Data) != data {
		t.Fatalf("got %d %.40q, want %d %.40q", r.Position, r.Data, position, data)
	}
}

func wantBounds(t testing.TB, log channels.Log, first, last uint64) {
	t.Helper()
	f, l, err := log.Bounds(t.Context())
	if err != nil || f != first || l != last {
		t.Fatalf("the bounds are %d, %d, %v, want %d, %d", f, l, err, first, last)
	}
}

func wantMoved(t testing.TB, log channels.Log, after uint64) {
	t.Helper()
	if err := log.Append(t.Context(), after, []byte("refused")); !errors.Is(err, channels.ErrMoved) {
		t.Fatalf("an append after %d returned %v, want %v", after, err, channels.ErrMoved)
	}
}

func mustAppend(t testing.TB, log channels.Log, after uint64, data []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := log.Append(ctx, after, data); err != nil {
		t.Fatalf("appending after %d: %v", after, err)
	}
}

func mustPurge(t testing.TB, log channels.Log, through uint64) {
	t.Helper()
	if err := log.Purge(t.Context(), through); err != nil {
		t.Fatalf("purging through %d: %v", through, err)
	}
}

// settle makes sure that the position after the given one is taken, by a no-op if by nothing else, and reports whether
// that was needed. It tries until it knows, as a committer does after an append without an answer.
func settle(t testing.TB, log channels.Log, after uint64, noop []byte) (stored bool) {
	deadline := time.Now().Add(3 * patience)
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		err := log.Append(ctx, after, noop)
		cancel()
		switch {
		case err == nil:
			return true
		case errors.Is(err, channels.ErrMoved):
			_, last, err := log.Bounds(t.Context())
			if err == nil && last > after {
				return false
			}
			// Somebody else's append is under way, or nobody can say.
		}
		if time.Now().After(deadline) {
			t.Errorf("the position %d could not be settled: %v", after+1, err)
			return false
		}
		<-time.After(wait)
	}
}
