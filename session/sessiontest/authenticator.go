package sessiontest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/session"
)

// A Subject is an Authenticator under test, with a person whom it knows.
type Subject struct {
	Authenticator session.Authenticator
	Right         session.Credentials // of the person
	Who           session.Identity    // what it says of them

	// Down takes away what the authenticator asks, such as its server. nil: it asks nothing that could be away.
	Down func()

	// Logged is what was logged until now. nil: it logs nothing.
	Logged func() string
}

// odd are names that no account has, and that must stay names wherever they are put.
var odd = []string{
	"*", "*)(uid=*", "*)(|(uid=*", "alice)(objectClass=*", `alice\`, `\2a`, "alice\x00", "\x00", "alice\nroles: [admin]", "alice\r\n",
	"\xff\xfe", "älice", "аlice", "alice\u200b", "👩‍🔬", "cn=alice,dc=example,dc=org", "{user}", "{dn}", "%s", "../../etc/passwd",
	`{"user":"alice"}`, "' or '1'='1", "$2a$10$", "#", " ", "service/beamline",
}

// notIt is nobody's password, and no word of an error.
const notIt = "not-the-password"

// RunAuthenticator is what every Authenticator promises; make makes a fresh one.
func RunAuthenticator(t *testing.T, make func(t *testing.T) Subject) {
	t.Run("TheRightPassword", func(t *testing.T) { make(t).isRight(t) })
	t.Run("WrongCredentials", func(t *testing.T) { testWrong(t, make(t)) })
	t.Run("OddNames", func(t *testing.T) { testOdd(t, make(t)) })
	t.Run("AResultIsTheCallersOwn", func(t *testing.T) { testOwn(t, make(t)) })
	t.Run("ManyAtOnce", func(t *testing.T) { testCrowd(t, make(t)) })
	t.Run("WhoIsNotWaitedForAnyMore", func(t *testing.T) { testGone(t, make(t)) })
	t.Run("WhatItAsksIsDown", func(t *testing.T) {
		if s := make(t); s.Down != nil {
			testDown(t, s)
		}
	})
}

// ask asks as a hub does, and finds what was typed in what is said of it.
func (s Subject) ask(t *testing.T, c session.Credentials) (session.Identity, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	who, err := s.Authenticator.Authenticate(ctx, c)
	if err != nil {
		s.isDiscreet(t, c, err)
	}
	return who, err
}

// isDiscreet fails if a password is in an error or a log. One that is a name, too, may be there as that.
func (s Subject) isDiscreet(t *testing.T, c session.Credentials, err error) {
	t.Helper()
	said := err.Error()
	if s.Logged != nil {
		said += s.Logged()
	}
	for _, secret := range []string{c.Password, s.Right.Password} {
		if len(secret) >= 5 && secret != c.User && secret != s.Right.User && strings.Contains(said, secret) {
			t.Errorf("a password is in what it says: %.1000s", said)
		}
	}
}

func (s Subject) isRight(t *testing.T) {
	t.Helper()
	if who, err := s.ask(t, s.Right); err != nil || !reflect.DeepEqual(who, s.Who) {
		t.Errorf("it says %+v, %v; not %+v", who, err, s.Who)
	}
}

func (s Subject) isWrong(t *testing.T, c session.Credentials) {
	t.Helper()
	who, err := s.ask(t, c)
	if !errors.Is(err, session.ErrWrongCredentials) || !reflect.DeepEqual(who, session.Identity{}) {
		t.Errorf("%.40q %.40q: %+v, %v", c.User, c.Password, who, err)
	}
}

func testWrong(t *testing.T, s Subject) {
	right := s.Right
	for _, wrong := range []session.Credentials{
		{User: right.User, Password: "wrong" + right.Password},
		{User: right.User, Password: right.Password + " "},
		{User: right.User, Password: strings.ToUpper(right.Password)},
		{User: right.User, Password: right.Password + "\x00"},
		{User: right.User}, // which a directory takes for nobody, and admits
		{User: "nobody-of-that-name", Password: right.Password},
		{User: "nobody-of-that-name"},
		{Password: right.Password},
		{},
		{User: right.User, Password: right.Password + strings.Repeat("x", 1<<20)},
		{User: right.User + strings.Repeat("x", 1<<20), Password: right.Password},
		{User: right.User + "\x00", Password: right.Password},
	} {
		s.isWrong(t, wrong)
	}
	s.isRight(t)
}

func testOdd(t *testing.T, s Subject) {
	for _, name := range odd {
		s.isWrong(t, session.Credentials{User: name, Password: s.Right.Password})
		s.isWrong(t, session.Credentials{User: s.Right.User, Password: name})
	}
	s.isRight(t)
}

func testOwn(t *testing.T, s Subject) {
	who, err := s.ask(t, s.Right)
	if err != nil {
		t.Fatal(err)
	}
	for i := range who.Roles {
		who.Roles[i] = "admin"
	}
	for i := range who.Proposals {
		who.Proposals[i] = "another"
	}
	_ = append(who.Roles, "staff")
	s.isRight(t)
}

func testCrowd(t *testing.T, s Subject) {
	var crowd sync.WaitGroup
	for range 12 {
		crowd.Go(func() { s.isRight(t) })
		crowd.Go(func() { s.isWrong(t, session.Credentials{User: s.Right.User, Password: notIt}) })
	}
	crowd.Wait()
}

func testGone(t *testing.T, s Subject) {
	ctx, leave := context.WithCancel(t.Context())
	leave()
	for _, c := range []session.Credentials{s.Right, {User: s.Right.User, Password: notIt}} {
		who, err := s.Authenticator.Authenticate(ctx, c)
		if err == nil || errors.Is(err, session.ErrWrongCredentials) || who.User != "" {
			t.Errorf("it says %+v, %v", who, err)
		}
	}
	s.isRight(t)
}

func testDown(t *testing.T, s Subject) {
	s.isRight(t)
	s.Down()
	for _, c := range []session.Credentials{s.Right, {User: s.Right.User, Password: notIt}, {User: "nobody-of-that-name", Password: notIt}} {
		began := time.Now()
		who, err := s.ask(t, c)
		if err == nil || errors.Is(err, session.ErrWrongCredentials) || who.User != "" || slices.Contains(who.Roles, "user") {
			t.Errorf("%s: it says %+v, %v", c.Password, who, err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v to find out", took)
		}
	}
}
