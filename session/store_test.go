package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2/memstore"

	"github.com/baton-hub/baton/channels/channelstest"
	"github.com/baton-hub/baton/session"
)

func TestStoreRedis(t *testing.T) {
	t.Parallel()
	testStore(t, redisBench)
}

func TestStoreRedisOverTLSWithACertificateAndTheLeastRights(t *testing.T) {
	t.Parallel()
	testStore(t, redisTLSBench)
}

func TestStoreRedisOnAUnixSocket(t *testing.T) {
	t.Parallel()
	testStore(t, redisUnixBench)
}

func TestStoreRedisUnderSentinels(t *testing.T) {
	t.Parallel()
	testStore(t, redisSentinelBench)
}

func TestStoreRedisCluster(t *testing.T) {
	t.Parallel()
	testStore(t, redisClusterBench)
}

func TestStoreEmbedded(t *testing.T) {
	t.Parallel()
	testStore(t, natsBench)
}

// A plainStore is what scs comes with: it writes what it is told to.
type plainStore struct{ *memstore.MemStore }

func (s plainStore) FindCtx(_ context.Context, token string) ([]byte, bool, error) {
	return s.Find(token)
}

func (s plainStore) DeleteCtx(_ context.Context, token string) error { return s.Delete(token) }

func (s plainStore) CommitCtx(_ context.Context, token string, data []byte, expiry time.Time) error {
	return s.Commit(token, data, expiry)
}

func TestAStoreThatBringsBackTheEndedIsCaught(t *testing.T) {
	plain := memstore.NewWithCleanupInterval(0)
	if back, err := lateCommits(t.Context(), plainStore{plain}); back == 0 || err != nil {
		t.Errorf("%d login sessions came back, error %v: the races prove nothing", back, err)
	}
}

// testStore is what every Store promises.
func testStore(t *testing.T, open func(*testing.T) storeBench) {
	s := open(t)
	hour := func() time.Time { return time.Now().Add(time.Hour) }
	create := func(t *testing.T, token string) {
		t.Helper()
		if err := s.CommitCtx(session.Creating(t.Context()), token, []byte(`{"a":1}`), hour()); err != nil {
			t.Fatal(err)
		}
	}
	find := func(t *testing.T, token string) string {
		t.Helper()
		data, found, err := s.FindCtx(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if !found {
			return "nothing"
		}
		return string(data)
	}
	wantEnded := func(t *testing.T, err error) {
		t.Helper()
		if !errors.Is(err, session.ErrEnded) {
			t.Fatalf("got %v, want ErrEnded", err)
		}
	}

	t.Run("finds what was created", func(t *testing.T) {
		create(t, "one")
		if got := find(t, "one"); got != `{"a":1}` {
			t.Errorf("found %s", got)
		}
		if got := find(t, "never"); got != "nothing" {
			t.Errorf("found %s where nothing was", got)
		}
	})
	t.Run("renews what is there", func(t *testing.T) {
		create(t, "renewed")
		if err := s.CommitCtx(t.Context(), "renewed", []byte(`{"a":2}`), hour()); err != nil {
			t.Fatal(err)
		}
		if got := find(t, "renewed"); got != `{"a":2}` {
			t.Errorf("found %s", got)
		}
	})
	t.Run("makes nothing that it was not told to make", func(t *testing.T) {
		wantEnded(t, s.CommitCtx(t.Context(), "missing", []byte(`{}`), hour()))
		if got := find(t, "missing"); got != "nothing" {
			t.Errorf("found %s", got)
		}
	})
	t.Run("creates no token twice", func(t *testing.T) {
		create(t, "twice")
		wantEnded(t, s.CommitCtx(session.Creating(t.Context()), "twice", []byte(`{"a":9}`), hour()))
		if got := find(t, "twice"); got != `{"a":1}` {
			t.Errorf("found %s", got)
		}
	})
	t.Run("does not mind being told twice", func(t *testing.T) {
		create(t, "again")
		create(t, "again")
	})
	t.Run("what was deleted stays deleted", func(t *testing.T) {
		create(t, "ended")
		for range 2 { // deleting it again is no error
			if err := s.DeleteCtx(t.Context(), "ended"); err != nil {
				t.Fatal(err)
			}
		}
		wantEnded(t, s.CommitCtx(t.Context(), "ended", []byte(`{}`), hour()))
		wantEnded(t, s.CommitCtx(session.Creating(t.Context()), "ended", []byte(`{}`), hour()))
		if got := find(t, "ended"); got != "nothing" {
			t.Errorf("found %s", got)
		}
	})
	t.Run("what was deleted before it was created is not created", func(t *testing.T) {
		if err := s.DeleteCtx(t.Context(), "overtaken"); err != nil {
			t.Fatal(err)
		}
		wantEnded(t, s.CommitCtx(session.Creating(t.Context()), "overtaken", []byte(`{}`), hour()))
	})
	t.Run("expires", func(t *testing.T) {
		end := time.Now().Add(2 * time.Second)
		if err := s.CommitCtx(session.Creating(t.Context()), "short", []byte(`{}`), end); err != nil {
			t.Fatal(err)
		}
		if got := find(t, "short"); got != "{}" && time.Now().Before(end) {
			t.Errorf("found %s before its time", got)
		}
		for asked := time.Now(); find(t, "short") != "nothing"; asked = time.Now() {
			if late := asked.Sub(end); late > 100*time.Millisecond {
				t.Fatalf("it is still there %v after its time", late)
			}
		}
		if early := time.Until(end); early > 10*time.Millisecond {
			t.Errorf("it is gone %v before its time", early)
		}
		wantEnded(t, s.CommitCtx(t.Context(), "short", []byte(`{}`), hour()))
		wantEnded(t, s.CommitCtx(session.Creating(t.Context()), "past", []byte(`{}`), time.Now().Add(-time.Second)))
	})
	t.Run("a request in flight brings nothing back", func(t *testing.T) {
		if back, err := lateCommits(t.Context(), s); back > 0 || err != nil {
			t.Errorf("%d of 1,000 login sessions came back, error %v", back, err)
		}
	})
	t.Run("a token is kept as its hash only", func(t *testing.T) { testHashedOnly(t, s) })
	t.Run("hung, it says so within 3 s", func(t *testing.T) {
		s.hang()
		testDown(t, s.Store, s.late)
	})
	t.Run("gone, it says so within 3 s", func(t *testing.T) {
		s.crash()
		testDown(t, s.Store, s.late)
	})
}

// lateCommits races the end of a login session against requests that renew it, 1,000 times, and counts those that
// were there afterwards.
func lateCommits(ctx context.Context, s session.Store) (back int, err error) {
	var running sync.WaitGroup
	results := make(chan error, 1000)
	slots := make(chan struct{}, 20)
	for i := range 1000 {
		slots <- struct{}{}
		running.Go(func() {
			results <- lateCommit(ctx, s, fmt.Sprintf("race%d", i))
			<-slots
		})
	}
	running.Wait()
	close(results)
	for result := range results {
		if errors.Is(result, errBack) {
			back++
		} else {
			err = errors.Join(err, result)
		}
	}
	return back, err
}

var errBack = errors.New("the login session came back")

func lateCommit(ctx context.Context, s session.Store, token string) error {
	until := time.Now().Add(time.Hour)
	create := func() error { return s.CommitCtx(session.Creating(ctx), token, []byte(`{}`), until) }
	if err := insist(create); err != nil {
		return err
	}
	var race sync.WaitGroup
	errs := make([]error, 3)
	for n := range 2 {
		race.Go(func() {
			// Later and later, so that the store has something to write.
			renew := func() error { return s.CommitCtx(ctx, token, []byte(`{}`), until.Add(time.Duration(n+1)*time.Hour)) }
			if err := insist(renew); !errors.Is(err, session.ErrEnded) {
				errs[n] = err
			}
		})
	}
	errs[2] = insist(func() error { return s.DeleteCtx(ctx, token) })
	race.Wait()
	var found bool
	err := insist(func() (err error) { _, found, err = s.FindCtx(ctx, token); return err })
	if err = errors.Join(append(errs, err)...); found && err == nil {
		return errBack
	}
	return err
}

// insist does something again while nobody can tell what came of it, which a busy machine brings about.
func insist(do func() error) (err error) {
	for late := time.Now().Add(time.Minute); ; {
		if err = do(); err == nil || errors.Is(err, session.ErrEnded) || time.Now().After(late) {
			return err
		}
	}
}

// testHashedOnly signs somebody in and looks for the token in everything that is kept.
func testHashedOnly(t *testing.T, s storeBench) {
	logins := session.NewLogins(session.LoginOptions{Store: s.Store})
	login, err := logins.Begin(t.Context(), "lab", session.Absolute)
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := logins.Keep(t.Context(), login, login.Session)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(cookie)
	if _, err := logins.Find(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if s.keys == nil {
		return
	}
	kept := s.keys()
	if !strings.Contains(kept, login.Hash) || !strings.Contains(kept, `"session":"`+login.Session+`"`) {
		t.Fatalf("the login session is not among what is kept:\n%s", kept)
	}
	if strings.Contains(kept, cookie.Value) {
		t.Errorf("the token itself is kept:\n%s", kept)
	}
}

func testDown(t *testing.T, stores ...session.Store) {
	var calls sync.WaitGroup
	for _, s := range stores {
		if s == nil {
			continue
		}
		for name, call := range map[string]func() error{
			"find":   func() error { _, _, err := s.FindCtx(t.Context(), "one"); return err },
			"renew":  func() error { return s.CommitCtx(t.Context(), "one", []byte(`{}`), time.Now().Add(time.Hour)) },
			"delete": func() error { return s.DeleteCtx(t.Context(), "one") },
			"create": func() error {
				return s.CommitCtx(session.Creating(t.Context()), "new", []byte(`{}`), time.Now().Add(time.Hour))
			},
		} {
			calls.Go(func() {
				channelstest.Within(t, 3*time.Second, func() {
					if err := call(); err == nil || errors.Is(err, session.ErrEnded) {
						t.Errorf("%s: got %v, which says something about the login session", name, err)
					}
				})
			})
		}
	}
	calls.Wait()
}
