package session_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

// Redis acknowledges before its replicas have it, so what was written last may be gone after a failover.
func TestAFailoverThatLosesTheLastWritesCostsAPasswordAndBringsNobodyBack(t *testing.T) {
	t.Parallel()
	h := openHall(t, session.Observe)
	redis := sessiontest.RedisSentinel(t)
	logins := session.NewLogins(session.LoginOptions{Store: openRedis(t, redis.URL)})
	enter := func(user, resume string) (*http.Cookie, string) {
		t.Helper()
		login, err := logins.Begin(t.Context(), "hall", session.Absolute)
		if err != nil {
			t.Fatal(err)
		}
		in := entering(user, login.Session)
		in.Record.Hash, in.Resume = login.Hash, resume
		id := answer[session.SignedIn](t, h.must(h.House(t.Context(), in.Decide))).Session
		cookie, err := logins.Keep(t.Context(), login, id)
		if err != nil {
			t.Fatal(err)
		}
		return cookie, id
	}
	carol, carolID := enter("carol", "")
	alice, aliceID := enter("alice", "")

	redis.Detach()
	bob, bobID := enter("bob", "")
	term := h.does(bobID, session.Move{Do: "request"}).Term
	if err := logins.Drop(t.Context(), logins.Presented(with(alice))); err != nil {
		t.Fatal(err)
	}
	h.must(h.House(t.Context(), session.SignOut{Session: aliceID, How: session.SignedOut}.Decide))
	redis.Master.Kill()
	if _, err := logins.Find(t.Context(), with(carol)); err == nil || errors.Is(err, session.ErrNoLogin) {
		t.Errorf("while nobody is the master: %v", err)
	}
	redis.Promote()

	find := func(cookie *http.Cookie) (found session.Found, err error) {
		for late := time.Now().Add(time.Minute); time.Now().Before(late); { // each try waits for an answer
			if found, err = logins.Find(t.Context(), with(cookie)); err == nil || errors.Is(err, session.ErrNoLogin) {
				break
			}
		}
		return found, err
	}
	if found, err := find(carol); err != nil || found.Session != carolID {
		t.Errorf("who signed in long before is found as %+v, %v", found, err)
	}
	if _, err := find(bob); !errors.Is(err, session.ErrNoLogin) {
		t.Errorf("the last sign-in: %v, and it should be lost for this test to show anything", err)
	}
	if _, again := enter("bob", logins.Presented(with(bob))); again != bobID || !h.seat().HeldBy(bobID) || h.seat().Term != term {
		t.Errorf("bob signed in again as %s, not %s, and the seat is %+v", again, bobID, h.seat())
	}
	found, err := find(alice)
	if err != nil || found.Session != aliceID {
		t.Fatalf("the tombstone should be lost, and %+v, %v was found", found, err)
	}
	h.Read(func(s *channels.State) { err = found.Check(s) })
	if !channels.IsCode(err, channels.CodeSignedOut) {
		t.Errorf("who signed out is back: %v", err)
	}
	if _, again := enter("alice", logins.Presented(with(alice))); again == aliceID {
		t.Errorf("alice has taken up a login session that had ended")
	}
}
