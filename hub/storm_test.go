package hub_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/client"
	sockets "github.com/baton-hub/baton/hub/crowd"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// asStormNode makes this test binary run a node for TestAReconnectStorm…: its name, the URLs of NATS and of Redis.
const asStormNode = "BATON_HUB_TEST_STORM_NODE"

// TestANodeInAStorm is the process that the storm is about. By itself it tests nothing.
func TestANodeInAStorm(t *testing.T) {
	told := strings.Fields(os.Getenv(asStormNode))
	if len(told) != 3 {
		return
	}
	logins, err := session.OpenRedis(told[2])
	if err != nil {
		t.Fatal(err)
	}
	n := newNode(t, nodeOptions{
		name: told[0], store: natstest.Connect(t, told[1]), logins: logins,
		limits: hub.Limits{PerAddress: 1e6},
		more:   func(o *hub.Options) { o.Sign = anybody{} },
	})
	fmt.Println(n.url, n.token(t, "writer-"+told[0]))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// anybody admits everyone whose password is their name.
type anybody struct{}

func (anybody) Authenticate(_ context.Context, c session.Credentials) (session.Identity, error) {
	if c.User != c.Password {
		return session.Identity{}, session.ErrWrongCredentials
	}
	return session.Identity{User: c.User, Name: "Dr. " + c.User, Roles: []string{"user"}}, nil
}

// A stormNode is a node in a process of its own.
type stormNode struct {
	url, token string
	process    *exec.Cmd
}

func newStormNode(t *testing.T, name, nats, redis string) *stormNode {
	t.Helper()
	n := &stormNode{process: exec.Command(os.Args[0], "-test.run=^TestANodeInAStorm$", "-test.timeout=1h")}
	n.process.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s", asStormNode, name, nats, redis))
	stdin, err := n.process.StdinPipe() // it ends when this does
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := n.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	n.process.Stderr = os.Stderr
	if err := n.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = n.process.Process.Kill()
		_ = n.process.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, token, ok := strings.Cut(lines.Text(), " "); ok && strings.HasPrefix(url, "http://") {
			n.url, n.token = url, token
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return n
		}
	}
	t.Fatal("the node did not start")
	return nil
}

// processorTime is what the process has used.
func (n *stormNode) processorTime(t *testing.T) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.process.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	ticks := 0
	for _, field := range fields[11:13] { // user and system, in hundredths of a second
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// resident is the memory that the process has, in KiB.
func (n *stormNode) resident(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.process.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); fields[0] == "VmRSS:" {
			kib, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			return kib
		}
	}
	t.Fatal("the system does not say how much memory the node has")
	return 0
}

// What everybody in the storm has joined: two stores of stormKeys keys and a log. The writer's transaction n sets one key
// of each store to n and appends n to the log, so what a client has seen of each is one number, and any gap, repetition or
// half of a transaction shows.
var stormChannels = []string{"notes", "settings", "chat"}

const stormKeys = 100

// A storm is the crowd and what it has come to.
type storm struct {
	t      *testing.T
	node   atomic.Pointer[stormNode] // where clients connect
	killed atomic.Int64              // nanoseconds; when the node was
	last   atomic.Int64              // the last transaction, once the writer has stopped

	joined  atomic.Int64 // clients that have joined all channels of the node that they are connected to
	current atomic.Int64 // clients that have seen the last transaction

	refusals atomic.Int64
	failed   atomic.Pointer[string]

	mu   sync.Mutex
	back []time.Duration // after the kill
}

func (s *storm) fail(format string, arguments ...any) {
	what := fmt.Sprintf(format, arguments...)
	s.failed.CompareAndSwap(nil, &what)
}

// await waits until a count is reached, or somebody has failed.
func (s *storm) await(what string, count *atomic.Int64, want int, limit time.Duration) {
	s.t.Helper()
	for end := time.Now().Add(limit); count.Load() < int64(want); time.Sleep(5 * time.Millisecond) {
		if failed := s.failed.Load(); failed != nil {
			s.t.Fatal(*failed)
		}
		if time.Now().After(end) {
			s.t.Fatalf("%d of %d clients are %s after %v", count.Load(), want, what, limit)
		}
	}
}

// A stormTab is one client: it connects again whenever it is cut off, and keeps what it has seen.
type stormTab struct {
	storm          *storm
	client, cookie string
	cursor         string
	seen           [3]int // the last transaction, of each channel
	told           bool   // that it is current
}

// run connects again until the test is over, at the pace of package client.
func (tab *stormTab) run(ctx context.Context) {
	for attempt := 0; ctx.Err() == nil; attempt++ {
		wait := client.Backoff(attempt)
		err := tab.connection(ctx)
		var refused *sockets.Refused
		switch {
		case errors.As(err, &refused) && refused.Status >= 500 || errors.As(err, &refused) && refused.Status == http.StatusTooManyRequests:
			tab.storm.refusals.Add(1)
			if refused.After > 0 {
				wait = refused.After + client.Backoff(0)
			}
		case errors.As(err, &refused):
			tab.storm.fail("%s: %v", tab.client, err)
			return
		case err == nil: // it was connected
			attempt, wait = 0, client.Backoff(0)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// connection is one connection, from the handshake to its end, which is no error.
func (tab *stormTab) connection(ctx context.Context) error {
	s := tab.storm
	node := s.node.Load()
	c, err := sockets.Dial(ctx, sockets.Options{URL: node.url, Client: tab.client, Cookie: tab.cookie})
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	defer c.Close()
	var joins []wire.Frame
	for i, channel := range stormChannels {
		j := &wire.Join{Head: wire.Head{ID: uint64(i + 1)}, Channel: channel, Cursor: tab.cursor}
		if channel == "chat" && tab.cursor == "" {
			one := 1
			j.Last = &one
		}
		joins = append(joins, j)
	}
	if c.Write(wire.Encode(joins...)) != nil {
		return nil
	}
	resumes, joined := tab.cursor != "", 0
	for {
		message, err := c.Read()
		if err != nil {
			if joined == len(stormChannels) {
				s.joined.Add(-1)
			}
			return nil
		}
		answers, err := tab.take(message, resumes)
		if err != nil {
			s.fail("%s: %v", tab.client, err)
			return nil
		}
		if joined += answers; answers > 0 && joined == len(stormChannels) {
			s.joined.Add(1)
			if killed := s.killed.Load(); killed != 0 {
				s.mu.Lock()
				s.back = append(s.back, time.Since(time.Unix(0, killed)))
				s.mu.Unlock()
			}
		}
		if last := s.last.Load(); !tab.told && last != 0 && int64(tab.seen[0]) == last {
			tab.told = true
			s.current.Add(1)
		}
	}
}

// take checks a message, and returns how many joins it answers.
func (tab *stormTab) take(message []byte, resumes bool) (joined int, err error) {
	err = sockets.Each(message, func(f sockets.Frame) error {
		channel := slices.Index(stormChannels, string(f.Channel))
		if len(f.Cursor) > 0 && channel >= 0 {
			tab.cursor = string(f.Cursor)
		}
		switch string(f.Type) {
		case "error":
			return fmt.Errorf("an error came: %s %s", f.Code, f.Detail)
		case "joined":
			if joined++; resumes && string(f.Mode) != wire.Delta {
				return fmt.Errorf("it resumed with a %s of %s", f.Mode, f.Channel)
			}
			if stormChannels[channel] == "chat" {
				return tab.history(&tab.seen[channel], f.Messages)
			}
			return tab.values(&tab.seen[channel], f.Values)
		case "change":
			return sockets.Fields(f.Set, func(_, value []byte) error { return follow(&tab.seen[channel], value) })
		case "message":
			return follow(&tab.seen[channel], f.Data)
		}
		return nil
	})
	if err == nil && (tab.seen[0] != tab.seen[1] || tab.seen[0] != tab.seen[2]) {
		err = fmt.Errorf("after a message it has seen the transactions up to %v of %v", tab.seen, stormChannels)
	}
	return joined, err
}

// follow takes one change, which must be of the transaction after the one that was seen.
func follow(seen *int, value []byte) error {
	n, err := strconv.Atoi(string(value))
	if err != nil || n != *seen+1 {
		return fmt.Errorf("transaction %s came after %d: something is missing or came twice", value, *seen)
	}
	*seen = n
	return nil
}

// values takes what a store has, or what changed since: exactly the last value of each key that a transaction after
// the one that was seen has set.
func (tab *stormTab) values(seen *int, values []byte) error {
	if len(values) == 0 {
		return nil
	}
	var numbers []int
	err := sockets.Fields(values, func(_, value []byte) error {
		return sockets.Fields(value, func(name, value []byte) error {
			if string(name) != "value" {
				return nil
			}
			n, err := strconv.Atoi(string(value))
			numbers = append(numbers, n)
			return err
		})
	})
	slices.Sort(numbers)
	for i, n := range numbers {
		if first := numbers[0]; n != first+i || first != max(*seen, numbers[len(numbers)-1]-stormKeys)+1 {
			return errors.Join(err, fmt.Errorf("after transaction %d it got the values of %v", *seen, numbers))
		}
	}
	*seen = numbers[len(numbers)-1]
	return err
}

func (tab *stormTab) history(seen *int, messages []byte) error {
	if len(messages) == 0 {
		return nil
	}
	return sockets.Items(messages, func(item []byte) error {
		return sockets.Fields(item, func(name, value []byte) (err error) {
			if string(name) != "data" {
				return nil
			}
			if *seen == 0 { // the last one, where everything begins
				*seen, err = strconv.Atoi(string(value))
				return err
			}
			return follow(seen, value)
		})
	})
}

// A stormWriter makes one transaction after the other, on the node that survives.
type stormWriter struct {
	conn    *sockets.Conn
	answers chan error // of each transaction
	n       int
}

// read reads until the connection ends: a client that does not is closed.
func (w *stormWriter) read() {
	for {
		message, err := w.conn.Read()
		if err != nil {
			w.answers <- err
			return
		}
		_ = sockets.Each(message, func(f sockets.Frame) error {
			switch string(f.Type) {
			case "written":
				w.answers <- nil
			case "error":
				w.answers <- fmt.Errorf("transaction %d: %s %s", f.ID, f.Code, f.Detail)
			}
			return nil
		})
	}
}

// write makes the next transaction and waits until it is committed.
func (w *stormWriter) write() error {
	w.n++
	key := fmt.Sprint("key-", w.n%stormKeys)
	_, err := fmt.Fprintf(connWriter{w.conn}, `[{"type":"transact","id":%d,"op":"the-writer.%d","writes":[{"channel":"notes","set":{%q:%d}},{"channel":"settings","set":{%q:%d}}],"appends":[{"channel":"chat","data":%d}]}]`,
		w.n, w.n, key, w.n, key, w.n, w.n)
	if err == nil {
		err = <-w.answers
	}
	return err
}

type connWriter struct{ *sockets.Conn }

func (w connWriter) Write(p []byte) (int, error) { return len(p), w.Conn.Write(p) }
