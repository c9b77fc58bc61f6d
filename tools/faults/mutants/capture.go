package mutants

import (
	"context"
	"net"

	"github.com/baton-hub/baton/tools/faults/capture"
)

// dial connects a page, with a capture.
func (t *tab) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	t.wire, err = capture.New(c.(*net.TCPConn), t.play.record, t.conn, t.session)
	return t.wire, err
}

// settle returns a time by which everything has been read that had come to the sockets of a login session.
func (p *play) settle(session string) int64 {
	for _, t := range p.tabs {
		if t.session == session && t.wire != nil {
			t.wire.Settle()
		}
	}
	return p.record.Now()
}
