//go:build unix

package socket

import (
	"errors"
	"io"
	"syscall"
)

const canWriteAtOnce = true

// readAtOnce reads what has come to a socket; that may be nothing. The error is io.EOF at the end.
func readAtOnce(fd uintptr, data []byte) (n int, err error) {
	for {
		n, err = syscall.Read(int(fd), data)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return 0, nil
	case err == nil && n == 0:
		return 0, io.EOF
	}
	return max(n, 0), err
}

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
