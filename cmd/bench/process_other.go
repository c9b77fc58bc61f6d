//go:build !linux

package bench

import (
	"errors"
	"runtime"
	"syscall"
	"time"
)

var errNotTold = errors.New(runtime.GOOS + " is not asked for the processor time and memory of other processes: they are left out")

func processorTime(int) (time.Duration, error) { return 0, errNotTold }

func resident(int) (int64, error) { return 0, errNotTold }

func kernel() string { return runtime.GOOS }

func orphanless() *syscall.SysProcAttr { return nil }
