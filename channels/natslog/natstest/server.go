package natstest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/baton-hub/baton/channels/porttest"
)

// environment is the variable that turns a test binary into a server: "port directory". clustered makes it one of a
// cluster: its name, and the ports of the routes, its own first.
const (
	environment = "BATON_NATSTEST_SERVER"
	clustered   = "BATON_NATSTEST_CLUSTER"
)

func init() {
	if v := os.Getenv(environment); v != "" {
		port, dir, _ := strings.Cut(v, " ")
		if err := serve(port, dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// serve runs a server that syncs before it answers, says "ready" on standard output, and ends when standard input
// does: so it does not outlive a test that was killed.
func serve(port, dir string) error {
	n, err := strconv.Atoi(port)
	if err != nil {
		return fmt.Errorf("reading the port: %w", err)
	}
	options := &server.Options{
		ServerName: "natstest", Host: "127.0.0.1", Port: n, StoreDir: dir,
		JetStream: true, SyncAlways: true, MaxPayload: 8 << 20, DisableJetStreamBanner: true,
		HTTPHost: "127.0.0.1", HTTPPort: -1, // see Figures
	}
	if err := cluster(options, strings.Fields(os.Getenv(clustered))); err != nil {
		return err
	}
	srv, err := server.NewServer(options)
	if err != nil {
		return fmt.Errorf("setting up the server: %w", err)
	}
	srv.ConfigureLogger()
	go srv.Start()
	if !srv.ReadyForConnections(30 * time.Second) {
		return fmt.Errorf("the server did not get ready on port %d", n)
	}
	fmt.Println("ready", srv.MonitorAddr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	srv.Shutdown()
	srv.WaitForShutdown()
	return nil
}

// A Server is a nats-server in a process of its own. Its methods are called from one goroutine at a time.
type Server struct {
	// URL is where it listens: on the loopback interface, the same after a restart.
	URL string
	// Dir is where its data is.
	Dir string

	t      testing.TB
	port   int
	inside string    // the cluster that it is of, see clustered; "" = none
	cmd    *exec.Cmd // nil while it is not running
	stdin  io.Closer
	output *tail

	monitor string // host:port
}

// External starts a server on a new directory and a free port, and kills it when the test ends.
func External(t testing.TB) *Server {
	t.Helper()
	s := newServer(t)
	if err := s.start(); err != nil {
		t.Fatalf("starting NATS: %v\n%s", err, s.output)
	}
	return s
}

func newServer(t testing.TB) *Server {
	s := &Server{t: t, Dir: t.TempDir(), port: porttest.Free(t), output: &tail{}}
	s.URL = "nats://127.0.0.1:" + strconv.Itoa(s.port)
	t.Cleanup(func() {
		if s.cmd != nil {
			s.Kill()
		}
		if t.Failed() {
			t.Logf("the end of the log of NATS:\n%s", s.output)
		}
	})
	return s
}

// Start starts a server that was killed or stopped again, on the same data and port.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatalf("starting NATS again: %v\n%s", err, s.output)
	}
}

// Figures are what a server has counted since it started.
type Figures struct {
	InMsgs  int64 `json:"in_msgs"` // from clients: what they published and asked
	InBytes int64 `json:"in_bytes"`
	OutMsgs int64 `json:"out_msgs"`
}

// Figures asks the server for them.
func (s *Server) Figures() (f Figures) {
	s.t.Helper()
	response, err := http.Get("http://" + s.monitor + "/varz")
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&f); err != nil {
		s.t.Fatalf("reading the figures of NATS: %v", err)
	}
	return f
}

// Kill ends the process with SIGKILL.
func (s *Server) Kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Errorf("killing NATS: %v", err)
	}
	s.reap()
}

// Stop lets it shut down in order.
func (s *Server) Stop() {
	s.t.Helper()
	s.stdin.Close()
	s.reap()
}

// Pause stops the process with SIGSTOP: connections stay open and nothing answers. It returns when all its threads have
// stopped; on a busy machine some go on for a while after the signal is sent.
func (s *Server) Pause() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(s.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || !status.Stopped() {
			s.t.Fatalf("NATS did not stop: %v, %v", status, err)
		}
		return
	}
}

// Resume lets it go on.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("sending %v to NATS: %v", sig, err)
	}
}

func (s *Server) reap() {
	_ = s.cmd.Wait() // how it ended is what was asked for
	s.stdin.Close()
	s.cmd = nil
}

func (s *Server) start() error {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", environment, s.port, s.Dir), clustered+"="+s.inside)
	cmd.Stderr = s.output
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.stdin = cmd, stdin
	line, err := bufio.NewReader(stdout).ReadString('\n')
	ready, monitor, _ := strings.Cut(strings.TrimSpace(line), " ")
	s.monitor = monitor
	if err != nil || ready != "ready" {
		s.Kill()
		return fmt.Errorf("it said %q and not that it is ready", line)
	}
	return nil
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
