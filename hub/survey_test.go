package hub_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

type connectionList struct {
	Connections []hub.ConnectionInfo
	Incomplete  bool
}

func TestAdministratorsSeeTheConnectionsOfAllNodesAndCloseOneOnAnother(t *testing.T) {
	p := newPair(t, session.Policy{})
	alice, aliceTab := p.one.open(t, "alice")
	_, bobTab := p.two.open(t, "bob")
	bobTab.Do(join("notes"), "joined", nil)
	ada := hubtest.NewBrowser(t)
	signIn(ada, p.one, "ada", nil).Want(http.StatusOK)
	api := p.one.url + "/api/v1/spaces/lab"

	for _, path := range []string{"/nodes", "/connections"} {
		alice.Request("GET", api+path, "").Problem(http.StatusForbidden, "forbidden")
	}
	alice.Request("DELETE", api+"/connections/"+bobTab.Welcome.Conn, "").Problem(http.StatusForbidden, "forbidden")

	var nodes struct{ Nodes []hub.NodeInfo }
	var list connectionList
	for late := time.Now().Add(hubtest.Patience); ; { // the other node's first word may be under way
		ada.Request("GET", api+"/nodes", "").Into(http.StatusOK, &nodes)
		ada.Request("GET", api+"/connections", "").Into(http.StatusOK, &list)
		if len(nodes.Nodes) == 2 && len(list.Connections) == 2 || time.Now().After(late) {
			break
		}
	}
	if len(nodes.Nodes) != 2 || nodes.Nodes[0].Node != "one" || nodes.Nodes[1].Node != "two" {
		t.Fatalf("the nodes are %+v", nodes.Nodes)
	}
	for _, n := range nodes.Nodes {
		if !n.Answered || n.Connections != 1 || n.Position == 0 || n.MemoryBytes == 0 || n.Sent == 0 || n.SentBytes <= n.Sent || len(n.Missing) > 0 {
			t.Errorf("listed is %+v", n)
		}
	}
	if len(list.Connections) != 2 || list.Incomplete {
		t.Fatalf("the connections are %+v", list)
	}
	for i, want := range []struct{ node, user, conn, session string }{
		{"one", "alice", aliceTab.Welcome.Conn, aliceTab.Welcome.Session},
		{"two", "bob", bobTab.Welcome.Conn, bobTab.Welcome.Session},
	} {
		c := list.Connections[i]
		if c.Node != want.node || c.User != want.user || c.Connection != want.conn || c.Session != want.session || c.Kind != "ws" ||
			time.Since(c.Since) > time.Minute || c.Joined-list.Connections[0].Joined != i {
			t.Errorf("listed is %+v", c)
		}
	}
	var ofBob connectionList
	ada.Request("GET", api+"/connections?user=bob", "").Into(http.StatusOK, &ofBob)
	if len(ofBob.Connections) != 1 || ofBob.Connections[0].User != "bob" {
		t.Errorf("those of bob are %+v", ofBob)
	}

	ada.Request("DELETE", api+"/connections/"+bobTab.Welcome.Conn+"?reason=it+hangs", "").Want(http.StatusNoContent)
	var bye wire.Bye
	bobTab.Expect("bye", &bye)
	if bye.Code != wire.CloseLeaving || bye.Reason != "closed by Ada: it hangs" {
		t.Errorf("bob hears %+v", bye)
	}
	ada.Request("DELETE", api+"/connections/"+bobTab.Welcome.Conn, "").Problem(http.StatusNotFound, "unknown_name")
	aliceTab.Do(frame{"type": "ping"}, "pong", nil)
}
