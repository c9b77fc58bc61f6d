package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A server is what is measured: a hub, the floor or a rival.
type server struct {
	name    string // "hub", "floor" or "rival"
	url     string
	token   string
	cookie  string
	pid     int // 0: its processor time and memory are not known
	stop    func()
	dialect func(client string) Dialect // nil: that of a hub
}

// startTime is how long a child may take until it serves.
const startTime = 30 * time.Second

// User is the name of the token that the clients come with.
const User = "bench"

// startHub starts a hub of this version as a child, with an embedded server whose data are removed when it is stopped.
func (b *bench) startHub(ctx context.Context, s site) (*server, error) {
	dir, err := os.MkdirTemp("", "baton-bench-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the hub: %w", err)
	}
	remove := func() { _ = os.RemoveAll(dir) }
	file, data := filepath.Join(dir, "site.yaml"), filepath.Join(dir, "data")
	err = os.WriteFile(file, s.text(), 0o600)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "users.yaml"), []byte("version: 1\nusers: {}\n"), 0o600) // nobody signs in
	}
	if err != nil {
		remove()
		return nil, err
	}
	c, err := b.child(ctx, servingURL, "serve", "--config", file, "--data", data, "--listen", "127.0.0.1:0", "--admin", "", "--no-docs")
	if err != nil {
		remove()
		return nil, fmt.Errorf("starting a hub: %w", err)
	}
	stop := func() { c.kill(); remove() }
	token, err := b.options.Mint(ctx, data, spaceName, User)
	if err != nil {
		stop()
		return nil, fmt.Errorf("making a token for the hub: %w", err)
	}
	return &server{name: "hub", url: c.url, token: token, pid: c.cmd.Process.Pid, stop: stop}, nil
}

// startFloor starts the floor as a child.
func (b *bench) startFloor(ctx context.Context, batch bool) (*server, error) {
	args := []string{"bench", "floor"}
	if batch {
		args = append(args, "--batch")
	}
	if b.options.Lie != "" {
		args = append(args, "--lie", b.options.Lie)
	}
	c, err := b.child(ctx, func(line string) (string, bool) { return line, strings.HasPrefix(line, "http://") }, args...)
	if err != nil {
		return nil, fmt.Errorf("starting the floor: %w", err)
	}
	return &server{name: "floor", url: c.url, pid: c.cmd.Process.Pid, stop: c.kill}, nil
}

// servingURL finds the address in what a hub logs.
func servingURL(line string) (string, bool) {
	var said struct{ Msg, URL string }
	return said.URL, json.Unmarshal([]byte(line), &said) == nil && said.Msg == "serving"
}

// A child is a process of this program that serves.
type child struct {
	cmd  *exec.Cmd
	url  string
	once sync.Once
	read chan struct{} // closed when all that it said is read
}

// kill ends the child and waits for it: it has nothing that is worth an orderly end.
func (c *child) kill() {
	c.once.Do(func() {
		_ = c.cmd.Process.Kill()
		<-c.read
		_ = c.cmd.Wait()
	})
}

// child starts this program with other arguments, and waits until a line that it prints tells its address.
func (b *bench) child(ctx context.Context, address func(line string) (string, bool), args ...string) (*child, error) {
	command := append(append([]string(nil), b.options.Program...), args...)
	c := &child{cmd: exec.Command(command[0], command[1:]...), read: make(chan struct{})}
	c.cmd.SysProcAttr = orphanless()
	for _, variable := range os.Environ() { // what is meant for a hub that runs for people is not meant for this one
		if name, _, _ := strings.Cut(variable, "="); !strings.HasPrefix(name, "BATON_") || strings.HasPrefix(name, "BATON_TEST_") {
			c.cmd.Env = append(c.cmd.Env, variable)
		}
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c.cmd.Stdout, c.cmd.Stderr = writer, writer
	err = c.cmd.Start()
	_ = writer.Close()
	if err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	found, said := make(chan string, 1), &lastWords{}
	go func() {
		defer close(c.read)
		defer reader.Close()
		for lines := bufio.NewScanner(io.TeeReader(reader, said)); lines.Scan(); {
			if url, ok := address(lines.Text()); ok {
				found <- url
				break
			}
		}
		_, _ = io.Copy(said, reader)
	}()
	select {
	case c.url = <-found:
		return c, nil
	case <-c.read:
		err = errors.New("it has ended")
	case <-time.After(startTime):
		err = fmt.Errorf("it does not serve after %v", startTime)
	case <-ctx.Done():
		err = ctx.Err()
	}
	c.kill()
	return nil, fmt.Errorf("%w; its last words: %s", err, said)
}

// lastWords keeps the end of what is written to it.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

func (l *lastWords) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text = append(l.text, p...); len(l.text) > 4<<10 {
		l.text = append([]byte(nil), l.text[len(l.text)-2<<10:]...)
	}
	return len(p), nil
}

func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(bytes.TrimSpace(l.text))
}
