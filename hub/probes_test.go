package hub_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

func TestANodeIsAliveWithoutNATSAndRedisAndSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	nats, redis := natstest.External(t), sessiontest.Redis(t)
	way := sessiontest.NewProxy(t, redis.Address())
	logins, err := session.OpenRedis("redis://" + way.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = logins.Close() })
	n := newNode(t, nodeOptions{store: natstest.Connect(t, nats.URL), logins: logins})
	n.open(t, "alice")
	probe := hubtest.NewBrowser(t)
	probe.Request("GET", n.url+"/readyz", "").Want(200)
	nats.Pause()
	defer nats.Resume()
	way.Hole()
	probe.Request("GET", n.url+"/healthz", "").Want(200)
	until(t, "it says that the log is out of reach", func() bool {
		a := probe.Request("GET", n.url+"/readyz", "")
		return a.Status == http.StatusServiceUnavailable && strings.Contains(a.Body, "lab") && strings.Contains(a.Body, "out of reach")
	})
	probe.Request("GET", n.url+"/healthz", "").Want(200)
}
