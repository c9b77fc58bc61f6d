package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

// guarded is a hub's guard over Dev, with its counts in kv.
func guarded(kv session.KV) *session.Guard {
	return &session.Guard{Sign: session.Dev{}, Throttle: session.NewThrottle(kv, sessiontest.ErrNotFound, sessiontest.ErrChanged)}
}

// try tries a password, "" for the right one, and returns how long to wait if it is not looked at.
func try(t *testing.T, g *session.Guard, user, password, from string) (wait time.Duration, err error) {
	t.Helper()
	if password == "" {
		password = user
	}
	_, err = g.SignIn(t.Context(), session.Credentials{User: user, Password: password}, from)
	var throttled *session.Throttled
	if errors.As(err, &throttled) {
		return throttled.Wait, nil
	}
	return 0, err
}

const home = "192.0.2.1"

func TestAfterFiveFailuresAnAccountHasToWaitLongerAndLongerFromThatAddressOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guarded(&sessiontest.KV{})
		fails := func(user string) {
			t.Helper()
			if wait, err := try(t, g, user, "wrong", home); wait != 0 || err != session.ErrWrongCredentials {
				t.Fatalf("%s: to wait %v, %v", user, wait, err)
			}
		}
		for range 5 {
			fails("alice")
		}
		var waits []time.Duration
		for range 7 {
			wait, err := try(t, g, "alice", "", home) // not even the right one is looked at
			if wait == 0 {
				t.Fatalf("after %v it is looked at: %v", waits, err)
			}
			waits = append(waits, wait)
			time.Sleep(wait)
			fails("alice")
		}
		second := time.Second
		if want := []time.Duration{30 * second, 60 * second, 120 * second, 240 * second, 480 * second, 900 * second, 900 * second}; !slices.Equal(waits, want) {
			t.Errorf("the waits were %v, want %v", waits, want)
		}
		if wait, err := try(t, g, "alice", "", "192.0.2.2"); wait != 0 || err != nil {
			t.Errorf("from elsewhere: to wait %v, %v", wait, err)
		}
		if wait, err := try(t, g, "bob", "", home); wait != 0 || err != nil {
			t.Errorf("another account: to wait %v, %v", wait, err)
		}
		time.Sleep(15 * time.Minute)
		if wait, err := try(t, g, "alice", "", home); wait != 0 || err != nil {
			t.Errorf("after the wait: to wait %v, %v", wait, err)
		}
	})
}

func TestASuccessForgetsTheFailuresAndSoDoesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guarded(&sessiontest.KV{})
		fourTimes := func() {
			t.Helper()
			for range 4 {
				if wait, _ := try(t, g, "alice", "wrong", home); wait != 0 {
					t.Fatalf("to wait %v", wait)
				}
			}
		}
		fourTimes()
		if wait, err := try(t, g, "alice", "", home); wait != 0 || err != nil {
			t.Errorf("the right one: to wait %v, %v", wait, err)
		}
		fourTimes()
		time.Sleep(15 * time.Minute)
		fourTimes()
	})
}

func TestAnUnknownAccountIsThrottledAsAKnownOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guarded(&sessiontest.KV{})
		answers := map[string][]string{}
		for range 7 {
			for _, user := range []string{"alice", "nobody", "", "*)(uid=*"} {
				wait, err := try(t, g, user, "wrong", home)
				answers[user] = append(answers[user], fmt.Sprint(wait, err))
			}
		}
		for user, got := range answers {
			if !slices.Equal(got, answers["alice"]) {
				t.Errorf("%q: %v; alice: %v", user, got, answers["alice"])
			}
		}
	})
}

func TestOneAddressHasThirtyFailuresInAMinuteAndSuccessesDoNotClearThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guarded(&sessiontest.KV{})
		for i := range 30 {
			if wait, err := try(t, g, fmt.Sprint("user", i), "wrong", home); wait != 0 || err != session.ErrWrongCredentials {
				t.Fatalf("number %d: to wait %v, %v", i, wait, err)
			}
			if wait, err := try(t, g, "bob", "", home); (wait != 0 || err != nil) && i < 29 {
				t.Fatalf("bob after number %d: to wait %v, %v", i, wait, err)
			}
		}
		time.Sleep(10 * time.Second)
		if wait, err := try(t, g, "alice", "", home); wait != 50*time.Second || err != nil {
			t.Errorf("the next: to wait %v, %v", wait, err)
		}
		time.Sleep(50 * time.Second)
		if wait, err := try(t, g, "alice", "", home); wait != 0 || err != nil {
			t.Errorf("a minute later: to wait %v, %v", wait, err)
		}
	})
}

func TestSpellingsOfOneAccountAndAddressesOfOneNetworkCountAsOne(t *testing.T) {
	for name, attempts := range map[string][]session.Attempt{
		"letters and spaces": {{Account: "alice"}, {Account: "ALICE"}, {Account: " Alice"}, {Account: "alice  "}, {Account: "aLICE"}},
		"letters that a directory takes for others": {
			{Account: "alice"}, {Account: "ａｌｉｃｅ"}, {Account: "Ⓐlice"}, {Account: "al\u00adice"}, {Account: "ali\u0301ce"},
		},
		"IPv6": {
			{Account: "alice", Address: "2001:db8::1"},
			{Account: "alice", Address: "2001:db8::ffff:1"},
			{Account: "alice", Address: "2001:db8:0:0:1::"},
			{Account: "alice", Address: "2001:db8::2%eth0"},
			{Account: "alice", Address: "2001:0db8::3"},
		},
		"IPv4 in IPv6": {
			{Account: "alice", Address: "192.0.2.1"},
			{Account: "alice", Address: "::ffff:192.0.2.1"},
			{Account: "alice", Address: "192.0.2.1"},
			{Account: "alice", Address: "::ffff:192.0.2.1"},
			{Account: "alice", Address: "192.0.2.1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			throttle := guarded(&sessiontest.KV{}).Throttle
			for _, a := range attempts {
				if _, err := throttle.Begin(t.Context(), a); err != nil {
					t.Fatal(err)
				}
			}
			var throttled *session.Throttled
			if _, err := throttle.Begin(t.Context(), attempts[0]); !errors.As(err, &throttled) {
				t.Errorf("the sixth: %v", err)
			}
		})
	}
	throttle := guarded(&sessiontest.KV{}).Throttle
	for _, a := range []session.Attempt{ // these are different, though they are the same when joined
		{Account: "a", Address: "b c"},
		{Account: "a b", Address: "c"},
		{Account: "", Address: "a b c"},
		{Account: "a b c", Address: ""},
		{Account: "a/b", Address: "c"},
		{Account: "a", Address: "b/c"},
	} {
		for range 5 {
			if _, err := throttle.Begin(t.Context(), a); err != nil {
				t.Errorf("%+v: %v", a, err)
			}
		}
	}
}

func TestAHundredGuessesAtOnceGetNoFurtherThanInTurn(t *testing.T) {
	guards := []*session.Guard{}
	store := natstest.Embedded(t)
	for range 2 { // two nodes
		kv, err := store.KV(t.Context(), "throttle")
		if err != nil {
			t.Fatal(err)
		}
		guards = append(guards, &session.Guard{Sign: session.Dev{}, Throttle: session.NewThrottle(kv, natslog.ErrNotFound, natslog.ErrRevision)})
	}
	var mu sync.Mutex
	looked, refused := 0, 0
	var crowd sync.WaitGroup
	for i := range 100 {
		crowd.Go(func() {
			wait, err := try(t, guards[i%2], "alice", "wrong", fmt.Sprintf("2001:db8::%d", i))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case wait > 0:
				refused++
			case errors.Is(err, session.ErrWrongCredentials):
				looked++
			default:
				t.Error(err)
			}
		})
	}
	crowd.Wait()
	if looked != 5 || refused != 95 {
		t.Errorf("%d were looked at and %d refused, want 5 and 95", looked, refused)
	}
}

// stuck is an authenticator whose answer is chosen.
type stuck struct{ answer func(context.Context) error }

func (s stuck) Authenticate(ctx context.Context, _ session.Credentials) (session.Identity, error) {
	return session.Identity{}, s.answer(ctx)
}

func TestAnAuthenticatorThatIsDownLocksNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guarded(&sessiontest.KV{})
		g.Sign = stuck{func(context.Context) error { return errDown }}
		for range 100 {
			if wait, err := try(t, g, "alice", "", home); wait != 0 || err != errDown {
				t.Fatalf("to wait %v, %v", wait, err)
			}
		}
		// But to go away before the answer does not undo the try.
		g.Sign = stuck{func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		for range 5 {
			ctx, leave := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, leave)
			if _, err := g.SignIn(ctx, session.Credentials{User: "alice", Password: "guess"}, home); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		if wait, _ := try(t, g, "alice", "", home); wait == 0 {
			t.Error("whoever hangs up in time may guess for ever")
		}
	})
}

func TestNobodySignsInWhileTheCountsAreOutOfReach(t *testing.T) {
	kv := &sessiontest.KV{}
	g := guarded(kv)
	kv.Down(true)
	if wait, err := try(t, g, "alice", "", home); wait != 0 || !errors.Is(err, sessiontest.ErrDown) {
		t.Errorf("to wait %v, %v", wait, err)
	}
	kv.Down(false)
	if wait, err := try(t, g, "alice", "", home); wait != 0 || err != nil {
		t.Errorf("when they are back: to wait %v, %v", wait, err)
	}
}

func TestNothingThatWasTypedIsKept(t *testing.T) {
	kv := &sessiontest.KV{}
	g := guarded(kv)
	if _, err := try(t, g, "my-password-in-the-wrong-field", "wrong", home); err != session.ErrWrongCredentials {
		t.Fatal(err)
	}
	keys := kv.Keys()
	if len(keys) != 2 {
		t.Errorf("kept under %v", keys)
	}
	for _, key := range keys {
		value, _, _ := kv.Get(t.Context(), key)
		if strings.Contains(key+string(value), "password") || strings.Contains(key+string(value), home) {
			t.Errorf("%s: %s", key, value)
		}
	}
}

// TestARefusalTakesTheSameTimeWhoeverIsAskedFor is about authenticators that answer faster for those they do not know.
func TestARefusalTakesTheSameTimeWhoeverIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &session.Guard{Sign: slowForKnown{}, RefuseAfter: 400 * time.Millisecond}
		for _, user := range []string{"alice", "nobody"} {
			began := time.Now()
			_, err := try(t, g, user, "wrong", home)
			if took := time.Since(began); err != session.ErrWrongCredentials || took != 400*time.Millisecond {
				t.Errorf("%s: %v after %v", user, err, took)
			}
		}
		began := time.Now()
		if _, err := try(t, g, "alice", "", home); err != nil || time.Since(began) != 250*time.Millisecond {
			t.Errorf("the right one: %v after %v", err, time.Since(began))
		}
	})
}

type slowForKnown struct{}

func (slowForKnown) Authenticate(ctx context.Context, c session.Credentials) (session.Identity, error) {
	if c.User == "alice" {
		time.Sleep(250 * time.Millisecond)
	}
	return session.Dev{}.Authenticate(ctx, c)
}

// given is an authenticator that says of everybody the same.
type given session.Identity

func (g given) Authenticate(context.Context, session.Credentials) (session.Identity, error) {
	return session.Identity(g), nil
}

func TestAnIdentityIsTakenOnlyIfItIsOne(t *testing.T) {
	ask := func(who session.Identity, roles []string) (session.Identity, error) {
		g := &session.Guard{Sign: given(who), Roles: roles}
		return g.SignIn(t.Context(), session.Credentials{}, home)
	}
	for _, user := range []string{"", "a\nb", "a\x00", "\xff", strings.Repeat("x", 200), "service/beamline"} {
		if who, err := ask(session.Identity{User: user, Roles: []string{"user"}}, nil); err == nil {
			t.Errorf("%q became %+v", user, who)
		}
	}
	roles := []string{"user", "operator", "owner", "member", "user", "detector-group", "Nonsense", "", "visitor"}
	who, err := ask(session.Identity{User: "alice", Name: strings.Repeat("ä", 100), Roles: roles}, []string{"detector-group"})
	if err != nil || !slices.Equal(who.Roles, []string{"user", "detector-group"}) {
		t.Errorf("of the site's own roles only: %v, %v", who.Roles, err)
	}
	proposals := []string{"mx-1", "", "mx-2", "a\nb", "mx-1", strings.Repeat("x", 200)}
	if who, err := ask(session.Identity{User: "alice", Proposals: proposals}, nil); err != nil || !slices.Equal(who.Proposals, []string{"mx-1", "mx-2"}) {
		t.Errorf("the proposals became %q, %v", who.Proposals, err)
	}
	if want := strings.Repeat("ä", 64); who.Name != want {
		t.Errorf("a long name became %q", who.Name)
	}
	if who, err := ask(session.Identity{User: "alice", Roles: roles}, nil); err != nil || !slices.Equal(who.Roles, []string{"user", "detector-group", "visitor"}) {
		t.Errorf("of any: %v, %v", who.Roles, err)
	}
}
