// Package sessiontest has what tests of login sessions need: a real redis-server that can be killed and hung.
package sessiontest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// A Server is a redis-server in a process of its own, on a free port of the loopback interface, which it keeps over
// restarts. It stores nothing on disk: when it was killed it has forgotten everything, as a Redis may. Its methods are
// called from one goroutine at a time.
type Server struct {
	URL string

	t       testing.TB
	dir     string
	port    int
	process *exec.Cmd // of a shell with the server, a process group; nil while it is not running
	stdin   io.Closer
	output  *bytes.Buffer
}

// Redis starts a server and ends it with the test.
func Redis(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), output: &bytes.Buffer{}}
	t.Cleanup(func() {
		if s.process != nil {
			s.Kill()
		}
		if t.Failed() {
			t.Logf("redis-server said:\n%s", s.output)
		}
	})
	var err error
	for range 20 {
		// Below the range of outgoing connections, one of which could take the port while the server is down.
		s.port = 20000 + rand.IntN(12000)
		if err = s.start(); err == nil {
			s.URL = fmt.Sprintf("redis://127.0.0.1:%d/0", s.port)
			return s
		}
	}
	t.Fatalf("starting redis-server (Debian: apt install redis-server): %v\n%s", err, s.output)
	return nil
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
		err := ping(ctx, net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)))
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

// start returns once the server answers, and with an error if the port is somebody else's.
func (s *Server) start() error {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	l.Close()
	s.output.Reset()
	// The shell ends the server when standard input ends, so that it does not outlive a test that was killed.
	cmd := exec.Command("sh", "-c", `"$@" & cat >/dev/null; kill -9 $!`, "sh",
		"redis-server", "--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning")
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
	if err := answers(address); err != nil {
		s.Kill()
		return err
	}
	return nil
}

// answers waits until a PING is answered.
func answers(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		err := ping(ctx, address)
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return errors.Join(errors.New("no answer to PING"), err)
		}
	}
}

func ping(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // only a closed connection refuses it, which the next line tells
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer := make([]byte, len("+PONG\r\n"))
	if _, err := conn.Read(answer); err != nil {
		return err
	}
	if string(answer) != "+PONG\r\n" {
		return fmt.Errorf("it answered %q", answer)
	}
	return nil
}
