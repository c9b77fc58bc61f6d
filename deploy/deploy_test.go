// Package deploy has no code: these tests hold the files of this folder against the programs that read them.
package deploy

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a program may take on a busy machine.
const patience = time.Minute

// baton is the binary of this tree, built once.
var baton string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "baton-deploy-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		baton = filepath.Join(dir, "baton")
		if out, err := exec.Command("go", "build", "-o", baton, "../cmd/baton").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building baton: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// run runs a program to its end, which must be a good one, and returns what it said.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, find(t, program), args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// find finds a program, also where Debian has what only root needs.
func find(t *testing.T, program string) string {
	t.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("%s is not here: make test says how to get it", program)
	return ""
}

// start starts a program, which is told to end with the test, and killed if it does not.
func start(t *testing.T, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, find(t, program), args...)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) } // nginx takes its children along
	c.WaitDelay = 30 * time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = c.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", program, said.String())
		}
	})
}

// wait waits until something holds.
func wait(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); !holds(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// answers reports whether a GET is answered with 200.
func answers(t *testing.T, client *http.Client, url string) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestTheGuideLinksToFilesThatAreThere(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(links) < 10 {
		t.Errorf("it has %d links", len(links))
	}
	for _, link := range links {
		if _, err := os.Stat(link[1]); err != nil {
			t.Error(err)
		}
	}
}

func TestNoFileNamesAHostOfARegistry(t *testing.T) {
	image := regexp.MustCompile(`(?m)^\s*(?:FROM|image:|repository:)\s+(\S+)`)
	for _, file := range []string{"Dockerfile", "compose.yaml", "chart/values.yaml"} {
		for _, found := range image.FindAllStringSubmatch(read(t, file), -1) {
			host, _, isPath := strings.Cut(found[1], "/")
			if isPath && strings.ContainsAny(host, ".:") {
				t.Errorf("%s: %s is of a certain registry", file, found[1])
			}
		}
	}
}

func TestTheSiteFileOfTheComposeFileIsOne(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "site.yaml"), []byte(read(t, "site/site.yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, baton, "user", "add", "--file", filepath.Join(dir, "users.yaml"), "--role", "admin", "ann")
	run(t, baton, "config", "check", filepath.Join(dir, "site.yaml"))
}
