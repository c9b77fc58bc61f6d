package cmd

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/cmd/bench"
	"github.com/baton-hub/baton/hub/crowd"
	"github.com/baton-hub/baton/hub/hubtest"
)

// measured runs bench with so little of everything that it is soon over.
func measured(t *testing.T, args ...string) (bench.Report, result) {
	t.Helper()
	return measuredWith(t, nil, args...)
}

func measuredWith(t *testing.T, env map[string]string, args ...string) (bench.Report, result) {
	t.Helper()
	r := baton(t, env, "", append([]string{"bench", "--json", "-", "--quick", "--rounds", "1", "--duration", "100ms", "--connections", "20", "--patience", "1m"}, args...)...)
	var report bench.Report
	decoder := json.NewDecoder(strings.NewReader(r.out))
	decoder.DisallowUnknownFields()
	if r.code != exitUsage {
		if err := decoder.Decode(&report); err != nil {
			t.Fatalf("%v in the report of a run that said %s", err, r.errors)
		}
	}
	return report, r
}

func TestBenchFindsNothingMissingAndNothingTwice(t *testing.T) {
	t.Parallel()
	p, token := startToBeMeasured(t)
	report, r := measuredWith(t, map[string]string{"BATON_TOKEN": token}, "--target", p.url, "--pid", strconv.Itoa(p.cmd.Process.Pid))
	if r.code != 0 {
		t.Fatalf("it exits with %d: %s", r.code, r.errors)
	}
	var names []string
	for _, s := range report.Scenarios {
		names = append(names, s.Name)
		if s.Hub == nil || len(s.Turns) == 0 || s.Name != "slow" && s.Floor == nil {
			t.Fatalf("%s: %+v", s.Name, s)
		}
		for _, turn := range s.Turns {
			if turn.Delivered == 0 || turn.Lost+turn.Duplicated > 0 || turn.Latency == nil || turn.Latency.P50 <= 0 {
				t.Errorf("%s: %+v", s.Name, turn)
			}
			if runtime.GOOS == "linux" && s.Name != "idle" && turn.CPU <= 0 {
				t.Errorf("%s: the processor time of the %s is not known", s.Name, turn.Server)
			}
		}
	}
	if names = slices.Compact(names); report.Format != bench.Format || !slices.Equal(names, bench.Names()) {
		t.Errorf("the report has the format %s and the scenarios %v", report.Format, names)
	}
}

func TestBenchNoticesAServerThatLies(t *testing.T) {
	t.Parallel()
	for lie, wrong := range map[string]func(bench.Report) uint64{
		"lose":   func(r bench.Report) uint64 { return r.Lost },
		"repeat": func(r bench.Report) uint64 { return r.Duplicated },
	} {
		report, r := measured(t, "--scenario", "fan-out", "--rate", "500", "--lie", lie, "--patience", "5s")
		if r.code != exitRunTime || wrong(report) == 0 || report.Scenarios[0].Hub.Lost+report.Scenarios[0].Hub.Duplicated != 0 {
			t.Errorf("%s: it exits with %d, %q, %d lost, %d duplicated", lie, r.code, r.errors, report.Lost, report.Duplicated)
		}
	}
}

func TestBenchSaysWhatItCannotMeasure(t *testing.T) {
	for _, c := range []struct {
		args string
		says string
		code int
	}{
		{"--scenario nothing", "there is no scenario", exitUsage},
		{"--bytes 3", "--bytes is", exitUsage},
		{"--connections 0", "--connections", exitUsage},
		{"--rounds -1", "--rounds", exitUsage},
		{"--duration 1ms", "--duration", exitUsage},
		{"--pid 1", "--target", exitUsage},
		{"--target http://127.0.0.1:1", "needs a token", exitUsage},
		{"--target ftp://127.0.0.1:1 --token x", "--target needs a URL", exitUsage},
		{"--rate fast", "invalid argument", exitUsage},
	} {
		r := baton(t, nil, "", append([]string{"bench"}, strings.Fields(c.args)...)...)
		if r.code != c.code || !strings.Contains(r.errors, c.says) {
			t.Errorf("%s: it exits with %d and says %s", c.args, r.code, r.errors)
		}
	}
}

func TestBenchSaysWhatToDoAboutTooFewFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it has no such limit")
	}
	said, err := exec.Command("sh", "-c", `ulimit -n 300; exec "$0" bench --scenario fan-out --connections 1000`, os.Args[0]).CombinedOutput()
	if err == nil || !strings.Contains(string(said), "use --connections 100, or raise the limit (ulimit -n 1201") {
		t.Errorf("it ends with %v and says %s", err, said)
	}
}

func TestAnOldReportOfBenchStaysUntilThereIsANewOne(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.json")
	old := strings.Repeat("an old report, longer than a new one ", 1000)
	if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"bench", "--json", file, "--scenario", "echo", "--quick", "--duration", "50ms", "--rounds"}
	if r := baton(t, nil, "", append(args, "-1")...); r.code != exitUsage {
		t.Errorf("it exits with %d: %s", r.code, r.errors)
	}
	if text, err := os.ReadFile(file); string(text) != old {
		t.Errorf("a run that was refused has left %d bytes, %v", len(text), err)
	}
	r := baton(t, nil, "", append(args, "1")...)
	text, err := os.ReadFile(file)
	if err != nil || !json.Valid(text) {
		t.Errorf("a run that exits with %d, %s, has left %d bytes, %v", r.code, r.errors, len(text), err)
	}
}

func TestTheReportOfBenchIsDescribed(t *testing.T) {
	text, err := os.ReadFile("../BENCHMARKS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []any{bench.Report{}, bench.Machine{}, bench.Scenario{}, bench.Turn{}, bench.Latency{}, bench.Check{}} {
		for i := range reflect.TypeOf(one).NumField() {
			name, _, _ := strings.Cut(reflect.TypeOf(one).Field(i).Tag.Get("json"), ",")
			if !strings.Contains(string(text), "`"+name+"`") {
				t.Errorf("BENCHMARKS.md does not say what %q of the report is", name)
			}
		}
	}
	for _, name := range bench.Names() {
		if !strings.Contains(string(text), "| `"+name+"` |") {
			t.Errorf("BENCHMARKS.md does not say what the scenario %s is", name)
		}
	}
}

// startToBeMeasured starts a hub with the site of bench, and makes a token for it.
func startToBeMeasured(t *testing.T) (p *process, token string) {
	t.Helper()
	dir, data := t.TempDir(), t.TempDir()
	site := filepath.Join(dir, "site.yaml")
	for name, text := range map[string]string{site: baton(t, nil, "", "bench", "site", "--rooms", "2").out, filepath.Join(dir, "users.yaml"): "version: 1\nusers: {}\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p = startBaton(t, "--config", site, "--data", data)
	made := baton(t, nil, "", "token", "create", bench.User, "--space", "bench", "--data", data)
	if made.code != 0 {
		t.Fatal(made.errors)
	}
	return p, strings.TrimSpace(made.out)
}

func TestBenchMeasuresAHubThatRuns(t *testing.T) {
	t.Parallel()
	p, token := startToBeMeasured(t)
	env := map[string]string{"BATON_TOKEN": token, "BATON_TARGET": p.url}
	report, r := measuredWith(t, env, "--scenario", "rooms")
	if r.code != 0 || report.Target != p.url || report.Scenarios[0].Hub.CPU != 0 || report.Scenarios[0].Floor != nil || len(report.Notes) == 0 {
		t.Errorf("without the process: it exits with %d, %s, %s", r.code, r.errors, r.out)
	}
	env["BATON_TOKEN"] += "x"
	if _, r = measuredWith(t, env, "--scenario", "rooms"); r.code != exitRunTime || !strings.Contains(r.errors, "does not take the token") {
		t.Errorf("with a wrong token: it exits with %d, %s", r.code, r.errors)
	}
	p.kill()
	if _, r = measuredWith(t, env, "--scenario", "rooms"); r.code != exitRunTime || !strings.Contains(r.errors, "connecting to "+p.url) {
		t.Errorf("with nobody there: it exits with %d, %s", r.code, r.errors)
	}
}

// heard is the frame that a server sends to somebody who has joined the store when somebody else writes.
func heard(t *testing.T, url, token string) string {
	t.Helper()
	var tabs []*crowd.Conn
	for i := range 2 {
		c, err := crowd.Dial(t.Context(), crowd.Options{URL: url, Token: token, Client: fmt.Sprint("client-", i)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetReadDeadline(time.Now().Add(hubtest.Patience))
		tabs = append(tabs, c)
	}
	await := func(kind string) string {
		for {
			message, err := tabs[0].Read()
			if err != nil {
				t.Fatalf("waiting for %s: %v", kind, err)
			}
			var frames []json.RawMessage
			if err := json.Unmarshal(message, &frames); err != nil {
				t.Fatal(err)
			}
			for _, frame := range frames { // a busy hub has more to say in one message
				if strings.HasPrefix(string(frame), `{"type":"`+kind+`"`) {
					return string(frame)
				}
			}
		}
	}
	if err := tabs[0].Write([]byte(`[{"type":"join","id":1,"channel":"bench"}]`)); err != nil {
		t.Fatal(err)
	}
	await("joined")
	if err := tabs[1].Write([]byte(`[{"type":"write","id":2,"channel":"bench","set":{"key":"value"},"op":"client-1.1"}]`)); err != nil {
		t.Fatal(err)
	}
	return await("change")
}

func TestTheFloorSendsTheBytesOfAHub(t *testing.T) {
	t.Parallel()
	p, token := startToBeMeasured(t)
	reader, writer := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- bench.RunFloor(ctx, bench.FloorOptions{Listen: "127.0.0.1:0", Out: writer}) }()
	url, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	own := regexp.MustCompile(`"position":\d+|-[0-9a-z]+",|"at":"[^"]*"`) // the numbers and the time
	epoch := regexp.MustCompile(`"cursor":"\w+`)
	bare := func(message string) string {
		return epoch.ReplaceAllStringFunc(own.ReplaceAllString(message, ""), func(text string) string { return strings.Repeat("e", len(text)) })
	}
	hub, floor := heard(t, p.url, token), heard(t, strings.TrimSpace(url), "")
	if bare(hub) != bare(floor) {
		t.Errorf("the hub sends\n%s\nand the floor\n%s", hub, floor)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestBenchLeavesNothingBehind interrupts a run: the servers that it has started are gone, and their data.
func TestBenchLeavesNothingBehind(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processes are looked for in /proc")
	}
	t.Parallel()
	dir := t.TempDir()
	run := exec.Command(os.Args[0], "bench", "--scenario", "fan-out", "--connections", "5", "--duration", "50ms", "--rounds", "1000")
	run.Env = append(os.Environ(), "TMPDIR="+dir)
	said, err := run.StderrPipe()
	if err == nil {
		err = run.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(2*hubtest.Patience, func() { _ = run.Process.Kill() }).Stop()
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.Contains(lines.Text(), "hub, round 2 of") {
	}
	servers := childrenOf(t, run.Process.Pid)
	if len(servers) != 2 {
		t.Errorf("its children are %v", servers)
	}
	if err := run.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	if err := run.Wait(); err == nil || run.ProcessState.ExitCode() != exitRunTime {
		t.Errorf("it ends with %v, and says %s", err, lines.Text())
	}
	for _, pid := range servers {
		if _, err := os.Stat(fmt.Sprint("/proc/", pid)); err == nil {
			t.Errorf("process %d is left", pid)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}

// childrenOf are the processes that a process has started.
func childrenOf(t *testing.T, parent int) (children []int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		stat, _ := os.ReadFile(name) // it may have ended
		var of int
		if _, err := fmt.Sscanf(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " %1s %d", new(string), &of); err == nil && of == parent {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			children = append(children, pid)
		}
	}
	return children
}
