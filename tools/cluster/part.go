package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	readyTime = 60 * time.Second // for a part to get ready
	endTime   = time.Minute      // for a part to end: much longer than a hub drains
)

// A Part is a program that runs, has ended, or was never started. Its methods may be called from several goroutines, but
// what two that start or end the same part at once come to is not defined.
type Part struct {
	Name    string
	Address string // host:port that it listens on
	Admin   string // URL of what it says about itself: metrics of a hub, /healthz and more of a NATS server

	env, command []string
	log          string       // its file
	look         func() error // nil when it is ready

	mu    sync.Mutex
	child *exec.Cmd     // the last one; nil if it was never started
	ended chan struct{} // closed when that has ended
}

// URL is where a hub, or nginx, is asked.
func (p *Part) URL() string { return "http://" + p.Address }

// Start starts it, where it was and with the data it had, and waits until it is ready.
func (p *Part) Start(ctx context.Context) error {
	if err := p.Launch(); err != nil {
		return err
	}
	return p.Ready(ctx)
}

// Launch starts it and does not wait.
func (p *Part) Launch() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runningLocked() {
		return fmt.Errorf("%s runs already", p.Name)
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the child has its own
	child := exec.Command(p.command[0], p.command[1:]...)
	child.Env = append(os.Environ(), p.env...)
	child.Stdout, child.Stderr = log, log
	// A group of its own: Ctrl-C is for us, parts end in their order; and a signal reaches what is wrapped as well.
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := child.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.Name, err)
	}
	ended := make(chan struct{})
	p.child, p.ended = child, ended
	go func() {
		_ = child.Wait() // how it ended is in its state
		close(ended)
	}()
	return nil
}

// Ready waits until it is.
func (p *Part) Ready(ctx context.Context) error {
	late := time.After(readyTime)
	for {
		err := p.look()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.Ended():
			return fmt.Errorf("%s has ended:\n%s", p.Name, p.Log())
		case <-late:
			return fmt.Errorf("%s did not get ready: %w\n%s", p.Name, err, p.Log())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// PID is that of its process, or 0 if none runs.
func (p *Part) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.runningLocked() {
		return 0
	}
	return p.child.Process.Pid
}

// Ended returns a channel that is closed when the process that runs now has ended. It is closed if none runs.
func (p *Part) Ended() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child == nil {
		none := make(chan struct{})
		close(none)
		return none
	}
	return p.ended
}

// Kill ends it as a power cut does (SIGKILL), and returns when it is gone, with what it had started.
func (p *Part) Kill() error {
	group := p.PID()
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.Ended()
	for late := time.Now().Add(endTime); time.Now().Before(late); time.Sleep(time.Millisecond) {
		if !anyRuns(group) {
			return nil
		}
	}
	return fmt.Errorf("something that %s had started runs on", p.Name)
}

// anyRuns reports whether a group has a process that has not ended. One that nobody has asked about yet has.
func anyRuns(group int) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is one
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it is gone
		}
		var state string
		var parent, of int
		_, rest, _ := strings.Cut(string(stat), ") ")
		if _, err := fmt.Sscan(rest, &state, &parent, &of); err == nil && of == group && state != "Z" && state != "X" {
			return true
		}
	}
	return false
}

// Stop pauses it (SIGSTOP): it keeps its connections and answers nothing. It returns when it does nothing any more.
func (p *Part) Stop() error {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for late := time.Now().Add(endTime); time.Now().Before(late); time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
		if err != nil {
			return err
		}
		if _, state, _ := strings.Cut(string(stat), ") "); strings.HasPrefix(state, "T") {
			return nil
		}
	}
	return fmt.Errorf("%s did not stop in %v", p.Name, endTime)
}

// Continue lets a part go on that was stopped. For others it does nothing.
func (p *Part) Continue() error {
	if p.PID() == 0 {
		return nil
	}
	return p.signal(syscall.SIGCONT)
}

// Term asks it to end (SIGTERM), and returns when it has. It is an error if it did not end well, with 0, or not in half a
// minute; then it is killed.
func (p *Part) Term() error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.Ended():
	case <-time.After(endTime):
		return errors.Join(fmt.Errorf("%s did not end in %v and was killed:\n%s", p.Name, endTime, p.Log()), p.Kill())
	}
	if code := p.child.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with %d:\n%s", p.Name, code, p.Log())
	}
	return nil
}

// kept is how much of a log is looked at.
const kept = 8 << 10

// Log is the end of what it has said, in all its lives. All of it is in a file of Dir, NAME.log.
func (p *Part) Log() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-kept):]))
}

// end ends it if it runs. How it says goodbye does not matter, but that it does.
func (p *Part) end() error {
	if p.PID() == 0 {
		return nil
	}
	err := p.signal(syscall.SIGTERM)
	select {
	case <-p.Ended():
		return nil
	case <-time.After(endTime):
		return errors.Join(err, fmt.Errorf("%s did not end in %v and was killed:\n%s", p.Name, endTime, p.Log()), p.Kill())
	}
}

// signal reaches its whole group.
func (p *Part) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.runningLocked() {
		return fmt.Errorf("%s does not run", p.Name)
	}
	return syscall.Kill(-p.child.Process.Pid, s)
}

func (p *Part) runningLocked() bool {
	if p.child == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}
