package mutants

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/baton-hub/baton/channels/porttest"
)

// site is the site file of the scenes.
const site = `version: 1
title: Scenes
spaces:
  lab:
    login: {other_user: observe, same_user: join}
    control: {grace: 1s, linger: 0s}
    channels:
      queue: {kind: store, write: [operator]}
      notes: {kind: store, write: [member]}
      chat: {kind: log, write: [member]}
  booth:
    login: {other_user: reject, same_user: ask}
    channels:
      chat: {kind: log, write: [member]}
authenticators:
  - kind: dev
`

// A world is one NATS server and two hubs, all of them processes.
type world struct {
	nats  *process
	hubs  []*process
	url   string // of NATS
	ports []*porttest.Port
}

// A process is a program that was started and can be started again.
type process struct {
	name    string
	path    string
	args    []string
	env     []string
	address string // that it listens on
	ready   func(*process) error

	command *exec.Cmd
	ended   chan struct{}
	words   *tail
}

// open starts the world in a folder. mutant is what the hubs are, "" for none.
func open(ctx context.Context, dir, nats, baton, mutant string) (w *world, err error) {
	w = &world{}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	file := filepath.Join(dir, "site.yaml")
	if err := os.WriteFile(file, []byte(site), 0o600); err != nil {
		return w, err
	}
	conf := filepath.Join(dir, "nats.conf")
	text := fmt.Sprintf("max_payload: 8MB\njetstream { store_dir: %q, sync_interval: always }\n", filepath.Join(dir, "nats"))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return w, err
	}
	w.nats = &process{name: "nats", path: nats, ready: listens}
	if err := w.startAnywhere(ctx, w.nats, func(port string) []string {
		return []string{"-c", conf, "-a", "127.0.0.1", "-p", port}
	}); err != nil {
		return w, err
	}
	w.url = "nats://" + w.nats.address
	for n := range 2 {
		hub := &process{name: fmt.Sprint("hub-", n+1), path: baton, ready: answers, env: []string{environment + "=" + mutant}}
		w.hubs = append(w.hubs, hub)
		if err := w.startAnywhere(ctx, hub, func(port string) []string {
			return []string{"serve", "--dev", "--demo=false", "--listen", "127.0.0.1:" + port, "--admin", "", "--nats", w.url, "--config", file}
		}); err != nil {
			return w, err
		}
	}
	return w, nil
}

// close ends all of it, at once: what is there is looked at before.
func (w *world) close() {
	for _, hub := range w.hubs {
		hub.kill()
	}
	if w.nats != nil {
		w.nats.kill()
	}
	for _, port := range w.ports {
		port.Release()
	}
}

// startAnywhere starts the process on a port that is the world's until it is closed.
func (w *world) startAnywhere(ctx context.Context, p *process, args func(port string) []string) error {
	port, err := porttest.Hold("127.0.0.1")
	if err != nil {
		return err
	}
	w.ports = append(w.ports, port)
	number := strconv.Itoa(port.Number)
	p.address, p.args = "127.0.0.1:"+number, args(number)
	return p.start(ctx)
}

// readyTime is how long a process may take to get ready, on a machine with other things to do.
const readyTime = 60 * time.Second

// start starts the process, where it was, and waits until it is ready.
func (p *process) start(ctx context.Context) error {
	p.words, p.ended = &tail{}, make(chan struct{})
	p.command = exec.Command(p.path, p.args...)
	p.command.Env = append(os.Environ(), p.env...)
	p.command.Stdout, p.command.Stderr = p.words, p.words
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.command.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	go func(command *exec.Cmd, ended chan struct{}) {
		_ = command.Wait() // how it ended is in its words
		close(ended)
	}(p.command, p.ended)
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for {
		err := p.ready(p)
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s has ended:\n%s", p.name, p.words)
		case <-ctx.Done():
			p.kill()
			return fmt.Errorf("%s did not get ready: %w\n%s", p.name, err, p.words)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *process) signal(s syscall.Signal) {
	if p.command != nil && p.command.Process != nil {
		_ = p.command.Process.Signal(s) // it may have ended
	}
}

// stopped reports whether every thread of the process is: the signal takes them one by one.
func (p *process) stopped() bool {
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.command.Process.Pid))
	for _, stat := range stats {
		text, _ := os.ReadFile(stat) // a thread that has ended
		_, state, _ := strings.Cut(string(text), ") ")
		if len(text) > 0 && !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return err == nil
}

func (p *process) kill() {
	if p.command == nil || p.command.Process == nil {
		return
	}
	p.signal(syscall.SIGKILL)
	<-p.ended
}

var web = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func answers(p *process) error {
	response, err := web.Get("http://" + p.address + "/readyz")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 500)) // for the error only
		return fmt.Errorf("it answers %d: %s", response.StatusCode, text)
	}
	return nil
}

// listens is ready when NATS says INFO.
func listens(p *process) error {
	conn, err := net.DialTimeout("tcp", p.address, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(time.Second)) // a connection of TCP takes one
	word := make([]byte, 4)
	if _, err := io.ReadFull(conn, word); err != nil {
		return err
	}
	if !bytes.Equal(word, []byte("INFO")) {
		return errors.New("it is not NATS")
	}
	return nil
}

// A tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

const kept = 8 << 10

// Write keeps the end.
func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, data...)
	t.data = t.data[max(0, len(t.data)-kept):]
	return len(data), nil
}

// String returns the end.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.data))
}
