// Package jsonfile keeps a store in a JSON file that other programs read and edit:
//
//	{
//	  "cursor": "…",
//	  "values": {
//	    "lysozyme": {"beam": 20, "exposure": 0.04}
//	  }
//	}
//
// Other programs change values and leave the cursor as they found it: it says which changes of the hub they had seen.
// An object without "values" is taken as plain values that have seen nothing: keys that the hub never had come in, and
// for the others the hub's values are kept. Deleting a key deletes it in the store; deleting the file deletes nothing,
// it is written again. An empty file is one that somebody is about to write.
//
// The file is written to a temporary one beside it, synced, and renamed, so a reader sees the old values or the new ones
// and a power cut leaves one of them. Whoever edits it does best to do the same: then no edit is lost, whenever it comes.
// One that is written piece by piece into the old file in the very instant in which that is replaced can be, as with any
// two programs that save one file.
//
// A file that cannot be read, and one with edits that the hub does not take, is kept as <name>.invalid before it is
// overwritten; so is one of more than 64 MiB, which is not read. A new file is for its owner only, what is kept aside for whom
// the file is. It is watched by looking at it twice a second, which works on network file systems, too, and needs nothing.
package jsonfile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/baton-hub/baton/channels/backend"
)

// maxSize is the largest file that is read, in bytes.
const maxSize = 64 << 20

// look is how often the file is looked at.
const look = 500 * time.Millisecond

// file is the Backend.
type file struct {
	path    string
	invalid bool // what is there cannot be read; owned by the goroutine that loads and saves

	mu   sync.Mutex
	seen digest // of what was loaded or saved last; guarded by mu
}

func (f *file) see(d digest) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = d
}

func (f *file) lastSeen() digest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

// New makes the backend of {kind: jsonfile, path: values.json}. A relative path is relative to the site file.
func New(c backend.Config) (backend.Backend, error) {
	var options struct {
		Path string `json:"path"`
	}
	if err := c.Read(&options); err != nil {
		return nil, err
	}
	if options.Path == "" {
		return nil, errors.New("a jsonfile needs a path, such as path: values.json")
	}
	if !filepath.IsAbs(options.Path) {
		options.Path = filepath.Join(c.Dir, options.Path)
	}
	return &file{path: options.Path}, nil
}

// contents is the file as it is written.
type contents struct {
	Cursor string                     `json:"cursor"`
	Values map[string]json.RawMessage `json:"values"`
}

// Load reads the file.
func (f *file) Load(context.Context) (backend.Contents, error) {
	data, sum, err := read(f.path)
	if err != nil && !errors.Is(err, errSize) {
		return backend.Contents{}, err
	}
	f.see(sum)
	var c backend.Contents
	if err == nil && sum != (digest{}) {
		c, err = parse(data)
	}
	f.invalid = err != nil
	if err != nil {
		return backend.Contents{}, fmt.Errorf("%s %w: %w", filepath.Base(f.path), backend.ErrInvalid, err)
	}
	return c, nil
}

// Save writes the file.
func (f *file) Save(ctx context.Context, c backend.Contents) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(contents(c)); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return err
	}
	if f.invalid {
		if err := f.Keep(ctx); err != nil {
			return err
		}
	}
	if err := f.replace(text.Bytes()); err != nil {
		return err
	}
	f.see(sha256.Sum256(text.Bytes()))
	f.invalid = false
	return nil
}

// replace puts a new file in the place of the one that was seen last. Where the file system can exchange two files in
// one step, no edit can slip in between the look and the replacement; else there is an instant in which one can.
func (f *file) replace(text []byte) error {
	path := f.path
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // what the link leads to is replaced, not the link
	}
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	temporary, err := write(path, bytes.NewReader(text), mode)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary) }() // it is gone, or holds what was replaced
	changed := fmt.Errorf("%s was %w", filepath.Base(f.path), backend.ErrChanged)
	present, err := sumOf(path)
	switch {
	case err != nil:
		return err
	case present != f.lastSeen():
		return changed
	case present == digest{}:
		err = os.Link(temporary, path) // fails if there is one by now
		if errors.Is(err, fs.ErrExist) {
			return changed
		}
	default:
		var slipped bool
		if slipped, err = exchange(temporary, path, present, sha256.Sum256(text)); slipped {
			return changed
		}
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// exchange replaces path, which should be as it was seen. If it was not, what was there is put back, and slipped is true.
func exchange(temporary, path string, seen, ours digest) (slipped bool, err error) {
	if swap(temporary, path) != nil {
		return false, os.Rename(temporary, path)
	}
	replaced, err := sumOf(temporary)
	if err != nil || replaced == seen {
		return false, err
	}
	if err := swap(temporary, path); err != nil {
		return true, err
	}
	if again, err := sumOf(temporary); err == nil && again != ours {
		return true, swap(temporary, path) // one more edit has slipped in meanwhile: the later one stays
	}
	return true, nil
}

// write makes a temporary file beside path, durable.
func write(path string, text io.Reader, mode fs.FileMode) (name string, err error) {
	sweep(path)
	t, err := os.CreateTemp(filepath.Dir(path), temporaryName(path))
	if err != nil {
		return "", err
	}
	_, err = io.Copy(t, text)
	err = errors.Join(err, t.Chmod(mode), t.Sync(), t.Close())
	if err != nil {
		_ = os.Remove(t.Name())
		return "", err
	}
	return t.Name(), nil
}

func temporaryName(path string) string { return "." + filepath.Base(path) + ".*.tmp" }

// sweep removes what a crash has left between writing and renaming.
func sweep(path string) {
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), temporaryName(path))) // a name that is no pattern is swept by hand
	for _, name := range left {
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > time.Minute {
			_ = os.Remove(name)
		}
	}
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Keep copies what is there to <name>.invalid, for nobody to read who may not read the file.
func (f *file) Keep(context.Context) error {
	info, err := regular(f.path)
	if err != nil || info == nil {
		return err
	}
	source, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer source.Close()
	aside := f.path + ".invalid"
	temporary, err := write(aside, source, info.Mode().Perm())
	if err != nil {
		return err
	}
	return errors.Join(os.Rename(temporary, aside), syncFolder(filepath.Dir(aside)))
}

// Watch compares the file with what was loaded or saved last. It is read only if it looks different from when it was
// read last, or was changed so lately that it may have changed again within the clock of the file system.
func (f *file) Watch(ctx context.Context, changed func()) error {
	const clock = 2 * time.Second
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	var last fs.FileInfo // nil: not there
	var sum digest
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		now, err := os.Stat(f.path)
		if !same(last, now) || now != nil && time.Since(now.ModTime()) < clock {
			last = now
			sum, err = sumOf(f.path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) || sum != f.lastSeen() {
			changed() // if it cannot be read, to load it says why
		}
	}
}

func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
