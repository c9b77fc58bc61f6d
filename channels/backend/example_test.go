package backend_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/backend"
)

// folder is a backend of one's own: each value is a file, so that people can copy recipes about. A main of one's own
// gives it a word for the site file,
//
//	cmd.Main(cmd.Options{Backends: map[string]backend.Kind{"folder": newFolder}})
//
// which then says {kind: folder, path: recipes}.
type folder struct {
	path string
	seen map[string]string // what was loaded or saved last, by file
}

var _ backend.Kind = newFolder

func newFolder(c backend.Config) (backend.Backend, error) {
	var options struct{ Path string }
	if err := c.Read(&options); err != nil {
		return nil, err
	}
	if options.Path == "" {
		return nil, errors.New("a folder needs a path, such as path: recipes")
	}
	if !filepath.IsAbs(options.Path) {
		options.Path = filepath.Join(c.Dir, options.Path)
	}
	return &folder{path: options.Path}, nil
}

const cursorFile = "cursor"

// Load reads the files.
func (f *folder) Load(context.Context) (backend.Contents, error) {
	files, err := f.read()
	if err != nil {
		return backend.Contents{}, err
	}
	c := backend.Contents{Cursor: files[cursorFile], Values: map[string]json.RawMessage{}}
	for name, text := range files {
		escaped, isValue := strings.CutSuffix(name, ".json")
		key, err := url.PathUnescape(escaped)
		switch {
		case !isValue:
		case err != nil || !json.Valid([]byte(text)):
			return backend.Contents{}, fmt.Errorf("%s %w: it is not JSON", name, backend.ErrInvalid)
		default:
			c.Values[key] = json.RawMessage(text)
		}
	}
	f.seen = files
	return c, nil
}

func (f *folder) read() (map[string]string, error) {
	files := map[string]string{}
	entries, err := os.ReadDir(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return files, nil
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(f.path, e.Name()))
		if err != nil {
			return nil, err
		}
		files[e.Name()] = string(text)
	}
	return files, err
}

// Save writes the files that differ, and the cursor last: values that are newer than their cursor do no harm.
func (f *folder) Save(_ context.Context, c backend.Contents) error {
	present, err := f.read()
	switch {
	case err != nil:
		return err
	case f.seen != nil && !maps.Equal(present, f.seen):
		return backend.ErrChanged
	}
	wanted := map[string]string{}
	for key, value := range c.Values {
		wanted[url.PathEscape(key)+".json"] = string(value)
	}
	if err := os.MkdirAll(f.path, 0o755); err != nil {
		return err
	}
	for name := range present {
		if _, ok := wanted[name]; !ok && strings.HasSuffix(name, ".json") {
			if err := os.Remove(filepath.Join(f.path, name)); err != nil {
				return err
			}
		}
	}
	for name, text := range wanted {
		if present[name] == text {
			continue
		}
		if err := f.write(name, text); err != nil {
			return err
		}
	}
	wanted[cursorFile], f.seen = c.Cursor, wanted
	return f.write(cursorFile, c.Cursor)
}

func (f *folder) write(name, text string) error {
	path := filepath.Join(f.path, name)
	return errors.Join(os.WriteFile(path+".tmp", []byte(text), 0o600), os.Rename(path+".tmp", path))
}

// Watch looks again and again; the Runner finds out whether anything has changed.
func (f *folder) Watch(ctx context.Context, changed func()) error {
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			changed()
		}
	}
}

// A store that is kept in a folder: what the hub commits is in a file a moment later, and what somebody saves there is
// written to the store.
func Example() {
	dir, err := os.MkdirTemp("", "recipes")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	space, err := channels.Open(context.Background(), channels.Options{
		Name: "lab", Log: channels.NewMemoryLog(), Authority: anybody{}, Rules: &channels.Rules{
			Version:  1,
			Channels: map[string]channels.ChannelRules{"recipes": {Kind: channels.KindStore, Write: []channels.Right{"service"}}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer space.Close()

	kept, err := newFolder(backend.Config{Dir: dir, Options: map[string]json.RawMessage{"path": json.RawMessage(`"recipes"`)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	ended := make(chan error, 1)
	go func() {
		r := backend.Runner{Name: "recipes", Channel: "recipes", Backend: kept, Space: space}
		ended <- r.Run(ctx)
	}()

	// Somebody saves a recipe. As it is new, no cursor has to say what they had seen.
	recipe := filepath.Join(dir, "recipes", "lysozyme.json")
	for ctx.Err() == nil && os.WriteFile(recipe, []byte(`{"beam": 20}`), 0o600) != nil {
		<-time.After(10 * time.Millisecond) // until the folder is there
	}
	for ctx.Err() == nil {
		var there bool
		space.Read(func(s *channels.State) {
			var v channels.Value
			if v, there = s.Get(channels.Ref{Channel: "recipes", Key: "lysozyme"}); there {
				fmt.Printf("%s, by %s\n", v.Data, v.By)
			}
		})
		if there {
			break
		}
		<-time.After(10 * time.Millisecond)
	}
	cancel()
	fmt.Println("ended:", <-ended)
	// Output:
	// {"beam":20}, by backend/recipes
	// ended: <nil>
}
