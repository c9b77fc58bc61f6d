package cluster_test

import (
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/baton-hub/baton/tools/cluster"
)

func TestPartsAreKilledPausedEndedAndComeBackWhereTheyWere(t *testing.T) {
	c, err := cluster.Start(t.Context(), cluster.Options{Dir: t.TempDir(), Bin: "../../bin", Deploy: "../../deploy"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.End(); err != nil {
			t.Error(err)
		}
	}()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []*cluster.Part{c.NATS[1], c.Redis, c.Hubs[1], c.Nginx} {
		pid := p.PID()
		check(p.Kill())
		if p.PID() != 0 || p.Kill() == nil {
			t.Errorf("%s runs after it was killed", p.Name)
		}
		if conn, err := net.Dial("tcp", p.Address); err == nil {
			_ = conn.Close()
			t.Errorf("something listens for %s, which was killed", p.Name)
		}
		check(p.Start(t.Context()))
		if p.PID() == 0 || p.PID() == pid {
			t.Errorf("%s was %d and is %d", p.Name, pid, p.PID())
		}
		if err := p.Launch(); err == nil {
			t.Errorf("%s runs twice", p.Name)
		}
	}
	hub := c.Hubs[2]
	check(hub.Stop())
	impatient := http.Client{Timeout: 100 * time.Millisecond}
	if response, err := impatient.Get(hub.URL() + "/healthz"); err == nil {
		_ = response.Body.Close()
		t.Error("a hub that is stopped answers")
	}
	check(hub.Continue())
	check(hub.Ready(t.Context()))
	check(hub.Term())
	check(hub.Start(t.Context()))
	for _, p := range c.Parts() { // a server that is back has some catching up to do
		check(p.Ready(t.Context()))
	}
	if hub.Log() == "" {
		t.Error("a hub says nothing")
	}
	for _, url := range []string{hub.Admin + "/metrics", c.NATS[0].Admin + "/healthz", c.URL + "/healthz"} {
		response, err := http.Get(url)
		check(err)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s answers %d", url, response.StatusCode)
		}
	}
}

func TestEachPartCanBeWrappedAndReachedThroughSomethingElse(t *testing.T) {
	wrapped, through := map[string]bool{}, map[string]bool{}
	c, err := cluster.New(cluster.Options{
		Dir: t.TempDir(), Bin: "../../bin", Deploy: "../../deploy",
		Wrap:    func(part string, command []string) []string { wrapped[part] = true; return command },
		Through: func(from, to, address string) string { through[from+" "+to] = true; return address },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Parts() {
		if !wrapped[p.Name] {
			t.Errorf("%s was not wrapped", p.Name)
		}
	}
	for _, way := range []string{"hub-1 nats-1", "hub-3 nats-3", "hub-2 redis", "nginx hub-3", "nats-1 nats-2"} {
		if !through[way] {
			t.Errorf("nothing can be put between %s", way)
		}
	}
	if len(through) != 3*3+3+3+3*2 {
		t.Errorf("asked for %v", through)
	}
	if err := c.End(); err != nil { // nothing was started
		t.Error(err)
	}
	if _, err := cluster.New(cluster.Options{Dir: filepath.Join(t.TempDir(), "x"), Bin: "x", Deploy: "nowhere"}); err == nil {
		t.Error("it needs no configurations")
	}
}
