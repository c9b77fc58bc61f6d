package jsonfile

import "golang.org/x/sys/unix"

// swap exchanges two files in one step, so that what was replaced is in hand, whatever it was. Not every file system
// can.
func swap(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}
