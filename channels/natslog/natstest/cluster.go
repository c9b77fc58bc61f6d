package natstest

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/porttest"
)

// cluster makes a server one of a cluster, as clustered says.
func cluster(o *server.Options, told []string) error {
	if len(told) == 0 {
		return nil
	}
	o.ServerName = told[0]
	o.Cluster = server.ClusterOpts{Name: "natstest", Host: "127.0.0.1"}
	for i, text := range told[1:] {
		port, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("reading the port of a route: %w", err)
		}
		if i == 0 {
			o.Cluster.Port = port
		}
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: "127.0.0.1:" + text})
	}
	return nil
}

// Cluster starts three servers that keep everything three times, and kills them when the test ends.
func Cluster(t testing.TB) []*Server {
	t.Helper()
	var routes [3]string
	for i := range routes {
		routes[i] = strconv.Itoa(porttest.Free(t))
	}
	servers := make([]*Server, len(routes))
	for i := range servers {
		s := newServer(t)
		s.inside = strings.Join([]string{fmt.Sprint("natstest-", i+1), routes[i], routes[(i+1)%3], routes[(i+2)%3]}, " ")
		if err := s.start(); err != nil {
			t.Fatalf("starting a cluster of NATS: %v\n%s", err, s.output)
		}
		servers[i] = s
	}
	return servers
}

// ConnectCluster connects to a cluster and disconnects when the test ends.
func ConnectCluster(t testing.TB, servers []*Server) *natslog.Store {
	t.Helper()
	var urls []string
	for _, s := range servers {
		urls = append(urls, s.URL)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second) // they have to agree on a leader first
	defer cancel()
	s, err := natslog.Connect(ctx, natslog.ConnectOptions{URL: strings.Join(urls, ","), Replicas: len(servers), Logger: Logger(t)})
	if err != nil {
		t.Fatalf("connecting to a cluster of NATS: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}
