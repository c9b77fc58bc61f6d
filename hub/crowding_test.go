package hub_test

import (
	"testing"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/hub"
)

// TestALimitIsOfThoseWhoAreHere fills what one sign-in or person may have: one more is refused, one that takes over from
// another is not, and who has left makes room.
func TestALimitIsOfThoseWhoAreHere(t *testing.T) {
	for name, limits := range map[string]hub.Limits{"sign-in": {PerSession: 2}, "person": {PerUser: 2}} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, nodeOptions{limits: limits})
			alice := n.user(t, "alice")
			open := func(client string) (socket *websocket.Conn, status int) {
				socket, response, err := alice.TryOpen(n.url, client)
				switch {
				case err == nil:
					t.Cleanup(func() { _ = socket.CloseNow() })
				case response == nil:
					t.Fatal(err)
				default:
					status = response.StatusCode
				}
				return socket, status
			}
			let := func(client, who string) *websocket.Conn {
				t.Helper()
				socket, status := open(client)
				if status != 0 {
					t.Fatalf("%s is refused with %d", who, status)
				}
				if _, _, err := socket.Read(t.Context()); err != nil { // the welcome: it has entered
					t.Fatal(err)
				}
				return socket
			}
			first := let("alice-1", "the first tab")
			second := let("alice-2", "the second tab")
			if _, status := open("alice-3"); status != 429 {
				t.Errorf("a third tab is answered %d", status)
			}
			let("alice-2", "a tab that takes over from one that is not gone yet")
			if _, status := open("alice-3"); status != 429 {
				t.Errorf("another tab is answered %d", status)
			}
			_, _ = first.CloseNow(), second.CloseNow()
			until(t, "there is room", func() bool { _, status := open("alice-3"); return status == 0 })
		})
	}
}
