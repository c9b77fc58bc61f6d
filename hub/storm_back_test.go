package hub_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/natslog/natstest"
	sockets "github.com/baton-hub/baton/hub/crowd"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/session/sessiontest"
)

const (
	stormPatience = 15 * time.Minute // a machine may be slow; how slow is reported
	stormTabs     = 10               // of a login session
)

// stormOf is how many clients there are, how often somebody writes meanwhile, and within what time they have to be back.
func stormOf(t *testing.T) (size int, pace, limit time.Duration) {
	t.Helper()
	size, pace, limit = 500, 100*time.Millisecond, stormPatience
	if os.Getenv("BATON_SOAK") != "" {
		size, pace, limit = 5000, 200*time.Millisecond, 10*time.Second
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	if most := int(files.Max) - 500; size > most {
		size = most / stormTabs * stormTabs
		t.Logf("THIS MACHINE LETS A PROCESS HAVE %d FILES: THE STORM IS OF %d CLIENTS ONLY", files.Max, size)
	}
	return size, pace, limit
}

// gather signs everybody in, and lets their tabs in, not all at once.
func (s *storm) gather(ctx context.Context, running *sync.WaitGroup, url string, size int) {
	for person := range size / stormTabs {
		browser := hubtest.NewBrowser(s.t)
		browser.SignIn(url, "lab", fmt.Sprintf("person-%04d", person))
		cookie := browser.Cookies(url)[0]
		for tab := range stormTabs {
			tab := &stormTab{storm: s, client: fmt.Sprintf("tab-%d-%d", person, tab), cookie: cookie.Name + "=" + cookie.Value}
			running.Go(func() { tab.run(ctx) })
		}
		s.await("in", &s.joined, (person-5)*stormTabs, stormPatience)
	}
	s.await("in", &s.joined, size, stormPatience)
}

// newStormWriter has written every key once.
func newStormWriter(t *testing.T, n *stormNode) *stormWriter {
	t.Helper()
	conn, err := sockets.Dial(t.Context(), sockets.Options{URL: n.url, Client: "the-writer", Token: n.token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	writer := &stormWriter{conn: conn, answers: make(chan error, 1)}
	go writer.read()
	for range stormKeys {
		if err := writer.write(); err != nil {
			t.Fatal(err)
		}
	}
	return writer
}

// kill ends the node that all are on, and returns when the first has noticed. They come back on the other one.
func (s *storm) kill(victim, survivor *stormNode, size int) {
	s.t.Helper()
	s.node.Store(survivor)
	s.killed.Store(time.Now().UnixNano())
	if err := victim.process.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	for s.joined.Load() == int64(size) {
		time.Sleep(time.Millisecond)
	}
}

// goOn writes at a pace until it is stopped.
func (w *stormWriter) goOn(pace time.Duration, stop <-chan struct{}) error {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := w.write(); err != nil {
				return err
			}
		case <-stop:
			return nil
		}
	}
}

// TestAReconnectStormIsBackAndCurrent kills a node that holds a crowd while somebody writes. Everybody comes back on the
// other one, with the back-off of the real clients, and has missed nothing and seen nothing twice.
func TestAReconnectStormIsBackAndCurrent(t *testing.T) {
	size, pace, limit := stormOf(t)
	nats, redis := natstest.External(t), sessiontest.Redis(t)
	survivor := newStormNode(t, "survivor", nats.URL, redis.URL)
	victim := newStormNode(t, "victim", nats.URL, redis.URL)
	s := &storm{t: t}
	s.node.Store(victim)

	writer := newStormWriter(t, survivor)

	began := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	s.gather(ctx, &running, survivor.url, size)
	t.Logf("%d clients of %d login sessions are in after %v", size, size/stormTabs, time.Since(began).Round(time.Millisecond))

	lookups, published, used, writes := redis.Calls("get"), nats.Figures(), survivor.processorTime(t), writer.n
	resident := survivor.resident(t)
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() { stopped <- writer.goOn(pace, stop) }()
	s.kill(victim, survivor, size)
	s.await("back", &s.joined, size, stormPatience)
	took := time.Since(time.Unix(0, s.killed.Load()))
	used = survivor.processorTime(t) - used
	close(stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	s.last.Store(int64(writer.n + 1))
	if err := writer.write(); err != nil {
		t.Fatal(err)
	}
	s.await("current", &s.current, size, stormPatience)
	lookups = redis.Calls("get") - lookups
	slices.Sort(s.back)
	t.Logf("all %d are back after %v: half of them within %v, 99 %% within %v; the node used %v, %v for each",
		size, took.Round(time.Millisecond), s.back[len(s.back)/2].Round(time.Millisecond), s.back[len(s.back)*99/100].Round(time.Millisecond), used, used/time.Duration(size))
	after := nats.Figures()
	t.Logf("Redis looked up %d login sessions, NATS took %d messages and %d KiB in %d transactions; %d handshakes were refused for a while",
		lookups, after.InMsgs-published.InMsgs, (after.InBytes-published.InBytes)>>10, writer.n-writes, s.refusals.Load())
	t.Logf("the node that survived has %d MiB, %d MiB before: %d KiB for each", survivor.resident(t)>>10, resident>>10, (survivor.resident(t)-resident)/size)
	// 50 announcements of a node each second at most, and what each transaction takes.
	if published, most := after.InMsgs-published.InMsgs, int64(1000+100*took.Seconds())+30*int64(writer.n-writes); published > most {
		t.Errorf("NATS took %d messages, %d is the limit", published, most)
	}
	if most := 100 + int(1000*time.Since(time.Unix(0, s.killed.Load())).Seconds()); lookups > most || lookups > size+100 {
		t.Errorf("Redis looked up %d login sessions, %d is the limit", lookups, min(most, size+100))
	}
	if took > limit {
		t.Errorf("they are back after %v, %v is the limit", took, limit)
	}
}
