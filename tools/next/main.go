// Command next builds Baton as its next version could be, for the tests that run two versions side by side:
//
//	go run ./next -o ../bin/baton-next
//
// The next version is made of the present source: some lines are replaced and some files added, in an overlay that only
// this build sees (go help build, -overlay). So what it adds to the protocol and to the log is never in Baton itself, and
// it has everything else that Baton has by now. It does what a version may do under the compatibility rule (package
// channels, entry.go): fields, frame types and reserved stores that nobody knows, wherever nodes and clients read. With -format it also writes entries and snapshots of a higher format.
//
// A replaced line that is not there any more is an error: then say here how the next version looks now.
package main

import (
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	out := flag.String("o", "", "the file to build")
	root := flag.String("root", "..", "folder of the module")
	format := flag.Int("format", 0, "write entries and snapshots of this format; 0 = of the present one")
	flag.Parse()
	if err := build(*root, *out, *format, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "next: %v\n", err)
		os.Exit(1)
	}
}

// An edit replaces a text that is in a file once.
type edit struct{ file, old, new string }

// additions are what the next version does beyond the present one, without harm to it.
var additions = []edit{
	{"hub/wire/wire.go", "body, err := encode(f)\n", "body, err := encodeNext(f)\n"},
	{"hub/gather.go", "func (p *parcel) add(frame []byte) {\n", "func (p *parcel) add(frame []byte) {\n\tp.begin()\n"},
	{"channels/flight.go", "data: b.encode(), ", "data: entryOfNext(b.encode()), "},
	{"channels/snapshot.go", "err = out.Encode(l)\n", "err = out.Encode(lineNext{l, later})\n"},
	{"channels/housekeeping.go", "rulesKey}, rules)\n", "rulesKey}, rulesNext(rules))\n"},
	{"channels/space.go", "\tgo s.run(runCtx)\n", "\tgo s.run(runCtx)\n\tgo s.checkpointOften(runCtx)\n"},
}

// otherFormat are the further edits with which it reads the formats up to its own, and writes its own.
func otherFormat(format int) []edit {
	return []edit{
		{"channels/entry.go", "const EntryVersion = 1\n", fmt.Sprintf("const EntryVersion = %d\n", format)},
		{"channels/entry.go", "e.Version != EntryVersion", "e.Version > EntryVersion"},
		{"channels/snapshot_read.go", "l.Head.Version != EntryVersion", "l.Head.Version > EntryVersion"},
	}
}

// added are the files of the next version. Where they go is in their names.
//
//go:embed added
var added embed.FS

// build compiles the next version.
func build(root, out string, format int, stderr io.Writer) error {
	if out == "" {
		return errors.New("say what to build: -o FILE")
	}
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "baton-next-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	edits := additions
	if format != 0 {
		edits = append(edits[:len(edits):len(edits)], otherFormat(format)...)
	}
	overlay, err := lay(root, dir, edits)
	if err != nil {
		return err
	}
	c := exec.Command("go", "build", "-overlay", overlay, "-ldflags", "-X github.com/baton-hub/baton/cmd.version=next", "-o", out, "./cmd/baton")
	c.Dir, c.Stderr = root, stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("building: %w", err)
	}
	return nil
}

// lay writes the overlay into a folder and returns its description's name.
func lay(root, dir string, edits []edit) (description string, err error) {
	files := map[string]string{}
	for _, e := range edits {
		if files[e.file] == "" {
			data, err := os.ReadFile(filepath.Join(root, e.file))
			if err != nil {
				return "", err
			}
			files[e.file] = string(data)
		}
		if n := strings.Count(files[e.file], e.old); n != 1 {
			return "", fmt.Errorf("%s has %q %d times, not once: say in tools/next how the next version looks now", e.file, e.old, n)
		}
		files[e.file] = strings.Replace(files[e.file], e.old, e.new, 1)
	}
	entries, err := added.ReadDir("added")
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		data, err := added.ReadFile("added/" + entry.Name())
		if err != nil {
			return "", err
		}
		place := strings.ReplaceAll(strings.TrimSuffix(entry.Name(), ".go.txt"), "-", "/")
		files[place+"/next.go"] = string(data)
	}
	return describe(root, dir, files)
}

// describe writes the files and the JSON that says what they take the place of.
func describe(root, dir string, files map[string]string) (string, error) {
	replace := map[string]string{}
	for name, text := range files {
		original, err := filepath.Abs(filepath.Join(root, name))
		if err != nil {
			return "", err
		}
		replace[original] = filepath.Join(dir, strings.ReplaceAll(name, "/", "-"))
		if err := os.WriteFile(replace[original], []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	description := filepath.Join(dir, "overlay.json")
	return description, os.WriteFile(description, data, 0o600)
}
