// Package overlay builds Baton as it is not: some lines of the source are replaced and some files added, in an overlay that
// only that build sees (go help build, -overlay). So what differs is never in Baton itself, and what was built has
// everything else that Baton has by now.
package overlay

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// An Edit replaces a text that is in a file once.
type Edit struct{ File, Old, New string }

// Replace makes an Edit.
func Replace(file, text, by string) Edit { return Edit{file, text, by} }

// A Version is the present source but for some edits and files.
type Version struct {
	Name  string            // that it says it has
	Edits []Edit            // Applied in order.
	Files map[string]string // Optional. Text by name, like that of an Edit: a path from the root of the module.
}

// Build compiles cmd/baton of the module in root to a file. A replaced text that is not there any more, or several times, is
// an error, so that nobody takes the present source for what it is not.
func (v Version) Build(root, out string, stderr io.Writer) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "baton-overlay-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	description, err := v.Lay(root, dir)
	if err != nil {
		return err
	}
	c := exec.Command("go", "build", "-overlay", description, "-ldflags", "-X github.com/baton-hub/baton/cmd.version="+v.Name, "-o", out, "./cmd/baton")
	c.Dir, c.Stderr = root, stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("building %s: %w", v.Name, err)
	}
	return nil
}

// Lay writes the overlay into a folder and returns its description's name.
func (v Version) Lay(root, dir string) (description string, err error) {
	files := map[string]string{}
	for _, e := range v.Edits {
		text, known := files[e.File]
		if !known {
			data, err := os.ReadFile(filepath.Join(root, e.File))
			if err != nil {
				return "", err
			}
			text = string(data)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return "", fmt.Errorf("%s has %q %d times, not once: say in %s how it looks now", e.File, e.Old, n, v.Name)
		}
		files[e.File] = strings.Replace(text, e.Old, e.New, 1)
	}
	for name, text := range v.Files {
		files[name] = text
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
