package hub_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/session"
)

func TestALogoutThatIsRefusedEndsNothingThoughTheLogTakesLongToSaySo(t *testing.T) {
	t.Parallel()
	nats := natstest.External(t)
	policy := session.Policy{Busy: &session.Busy{Store: "notes", Key: "state", Is: []json.RawMessage{json.RawMessage(`"running"`)}}}
	n := newNode(t, nodeOptions{store: natstest.Connect(t, nats.URL), policy: policy})
	alice, tab := n.open(t, "alice")
	tab.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	tab.Do(write("notes", "state", "running"), "written", nil)

	nats.Pause()
	tab.Send(with(with(write("notes", "k", 1), "id", 77), "op", tab.Client+".77")) // the sign-out is decided after it
	time.Sleep(100 * time.Millisecond)
	answered := make(chan hubtest.Answer, 1)
	go func() { answered <- alice.Request("DELETE", n.url+"/api/v1/session", "") }()
	select {
	case answer := <-answered:
		t.Errorf("the log is away, and the answer is %d %s", answer.Status, answer.Body)
	case <-time.After(1200 * time.Millisecond): // longer than the hub is patient
	}
	nats.Resume()
	(<-answered).Problem(http.StatusConflict, "busy")
	who(alice, n)
	tab.Do(write("notes", "state", "idle"), "written", nil)
	alice.Request("DELETE", n.url+"/api/v1/session", "").Want(http.StatusNoContent)
}
