package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// If this fails, the source has changed where the next version differs: say in `additions` how it looks now.
func TestTheNextVersionCanBeMadeOfThePresentSource(t *testing.T) {
	for format, edits := range map[string][]edit{"the present": additions, "another": append(additions[:len(additions):len(additions)], otherFormat(2)...)} {
		if _, err := lay("../..", t.TempDir(), edits); err != nil {
			t.Errorf("of %s format: %v", format, err)
		}
	}
}

func TestALineThatIsNotThereIsAnError(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "x.go"), []byte("one\ntwo\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, old := range []string{"two\n", "three\n"} {
		_, err := lay(root, t.TempDir(), []edit{{"x.go", old, ""}})
		if err == nil || !strings.Contains(err.Error(), "x.go") {
			t.Errorf("replacing %q: %v, want an error that names x.go", old, err)
		}
	}
	if _, err := lay(root, t.TempDir(), []edit{{"x.go", "one\n", "1\n"}}); err != nil {
		t.Error(err)
	}
}
