//go:build unix

package bench

import (
	"fmt"
	"syscall"
)

// spareFiles is what a process has open beside its connections.
const spareFiles = 200

// needFiles lets this process have so many connections, or says what is in the way. Its children have the same limits, and
// raise them likewise.
func needFiles(connections int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("reading how many files this process may have: %w", err)
	}
	if uint64(limit.Cur) < uint64(limit.Max) {
		limit.Cur = limit.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) // what it comes to is looked at below
		_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
	need := uint64(connections + spareFiles)
	switch {
	case uint64(limit.Cur) >= need:
	case limit.Cur <= spareFiles:
		return fmt.Errorf("%d connections need %d open files, this process may have %d, which is too few for any: raise the limit (ulimit -n %d; LimitNOFILE= of a systemd unit)",
			connections, need, limit.Cur, need)
	default:
		return fmt.Errorf("%d connections need %d open files, this process may have %d: use --connections %d, or raise the limit (ulimit -n %d; LimitNOFILE= of a systemd unit)",
			connections, need, limit.Cur, limit.Cur-spareFiles, need)
	}
	return nil
}

// mostConnections is how many connections the limit lets this process have.
func mostConnections() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 1000
	}
	return int(min(uint64(limit.Max), 1<<20)) - spareFiles
}
