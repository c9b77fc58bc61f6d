package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/baton-hub/baton/channels/porttest"
)

// Watched is a Redis with a replica, under a sentinel that makes the replica the master when the master is gone.
type Watched struct {
	URL                       string // of the store
	Master, Replica, Sentinel *Server

	t testing.TB
}

const sentinelConf = `port %d
bind 127.0.0.1
dir %s
loglevel warning
requirepass watch-me
sentinel monitor the-master 127.0.0.1 %d 1
sentinel auth-pass the-master %s
sentinel down-after-milliseconds the-master 60000
sentinel failover-timeout the-master 2000
`

// RedisSentinel starts them and ends them with the test. Redis and the sentinel have passwords of their own.
func RedisSentinel(t testing.TB) *Watched {
	t.Helper()
	w := &Watched{t: t}
	secret := url.UserPassword("", Password).String()
	instance := func(more ...string) *Server {
		return run(t, func(s *Server) {
			s.URL = "redis://" + secret + "@" + s.Address() + "/0"
			s.args = func() []string {
				return append([]string{
					"--port", strconv.Itoa(s.port), "--requirepass", Password, "--masterauth", Password,
					"--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1",
				}, more...)
			}
		})
	}
	w.Master = instance()
	w.Replica = instance("--replicaof", "127.0.0.1", strconv.Itoa(w.Master.port))
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	w.Sentinel = run(t, func(s *Server) {
		s.URL = "redis://:watch-me@" + s.Address()
		s.args = func() []string { return []string{conf, "--sentinel"} }
		text := fmt.Sprintf(sentinelConf, s.port, filepath.Dir(conf), w.Master.port, strconv.Quote(Password))
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	w.URL = fmt.Sprintf("redis+sentinel://%s@127.0.0.1:%d,%s/the-master/0?sentinel_password=watch-me", secret, porttest.Free(t), w.Sentinel.Address())
	w.until("the sentinel knows the replica", w.Sentinel, func(ctx context.Context, c *redis.Client) error {
		if got, err := c.Info(ctx, "sentinel").Result(); err != nil || !strings.Contains(got, "slaves=1") {
			return errors.Join(fmt.Errorf("it says %s", got), err)
		}
		return nil
	})
	w.until("the replica follows", w.Replica, func(ctx context.Context, c *redis.Client) error {
		return says(ctx, c, "replication", "master_link_status:up")
	})
	return w
}

// All are the servers.
func (w *Watched) All() []*Server { return []*Server{w.Master, w.Replica, w.Sentinel} }

// Promote waits, after the master was killed, until the replica is the master. Until it is called the sentinel is
// patient: on a busy machine an impatient one takes a living master for dead.
func (w *Watched) Promote() {
	w.t.Helper()
	w.until("the sentinel is impatient", w.Sentinel, func(ctx context.Context, c *redis.Client) error {
		return c.Do(ctx, "sentinel", "set", "the-master", "down-after-milliseconds", "500").Err()
	})
	w.until("the replica is the master", w.Replica, func(ctx context.Context, c *redis.Client) error {
		return says(ctx, c, "replication", "role:master")
	})
}

// Detach waits until the replica has what was written to the master, and makes it get no more, as one that is behind
// when the master dies.
func (w *Watched) Detach() {
	w.t.Helper()
	w.until("the replica has everything", w.Master, func(ctx context.Context, c *redis.Client) error {
		on := c.Conn()
		defer on.Close()
		if err := on.Set(ctx, "last", "", 0).Err(); err != nil {
			return err
		}
		if have, err := on.Wait(ctx, 1, time.Second).Result(); have < 1 {
			return errors.Join(errors.New("it has not"), err)
		}
		return nil
	})
	w.until("the replica has no way back", w.Replica, func(ctx context.Context, c *redis.Client) error {
		return c.ConfigSet(ctx, "masterauth", "not it").Err()
	})
	w.until("the master has hung up", w.Master, func(ctx context.Context, c *redis.Client) error {
		return c.ClientKillByFilter(ctx, "type", "replica").Err()
	})
	w.until("the replica is behind", w.Replica, func(ctx context.Context, c *redis.Client) error {
		return says(ctx, c, "replication", "master_link_status:down")
	})
}

func (w *Watched) until(what string, s *Server, holds func(context.Context, *redis.Client) error) {
	w.t.Helper()
	until(w.t, what, s, holds)
}

func until(t testing.TB, what string, s *Server, holds func(context.Context, *redis.Client) error) {
	t.Helper()
	o, err := redis.ParseURL(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	defer client.Close()
	if err := eventually(func(ctx context.Context) error { return holds(ctx, client) }); err != nil {
		t.Fatalf("until %s: %v", what, err)
	}
}

// says fails unless a section of INFO has a line.
func says(ctx context.Context, c *redis.Client, section, line string) error {
	got, err := c.Info(ctx, section).Result()
	if err == nil && !strings.Contains(got, line+"\r\n") {
		err = fmt.Errorf("it says %s", got)
	}
	return err
}
