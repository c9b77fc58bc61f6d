//go:build !linux

package porttest

import "net"

// A Port was free when it was asked for. Only Linux lets a socket hold what another one listens on.
type Port struct{ Number int }

// Hold finds a free TCP port of an address.
func Hold(host string) (*Port, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	return &Port{l.Addr().(*net.TCPAddr).Port}, l.Close()
}

// Release does nothing here.
func (*Port) Release() {}
