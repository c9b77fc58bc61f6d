package examples_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// snippets returns the code of one language that a page shows, in its order.
func snippets(t *testing.T, page, language string) (code []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(text), "\n```"+language+"\n")[1:] {
		shown, _, _ := strings.Cut(part, "\n```")
		code = append(code, shown+"\n")
	}
	return code
}

// Getting started begins with make run, which is not for a test to do again: it has to be what it is said to be.
func TestMakeRunServesTheDemo(t *testing.T) {
	said, err := exec.CommandContext(t.Context(), "make", "-C", "../..", "-n", "-o", "build", "run").CombinedOutput()
	if err != nil || !strings.Contains(string(said), "./bin/baton serve --dev") {
		t.Errorf("make run would do, %v:\n%s", err, said)
	}
}

// What Getting started types into a shell does what it says, with the token that the hub prints.
func TestTheShellOfGettingStarted(t *testing.T) {
	pages := snippets(t, "../docs/start.md", "sh")
	if len(pages) != 4 || pages[0] != "make run\n" || !strings.HasPrefix(pages[2], "npm install --install-links ") {
		t.Fatalf("the page has other commands than are tried here:\n%q", pages)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	address, hub := freeAddress(t), baton(t)
	token := make(chan string, 1)
	serve := exec.CommandContext(ctx, hub, "serve", "--dev", "--listen", address, "--admin", "", "--data", t.TempDir())
	printed := run(t, serve)
	go func() {
		for lines := bufio.NewScanner(printed); lines.Scan(); {
			if found := regexp.MustCompile(`TOKEN=(baton_demo_\S+)`).FindStringSubmatch(lines.Text()); found != nil {
				token <- found[1]
			}
		}
		close(token)
	}()
	bearer := <-token
	if bearer == "" {
		t.Fatal("the hub has printed no token")
	}

	typed := strings.NewReplacer("baton_demo_…", bearer, "127.0.0.1:8080", address, "curl ", "curl -sS --retry 20 --retry-connrefused ")
	followed := run(t, exec.CommandContext(ctx, "bash", "-c", typed.Replace(pages[1])))
	want := []string{`{"channel":"motors"`, `"type":"joined"`, `"omega"`} // it reads, is told what there is, and where the motor is
	for lines := bufio.NewReader(followed); len(want) > 0; {
		line, err := lines.ReadString('\n')
		for len(want) > 0 && strings.Contains(line, want[0]) {
			want = want[1:]
		}
		if err != nil && len(want) > 0 {
			t.Fatalf("it ended with %v, and has not printed %s", err, want)
		}
	}

	own := t.TempDir()
	if err := os.MkdirAll(filepath.Join(own, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(hub, filepath.Join(own, "bin", "baton")); err != nil {
		t.Fatal(err)
	}
	site := exec.CommandContext(ctx, "bash", "-ec", pages[3])
	site.Dir, site.Env = own, append(os.Environ(), "BATON_LISTEN="+freeAddress(t), "BATON_ADMIN=")
	said := ""
	for lines := bufio.NewScanner(run(t, site)); !strings.Contains(said, `"msg":"serving"`); {
		if !lines.Scan() {
			t.Fatalf("it does not serve:\n%s", said)
		}
		said += lines.Text() + "\n"
	}
	for _, want := range []string{"password: ", "site.yaml: ok"} {
		if !strings.Contains(said, want) {
			t.Errorf("it has not printed %q:\n%s", want, said)
		}
	}
}

// run starts a program that ends with the test, and returns what it prints.
func run(t *testing.T, cmd *exec.Cmd) io.Reader {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = in, in
	// A shell's programs end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	t.Cleanup(func() {
		_ = cmd.Cancel()
		_ = cmd.Wait()
		_ = out.Close()
	})
	return out
}

// The Go that the first page shows compiles, with what it leaves to its reader.
func TestTheGoOfTheFirstPage(t *testing.T) {
	pages := snippets(t, "../../README.md", "go")
	if len(pages) != 1 {
		t.Fatalf("there are %d", len(pages))
	}
	code := `package main
import ("context"; "github.com/baton-hub/baton/hub/client")
func main() { _ = shown }
func shown(ctx context.Context, token string, move client.Handler, position float64) (err error) {
` + pages[0] + "return err }\n"
	file := filepath.Join(t.TempDir(), "shown.go")
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

// What the pages show of site files can be used: each piece in the space of a whole one.
func TestThePiecesOfSiteFiles(t *testing.T) {
	hub := baton(t)
	pages := append(snippets(t, "../docs/recipes.md", "yaml"), snippets(t, "../../README.md", "yaml")...)
	if len(pages) < 3 {
		t.Fatalf("there are %d", len(pages))
	}
	for _, piece := range pages {
		dir := t.TempDir()
		if !strings.Contains(piece, "channels:") {
			piece = "channels: {chat: {kind: log, write: [member]}}\n" + piece
		}
		site := "version: 1\ntitle: Pieces\nspaces:\n  demo:\n    title: Demo\n    " +
			strings.ReplaceAll(strings.TrimSpace(piece), "\n", "\n    ") + "\nauthenticators:\n  - {kind: dev}\n"
		if err := os.WriteFile(filepath.Join(dir, "samples.schema.json"), []byte(`{"type": "object"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "site.yaml")
		if err := os.WriteFile(file, []byte(site), 0o600); err != nil {
			t.Fatal(err)
		}
		if said, err := exec.CommandContext(t.Context(), hub, "config", "check", file).CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, said, site)
		}
	}
}
