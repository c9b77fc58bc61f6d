package hub_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http/httptest"
	"testing"

	"github.com/baton-hub/baton/hub/wire"
)

// TestOverTLSEverybodyIsServedAndTheSlowOneAlone lets clients connect by https to a node that ends it itself: they join, are
// sent every change, one that reads nothing holds up nobody and ends on the last value, and all are told when it closes.
func TestOverTLSEverybodyIsServedAndTheSlowOneAlone(t *testing.T) {
	n := newNode(t, nodeOptions{limits: noLimits})
	server := httptest.NewUnstartedServer(n.Hub)
	server.Listener = smallBuffers{server.Listener, 4 << 10}
	server.StartTLS()
	t.Cleanup(server.Close)
	token := n.token(t, "screen")
	open := func(number int) *watcher {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return watchOver(t, tls.Client(conn, &tls.Config{InsecureSkipVerify: true}), token, number)
	}
	var others []*watcher
	for i := 1; i <= 5; i++ {
		others = append(others, open(i))
	}
	await := func(last int) {
		for _, w := range others {
			w.await(t, fmt.Sprintf(`"last":%d`, last))
		}
	}
	const lone, all = 20, 700 // more than lies between, and done before the slow one is too slow
	for i := 1; i <= lone; i++ {
		commitMany(t, n, i, i)
		await(i)
	}
	slow := open(0) // and reads nothing now
	commitMany(t, n, lone+1, all)
	await(all)
	slow.await(t, fmt.Sprintf(`"last":%d`, all))
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		n.close()
	}()
	for _, w := range append(others, slow) {
		w.await(t, fmt.Sprintf(`"code":%d`, wire.CloseLeaving))
		if code := w.closed(t); code != int(wire.CloseLeaving) {
			t.Errorf("it was closed with %d", code)
		}
	}
	<-closed
}
