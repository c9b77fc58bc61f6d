package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// A part is a process, with its last words for when it fails.
type part struct {
	name    string
	command *exec.Cmd
	words   tail
	ended   chan struct{}
}

func newPart(name string, env []string, command string, args ...string) *part {
	p := &part{name: name, command: exec.Command(command, args...), ended: make(chan struct{})}
	p.command.Env = append(os.Environ(), env...)
	p.command.Stdout, p.command.Stderr = &p.words, &p.words
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for us: they end in their order
	return p
}

func (p *part) start() error {
	if err := p.command.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	go func() {
		_ = p.command.Wait() // how it ended is in its words
		close(p.ended)
	}()
	return nil
}

func (p *part) pid() int { return p.command.Process.Pid }

// ready waits until it is.
func (p *part) ready(ctx context.Context, look func() error) error {
	late := time.After(readyTime)
	for {
		err := look()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.ended:
			return fmt.Errorf("%s has ended:\n%s", p.name, p.words.String())
		case <-late:
			return fmt.Errorf("%s did not get ready: %w\n%s", p.name, err, p.words.String())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// end tells it to end, and waits until it has.
func (p *part) end() error {
	if p.command.Process == nil {
		return nil
	}
	_ = p.command.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.ended:
		return nil
	case <-time.After(endTime):
	}
	_ = p.command.Process.Kill()
	<-p.ended
	return fmt.Errorf("%s did not end in %v and was killed:\n%s", p.name, endTime, p.words.String())
}

// A tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

const kept = 8 << 10

func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, data...)
	t.data = t.data[max(0, len(t.data)-kept):]
	return len(data), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.data))
}
