package session_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

// redisDesk is Logins on a real Redis.
func redisDesk(t *testing.T) (*session.Logins, *sessiontest.Server) {
	t.Helper()
	redis := sessiontest.Redis(t)
	store, err := session.OpenRedis(redis.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return session.NewLogins(session.LoginOptions{Store: store}), redis
}

func TestTabsThatComeTogetherShareALookUp(t *testing.T) {
	l, redis := redisDesk(t)
	login, err := l.Begin(t.Context(), "hall", session.Absolute)
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := l.Keep(t.Context(), login, "sone")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Find(t.Context(), with(cookie)); err != nil { // it is connected
		t.Fatal(err)
	}
	before := redis.Calls("get")
	redis.Pause() // so that all of them come while the first one waits
	const tabs = 200
	var coming, going sync.WaitGroup
	for range tabs {
		coming.Add(1)
		going.Go(func() {
			r := with(cookie)
			coming.Done()
			if found, err := l.Find(t.Context(), r); err != nil || found.Session != "sone" {
				t.Errorf("found %+v, %v", found, err)
			}
		})
	}
	coming.Wait()
	redis.Resume()
	going.Wait()
	if calls := redis.Calls("get") - before; calls == 0 || calls > tabs/10 {
		t.Errorf("%d tabs cost %d look-ups", tabs, calls)
	} else {
		t.Logf("%d tabs cost %d look-ups", tabs, calls)
	}
}

// A crowd of strangers, each with another cookie. What does not get its turn in time is an error, which the hub answers with
// 503: nobody is anonymous because of it.
func TestANodeAsksTheStoreOfLoginSessionsAtABoundedRate(t *testing.T) {
	l, redis := redisDesk(t)
	before, began := redis.Calls("get"), time.Now()
	const crowd = 6000
	var going sync.WaitGroup
	var refused atomic.Int64
	for i := range crowd {
		going.Go(func() {
			_, err := l.Find(t.Context(), with(&http.Cookie{Name: "baton", Value: fmt.Sprint("stranger-", i)}))
			if err == nil {
				t.Error("a stranger was found")
			}
			if !errors.Is(err, session.ErrNoLogin) {
				refused.Add(1)
			}
		})
	}
	going.Wait()
	took, calls := time.Since(began), redis.Calls("get")-before
	t.Logf("%d came at once: %d look-ups in %v, %d did not get their turn", crowd, calls, took.Round(time.Millisecond), refused.Load())
	if most := 100 + int(took.Seconds()*1000) + 50; calls > most {
		t.Errorf("Redis was asked %d times in %v, the limit is 1,000 a second", calls, took)
	}
	if calls+int(refused.Load()) < crowd || refused.Load() == 0 && took < 5*time.Second || calls < 100 {
		t.Errorf("of %d who came, %d were looked up and %d refused", crowd, calls, refused.Load())
	}
}
