package cmd

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/porttest"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

const reloadSite = `version: %[1]d
title: %[2]s
%[3]s
spaces:
  lab:
    title: %[2]s lab
    channels:
      notes: {kind: store, write: [member]%[4]s}
    commands:
      look: {call: [member], serve: [member]}
%[5]s
authenticators:
  - %[6]s
`

// A reloading is a process whose site file changes.
type reloading struct {
	*process
	file string
}

func (r reloading) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// reload has `baton reload` send SIGHUP, and waits until the process has said something that it has not said before.
func (r reloading) reload(want string) {
	r.t.Helper()
	if r.said.contain(want) {
		r.t.Fatalf("it has said %q already", want)
	}
	if done := baton(r.t, nil, "", "reload", "--pid", strconv.Itoa(r.cmd.Process.Pid)); done.code != 0 {
		r.t.Fatal(done.errors)
	}
	r.says(want)
}

// says waits until the process has said something.
func (r reloading) says(want string) {
	r.t.Helper()
	for end := time.Now().Add(hubtest.Patience); !r.said.contain(want); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("after SIGHUP it did not say %q", want)
		}
	}
}

func startReloading(t *testing.T) reloading {
	t.Helper()
	dir := t.TempDir()
	r := reloading{file: filepath.Join(dir, "site.yaml")}
	r.process = &process{t: t}
	r.write(fmt.Sprintf(reloadSite, 1, "First", "", "", "", "kind: dev"))
	r.process = startBaton(t, "--demo=false", "--config", r.file, "--data", filepath.Join(dir, "data"), "--admin", fmt.Sprint("127.0.0.1:", porttest.Free(t)))
	return r
}

func TestASiteFileIsReadAgainWithoutClosingASocket(t *testing.T) {
	r := startReloading(t)
	alice := hubtest.NewBrowser(t)
	alice.SignIn(r.url, "lab", "alice")
	tab := alice.Open(r.url, "alice-tab")
	tab.Do(map[string]any{"type": "join", "channel": "notes"}, "joined", nil)
	tab.Do(map[string]any{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	const origin = "http://ui.example.org"
	shared := func() string {
		return alice.Request("GET", r.url+"/api/v1/session", "", "Origin", origin).Header.Get("Access-Control-Allow-Origin")
	}
	if shared() != "" {
		t.Error("the origin is allowed already")
	}

	users := filepath.Join(filepath.Dir(r.file), "users.yaml")
	if err := run(t.Context(), []string{"user", "add", "--file", users, "--role", "user", "--password-stdin", "zoe"}, os.Getenv, strings.NewReader("zoes secret word\n"), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	r.write(fmt.Sprintf(reloadSite, 2, "Second", `cors: ["`+origin+`"]`, ", read: [staff]",
		"    tasks: {nightly: {every: 1h, run: checkpoint}}\n  more: {channels: {c: {kind: log, write: [member]}}}", "{kind: file, path: users.yaml}"))
	r.reload(`"needs_restart":"spaces.lab.tasks, spaces.more (is new)"`)
	r.says(`"msg":"the site file is in use","version":2,"before":1`)

	var again wire.Welcome
	tab.Expect("welcome", &again)
	if again.Conn != tab.Welcome.Conn || again.Title != "Second lab" || len(again.Channels["notes"].Read) != 1 {
		t.Errorf("the socket was %s, and is welcomed as %s to %s", tab.Welcome.Conn, again.Conn, again.Title)
	}
	tab.Refused(map[string]any{"type": "join", "channel": "notes"}, "forbidden")
	tab.Do(map[string]any{"type": "call", "command": "look"}, "called", nil)
	tab.Expect("invoke", nil)
	if shared() != origin {
		t.Error("the origin is not allowed")
	}
	var site struct {
		Title  string
		Spaces []struct{ Name, Title string }
	}
	alice.Do("GET", r.url+"/api/v1/spaces", nil, &site)
	if site.Title != "Second" || len(site.Spaces) != 1 || site.Spaces[0].Title != "Second lab" {
		t.Errorf("the sign-in page shows %+v", site)
	}
	for user, want := range map[string]int{"alice": 401, "zoe": 200} {
		password := map[string]string{"alice": "alice", "zoe": "zoes secret word"}[user]
		body := map[string]string{"space": "lab", "user": user, "password": password}
		if status, answer := hubtest.NewBrowser(t).Do("POST", r.url+"/api/v1/session", body, nil); status != want {
			t.Errorf("signing in as %s answers %d: %s", user, status, answer)
		}
	}
	for address, want := range map[string]string{
		r.url + "/readyz": `"rules":{"lab":2}`,
		"http://" + r.args[len(r.args)-1] + "/metrics": "baton_rules_version{space=\"lab\"} 2",
	} {
		if answer := alice.Request("GET", address, ""); answer.Status != http.StatusOK || !strings.Contains(answer.Body, want) {
			t.Errorf("%s does not say %s", address, want)
		}
	}
}

func TestASiteFileThatIsWrongChangesNothing(t *testing.T) {
	r := startReloading(t)
	alice := hubtest.NewBrowser(t)
	alice.SignIn(r.url, "lab", "alice")
	tab := alice.Open(r.url, "alice-tab")
	for _, c := range []struct {
		text string
		want []string
	}{
		{"version: 9\ntilte: x\nspaces: {lab: {}}\n", []string{
			`there is no key \"tilte\" here: did you mean \"title\"?`, "the space has no channels", "nobody can sign in",
		}},
		{fmt.Sprintf(reloadSite, 1, "Other", "", ", read: [staff]", "", "kind: dev"), []string{"the rules of the space lab are others, and version is still 1: make it 2"}},
		{fmt.Sprintf(reloadSite, 9, "Other", "", "", "", "{kind: file, path: nowhere.yaml}"), []string{"nowhere.yaml"}},
	} {
		r.write(c.text)
		r.reload(c.want[len(c.want)-1])
		for _, want := range c.want {
			r.says(want)
		}
	}
	if answer := alice.Request("GET", r.url+"/api/v1/spaces", ""); !strings.Contains(answer.Body, `"First"`) {
		t.Errorf("the site has changed: %s", answer.Body)
	}
	tab.Do(map[string]any{"type": "join", "channel": "notes"}, "joined", nil)

	// What is no rule needs no other version.
	r.write(strings.Replace(fmt.Sprintf(reloadSite, 1, "First", "cors: [\"http://ui.example.org\"]", "", "", "kind: dev"), "title: First\n", "title: Renamed\n", 1))
	r.reload(`"msg":"the site file is in use","version":1,"before":1`)
	if answer := alice.Request("GET", r.url+"/api/v1/spaces", ""); !strings.Contains(answer.Body, `"Renamed"`) {
		t.Errorf("the site has not changed: %s", answer.Body)
	}
	tab.Do(map[string]any{"type": "ping"}, "pong", nil)
	r.write(fmt.Sprintf(reloadSite, 5, "Fifth", "", "", "", "kind: dev"))
	r.reload(`"version":5`)
	r.write(fmt.Sprintf(reloadSite, 4, "Fourth", "", "", "", "kind: dev"))
	r.reload("version has gone back from 5 to 4")
}

func TestEveryKeyThatIsReloadedIsOne(t *testing.T) {
	known := map[string]bool{}
	for _, t := range []struct {
		of   reflect.Type
		path string
	}{{reflect.TypeFor[site](), ""}, {reflect.TypeFor[siteSpace](), "spaces.*."}} {
		for i := range t.of.NumField() {
			known[t.path+t.of.Field(i).Tag.Get("yaml")] = true
		}
	}
	for key := range reloaded {
		if !known[key] {
			t.Errorf("the site file has no key %s", key)
		}
	}
}
