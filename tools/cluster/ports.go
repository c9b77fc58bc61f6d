package cluster

import (
	"context"
	"net"
	"syscall"
	"time"
)

// ports are the cluster's own, whether or not something listens on them: a part that is started again finds its port free,
// though the kernel has given out thousands to connections meanwhile. Each is held by a socket that is bound and does not
// listen; it does not disturb the part, because both say SO_REUSEADDR.
type ports struct{ sockets []int }

// take finds a free port of an address, and returns both as host:port.
func (p *ports) take(host string) (address string, err error) {
	ip := net.ParseIP(host).To4()
	if ip == nil {
		return "", &net.AddrError{Err: "a part needs an IPv4 address to listen on", Addr: host}
	}
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	p.sockets = append(p.sockets, socket)
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return "", err
	}
	// An address of a network namespace is not one of ours. A port that is free here is free there, too: nothing else runs there.
	at := syscall.SockaddrInet4{Addr: [4]byte(ip)}
	if err := syscall.Bind(socket, &at); err == syscall.EADDRNOTAVAIL {
		err = syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
		if err != nil {
			return "", err
		}
	} else if err != nil {
		return "", err
	}
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		return "", err
	}
	return (&net.TCPAddr{IP: ip, Port: bound.(*syscall.SockaddrInet4).Port}).String(), nil
}

func (p *ports) release() {
	for _, socket := range p.sockets {
		_ = syscall.Close(socket) // it was only bound
	}
	p.sockets = nil
}

// listens is ready when something takes connections.
func listens(address string) func() error {
	return func() error {
		dialer := net.Dialer{Timeout: time.Second}
		conn, err := dialer.DialContext(context.Background(), "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}
