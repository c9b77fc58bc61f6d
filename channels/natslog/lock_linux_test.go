package natslog

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Between fork and exec, a program that is started has copies of all files, the lock among them.
func TestADirectoryIsFreeAtOnceAlthoughAProgramIsBeingStarted(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockDir(dir); err == nil {
		t.Fatal("two have it")
	}
	copies := 0
	for fd := range 1024 {
		if name, err := os.Readlink(fmt.Sprint("/proc/self/fd/", fd)); err != nil || name != filepath.Join(dir, "lock") {
			continue
		}
		copied, err := syscall.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Close(copied) })
		copies++
		break
	}
	unlock()
	if copies == 0 {
		t.Fatal("the lock is no open file")
	}
	again, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	again()
}
