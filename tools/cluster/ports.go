package cluster

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/baton-hub/baton/channels/porttest"
)

// ports are the cluster's own, whether or not something listens on them: a part that is started again finds its port free,
// though the kernel has given out thousands to connections meanwhile.
type ports struct{ held []*porttest.Port }

// take finds a free port of an address, and returns both as host:port.
func (p *ports) take(host string) (address string, err error) {
	port, err := porttest.Hold(host)
	if err != nil {
		return "", err
	}
	p.held = append(p.held, port)
	return net.JoinHostPort(host, strconv.Itoa(port.Number)), nil
}

func (p *ports) release() {
	for _, port := range p.held {
		port.Release()
	}
	p.held = nil
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
