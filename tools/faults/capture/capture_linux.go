package capture

import "golang.org/x/sys/unix"

// waitingBytes asks how many bytes of a socket have come in and were not yet read.
const waitingBytes = unix.TIOCINQ
