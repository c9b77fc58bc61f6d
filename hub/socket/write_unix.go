//go:build unix

package socket

import (
	"errors"
	"syscall"
)

const canWriteAtOnce = true

// writeAtOnce writes what a socket takes now; that may be nothing.
func writeAtOnce(fd uintptr, data []byte) (n int, err error) {
	for {
		n, err = syscall.Write(int(fd), data)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if errors.Is(err, syscall.EAGAIN) {
		return 0, nil
	}
	return max(n, 0), err
}
