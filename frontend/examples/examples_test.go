// Package examples_test runs the examples as their README says, against a real hub.
package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/porttest"
)

// patience is how long a program may take: machines are slow.
const patience = time.Minute

// programs are the folder with what has been built, once for all tests.
var programs string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "baton-examples-")
	if err != nil {
		panic(err)
	}
	programs = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func build(t *testing.T, name, pkg string) (path string) {
	t.Helper()
	path = filepath.Join(programs, name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	return path
}

// baton returns the hub's program.
func baton(t *testing.T) (path string) {
	t.Helper()
	return build(t, "baton", "../../cmd/baton")
}

// start starts a program that runs as long as the test, and returns when it prints a line with ready.
func start(t *testing.T, ready string, env []string, args ...string) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), &stderr
	cmd.WaitDelay = 10 * time.Second
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if strings.Contains(lines.Text(), ready) {
			drained := make(chan struct{})
			go func() { defer close(drained); _, _ = io.Copy(io.Discard, stdout) }()
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				<-drained
				_ = cmd.Wait()
			})
			return
		}
	}
	_ = cmd.Wait()
	t.Fatalf("%v ended:\n%s", args, &stderr)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	return "127.0.0.1:" + strconv.Itoa(porttest.Free(t))
}

// startHub starts the hub of the examples and returns its URL.
func startHub(t *testing.T) (url string) {
	t.Helper()
	address := freeAddress(t)
	start(t, "Baton is running", nil, baton(t), "serve", "--dev", "--demo=false", "--config", "site.yaml",
		"--listen", address, "--admin", "", "--data", t.TempDir())
	return "http://" + address
}

// python returns the Python that has the package websockets.
func python(t *testing.T) string {
	t.Helper()
	for _, path := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), path, "-c", "import websockets").Run() == nil {
			return path
		}
	}
	t.Skip("no Python with the package websockets: apt-get install python3-websockets")
	return ""
}

// visitors are the programs that visit, by language.
func visitors(t *testing.T, goProgram, pythonProgram string) map[string][]string {
	t.Helper()
	programs := map[string][]string{
		"curl":   {"bash", "curl/visit.sh"},
		"python": {pythonProgram, "-B", "python/visit.py"},
		"node":   {"node", "node/visit.mjs"},
		"client": {"node", "--experimental-websocket", "--no-warnings", "node/live.mjs"},
		"go":     {goProgram},
	}
	for language, args := range programs {
		if _, err := exec.LookPath(args[0]); errors.Is(err, exec.ErrNotFound) {
			t.Skipf("%s is not here, for the example in %s", args[0], language)
		}
	}
	if _, err := os.Stat("../client/dist/index.js"); err != nil {
		t.Skip("@baton/client is not built: make build")
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not here: apt-get install curl")
	}
	return programs
}

// Every example counts itself once, whoever else counts at the same time, sees it, and is greeted.
func TestTheExamplesCountAndAreGreeted(t *testing.T) {
	url, goProgram, pythonProgram := startHub(t), build(t, "greeter", "./go/greeter"), python(t)
	programs := visitors(t, goProgram, pythonProgram)
	services := []struct {
		language string
		args     []string
	}{{"Python", []string{pythonProgram, "-B", "python/serve.py"}}, {"Go", []string{goProgram, "serve"}}}
	total := 0
	for _, service := range services {
		t.Run("served in "+service.language, func(t *testing.T) {
			start(t, "serving greet", []string{"BATON_URL=" + url}, service.args...)
			type result struct {
				language, visit string
				err             error
			}
			results := make(chan result)
			for language, args := range programs {
				go func() {
					visit, err := visit(t.Context(), url, "Hello alice, from "+service.language, args)
					results <- result{language, visit, err}
				}()
			}
			counted := map[string]string{}
			for range programs {
				r := <-results
				if r.err != nil {
					t.Errorf("%s: %v", r.language, r.err)
				} else if other, twice := counted[r.visit]; twice {
					t.Errorf("%s and %s both were visit %s", r.language, other, r.visit)
				}
				counted[r.visit] = r.language
			}
		})
		total += len(programs)
	}
	if got := visits(t, url); got != fmt.Sprint(total) {
		t.Errorf("%s visits were counted, of %d", got, total)
	}
}

// Every example is the first to count somewhere.
func TestEachExampleCountsAloneOnAHubThatIsNew(t *testing.T) {
	goProgram := build(t, "greeter", "./go/greeter")
	for language, args := range visitors(t, goProgram, python(t)) {
		t.Run(language, func(t *testing.T) {
			url := startHub(t)
			start(t, "serving greet", []string{"BATON_URL=" + url}, goProgram, "serve")
			if got, err := visit(t.Context(), url, "Hello alice, from Go", args); err != nil || got != "1" {
				t.Errorf("it was visit %s, %v", got, err)
			}
		})
	}
}

var told = regexp.MustCompile(`^signed in as alice\n(?:somebody was quicker\n)*visit (\d+)\nsaw visit (\d+)\ngreet: "(.*)"\n$`)

// visit runs a program and returns which visit it says it was.
func visit(ctx context.Context, url, greeting string, args []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env, cmd.WaitDelay = append(os.Environ(), "BATON_URL="+url), 10*time.Second
	out, err := cmd.CombinedOutput()
	said := told.FindStringSubmatch(string(out))
	if err != nil || said == nil || said[1] != said[2] || said[3] != greeting {
		return "", fmt.Errorf("it ended with %v and said:\n%s", err, out)
	}
	return said[1], nil
}

// visits is the count in the end, as anybody who signs in reads it.
func visits(t *testing.T, url string) string {
	t.Helper()
	body := `{"space":"demo","user":"bob","password":"bob"}`
	signedIn, err := http.Post(url+"/api/v1/session", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer signedIn.Body.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/v1/spaces/demo/channels/counters/visits", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range signedIn.Cookies() {
		r.AddCookie(cookie)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}
