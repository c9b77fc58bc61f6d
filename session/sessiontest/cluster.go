package sessiontest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/baton-hub/baton/channels/porttest"
)

// Cluster is a Redis Cluster of three masters.
type Cluster struct {
	URL   string // of the store
	Nodes [3]*Server
}

const slots = 16384

// RedisCluster starts one and ends it with the test.
func RedisCluster(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{}
	for i := range c.Nodes {
		c.Nodes[i] = run(t, func(s *Server) {
			bus := porttest.Free(t)
			s.URL = "redis://" + s.Address() + "/0"
			s.args = func() []string {
				args := []string{
					"--port", strconv.Itoa(s.port), "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus),
					"--cluster-node-timeout", "1000",
				}
				return append(append(args, grant()...), "+cluster")
			}
		})
	}
	for i, node := range c.Nodes {
		until(t, "it has its slots", node, func(ctx context.Context, client *redis.Client) error {
			return client.ClusterAddSlotsRange(ctx, i*slots/3, (i+1)*slots/3-1).Err()
		})
		// Any number that none has yet; without it, those who meet have to find out whose word counts.
		until(t, "it has its epoch", node, func(ctx context.Context, client *redis.Client) error {
			return client.Do(ctx, "cluster", "set-config-epoch", i+1).Err()
		})
	}
	for _, node := range c.Nodes[1:] {
		until(t, "it has met the first", node, func(ctx context.Context, client *redis.Client) error {
			first := c.Nodes[0]
			bus := first.args()[5]
			return client.Do(ctx, "cluster", "meet", "127.0.0.1", first.port, bus).Err()
		})
	}
	for _, node := range c.Nodes {
		until(t, "the cluster is whole", node, func(ctx context.Context, client *redis.Client) error {
			got, err := client.ClusterInfo(ctx).Result()
			if err == nil && !(strings.Contains(got, "cluster_state:ok") && strings.Contains(got, "cluster_known_nodes:3")) {
				err = fmt.Errorf("it says %s", got)
			}
			return err
		})
	}
	for _, node := range c.Nodes { // On a busy machine, impatient ones take each other for dead.
		until(t, "it is patient", node, func(ctx context.Context, client *redis.Client) error {
			return client.ConfigSet(ctx, "cluster-node-timeout", "60000").Err()
		})
	}
	c.URL = "redis+cluster://" + credentials + "@" + c.Nodes[2].Address() + "," + c.Nodes[1].Address() // the third one is found out
	return c
}
