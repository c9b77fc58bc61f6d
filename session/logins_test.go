package session_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

func TestTheCookieIsWhatTheBrowserNeedsAndNoMore(t *testing.T) {
	for name, secure := range map[string]bool{"__Host-baton": true, "baton": false} {
		l, _ := desk(session.LoginOptions{Secure: secure})
		cookie, _ := kept(t, l, "")
		if cookie.Name != name || cookie.Secure != secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode ||
			cookie.Path != "/" || cookie.Domain != "" || cookie.MaxAge != 24*60*60 {
			t.Errorf("the cookie is %v", cookie)
		}
		if token, err := base64.RawURLEncoding.DecodeString(cookie.Value); err != nil || len(token) < 16 {
			t.Errorf("the token %q has not 128 bits: %v", cookie.Value, err)
		}
		if err := cookie.Valid(); err != nil {
			t.Error(err)
		}
		gone := l.Expired()
		if gone.Name != name || gone.MaxAge >= 0 || gone.Value != "" || gone.Path != "/" || gone.Secure != secure {
			t.Errorf("the cookie that ends it is %v", gone)
		}
	}
}

func TestNothingIsStoredBeforeTheLogHasDecided(t *testing.T) {
	l, m := desk(session.LoginOptions{})
	login, err := l.Begin(t.Context(), "hall", session.Absolute)
	if err != nil {
		t.Fatal(err)
	}
	if m.writes != 0 {
		t.Errorf("Begin wrote %d times", m.writes)
	}
	if !regexp.MustCompile(`^s[a-z0-9]{16}$`).MatchString(login.Session) {
		t.Errorf("the id of the login session is %q", login.Session)
	}
	cookie, err := l.Keep(t.Context(), login, "staken")
	if err != nil {
		t.Fatal(err)
	}
	found, err := l.Find(t.Context(), with(cookie))
	if err != nil || found.Space != "hall" || found.Session != "staken" {
		t.Errorf("found %+v, %v: want the login session that the log chose", found, err)
	}
	if got := l.Presented(with(cookie)); got != login.Hash {
		t.Errorf("presented is %q, want %q", got, login.Hash)
	}
}

func TestWhatIsNoCookieOfOursFindsNothing(t *testing.T) {
	l, m := desk(session.LoginOptions{})
	cookie, login := kept(t, l, "")
	other := *cookie
	other.Name = "__Host-baton"
	guess := *cookie
	guess.Value = "A" + guess.Value[1:]
	if guess.Value == cookie.Value {
		guess.Value = "B" + guess.Value[1:]
	}
	hash := *cookie
	hash.Value = login.Hash // somebody who has read the store
	empty := *cookie
	empty.Value = ""
	for name, r := range map[string]*http.Request{
		"no cookie": with(), "another name": with(&other), "a guess": with(&guess), "the hash": with(&hash), "empty": with(&empty),
	} {
		if found, err := l.Find(t.Context(), r); !errors.Is(err, session.ErrNoLogin) {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	m.values[login.Hash] = []byte(`{"data":{"space":7},"until":"2999-01-01T00:00:00Z"}`)
	if found, err := l.Find(t.Context(), with(cookie)); !errors.Is(err, session.ErrNoLogin) {
		t.Errorf("what is stored makes no sense: %+v, %v", found, err)
	}
}

func TestTheLogDecidesWhetherACookieIsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		l, _ := desk(session.LoginOptions{})
		cookie, login := kept(t, l, "")
		check := func() (err error) {
			found, err := l.Find(t.Context(), with(cookie))
			if err != nil {
				t.Fatal(err)
			}
			h.Read(func(s *channels.State) { err = found.Check(s) })
			return err
		}
		if err := check(); !channels.IsCode(err, channels.CodeSignedOut) {
			t.Errorf("the log does not know it: %v", err)
		}
		in := entering("alice", login.Session)
		in.Record.Hash = login.Hash
		h.must(h.House(t.Context(), in.Decide))
		if err := check(); err != nil {
			t.Errorf("it is on record: %v", err)
		}
		again := entering("alice", "snew") // with another token
		again.Resume = login.Hash
		h.must(h.House(t.Context(), again.Decide))
		if err := check(); !channels.IsCode(err, channels.CodeSignedOut) {
			t.Errorf("the login session has another token now: %v", err)
		}
		in.Resume = login.Hash
		h.must(h.House(t.Context(), in.Decide))
		h.must(h.House(t.Context(), session.SignOut{Session: login.Session, How: session.SignedOut}.Decide))
		if err := check(); !channels.IsCode(err, channels.CodeSignedOut) {
			t.Errorf("it ended, and the store still has it: %v", err)
		}
	})
}

func TestWhatWasDroppedIsGoneForGood(t *testing.T) {
	l, _ := desk(session.LoginOptions{})
	cookie, _ := kept(t, l, "")
	if err := l.Drop(t.Context(), l.Presented(with(cookie))); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Find(t.Context(), with(cookie)); !errors.Is(err, session.ErrNoLogin) {
		t.Errorf("got %v, want ErrNoLogin", err)
	}
	if err := l.Drop(t.Context(), l.Presented(with(cookie))); err != nil {
		t.Errorf("dropping it again: %v", err)
	}
	if err := l.Drop(t.Context(), l.Presented(with())); !errors.Is(err, session.ErrNoLogin) {
		t.Errorf("dropping nothing: %v", err)
	}
}

// A request that looked just before the sign-out may find the login session; the log then says that it has ended.
func TestARequestThatWasOvertakenByTheSignOutBringsNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, m := desk(session.LoginOptions{})
		cookie, _ := kept(t, l, "")
		m.looked = func() {
			if err := l.Drop(t.Context(), l.Presented(with(cookie))); err != nil {
				t.Error(err)
			}
		}
		_, _ = l.Find(t.Context(), with(cookie))
		m.looked = nil
		if found, err := l.Find(t.Context(), with(cookie)); !errors.Is(err, session.ErrNoLogin) {
			t.Errorf("found %+v, %v", found, err)
		}
	})
}

func TestALoginSessionEndsAfterItsAbsoluteLifeHoweverBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := desk(session.LoginOptions{})
		cookie, _ := kept(t, l, "")
		began := time.Now()
		for time.Since(began) < session.Absolute-10*time.Minute {
			if _, err := l.Find(t.Context(), with(cookie)); err != nil {
				t.Fatalf("after %v: %v", time.Since(began), err)
			}
			time.Sleep(10 * time.Minute)
		}
		time.Sleep(10*time.Minute + time.Second)
		if _, err := l.Find(t.Context(), with(cookie)); !errors.Is(err, session.ErrNoLogin) {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestAStoreThatIsDownMakesNobodyAnonymous(t *testing.T) {
	for name, fail := range map[string]func(*memory){
		"down": func(m *memory) { m.down = true },
		"hung": func(m *memory) { m.hung = true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, m := desk(session.LoginOptions{})
				cookie, _ := kept(t, l, "")
				login, err := l.Begin(t.Context(), "hall", session.Absolute)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Minute)
				fail(m)
				for what, do := range map[string]func() error{
					"find": func() error { _, err := l.Find(t.Context(), with(cookie)); return err },
					"keep": func() error { _, err := l.Keep(t.Context(), login, login.Session); return err },
					"drop": func() error { return l.Drop(t.Context(), l.Presented(with(cookie))) },
				} {
					began := time.Now()
					err := do()
					if err == nil || errors.Is(err, session.ErrNoLogin) {
						t.Errorf("%s: got %v", what, err)
					}
					if took := time.Since(began); took > 3*time.Second {
						t.Errorf("%s took %v", what, took)
					}
				}
				if _, err := l.Find(t.Context(), with()); !errors.Is(err, session.ErrNoLogin) {
					t.Errorf("without a cookie there is nothing to ask: %v", err)
				}
			})
		})
	}
}
