package cmd

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// result is what a command line did.
type result struct {
	code        int
	out, errors string
}

// baton runs a command line with this environment and standard input.
func baton(t *testing.T, env map[string]string, stdin string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	getenv := func(name string) string { return env[name] }
	err := run(t.Context(), args, getenv, strings.NewReader(stdin), &out, &errs)
	return result{exitCode(err, &errs), out.String(), errs.String()}
}

func TestExitCodes(t *testing.T) {
	bad := file(t, "bad.yaml", "version: 1\n")
	for _, c := range []struct {
		args []string
		env  map[string]string
		code int
		says string
	}{
		{args: []string{"version"}, code: 0},
		{args: []string{"config", "example"}, code: 0},
		{args: []string{"--help"}, code: 0, says: ""},
		{args: []string{"fly"}, code: 2, says: `unknown command "fly"`},
		{args: []string{"serve", "--fast"}, code: 2, says: "unknown flag: --fast"},
		{args: []string{"serve", "now"}, code: 2, says: "now"},
		{args: []string{"config"}, code: 2, says: "config --help"},
		{args: []string{"config", "check"}, code: 2, says: "accepts 1 arg"},
		{args: []string{"serve"}, code: 2, says: "--config site.yaml"},
		{args: []string{"serve", "--dev", "--listen", "0.0.0.0:80"}, code: 2, says: "loopback only"},
		{args: []string{"serve", "--dev", "--listen", "8080"}, code: 2, says: "not an address"},
		{args: []string{"serve", "--dev", "--sync", "soon"}, code: 2, says: "always"},
		{args: []string{"serve", "--dev", "--drain", "10ms"}, code: 2, says: "--drain is a second or more"},
		{args: []string{"serve", "--dev", "--drain", "5s", "--drain-delay", "6s"}, code: 2, says: "--drain-delay is a part of it"},
		{args: []string{"serve", "--dev", "--nats", "nats://h:1", "--sync", "1s"}, code: 2, says: "sync_interval"},
		{args: []string{"serve", "--dev", "--nats-replicas", "3"}, code: 2, says: "--nats of a cluster"},
		{args: []string{"serve", "--dev", "--nats", "nats://h:1", "--nats-replicas", "2"}, code: 2, says: "not 2"},
		{args: []string{"serve", "--dev", "--redis", "http://h"}, code: 2, says: "redis://host:port"},
		{args: []string{"serve", "--dev", "--redis", "redis+sentinel://h"}, code: 2, says: "name the master"},
		{args: []string{"serve", "--dev"}, env: map[string]string{"BATON_REDIS_FILE": file(t, "redis", "redis+sentinel://h\n")}, code: 2, says: "name the master"},
		{args: []string{"serve", "--config", bad}, code: 78, says: "there are no spaces"},
		{args: []string{"serve", "--config", "/nowhere.yaml"}, code: 78, says: "reading the site file"},
		{args: []string{"serve"}, env: map[string]string{"BATON_DEV": "perhaps"}, code: 78, says: "BATON_DEV"},
		{args: []string{"serve"}, env: map[string]string{"BATON_CONFIG_FILE": "/nowhere"}, code: 78, says: "BATON_CONFIG_FILE"},
		{args: []string{"config", "check", bad}, code: 78, says: "bad.yaml: there are no spaces"},
		{args: []string{"demo"}, code: 2, says: "BATON_TOKEN"},
		{args: []string{"version", "-o", "xml"}, code: 2, says: "text or json"},
		{args: []string{"user", "add"}, code: 2, says: "accepts 1 arg"},
		{args: []string{"user", "add", "ann", "--role", ""}, code: 2, says: "--role user"},
		{args: []string{"user", "add", "", "--file", bad}, code: 1, says: "adding"},
		{args: []string{"user", "add", "ann", "--password-stdin"}, code: 2, says: "empty"},
	} {
		got := baton(t, c.env, "", c.args...)
		if got.code != c.code || !strings.Contains(got.errors, c.says) {
			t.Errorf("baton %v exited with %d and said %q; want %d and %q", c.args, got.code, got.errors, c.code, c.says)
		}
	}
}

func TestDevAuthenticatorIsRefusedWithoutDev(t *testing.T) {
	path := file(t, "site.yaml", string(siteDev))
	got := baton(t, nil, "", "serve", "--config", path)
	if got.code != 78 || !strings.Contains(got.errors, "--dev only") {
		t.Errorf("it exited with %d and said %q", got.code, got.errors)
	}
}

func TestSecretsAreNotRepeated(t *testing.T) {
	for _, args := range [][]string{
		{"serve", "--dev", "--redis", "http://me:hunter2@host"},
		{"serve", "--dev", "--redis", "redis://me:hunter2@host/x"},
		{"serve", "--dev", "--nats", "nats://me:hunter2@host", "--sync", "1s"},
	} {
		if got := baton(t, nil, "", args...); strings.Contains(got.errors, "hunter2") {
			t.Errorf("baton %v said %q", args, got.errors)
		}
	}
}

func TestVersionAsJSON(t *testing.T) {
	var b build
	got := baton(t, nil, "", "version", "-o", "json")
	if err := json.Unmarshal([]byte(got.out), &b); err != nil || b.Go == "" || b.Platform == "" {
		t.Errorf("it printed %q: %v", got.out, err)
	}
}

func TestFlagsWinOverTheEnvironment(t *testing.T) {
	secret := file(t, "token", "a-token\n")
	root := rootCommand(streams{})
	c, _, err := root.Find([]string{"demo"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ParseFlags([]string{"--url", "http://flag"}); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"BATON_URL": "http://environment", "BATON_TOKEN_FILE": secret}
	if err := fromEnvironment(c.LocalFlags(), func(name string) string { return env[name] }); err != nil {
		t.Fatal(err)
	}
	if got := c.Flag("url").Value.String(); got != "http://flag" {
		t.Errorf("--url is %q", got)
	}
	if got := c.Flag("token").Value.String(); got != "a-token" {
		t.Errorf("--token is %q", got)
	}
}

func TestPasswordFromStandardInputIsItsFirstLine(t *testing.T) {
	for in, want := range map[string]string{"hunter2": "hunter2", "a b \r\nmore": "a b ", "x\n": "x"} {
		if got, err := password(strings.NewReader(in), true); err != nil || got != want {
			t.Errorf("%q gives %q, %v", in, got, err)
		}
	}
	if _, err := password(strings.NewReader(strings.Repeat("x", maxPassword+1)), true); err == nil {
		t.Error("a longer password was cut off")
	}
	a, _ := password(nil, false)
	b, _ := password(nil, false)
	if a == b || len(a) < 20 {
		t.Errorf("made up: %q and %q", a, b)
	}
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
