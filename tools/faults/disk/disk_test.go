package disk

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func newDisk(t *testing.T) (d *Disk, folder string) {
	t.Helper()
	if err := Possible(); err != nil {
		t.Skip("power cuts and full disks are not played here: ", err)
	}
	dir := t.TempDir()
	folder = filepath.Join(dir, "folder")
	d, err := New(filepath.Join(dir, "image"), folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, folder
}

// write returns the file, still open.
func write(t *testing.T, path, text string, sync bool) *os.File {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if sync {
		if err := file.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func TestAPowerCutKeepsWhatWasSyncedAndLosesTheRest(t *testing.T) {
	d, folder := newDisk(t)
	kept := write(t, filepath.Join(folder, "kept"), "kept", true)
	lost := write(t, filepath.Join(folder, "lost"), "lost", false)
	if err := d.Copy(); err != nil {
		t.Fatal(err)
	}
	_ = kept.Close()
	_ = lost.Close()
	if err := d.Cut(); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(folder, "kept")); err != nil || string(data) != "kept" {
		t.Errorf("what was synced is %q, %v", data, err)
	}
	if data, _ := os.ReadFile(filepath.Join(folder, "lost")); string(data) == "lost" {
		t.Error("what was never synced has survived: this is no power cut")
	}
}

func TestAFullDiskTakesNothingUntilItIsFreed(t *testing.T) {
	d, folder := newDisk(t)
	if err := d.Fill(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "more")
	if err := os.WriteFile(path, make([]byte, 64<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("writing to a full disk: %v", err)
	}
	if err := d.Free(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, 64<<10), 0o600); err != nil {
		t.Error(err)
	}
}
