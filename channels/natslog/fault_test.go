package natslog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/channelstest"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
)

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !so() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// positions follows a log and checks that each position comes once and in order. It sends them.
func positions(t *testing.T, log channels.Log) <-chan uint64 {
	t.Helper()
	c := make(chan uint64, 100_000)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		last := uint64(0)
		done <- log.Follow(ctx, 0, func(r channels.Record) {
			if r.Position != last+1 {
				t.Errorf("the position %d came after %d", r.Position, last)
			}
			last = r.Position
			c <- last
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("following: %v", err)
		}
	})
	return c
}

// waitFor reads positions until one comes.
func waitFor(t *testing.T, c <-chan uint64, position uint64) {
	t.Helper()
	for timeout := time.After(time.Minute); ; {
		select {
		case p := <-c:
			if p >= position {
				return
			}
		case <-timeout:
			t.Fatalf("the position %d was not delivered", position)
		}
	}
}

func TestKilledServerLosesNoAcknowledgedAppendAndFollowersGoOn(t *testing.T) {
	t.Parallel()
	server := natstest.External(t)
	logs := []channels.Log{
		open(t, natstest.Connect(t, server.URL), "s"),
		open(t, natstest.Connect(t, server.URL), "s"),
	}
	reader := open(t, natstest.Connect(t, server.URL), "s")
	followed := positions(t, reader)
	killed := make(chan struct{})
	finished := make(chan struct{})
	go func() {
		defer close(killed)
		for i := 0; ; i++ {
			select {
			case <-finished:
				t.Logf("the server was killed %d times", i)
				return
			case <-time.After(time.Duration(150+i*37%200) * time.Millisecond):
				server.Kill()
				server.Start()
			}
		}
	}()
	stop := sync.OnceFunc(func() {
		close(finished)
		<-killed
	})
	defer stop() // also when the test fails: the server is the test's
	channelstest.Contend(t, logs, 1500)
	stop()
	var last uint64
	eventually(t, "the bounds can be read", func() (ok bool) {
		_, n, err := reader.Bounds(t.Context())
		last = n
		return err == nil
	})
	waitFor(t, followed, last)
}

func TestAppendWithoutConnectionFailsAtOnceAndIsNotSentLater(t *testing.T) {
	server := natstest.External(t)
	store := natstest.Connect(t, server.URL)
	log := open(t, store, "s")
	server.Kill()
	eventually(t, "the loss is noticed", func() bool { return !store.Connected() })
	channelstest.Within(t, time.Second, func() {
		for range 100 {
			if err := log.Append(t.Context(), 0, []byte("x")); !errors.Is(err, natslog.ErrNotSent) {
				t.Fatalf("got %v, want %v", err, natslog.ErrNotSent)
			}
		}
	})
	server.Start()
	eventually(t, "the connection is back", store.Connected)
	if err := log.Append(t.Context(), 0, []byte("y")); err != nil {
		t.Fatal(err)
	}
	if _, last, err := log.Bounds(t.Context()); last != 1 || err != nil {
		t.Fatalf("the log ends at %d, %v", last, err)
	}
}

func TestAppendUnderWayReturnsWhenTheServerIsKilled(t *testing.T) {
	server := natstest.External(t)
	store := natstest.Connect(t, server.URL)
	log := open(t, store, "s")
	server.Pause()
	outcome := make(chan error, 1)
	go func() { outcome <- log.Append(context.Background(), 0, []byte("x")) }()
	select {
	case err := <-outcome:
		t.Fatalf("the server is paused, and the append returned %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	server.Kill()
	select {
	case err := <-outcome:
		if err == nil || errors.Is(err, channels.ErrMoved) || errors.Is(err, natslog.ErrNotSent) {
			t.Fatalf("nobody can know, and the append returned %v", err)
		}
	case <-time.After(4 * time.Second):
		t.Fatal("the append still waits for a server that was killed")
	}
}

func TestAppendToAHangingServerIsSettledByWhatSitsThere(t *testing.T) {
	t.Parallel()
	server := natstest.External(t)
	store := natstest.Connect(t, server.URL)
	log := open(t, store, "s")
	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := log.Append(ctx, 0, []byte("x")); err == nil || errors.Is(err, channels.ErrMoved) {
		t.Fatalf("nobody can know, and the append returned %v", err)
	}
	eventually(t, "a server that hangs counts as lost", func() bool { return !store.Connected() })
	server.Resume()
	eventually(t, "the connection is back", store.Connected)
	err := log.Append(t.Context(), 0, []byte("no-op"))
	if err != nil && !errors.Is(err, channels.ErrMoved) {
		t.Fatal(err)
	}
	if _, last, err := log.Bounds(t.Context()); last != 1 || err != nil {
		t.Fatalf("the log ends at %d, %v", last, err)
	}
}

func TestFollowEndsWhenTheLogHasLostWhatItDelivered(t *testing.T) {
	t.Parallel()
	server := natstest.External(t)
	log := open(t, natstest.Connect(t, server.URL), "s")
	appendSome(t, log, 0, 5)
	server.Stop()
	backup := filepath.Join(t.TempDir(), "backup")
	if err := os.CopyFS(backup, os.DirFS(server.Dir)); err != nil {
		t.Fatal(err)
	}
	server.Start()
	eventually(t, "the log can be read", func() bool { _, _, err := log.Bounds(t.Context()); return err == nil })
	appendSome(t, log, 5, 8)
	seen, outcome := make(chan uint64, 100), make(chan error, 1)
	go func() { outcome <- log.Follow(t.Context(), 0, func(r channels.Record) { seen <- r.Position }) }()
	waitFor(t, seen, 8)

	server.Kill()
	server.Dir = backup
	server.Start()
	select {
	case err := <-outcome:
		if !errors.Is(err, natslog.ErrShorter) {
			t.Fatalf("got %v, want %v", err, natslog.ErrShorter)
		}
	case <-time.After(time.Minute):
		t.Fatal("Follow does not notice that the log has become shorter")
	}
}

func TestClosedStoreEndsEverything(t *testing.T) {
	store := natstest.Embedded(t)
	log := open(t, store, "s")
	live, err := store.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ticks, err := store.Ticks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	outcomes := make(chan error, 4)
	delivered := make(chan struct{})
	go func() { outcomes <- log.Follow(t.Context(), 0, func(channels.Record) { close(delivered) }) }()
	go func() {
		outcomes <- live.Follow(t.Context(), channels.LiveFollower{Deliver: func(channels.LiveValue) {}})
	}()
	go func() {
		outcomes <- ticks.Follow(t.Context(), nil, func(context.Context, channels.Tick) error { return nil })
	}()
	go func() { outcomes <- store.Relay().Answer(t.Context(), "x", func([]byte) []byte { return nil }) }()
	appendSome(t, log, 0, 1)
	<-delivered
	store.Close()
	store.Close()
	for range 4 {
		select {
		case err := <-outcomes:
			if !errors.Is(err, natslog.ErrClosed) {
				t.Errorf("got %v, want %v", err, natslog.ErrClosed)
			}
		case <-time.After(time.Minute):
			t.Fatal("something goes on after Close")
		}
	}
	if err := log.Append(t.Context(), 1, nil); !errors.Is(err, natslog.ErrNotSent) {
		t.Errorf("an append after Close returned %v", err)
	}
}

func TestOneProcessPerDirectory(t *testing.T) {
	dir := t.TempDir()
	store := natstest.EmbeddedIn(t, dir)
	if s, err := natslog.Embed(t.Context(), natslog.EmbedOptions{Dir: dir}); err == nil {
		s.Close()
		t.Fatal("two servers run on one directory")
	}
	store.Close()
	natstest.EmbeddedIn(t, dir)
}

func TestLiveComesBackAfterARestartOfTheServer(t *testing.T) {
	server := natstest.External(t)
	store := natstest.Connect(t, server.URL)
	live, err := store.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key := channels.LiveKey{Space: "s", Channel: "c", Key: "k"}
	put := func(value string) error {
		return live.Publish(t.Context(), channels.LiveValue{LiveKey: key, Data: []byte(value)}, 0)
	}
	values, outcome := make(chan string, 100), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var begun, current atomic.Int64
	follower := channels.LiveFollower{
		Begin:   func() { begun.Add(1) },
		Deliver: func(v channels.LiveValue) { values <- string(v.Data) },
		Current: func() { current.Add(1) },
	}
	go func() { outcome <- live.Follow(ctx, follower) }()
	for i := range 20 {
		if err := put(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for v := ""; v != "19"; v = <-values {
	}
	server.Kill()
	eventually(t, "the loss is noticed", func() bool { return !store.Connected() })
	if err := put("lost"); !errors.Is(err, natslog.ErrNotSent) {
		t.Fatalf("publishing without a connection returned %v", err)
	}
	server.Start()
	eventually(t, "live values come again", func() bool {
		if err := put("new"); err != nil && !errors.Is(err, natslog.ErrNotSent) {
			t.Fatal(err)
		}
		select {
		case v := <-values:
			if v != "new" {
				t.Fatalf("got %q", v)
			}
			return true
		default:
			return false
		}
	})
	if n := current.Load(); n < 2 || begun.Load() < n {
		t.Errorf("it was told %d times that it begins, and %d times that it has what is there", begun.Load(), n)
	}
	cancel()
	if err := <-outcome; err != nil {
		t.Fatal(err)
	}
}

func TestTicksGoOnAfterARestartOfTheServer(t *testing.T) {
	t.Parallel()
	server := natstest.External(t)
	store := natstest.Connect(t, server.URL)
	ticks, err := store.Ticks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	plan := channels.Plan{Version: 1, Schedules: []channels.Schedule{{Name: "sweep", Every: time.Second}}}
	if err := ticks.Plan(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	fired, outcome := make(chan uint64, 100), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		outcome <- ticks.Follow(ctx, nil, func(_ context.Context, tick channels.Tick) error {
			fired <- tick.Sequence
			return nil
		})
	}()
	waitFor(t, fired, 1)
	server.Kill()
	server.Start()
	before := <-fired
	waitFor(t, fired, before+1)
	cancel()
	if err := <-outcome; err != nil {
		t.Fatal(err)
	}
}

func appendSome(t *testing.T, log channels.Log, after, last uint64) {
	t.Helper()
	for ; after < last; after++ {
		if err := log.Append(t.Context(), after, fmt.Append(nil, after+1)); err != nil {
			t.Fatal(err)
		}
	}
}
