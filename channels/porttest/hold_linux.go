package porttest

import (
	"net"
	"syscall"
)

// A Port is its holder's own, whether or not something listens on it: no connection and nobody else who asks the kernel for a
// port gets it. It is held by a socket that is bound and does not listen, which does not disturb a server, because both say
// SO_REUSEADDR: Go, Node, nginx, Redis and slapd do. A connection to it is refused while no server listens.
type Port struct {
	Number int
	socket int
}

// Hold finds a free TCP port of an IPv4 address and holds it until Release.
func Hold(host string) (*Port, error) {
	ip := net.ParseIP(host).To4()
	if ip == nil {
		return nil, &net.AddrError{Err: "a port is held of an IPv4 address", Addr: host}
	}
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	p := &Port{socket: socket}
	if p.Number, err = bind(socket, ip); err != nil {
		p.Release()
		return nil, err
	}
	return p, nil
}

func bind(socket int, ip net.IP) (port int, err error) {
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	err = syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte(ip)})
	if err == syscall.EADDRNOTAVAIL {
		// Of a network namespace, not one of ours. A port that is free here is free there, too: nothing else runs there.
		err = syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err != nil {
		return 0, err
	}
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		return 0, err
	}
	return bound.(*syscall.SockaddrInet4).Port, nil
}

// Release gives the port back. A server that listens on it is not disturbed.
func (p *Port) Release() { _ = syscall.Close(p.socket) } // it was only bound
