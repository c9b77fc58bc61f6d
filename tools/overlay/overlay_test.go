package overlay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestATextThatIsNotThereOnceIsAnError(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "x.go"), []byte("one\ntwo\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, old := range []string{"two\n", "three\n"} {
		_, err := Version{Name: "that", Edits: []Edit{{"x.go", old, ""}}}.Lay(root, t.TempDir())
		if err == nil || !strings.Contains(err.Error(), "x.go") || !strings.Contains(err.Error(), "in that") {
			t.Errorf("replacing %q: %v, want an error that names x.go and the version", old, err)
		}
	}
	dir := t.TempDir()
	edits := []Edit{{"x.go", "one\n", "1\n"}, {"x.go", "1\n", "0\n"}}
	if _, err := (Version{Name: "that", Edits: edits, Files: map[string]string{"y/z.go": "new"}}).Lay(root, dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"x.go": "0\ntwo\ntwo\n", "y-z.go": "new"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != want {
			t.Errorf("%s is %q, %v", name, data, err)
		}
	}
}
