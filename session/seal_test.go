package session_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

func TestWhatOneNodeHasSealedAnotherOpensAndNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := &sessiontest.KV{}
		seal := func() *session.Seal { return session.NewSeal(kv, sessiontest.ErrNotFound, sessiontest.ErrChanged) }
		one, other := seal(), seal()
		text, err := one.Close(t.Context(), "a purpose", map[string]string{"secret": "of alice"}, time.Minute)
		if err != nil || strings.Contains(text, "alice") {
			t.Fatal(text, err)
		}
		opens := func(s *session.Seal, purpose, text string) error {
			var value map[string]string
			err := s.Open(t.Context(), purpose, text, &value)
			if err == nil && value["secret"] != "of alice" {
				t.Errorf("it holds %v", value)
			}
			return err
		}
		if err := opens(other, "a purpose", text); err != nil {
			t.Error(err)
		}
		changed := []byte(text)
		changed[len(changed)/2] ^= 1
		for name, err := range map[string]error{
			"another purpose": opens(other, "another purpose", text), "changed": opens(other, "a purpose", string(changed)),
			"cut off": opens(other, "a purpose", text[:len(text)-4]), "nothing": opens(other, "a purpose", ""), "something": opens(other, "a purpose", "AAAA"),
			"another hub": opens(session.NewSeal(&sessiontest.KV{}, sessiontest.ErrNotFound, sessiontest.ErrChanged), "a purpose", text),
		} {
			if !errors.Is(err, session.ErrBroken) {
				t.Errorf("%s: %v", name, err)
			}
		}
		kv.Down(true)
		if err := opens(other, "a purpose", text); !errors.Is(err, sessiontest.ErrDown) {
			t.Errorf("while the key is out of reach: %v", err)
		}
		kv.Down(false)
		time.Sleep(time.Minute)
		if err := opens(other, "a purpose", text); !errors.Is(err, session.ErrBroken) {
			t.Errorf("too late: %v", err)
		}
	})
}

func TestTheCookieOfAnErrandComesBackFromAnotherSiteAndThatOfALoginSessionDoesNot(t *testing.T) {
	logins := session.NewLogins(session.LoginOptions{Store: session.NewKVStore(&sessiontest.KV{}, sessiontest.ErrNotFound, sessiontest.ErrChanged), Secure: true})
	errand, login := logins.Errand("sealed", 10*time.Minute), logins.Expired()
	if want := "__Host-baton-errand=sealed; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax"; errand.String() != want {
		t.Errorf("the errand's is %s", errand)
	}
	if !strings.Contains(login.String(), "__Host-baton=; ") || !strings.Contains(login.String(), "SameSite=Strict") {
		t.Errorf("the login session's is %s", login)
	}
	if gone := logins.Errand("", 0); gone.MaxAge != -1 || gone.Name != errand.Name {
		t.Errorf("it is forgotten by %s", gone)
	}
}
