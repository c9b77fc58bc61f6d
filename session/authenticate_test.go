package session_test

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

// userFile makes a file with alice in it, as the command line does.
func userFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users.yaml")
	who := session.Identity{User: "alice", Name: "Alice", Roles: []string{"user"}}
	if err := session.AddUser(path, who, "alice"); err != nil {
		t.Fatal(err)
	}
	return path
}

func openUsers(t *testing.T, path string) *session.UserFile {
	t.Helper()
	users, err := session.OpenUserFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return users
}

func TestDevIsAnAuthenticator(t *testing.T) {
	sessiontest.RunAuthenticator(t, func(*testing.T) sessiontest.Subject {
		return sessiontest.Subject{
			Authenticator: session.Dev{}, Right: session.Credentials{User: "alice", Password: "alice"},
			Who: session.Identity{User: "alice", Name: "Alice", Roles: []string{"user"}, Proposals: []string{"mx-2112"}},
		}
	})
}

// filed is a file with the person in it whom the tests of authenticators know.
func filed(t *testing.T) (path string, s sessiontest.Subject) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "users.yaml")
	s.Right = session.Credentials{User: "ann", Password: "correct horse battery"}
	s.Who = session.Identity{User: "ann", Name: "Ann", Roles: []string{"user", "staff"}, Proposals: []string{"mx-1", "mx-2"}}
	// The hash is one that costs little, so that hundreds can be compared with.
	file := "version: 1\nusers: {ann: {name: Ann, roles: [user, staff], proposals: [mx-1, mx-2], password: '" + cheapHash(s.Right.Password) + "'}}\n"
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Authenticator = openUsers(t, path)
	s.Down = func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	return path, s
}

func cheapHash(password string) string {
	salt := []byte("of a test")
	key := argon2.IDKey([]byte(password), salt, 1, 64, 1, 32)
	return "$argon2id$v=19$m=64,t=1,p=1$" + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(key)
}

func TestAFileIsAnAuthenticator(t *testing.T) {
	sessiontest.RunAuthenticator(t, func(t *testing.T) sessiontest.Subject {
		_, s := filed(t)
		return s
	})
}

func TestAChainIsAnAuthenticator(t *testing.T) {
	sessiontest.RunAuthenticator(t, func(t *testing.T) sessiontest.Subject {
		_, s := filed(t)
		s.Authenticator = session.Chain{session.Dev{}, s.Authenticator}
		return s
	})
}

// counting counts how often it is asked.
type counting struct {
	session.Authenticator
	asked *int
}

func (c counting) Authenticate(ctx context.Context, given session.Credentials) (session.Identity, error) {
	*c.asked++
	return c.Authenticator.Authenticate(ctx, given)
}

// TestAChainAsksAllOfItWhenNobodyIsRight is why the time of a refusal does not tell which of them knows the account.
func TestAChainAsksAllOfItWhenNobodyIsRight(t *testing.T) {
	_, known := filed(t)
	first, last := 0, 0
	chain := session.Chain{counting{known.Authenticator, &first}, counting{session.Dev{}, &last}}
	for i, user := range []string{"ann", "alice", "nobody", ""} {
		if _, err := chain.Authenticate(t.Context(), session.Credentials{User: user, Password: "wrong"}); err != session.ErrWrongCredentials {
			t.Errorf("%s: %v", user, err)
		}
		if first != i+1 || last != i+1 {
			t.Errorf("%s: the first was asked %d times and the last %d", user, first, last)
		}
	}
	if who, err := chain.Authenticate(t.Context(), known.Right); err != nil || who.User != "ann" || last != 4 {
		t.Errorf("the first that knows the person: %+v, %v, and the last was asked %d times", who, err, last)
	}
}

// broken is a directory that is down.
type broken struct{}

var errDown = errors.New("the directory is down")

func (broken) Authenticate(context.Context, session.Credentials) (session.Identity, error) {
	return session.Identity{}, errDown
}

func TestAChainThatCannotTellAdmitsNobodyAndSaysSo(t *testing.T) {
	chain := session.Chain{broken{}, session.Dev{}}
	for _, c := range []session.Credentials{{User: "alice", Password: "alice"}, {User: "alice", Password: "wrong"}} {
		if _, err := chain.Authenticate(t.Context(), c); !errors.Is(err, errDown) || errors.Is(err, session.ErrWrongCredentials) {
			t.Errorf("%s: %v", c.Password, err)
		}
	}
	if _, err := (session.Chain{}).Authenticate(t.Context(), session.Credentials{}); !errors.Is(err, session.ErrWrongCredentials) {
		t.Errorf("nobody to ask: %v", err)
	}
}

func TestUsersAreAddedAndChangedWhileTheHubRuns(t *testing.T) {
	path := userFile(t)
	users := openUsers(t, path)
	try := func(user, password string) error {
		_, err := users.Authenticate(t.Context(), session.Credentials{User: user, Password: password})
		return err
	}
	if err := session.AddUser(path, session.Identity{User: "bob", Roles: []string{"staff"}, Proposals: []string{"mx-2112"}}, "secret one"); err != nil {
		t.Fatal(err)
	}
	who, err := users.Authenticate(t.Context(), session.Credentials{User: "bob", Password: "secret one"})
	if err != nil || who.Name != "bob" || strings.Join(who.Proposals, " ") != "mx-2112" || who.Roles[0] != "staff" {
		t.Errorf("bob: %+v, %v", who, err)
	}
	if err := session.AddUser(path, session.Identity{User: "alice", Roles: []string{"user"}}, "changed"); err != nil {
		t.Fatal(err)
	}
	if try("alice", "alice") != session.ErrWrongCredentials || try("alice", "changed") != nil || try("bob", "secret one") != nil {
		t.Error("alice's new password is not the only one, or bob has gone")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "changed") || strings.Count(string(data), "$argon2id$v=19$m=19456,t=2,p=1$") != 2 {
		t.Errorf("the file does not hold two hashes and no password:\n%s", data)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is for others to read: %v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("something was left beside the file: %v", left)
	}
}

func TestAUserFileThatCannotBeReadAdmitsNobody(t *testing.T) {
	hash := "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$" + "aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo"
	entry := func(s string) string { return "version: 1\nusers:\n  alice:\n" + s }
	for name, c := range map[string]struct{ file, says string }{
		"no version":       {"users: {}\n", "version is 0"},
		"a later version":  {"version: 2\n", "version is 2"},
		"an unknown key":   {entry("    roles: [user]\n    password: " + hash + "\n    rolls: [staff]\n"), "rolls"},
		"a repeated user":  {entry("    roles: [user]\n    password: " + hash + "\n  alice:\n    roles: [admin]\n    password: " + hash + "\n"), "alice"},
		"no roles":         {entry("    password: " + hash + "\n"), "roles are missing"},
		"an empty role":    {entry("    roles: ['']\n    password: " + hash + "\n"), "roles are missing"},
		"a plain password": {entry("    roles: [user]\n    password: alice\n"), "not an argon2id hash"},
		"another hash":     {entry("    roles: [user]\n    password: $2y$10$abcdefghijklmnopqrstuv\n"), "not an argon2id hash"},
		"a ruinous cost":   {entry("    roles: [user]\n    password: " + strings.Replace(hash, "m=19456", "m=4194304", 1) + "\n"), "out of bounds"},
		"a cost of zero":   {entry("    roles: [user]\n    password: " + strings.Replace(hash, "t=2", "t=0", 1) + "\n"), "not an argon2id hash"},
		"a short hash":     {entry("    roles: [user]\n    password: $argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaA\n"), "16 to 64 bytes"},
		"no YAML":          {"version: 1\nusers: [\n", "users.yaml"},
		"a list":           {"- alice\n", "users.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			path := userFile(t)
			users := openUsers(t, path)
			if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := users.Authenticate(t.Context(), session.Credentials{User: "alice", Password: "alice"})
			if err == nil || errors.Is(err, session.ErrWrongCredentials) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want it to say %q", err, c.says)
			}
			if _, err := session.OpenUserFile(path); err == nil {
				t.Error("a hub starts with it")
			}
		})
	}
	if _, err := session.OpenUserFile(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestAddUserRefusesWhatCouldNotSignIn(t *testing.T) {
	path := userFile(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"no roles":        session.AddUser(path, session.Identity{User: "bob"}, "secret"),
		"no account":      session.AddUser(path, session.Identity{Roles: []string{"user"}}, "secret"),
		"an odd account":  session.AddUser(path, session.Identity{User: "b\nob", Roles: []string{"user"}}, "secret"),
		"no password":     session.AddUser(path, session.Identity{User: "bob", Roles: []string{"user"}}, ""),
		"a long password": session.AddUser(path, session.Identity{User: "bob", Roles: []string{"user"}}, strings.Repeat("x", 1025)),
	} {
		if err == nil {
			t.Errorf("%s: added", name)
		}
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file has changed: %v", err)
	}
}
