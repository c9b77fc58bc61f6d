//go:build !linux

package jsonfile

import "errors"

func swap(_, _ string) error { return errors.ErrUnsupported }
