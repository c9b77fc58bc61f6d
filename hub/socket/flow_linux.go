package socket

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const canSeeFlow = true

// flow tells how many bytes have arrived at the other end of a TCP connection, and how many are on their way.
func flow(conn syscall.RawConn) (arrived, queued uint64) {
	_ = conn.Control(func(fd uintptr) {
		if n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			queued = uint64(n)
		}
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			arrived = info.Bytes_acked
		}
	}) // an error is that it is closed, and then whoever writes hears of it
	return arrived, queued
}
