package jsonfile_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/backend"
	"github.com/baton-hub/baton/channels/backend/jsonfile"
)

func open(t *testing.T, path string) backend.Backend {
	t.Helper()
	name, err := json.Marshal(filepath.Base(path))
	if err != nil {
		t.Fatal(err)
	}
	b, err := jsonfile.New(backend.Config{Dir: filepath.Dir(path), Options: map[string]json.RawMessage{"path": name}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func values(v string) map[string]json.RawMessage {
	return map[string]json.RawMessage{"<k>": json.RawMessage(v)}
}

const saved = `{
  "cursor": "c",
  "values": {
    "<k>": {
      "a": 1
    }
  }
}
`

func TestWhatIsSavedIsReadByPeopleAndLoadedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "v.json")
	b := open(t, path)
	if c, err := b.Load(t.Context()); err != nil || c.Cursor != "" || len(c.Values) != 0 {
		t.Fatalf("before there is a file: %+v, %v", c, err)
	}
	if err := b.Save(t.Context(), backend.Contents{Cursor: "c", Values: values(`{"a":1}`)}); err != nil {
		t.Fatal(err)
	}
	if text := get(t, path); text != saved {
		t.Errorf("the file is\n%s", text)
	}
	c, err := open(t, path).Load(t.Context())
	var value map[string]int
	if err != nil || c.Cursor != "c" || json.Unmarshal(c.Values["<k>"], &value) != nil || value["a"] != 1 {
		t.Errorf("loaded %+v, %v", c, err)
	}
}

func TestSaveRefusesWhenSomebodyHasChangedTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "v.json")
	b := open(t, path)
	save := func() error {
		return b.Save(t.Context(), backend.Contents{Cursor: "c", Values: values(`{"a":1}`)})
	}
	if _, err := b.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, path, `{"mine": 1}`) // there was none when it was loaded
	for _, mine := range []string{`{"mine": 1}`, `{"mine": 2}`} {
		put(t, path, mine)
		if err := save(); !errors.Is(err, backend.ErrChanged) || get(t, path) != mine {
			t.Errorf("over %s: %v, the file is %s", mine, err, get(t, path))
		}
	}
	if _, err := b.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := save(); err != nil || get(t, path) != saved {
		t.Errorf("after it was loaded: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("the folder has %v, %v", left, err)
	}
}

func TestACrashBetweenWritingAndRenamingLeavesTheOldFileAndIsSweptUp(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "v.json")
	put(t, path, saved)
	left := filepath.Join(dir, ".v.json.123.tmp")
	put(t, left, `{"cursor": "d", "values": {"<k>`)
	if err := os.Chtimes(left, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	b := open(t, path)
	if c, err := b.Load(t.Context()); err != nil || c.Cursor != "c" {
		t.Fatalf("after the crash: %+v, %v", c, err)
	}
	if err := b.Save(t.Context(), backend.Contents{Cursor: "d", Values: values("2")}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what the crash left is still there: %v", err)
	}
}

func TestTheModeOfTheFileAndALinkStayAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "v.json"), filepath.Join(dir, "link.json")
	put(t, file, saved)
	if err := errors.Join(os.Chmod(file, 0o664), os.Symlink("v.json", link)); err != nil {
		t.Fatal(err)
	}
	b := open(t, link)
	if _, err := b.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Save(t.Context(), backend.Contents{Cursor: "d", Values: values("2")}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(file)
	if err != nil || info.Mode().Perm() != 0o664 || !strings.Contains(get(t, file), `"d"`) {
		t.Errorf("the file has %v, %v", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}
}

func TestWhatIsNoValuesIsInvalid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.json")
	for text, want := range map[string]string{
		`{"a": 1}`:                                     "plain",
		`{"values": {"a": 1}}`:                         "plain",
		`{"values": {"a": 1}, "cursor": "c"}`:          "c",
		`{"values": 1, "more": 2}`:                     "plain",
		`{}`:                                           "plain",
		`{"values": {"a": 1}, "cursor": 5}`:            "invalid",
		`{"values": 1, "cursor": "c"}`:                 "invalid",
		`{"values": 1}`:                                "invalid",
		`{"values": {}, "cursor": "c", "comment": ""}`: "invalid",
		`{"a": 1, "a": 2}`:                             "invalid",
		`{"values": {"a": 1, "a": 2}, "cursor": "c"}`:  "invalid",
		` `:                 "invalid",
		`null`:              "invalid",
		`[]`:                "invalid",
		`{"a": 1} {}`:       "invalid",
		"{\"a\": \"\xc3\"}": "invalid",
	} {
		put(t, path, text)
		got := "plain"
		c, err := open(t, path).Load(t.Context())
		switch {
		case errors.Is(err, backend.ErrInvalid):
			got = "invalid"
		case err != nil:
			t.Errorf("%s: %v", text, err)
		case c.Cursor != "":
			got = c.Cursor
		}
		if got != want {
			t.Errorf("%s is %s, not %s", text, got, want)
		}
	}
}

func TestEveryEditIsNoticedAlsoOneOfTheSameSizeAtTheSameTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.json")
	b := open(t, path)
	changed := make(chan struct{}, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Watch(ctx, func() { changed <- struct{}{} }) }()
	at := time.Now().Add(-time.Second)
	for _, text := range []string{`{"a":1}`, `{"a":2}`, `{"a":3}`} {
		put(t, path, text)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		put(t, path, strings.Replace(text, "a", "b", 1))
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		for len(changed) > 0 {
			<-changed
		}
		select {
		case <-changed:
		case <-time.After(20 * time.Second):
			t.Fatalf("the edit of %s was not noticed", text)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	<-changed
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestOptionsThatCannotBeAreRefused(t *testing.T) {
	for _, options := range []string{`{}`, `{"path": ""}`, `{"path": 5}`, `{"path": "v.json", "pth": 1}`} {
		var c backend.Config
		if err := json.Unmarshal([]byte(options), &c.Options); err != nil {
			t.Fatal(err)
		}
		if _, err := jsonfile.New(c); err == nil {
			t.Errorf("%s was not refused", options)
		}
	}
}

func TestWhatIsKeptAsideIsNoMoreReadableThanTheFileAndANewFileIsItsOwnersOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.json")
	b := open(t, path)
	mode := func(path string) fs.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	if _, err := b.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Save(t.Context(), backend.Contents{Cursor: "c", Values: values("1")}); err != nil || mode(path) != 0o600 {
		t.Errorf("a new file has mode %v, %v", mode(path), err)
	}
	for _, want := range []fs.FileMode{0o644, 0o600, 0o640} {
		if err := os.Chmod(path, want); err != nil {
			t.Fatal(err)
		}
		if err := b.(backend.Keeper).Keep(t.Context()); err != nil || mode(path+".invalid") != want {
			t.Errorf("of a file with %v the copy has %v, %v", want, mode(path+".invalid"), err)
		}
	}
}

func TestAHugeFileIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.json")
	put(t, path, "")
	if err := os.Truncate(path, 3<<30); err != nil { // it takes no room
		t.Fatal(err)
	}
	b := open(t, path)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := b.Load(t.Context())
	runtime.ReadMemStats(&after)
	if !errors.Is(err, backend.ErrInvalid) || !strings.Contains(err.Error(), "limit") {
		t.Errorf("it is %v", err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("%d bytes were taken for it", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1200*time.Millisecond)
	defer cancel()
	told := 0
	if err := b.Watch(ctx, func() { told++ }); err != nil || told > 0 {
		t.Errorf("it was told to have changed %d times, %v", told, err)
	}
}

func TestWhatIsNoRegularFileIsNotRead(t *testing.T) {
	b := open(t, t.TempDir())
	if _, err := b.Load(t.Context()); err == nil || errors.Is(err, backend.ErrInvalid) || !strings.Contains(err.Error(), "regular") {
		t.Errorf("a folder is %v", err)
	}
}
