package hubtest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub"
)

// A Cluster is several hubs in this process on one embedded NATS, like a Lab, behind one address: each new connection to it
// goes to the next hub that says it is ready.
type Cluster struct {
	*Lab // the hub that tokens are made at, by no address of its own; nobody is sent there

	// Guarded by mu.
	mu    sync.Mutex
	nodes []*member
	next  int
	made  int
}

// A member is one hub of a cluster.
type member struct {
	hub    *hub.Hub
	server *http.Server
	at     string
}

// NewCluster starts so many hubs whose space has these rules, and ends them with the test.
func NewCluster(t testing.TB, rules *channels.Rules, size int) *Cluster {
	t.Helper()
	c := &Cluster{Lab: NewLab(t, rules)}
	for range size {
		c.nodes = append(c.nodes, c.member())
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.URL = "http://" + listener.Addr().String()
	var carrying sync.WaitGroup
	carrying.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			carrying.Go(func() { c.carry(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		for _, n := range c.nodes {
			n.hub.Close()
			_ = n.server.Close()
		}
		carrying.Wait()
	})
	return c
}

// Roll ends each hub in turn, as one that is told to stop ends, and puts another in its place.
func (c *Cluster) Roll() {
	c.t.Helper()
	for i := range c.nodes {
		n := c.nodes[i]
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		n.hub.Unready()
		n.hub.Leave()
		down := make(chan error, 1)
		go func() { down <- n.server.Shutdown(ctx) }()
		n.hub.Drain(ctx)
		if err := <-down; err != nil || ctx.Err() != nil {
			c.t.Errorf("the hub did not end in time: %v", err)
		}
		cancel()
		n.hub.Close()
		next := c.member()
		c.mu.Lock()
		c.nodes[i] = next
		c.mu.Unlock()
	}
}

// member starts a hub, and waits until it is ready.
func (c *Cluster) member() *member {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), Patience)
	defer cancel()
	options, err := c.options(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	c.made++
	options.Node = fmt.Sprint("node", c.made)
	h, err := hub.New(options)
	if err != nil {
		c.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	n := &member{h, &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}, listener.Addr().String()}
	go func() { _ = n.server.Serve(listener) }()
	if _, err := h.Space(ctx, "lab"); err != nil {
		c.t.Fatal(err)
	}
	return n
}

// carry brings a connection to the next hub that is ready.
func (c *Cluster) carry(from net.Conn) {
	defer func() { _ = from.Close() }()
	at, ok := c.ready()
	if !ok {
		return
	}
	to, err := net.Dial("tcp", at)
	if err != nil {
		return
	}
	defer func() { _ = to.Close() }()
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(from, to)
		_ = from.Close()
	}()
	_, _ = io.Copy(to, from)
	_ = to.Close()
	<-back
}

// ready finds the next hub that says it is.
func (c *Cluster) ready() (at string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range c.nodes {
		c.next++
		n := c.nodes[c.next%len(c.nodes)]
		response, err := http.Get("http://" + n.at + "/readyz")
		if err != nil {
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return n.at, true
		}
	}
	return "", false
}
