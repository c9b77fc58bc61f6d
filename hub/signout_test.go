package hub_test

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/session"
)

func TestALogoutThatIsRefusedEndsNothingThoughTheLogTakesLongToSaySo(t *testing.T) {
	t.Parallel()
	nats := natstest.External(t)
	policy := session.Policy{Busy: &session.Busy{Store: "notes", Key: "state", Is: []json.RawMessage{json.RawMessage(`"running"`)}}}
	var begun atomic.Int64 // entries that were given to the log
	n := newNode(t, nodeOptions{
		store: natstest.Connect(t, nats.URL), policy: policy,
		log: func(l channels.Log) channels.Log { return countedLog{l, &begun} },
	})
	alice, tab := n.open(t, "alice")
	tab.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	tab.Do(write("notes", "state", "running"), "written", nil)

	nats.Pause()
	before := begun.Load()
	tab.Send(with(with(write("notes", "k", 1), "id", 77), "op", tab.Client+".77")) // the sign-out is decided after it
	until(t, "the write is under way", func() bool { return begun.Load() > before })
	answered := make(chan *hubtest.Answer, 1)
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
