//go:build !unix

package socket

import "errors"

const canWriteAtOnce = false

func writeAtOnce(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }

func readAtOnce(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }
