// Package sessiontest has what tests of login sessions need: real redis-servers that can be killed and hung, alone, under
// sentinels and as a cluster, and a connection that fails as networks do.
package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/baton-hub/baton/channels/porttest"
	"github.com/baton-hub/baton/session"
)

// A Server is a redis-server in a process of its own, on a free port of the loopback interface, which it keeps over
// restarts. It stores nothing on disk: when it was killed it has forgotten everything, as a Redis may. Its methods are
// called from one goroutine at a time.
type Server struct {
	URL string

	t       testing.TB
	dir     string
	port    int
	args    func() []string // of redis-server, without those about what it keeps
	process *exec.Cmd       // of a shell with the server, a process group; nil while it is not running
	stdin   io.Closer
	output  *tail
}

// Address is its host and port.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Redis starts a server and ends it with the test.
func Redis(t testing.TB) *Server {
	t.Helper()
	return run(t, func(s *Server) {
		s.URL = "redis://" + s.Address() + "/0"
		s.args = func() []string { return []string{"--port", strconv.Itoa(s.port)} }
	})
}

// RedisUnix starts a server that listens on a Unix socket only.
func RedisUnix(t testing.TB) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "redis") // the name of a socket may not be long, and those of tests are
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "redis.sock")
	return run(t, func(s *Server) {
		s.URL = "unix://" + socket + "?db=0"
		s.args = func() []string { return []string{"--port", "0", "--unixsocket", socket} }
	})
}

// run starts a server on a free port; set says of it what depends on the port.
func run(t testing.TB, set func(*Server)) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), port: porttest.Free(t)}
	t.Cleanup(func() {
		if s.process != nil {
			s.Kill()
		}
		if t.Failed() {
			t.Logf("the end of what redis-server said:\n%s", s.output)
		}
	})
	set(s)
	if err := s.start(); err != nil {
		t.Fatalf("starting redis-server (Debian: apt install redis-server): %v\n%s", err, s.output)
	}
	return s
}

// Calls is how often a command was run since the server started, in lower case, by whomever.
func (s *Server) Calls(command string) (n int) {
	s.t.Helper()
	options, err := redis.ParseURL(s.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	said, err := client.Info(s.t.Context(), "commandstats").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(said) {
		if counted, ok := strings.CutPrefix(line, "cmdstat_"+command+":calls="); ok {
			number, _, _ := strings.Cut(counted, ",")
			if n, err = strconv.Atoi(number); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	return n
}

// Kill ends the process with SIGKILL.
func (s *Server) Kill() {
	s.t.Helper()
	s.signal(syscall.SIGKILL)
	s.stdin.Close()
	_ = s.process.Wait() // killed, as asked
	s.process = nil
}

// Restart starts it again after Kill, empty, on the same port.
func (s *Server) Restart() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatalf("starting redis-server again: %v\n%s", err, s.output)
	}
}

// Pause stops the process with SIGSTOP: connections stay open, new ones are accepted, and nothing answers. It returns
// when that is so; on a busy machine a process goes on for a while after the signal is sent.
func (s *Server) Pause() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		err := ping(ctx, s.URL)
		cancel()
		if err != nil {
			return
		}
	}
}

// Resume lets it go on.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(-s.process.Process.Pid, sig); err != nil {
		s.t.Errorf("sending %v to redis-server: %v", sig, err)
	}
}

// start returns once the server answers.
func (s *Server) start() error {
	s.output = &tail{} // what it said before it was killed is no concern of this one
	// The shell ends the server when standard input ends, so that it does not outlive a test that was killed.
	cmd := exec.Command("sh", append([]string{"-c", `"$@" & cat >/dev/null; kill -9 $!`, "sh", "redis-server"}, s.arguments()...)...)
	cmd.Stdout, cmd.Stderr = s.output, s.output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.process, s.stdin = cmd, stdin
	if err := s.answers(); err != nil {
		s.Kill()
		return err
	}
	return nil
}

func (s *Server) arguments() []string {
	own := s.args()
	if strings.HasSuffix(own[0], ".conf") {
		return own
	}
	return append(own, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "no", "--loglevel", "warning")
}

// answers waits until a PING is answered.
func (s *Server) answers() error {
	return eventually(func(ctx context.Context) error {
		return ping(ctx, s.URL)
	})
}

// fatal is an error that no waiting mends.
type fatal struct{ error }

// eventually tries until it works.
func eventually(try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		err := try(ctx)
		if err == nil || errors.As(err, &fatal{}) {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("waited in vain: %w", err)
		}
	}
}

func ping(ctx context.Context, url string) error {
	store, err := session.OpenRedis(url)
	if err != nil {
		return fatal{err}
	}
	defer store.Close()
	return store.Ping(ctx)
}

// A tail keeps the end of what was written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - 8<<10; extra > 0 {
		t.text = append([]byte(nil), t.text[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
