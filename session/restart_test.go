package session_test

import (
	"errors"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

func TestTheEmbeddedStoreKeepsSignInsAndSignOutsOverARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func() (*session.Logins, *natslog.Store) {
		nats := natstest.EmbeddedIn(t, dir)
		kv, err := nats.KV(t.Context(), "sessions")
		if err != nil {
			t.Fatal(err)
		}
		return session.NewLogins(session.LoginOptions{Store: session.NewKVStore(kv, natslog.ErrNotFound, natslog.ErrRevision)}), nats
	}
	logins, nats := open()
	stays, login := kept(t, logins, "")
	ended, _ := kept(t, logins, "")
	if err := logins.Drop(t.Context(), logins.Presented(with(ended))); err != nil {
		t.Fatal(err)
	}
	nats.Close()
	if _, err := logins.Find(t.Context(), with(stays)); err == nil || errors.Is(err, session.ErrNoLogin) {
		t.Errorf("while it is down: %v", err)
	}

	logins, _ = open()
	if found, err := logins.Find(t.Context(), with(stays)); err != nil || found.Session != login.Session {
		t.Errorf("found %+v, %v after the restart", found, err)
	}
	if _, err := logins.Find(t.Context(), with(ended)); !errors.Is(err, session.ErrNoLogin) {
		t.Errorf("what had ended: %v", err)
	}
}

// Redis may forget: then people are asked for their password again, and the log gives them back what they held.
func TestARedisThatCameBackEmptyCostsAPasswordAndNotControl(t *testing.T) {
	t.Parallel()
	h := openHall(t, session.Reject)
	redis := sessiontest.Redis(t)
	store, err := session.OpenRedis(redis.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	logins := session.NewLogins(session.LoginOptions{Store: store})

	cookie, login := kept(t, logins, "")
	in := entering("alice", login.Session)
	in.Record.Hash = login.Hash
	h.must(h.House(t.Context(), in.Decide))
	term := h.does(login.Session, session.Move{Do: "request"}).Term
	redis.Kill()
	if _, err := logins.Find(t.Context(), with(cookie)); err == nil || errors.Is(err, session.ErrNoLogin) {
		t.Errorf("while it is down: %v", err)
	}
	redis.Restart()
	if _, err := logins.Find(t.Context(), with(cookie)); !errors.Is(err, session.ErrNoLogin) {
		t.Errorf("once it is back, empty: %v", err)
	}
	_, second := kept(t, logins, login.Session)
	again := entering("alice", second.Session)
	again.Record.Hash, again.Resume = second.Hash, logins.Presented(with(cookie))
	h.must(h.House(t.Context(), again.Decide))
	if seat := h.seat(); !seat.HeldBy(login.Session) || seat.Term != term {
		t.Errorf("the seat is %+v", seat)
	}
	h.Read(func(s *channels.State) {
		if all := session.All(s); len(all) != 1 {
			t.Errorf("signed in are %+v", all)
		}
	})
}
