package cmd

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

const keptSite = `version: 1
spaces:
  lab:
    channels:
      recipes: {kind: store, write: [member], backend: recipes, schema: {type: object, required: [beam]}}
    tasks:
      often: {every: 1s, run: checkpoint, on: instrument}
      elsewhere: {every: 1s, run: checkpoint, on: moon}
backends:
  recipes: {kind: jsonfile, path: recipes.json, on: instrument}
authenticators: [{kind: dev}]
`

func TestAStoreIsKeptInAFileThatOthersEditAlsoWhileTheHubIsDown(t *testing.T) {
	t.Parallel()
	site := siteIn(t, keptSite, map[string]string{})
	file := filepath.Join(filepath.Dir(site), "recipes.json")
	p := startBaton(t, "--data", t.TempDir(), "--config", site, "--label", "instrument", "--label", "other")
	alice := hubtest.NewBrowser(t)
	alice.SignIn(p.url, "lab", "alice")
	tab := alice.Open(p.url, "alice-tab")
	sam := hubtest.NewBrowser(t)
	sam.SignIn(p.url, "lab", "sam") // staff see what a task says of itself
	tab.Do(map[string]any{"type": "join", "channel": "recipes"}, "joined", nil)

	tab.Do(map[string]any{"type": "write", "channel": "recipes", "set": map[string]any{"a": map[string]any{"beam": 20}}}, "written", nil)
	editFile(t, file, `"beam": 20`, `"beam": 30`)
	change := func(tab *hubtest.Tab, by string) (c wire.Change) {
		t.Helper()
		for c.By != by {
			tab.Expect("change", &c)
		}
		return c
	}
	if c := change(tab, "backend/recipes"); string(c.Set["a"]) != `{"beam":30}` {
		t.Errorf("the tab got %+v", c)
	}
	tab.Do(map[string]any{"type": "write", "channel": "recipes", "set": map[string]any{"b": map[string]any{"beam": 1}}}, "written", nil)
	editFile(t, file, `"b": {`, `"b" : {`)        // once the hub has saved what it took
	editFile(t, file, `"beam": 30`, `"bean": 40`) // a slip
	problem := func(s hub.TaskStatus) bool {
		return len(s.Runs) > 0 && s.Runs[0].State == hub.RunFailed && strings.Contains(s.Runs[0].Detail, "beam")
	}
	awaitTask(t, sam, p.url, "backend/recipes", problem)
	editFile(t, file, `"bean": 40`, `"beam": 40`)
	if c := change(tab, "backend/recipes"); string(c.Set["a"]) != `{"beam":40}` {
		t.Errorf("the tab got %+v", c)
	}
	awaitTask(t, sam, p.url, "often", func(s hub.TaskStatus) bool {
		return len(s.Runs) > 1 && s.Runs[1].State == hub.RunOK && strings.HasPrefix(s.Runs[1].Detail, "through position") && s.On == "instrument"
	})
	awaitTask(t, sam, p.url, "elsewhere", func(s hub.TaskStatus) bool { return len(s.Runs) == 0 })

	p.kill()
	editFile(t, file, `"beam": 40`, `"beam": 50`)
	p.start()
	again := alice.Open(p.url, "alice-tab2")
	var joined wire.Joined
	again.Do(map[string]any{"type": "join", "channel": "recipes"}, "joined", &joined)
	now := joined.Values["a"].Value
	for string(now) != `{"beam":50}` { // until then it has what it had before: the edit comes as a change
		now = change(again, "backend/recipes").Set["a"]
	}
}

// editFile is another program: it waits until the file says what it expects, and replaces that.
func editFile(t *testing.T, path, expected, by string) {
	t.Helper()
	for late := time.Now().Add(hubtest.Patience); ; <-time.After(20 * time.Millisecond) {
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), expected) {
			edited := strings.Replace(string(text), expected, by, 1)
			if err := os.WriteFile(path+".edited", []byte(edited), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".edited", path); err != nil {
				t.Fatal(err)
			}
			return
		}
		if time.Now().After(late) {
			t.Fatalf("%s does not say %s: %s, %v", path, expected, text, err)
		}
	}
}

// awaitTask waits until the hub says of a task what is wanted.
func awaitTask(t *testing.T, b *hubtest.Browser, url, name string, wanted func(hub.TaskStatus) bool) {
	t.Helper()
	var answer struct{ Tasks []hub.TaskStatus }
	for late := time.Now().Add(hubtest.Patience); time.Now().Before(late); <-time.After(100 * time.Millisecond) { // less often than one may ask
		if status, text := b.Do(http.MethodGet, url+"/api/v1/spaces/lab/tasks", nil, &answer); status != http.StatusOK {
			t.Fatalf("answered %d %s", status, text)
		}
		for _, s := range answer.Tasks {
			if s.Name == name && wanted(s) {
				return
			}
		}
	}
	text, _ := json.Marshal(answer)
	t.Fatalf("of %s the hub says %s", name, text)
}
