package cmd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/porttest"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

// asBaton makes the test binary be baton, so that tests can start it as a process and kill it.
const asBaton = "BATON_TEST_AS_BATON"

func TestMain(m *testing.M) {
	if os.Getenv(asBaton) != "" {
		Main(ownOptions)
		return
	}
	if err := os.Setenv(asBaton, "1"); err != nil { // for commands that start themselves as a server
		panic(err)
	}
	os.Exit(m.Run())
}

// A process is a running `baton serve --dev`.
type process struct {
	t       *testing.T
	program string // what it runs: this test binary, as baton, or another version of it
	args    []string
	url     string
	cmd     *exec.Cmd
	said    *words // on standard error
	printed *words // on standard output
}

// startBaton starts a node and waits until it serves.
func startBaton(t *testing.T, args ...string) *process {
	t.Helper()
	return startProgram(t, os.Args[0], args...)
}

func startProgram(t *testing.T, program string, args ...string) *process {
	t.Helper()
	listen := "127.0.0.1:" + strconv.Itoa(porttest.Free(t))
	p := &process{t: t, program: program, said: &words{}, printed: &words{}, url: "http://" + listen, args: append([]string{"serve", "--dev", "--listen", listen, "--admin", ""}, args...)}
	p.start()
	t.Cleanup(p.kill)
	return p
}

func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.program, p.args...)
	p.cmd.Env = append(os.Environ(), asBaton+"=1")
	p.cmd.Stdout = p.printed
	p.cmd.Stderr = io.MultiWriter(p.t.Output(), p.said)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), hubtest.Patience)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/readyz", nil)
		if err != nil {
			p.t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		if ctx.Err() != nil {
			p.t.Fatalf("baton does not serve: %v", err)
		}
	}
}

// kill ends the process as a power cut of the node does.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// stop asks the process to end, which must succeed.
func (p *process) stop() {
	p.t.Helper()
	late := time.AfterFunc(hubtest.Patience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("baton ended with %v", err)
	}
}

func TestKillInTheMiddleOfWritesLosesNothing(t *testing.T) {
	p := startBaton(t, "--data", t.TempDir())
	alice := hubtest.NewBrowser(t)
	alice.SignIn(p.url, "demo", "alice")
	tab := alice.Open(p.url, "alice-tab")
	var controlled wire.Controlled
	tab.Do(map[string]any{"type": "control", "do": "request"}, "controlled", &controlled)
	write := func(n int) map[string]any {
		return map[string]any{
			"type": "write", "id": 1000 + n, "channel": "samples", "term": controlled.Term,
			"set": map[string]any{fmt.Sprint("t", n): n}, "op": fmt.Sprintf("alice-tab.%d", 1000+n),
		}
	}
	const sent, known = 30, 12
	for n := range sent {
		tab.Send(write(n))
	}
	tab.Answer(1000 + known - 1)
	p.kill()
	p.start()

	again := alice.Open(p.url, "alice-tab") // by its cookie, without signing in
	if op := again.Welcome.Control.Operator; op == nil || op.User != "alice" || again.Welcome.Control.Term != controlled.Term {
		t.Errorf("after the restart the seat is %+v", again.Welcome.Control)
	}
	var joined wire.Joined
	again.Do(map[string]any{"type": "join", "channel": "samples"}, "joined", &joined)
	there := map[int]uint64{}
	for n := range sent {
		if v, ok := joined.Values[fmt.Sprint("t", n)]; ok {
			there[n] = v.Position
		}
	}
	for n := range known {
		if there[n] == 0 {
			t.Errorf("write %d was acknowledged and is gone", n)
		}
	}
	for n := range sent { // all again, as a client does that heard nothing: each is applied once
		request := write(n)
		delete(request, "id")
		var written wire.Written
		again.Do(request, "written", &written)
		if first := there[n]; first != 0 && written.Position != first {
			t.Errorf("write %d was done at %d and again at %d", n, first, written.Position)
		}
	}
}

func TestSIGTERMTellsTheTabsAndExitsInTime(t *testing.T) {
	t.Parallel()
	p := startBaton(t, "--data", t.TempDir())
	alice := hubtest.NewBrowser(t)
	alice.SignIn(p.url, "demo", "alice")
	tab := alice.Open(p.url, "alice-tab")
	events := alice.Follow(p.url, "demo", "channels=control", "")
	began := time.Now()
	p.stop()
	if took := time.Since(began); took > 40*time.Second { // it may take 25 s, and the machine may be busy
		t.Errorf("it ended after %v", took)
	}
	var bye wire.Bye
	events.Expect("bye", nil)
	tab.Expect("leaving", nil) // which it did not heed
	tab.Expect("bye", &bye)
	if code := tab.Ended(); code != wire.CloseLeaving || bye.Code != wire.CloseLeaving || bye.ReconnectAfter == 0 {
		t.Errorf("the tab was told %+v and closed with %d", bye, code)
	}
}

func TestASecondSIGTERMStopsAtOnce(t *testing.T) {
	p := startBaton(t, "--data", t.TempDir())
	alice := hubtest.NewBrowser(t)
	alice.SignIn(p.url, "demo", "alice")
	tab := alice.Open(p.url, "alice-tab")
	defer time.AfterFunc(hubtest.Patience, p.kill).Stop()
	for _, sent := range []string{"first", "second"} {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatalf("the %s: %v", sent, err)
		}
		if sent == "first" {
			tab.Expect("leaving", nil)
		}
	}
	start := time.Now()
	_ = p.cmd.Wait()
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM || time.Since(start) > 20*time.Second { // one that drains to its end exits with 0
		t.Errorf("it ended after %v: %v", time.Since(start), p.cmd.ProcessState)
	}
}
