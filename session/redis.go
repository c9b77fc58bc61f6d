package session

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// RedisStore is the Store for a hub of several nodes: in one Redis, in one that sentinels watch, or in a cluster. Each
// record is one key, and each change of it one step, so all three are the same to it.
//
// Redis acknowledges a write before its replicas have it, so a failover may lose the last ones. A lost sign-in costs the
// person their password once more, as with a Redis that was emptied. A lost tombstone lets a cookie lead to where it
// led, and there the log says that the login session has ended: see Found.Check.
type RedisStore struct{ client redis.UniversalClient }

var _ Store = (*RedisStore)(nil)

const redisPrefix = "baton:login:"

// OpenRedis returns the store at a RedisURL. It does not connect yet: a hub comes up while Redis is down, and answers
// sign-ins with 503 until it is there. Its errors do not repeat the URL.
func OpenRedis(url string) (*RedisStore, error) {
	u, err := ParseRedisURL(url)
	if err != nil {
		return nil, err
	}
	var c *tls.Config
	if u.tls != nil {
		if c, err = u.tls.config(); err != nil {
			return nil, err
		}
	}
	return &RedisStore{u.client(c)}, nil
}

// LogRedis has go-redis say to a logger, for debugging, what it says of its connections. It has one logger for the whole
// process, and would write lines of its own making to standard error. What matters comes back as an error.
func LogRedis(logger *slog.Logger) { redis.SetLogger(redisLog{logger}) }

type redisLog struct{ *slog.Logger }

// Printf is the one method that go-redis calls.
func (l redisLog) Printf(ctx context.Context, format string, v ...any) {
	l.DebugContext(ctx, "from the client of Redis", "message", fmt.Sprintf(format, v...))
}

// Close closes the connections.
func (s *RedisStore) Close() error { return s.client.Close() }

// Ping returns nil if Redis answers.
func (s *RedisStore) Ping(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := s.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("asking Redis whether it is there: %w", err)
	}
	return nil
}

// FindCtx is the FindCtx of a Store. A tombstone is an empty string.
func (s *RedisStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	data, err := s.client.Get(ctx, redisPrefix+token).Bytes()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, false, fmt.Errorf("finding a login session in Redis: %w", err)
	}
	return data, len(data) > 0, nil
}

// commitScript does what CommitCtx of a Store promises, in one step. KEYS: the record. ARGV: create or renew, the
// data, milliseconds to live, and by how many a renewal must lengthen the life to be worth a write.
var commitScript = redis.NewScript(`
local present = redis.call('GET', KEYS[1])
if ARGV[1] == 'create' then
  if present == ARGV[2] then return 1 end -- sent again, because the first answer was lost
  if present then return 0 end
elseif not present or present == '' then
  return 0
elseif present == ARGV[2] then
  local longer = tonumber(ARGV[3]) - redis.call('PTTL', KEYS[1])
  if longer >= 0 and longer < tonumber(ARGV[4]) then return 1 end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`)

// CommitCtx is the CommitCtx of a Store.
func (s *RedisStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	life := time.Until(expiry).Milliseconds()
	if life <= 0 {
		return ErrEnded // and not kept for ever, which is what Redis makes of no time to live
	}
	do := "renew"
	if creating(ctx) {
		do = "create"
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	done, err := commitScript.Run(ctx, s.client, []string{redisPrefix + token}, do, data, life, renewAfter.Milliseconds()).Int()
	if err != nil {
		return fmt.Errorf("writing a login session to Redis: %w", err)
	}
	if done == 0 {
		return ErrEnded
	}
	return nil
}

// DeleteCtx is the DeleteCtx of a Store.
func (s *RedisStore) DeleteCtx(ctx context.Context, token string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := s.client.Set(ctx, redisPrefix+token, "", tombstoneLife).Err(); err != nil {
		return fmt.Errorf("ending a login session in Redis: %w", err)
	}
	return nil
}

// Find, Commit and Delete are what scs.CtxStore asks for beyond what it uses.

// Find is FindCtx.
func (s *RedisStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx.
func (s *RedisStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx.
func (s *RedisStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
