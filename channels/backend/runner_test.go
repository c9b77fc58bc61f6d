package backend_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/backend"
	"github.com/baton-hub/baton/channels/backend/jsonfile"
)

const patience = time.Minute

// anybody is an Authority that knows everybody as a user.
type anybody struct{}

func (anybody) Identify(_ channels.View, id string) (channels.Who, error) {
	return channels.Who{ID: id, User: id, Roles: []string{"user"}}, nil
}

func (anybody) Fence(channels.View, channels.Who, uint64) error {
	return channels.Refuse(channels.CodeNotOperator, "nobody is")
}

// lab is a space with a store and a file that other programs edit.
type lab struct {
	t     *testing.T
	log   *channels.MemoryLog
	space *channels.Space
	path  string
	ops   uint64

	mu      sync.Mutex
	reports []string
}

func newLab(t *testing.T) *lab {
	l := &lab{t: t, log: channels.NewMemoryLog(), path: filepath.Join(t.TempDir(), "recipes.json")}
	l.space = l.open()
	return l
}

func (l *lab) open() *channels.Space {
	l.t.Helper()
	space, err := channels.Open(l.t.Context(), channels.Options{
		Name: "lab", Log: l.log, Authority: anybody{}, Rules: &channels.Rules{Version: 1, Channels: map[string]channels.ChannelRules{
			"recipes": {
				Kind: channels.KindStore, Write: []channels.Right{"member"}, Backend: "recipes",
				Schema: json.RawMessage(`{"type": ["number", "object"], "maximum": 1000}`),
			},
			"closed": {Kind: channels.KindStore, Write: []channels.Right{"operator"}, Backend: "closed"},
		}},
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(space.Close)
	return space
}

// write is a write of alice, who is a client like any.
func (l *lab) write(channel, key, value string) channels.Outcome {
	l.t.Helper()
	w := channels.Write{Channel: channel}
	if value == "" {
		w.Delete = []string{key}
	} else {
		w.Set = map[string]json.RawMessage{key: json.RawMessage(value)}
	}
	l.ops++
	o := l.space.Do(l.t.Context(), channels.Proposal{
		Op: channels.Op{Client: "alice-tab", N: l.ops}, Actor: "alice", User: "alice", Decide: w.Decide,
	})
	if o.Err != nil {
		l.t.Fatalf("writing %s: %v", key, o.Err)
	}
	return o
}

func (l *lab) backend() backend.Backend {
	l.t.Helper()
	file, err := jsonfile.New(backend.Config{Dir: filepath.Dir(l.path), Options: map[string]json.RawMessage{"path": json.RawMessage(`"recipes.json"`)}})
	if err != nil {
		l.t.Fatal(err)
	}
	return file
}

// keep runs a runner until the test or stop ends it.
func (l *lab) keep(channel string, more ...func(*backend.Runner)) (stop func()) {
	l.t.Helper()
	r := &backend.Runner{Name: channel, Channel: channel, Backend: l.backend(), Space: l.space, Delay: 10 * time.Millisecond, Report: func(failed bool, detail string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if failed {
			l.reports = append(l.reports, detail)
		}
	}}
	for _, m := range more {
		m(r)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			l.t.Errorf("the runner ended with %v", err)
		}
	})
	l.t.Cleanup(stop)
	return stop
}

// reported waits for a report that says something.
func (l *lab) reported(part string) {
	l.t.Helper()
	l.await("a report of "+part, func() bool { return strings.Contains(strings.Join(l.said(), "\n"), part) })
}

func (l *lab) said() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.reports)
}

func (l *lab) await(what string, holds func() bool) {
	l.t.Helper()
	for late := time.Now().Add(patience); !holds(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(late) {
			text, _ := os.ReadFile(l.path)
			l.t.Fatalf("waited in vain for %s. Reported: %q. The store is %s, the file is\n%s", what, l.said(), l.store("recipes"), text)
		}
	}
}

// store is the values of a store as JSON.
func (l *lab) store(channel string) string {
	values := map[string]json.RawMessage{}
	l.space.Read(func(s *channels.State) {
		for key, v := range s.All(channel, "").Values {
			values[key] = v.Data
		}
	})
	text, err := json.Marshal(values)
	if err != nil {
		l.t.Fatal(err)
	}
	return string(text)
}

func (l *lab) value(key string) (v channels.Value) {
	l.space.Read(func(s *channels.State) { v, _ = s.Get(channels.Ref{Channel: "recipes", Key: key}) })
	return v
}

// file is what is in the file, its values as JSON.
func (l *lab) file() (cursor, values string) {
	text, err := os.ReadFile(l.path)
	if err != nil {
		return "", ""
	}
	var c struct {
		Cursor string
		Values map[string]any
	}
	if json.Unmarshal(text, &c) != nil {
		return "", ""
	}
	plain, err := json.Marshal(c.Values)
	if err != nil {
		l.t.Fatal(err)
	}
	return c.Cursor, string(plain)
}

func (l *lab) fileIs(want string) func() bool {
	return func() bool { _, values := l.file(); return values == want }
}

func (l *lab) storeIs(want string) func() bool {
	return func() bool { return l.store("recipes") == want }
}

// inStep waits until file and store are the same, and the cursor is of the last change.
func (l *lab) inStep(want string) {
	l.t.Helper()
	l.await("both to be "+want, func() bool {
		if !l.storeIs(want)() || !l.fileIs(want)() {
			return false
		}
		text, _ := l.file()
		position, _, _ := strings.Cut(text, ".")
		cursor, err := channels.ParseCursor(position)
		var touched uint64
		l.space.Read(func(s *channels.State) { touched = s.Touched("recipes", "") })
		return err == nil && cursor.Position >= touched
	})
}

// edit is another program: it reads the file, changes values and renames a new one into its place. A value of nil is
// deleted.
func (l *lab) edit(changes map[string]any) {
	l.t.Helper()
	var c map[string]any
	text, err := os.ReadFile(l.path)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		l.t.Fatal(err)
	}
	values := c["values"].(map[string]any)
	for key, v := range changes {
		if v == nil {
			delete(values, key)
		} else {
			values[key] = v
		}
	}
	if text, err = json.Marshal(c); err != nil {
		l.t.Fatal(err)
	}
	l.put(string(text))
}

func (l *lab) put(text string) {
	l.t.Helper()
	temporary := l.path + ".edited"
	if err := os.WriteFile(temporary, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	if err := os.Rename(temporary, l.path); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) aside() string {
	text, _ := os.ReadFile(l.path + ".invalid")
	return string(text)
}

func TestWhatIsCommittedIsSavedAndWhatIsEditedIsCommitted(t *testing.T) {
	l := newLab(t)
	l.write("recipes", "a", `{"beam": 20}`)
	l.keep("recipes")
	l.inStep(`{"a":{"beam":20}}`)
	l.write("recipes", "b", "2")
	l.inStep(`{"a":{"beam":20},"b":2}`)

	l.edit(map[string]any{"a": map[string]any{"beam": 30}, "b": nil, "c": 3})
	l.inStep(`{"a":{"beam":30},"c":3}`)
	a, c := l.value("a"), l.value("c")
	if a.By != "backend/recipes" || a.Position != c.Position {
		t.Errorf("what was edited together was written as %+v and %+v", a, c)
	}
	l.edit(map[string]any{"a": 1}) // once more: the cursor has moved on with the first edit
	l.inStep(`{"a":1,"c":3}`)
	if said := l.said(); len(said) > 0 {
		t.Errorf("reported: %q", said)
	}
}

// An editor may save again before the hub has told the file that it took the last edit.
func TestEditsThatFollowEachOtherAreAllTaken(t *testing.T) {
	l := newLab(t)
	l.write("recipes", "a", "1")
	l.write("recipes", "b", "1")
	stop := l.keep("recipes")
	l.inStep(`{"a":1,"b":1}`)
	stop()
	file := &held{Backend: l.backend()}
	l.keep("recipes", func(r *backend.Runner) { r.Backend = file })
	file.refuse.Store(true)
	for _, step := range []struct {
		changes map[string]any
		want    string
	}{
		{map[string]any{"a": 2, "b": nil}, `{"a":2}`},
		{map[string]any{"a": 1, "b": 3}, `{"a":1,"b":3}`}, // back to what it was
		{map[string]any{"a": nil}, `{"b":3}`},
	} {
		l.edit(step.changes)
		l.await(step.want, l.storeIs(step.want))
	}
	file.refuse.Store(false)
	l.inStep(`{"b":3}`)
	if l.aside() != "" {
		t.Errorf("kept aside: %s", l.aside())
	}
}

// held is a backend that cannot be written for a while.
type held struct {
	backend.Backend
	refuse atomic.Bool
}

func (h *held) Save(ctx context.Context, c backend.Contents) error {
	if h.refuse.Load() {
		return errors.New("the disk is full")
	}
	return h.Backend.Save(ctx, c)
}

func TestAnEditThatTheRulesRefuseIsReportedAndKeptAside(t *testing.T) {
	l := newLab(t)
	l.write("recipes", "a", "1")
	l.write("recipes", "b", "1")
	l.keep("recipes")
	l.inStep(`{"a":1,"b":1}`)
	long := strings.Repeat("x", channels.MaxName+1)
	l.edit(map[string]any{"a": "text", "b": 2, "big": map[string]any{"x": strings.Repeat("x", channels.MaxValue)}, long: 1})
	l.reported("the edit of a is not taken: recipes")
	l.reported("the edit of big is not taken")
	l.reported("the edit of " + long)
	l.await("the others to be taken", l.storeIs(`{"a":1,"b":2}`))
	l.write("recipes", "c", "1")
	l.inStep(`{"a":1,"b":2,"c":1}`)
	if !strings.Contains(l.aside(), `"a":"text"`) {
		t.Errorf("aside is %.200q", l.aside())
	}
}

func TestAValueThatTheCheckRefusesIsNotTakenFromTheFileAndReported(t *testing.T) {
	l := newLab(t)
	l.put(`{"a": {"x": 1, "x": 2}, "b": 1}`)
	l.keep("recipes", func(r *backend.Runner) {
		r.Check = func(value []byte) error {
			if strings.Count(string(value), `"x"`) > 1 {
				return errors.New("the name x is in it twice")
			}
			return nil
		}
	})
	l.await("the other to be taken", l.storeIs(`{"b":1}`))
	l.reported("the edit of a is not taken: the name x is in it twice")
}

func TestAFileThatCannotBeReadIsReportedAndKeptAside(t *testing.T) {
	for what, broken := range map[string]string{
		"cut off": `{"cursor": "`, "empty": "", "no object": `[1]`, "no values": `{"values": [], "cursor": ""}`,
		"something beside": `{"values": {}, "cursor": "", "more": 1}`, "no text": "{\"a\": \"\xff\"}",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel() // they wait whether somebody goes on writing
			l := newLab(t)
			l.write("recipes", "a", "1")
			l.keep("recipes")
			l.inStep(`{"a":1}`)
			l.put(broken)
			l.reported("cannot be read")
			if text, err := os.ReadFile(l.path); err != nil || string(text) != broken {
				t.Errorf("before there is a change to save, the file is %q, %v", text, err)
			}
			l.write("recipes", "b", "2")
			l.inStep(`{"a":1,"b":2}`)
			if l.aside() != broken {
				t.Errorf("kept aside is %q", l.aside())
			}
		})
	}
}

func TestTheLaterChangeWinsAndTheOtherIsReportedAndKeptAside(t *testing.T) {
	l := newLab(t)
	l.write("recipes", "a", "1")
	l.write("recipes", "b", "1")
	l.write("recipes", "c", "1")
	stop := l.keep("recipes")
	l.inStep(`{"a":1,"b":1,"c":1}`)
	stop()
	l.write("recipes", "a", "2")
	l.write("recipes", "b", "")
	l.edit(map[string]any{"a": 3, "b": 3, "d": 4}) // on what was there before
	l.keep("recipes")
	l.inStep(`{"a":2,"c":1,"d":4}`)
	l.reported("whose value is kept: a, b")
	if !strings.Contains(l.aside(), `"a":3`) {
		t.Errorf("aside is %q", l.aside())
	}
}
