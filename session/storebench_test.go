package session_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

// A storeBench is a Store with what its tests must do to the thing behind it.
type storeBench struct {
	session.Store
	keys  func() string // everything that is kept, keys and values; nil where nobody may look
	hang  func()        // from here on nothing answers
	crash func()        // it is gone
	late  session.Store // of a node that has not used it before; nil: as any other
}

func redisBench(t *testing.T) storeBench {
	server := sessiontest.Redis(t)
	return overRedis(t, server.URL, []*sessiontest.Server{server}, server)
}

func redisUnixBench(t *testing.T) storeBench {
	server := sessiontest.RedisUnix(t)
	return overRedis(t, server.URL, []*sessiontest.Server{server}, server)
}

func redisTLSBench(t *testing.T) storeBench {
	server, _ := sessiontest.RedisTLS(t)
	return overRedis(t, server.URL, nil, server) // its user may not list keys
}

func redisSentinelBench(t *testing.T) storeBench {
	w := sessiontest.RedisSentinel(t)
	return overRedis(t, w.URL, []*sessiontest.Server{w.Master}, w.All()...)
}

func redisClusterBench(t *testing.T) storeBench {
	c := sessiontest.RedisCluster(t)
	return overRedis(t, c.URL, c.Nodes[:], c.Nodes[:]...)
}

// overRedis is the store at a URL; keys are looked for on some servers, and all of them hang and crash together.
func overRedis(t *testing.T, url string, kept []*sessiontest.Server, all ...*sessiontest.Server) storeBench {
	each := func(do func(*sessiontest.Server)) func() {
		return func() {
			for _, server := range all {
				do(server)
			}
		}
	}
	b := storeBench{
		Store: openRedis(t, url), hang: each((*sessiontest.Server).Pause), crash: each((*sessiontest.Server).Kill), late: openRedis(t, url),
	}
	if kept != nil {
		b.keys = func() (dump string) {
			for _, server := range kept {
				dump += redisDump(t, server.URL)
			}
			return dump
		}
	}
	return b
}

func openRedis(t *testing.T, url string) *session.RedisStore {
	t.Helper()
	store, err := session.OpenRedis(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func redisDump(t *testing.T, url string) string {
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	defer client.Close()
	var all strings.Builder
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		all.WriteString(key + " " + client.Get(t.Context(), key).Val() + "\n")
	}
	return all.String()
}

func natsBench(t *testing.T) storeBench {
	server := natstest.External(t)
	nats, err := natslog.Connect(t.Context(), natslog.ConnectOptions{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nats.Close)
	kv, err := nats.KV(t.Context(), "sessions")
	if err != nil {
		t.Fatal(err)
	}
	spy := &spy{KV: kv}
	return storeBench{session.NewKVStore(spy, natslog.ErrNotFound, natslog.ErrRevision), spy.dump, server.Pause, server.Kill, nil}
}

// A spy is a KV that remembers what was written to it.
type spy struct {
	session.KV
	mu  sync.Mutex
	all strings.Builder
}

func (s *spy) note(key string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all.WriteString(key + " " + string(value) + "\n")
}

func (s *spy) dump() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

func (s *spy) Create(ctx context.Context, key string, value []byte, lifetime time.Duration) (uint64, error) {
	s.note(key, value)
	return s.KV.Create(ctx, key, value, lifetime)
}

func (s *spy) Update(ctx context.Context, key string, value []byte, revision uint64, lifetime time.Duration) (uint64, error) {
	s.note(key, value)
	return s.KV.Update(ctx, key, value, revision, lifetime)
}
