package session_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/baton-hub/baton/session"
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

func TestAuthenticatorDev(t *testing.T) { testAuthenticator(t, session.Dev{}) }

func TestAuthenticatorFile(t *testing.T) { testAuthenticator(t, openUsers(t, userFile(t))) }

func TestAuthenticatorChain(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "users.yaml")
	if err := os.WriteFile(empty, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	testAuthenticator(t, session.Chain{openUsers(t, empty), session.Dev{}})
}

// testAuthenticator is what every Authenticator promises, of one that knows alice with the password alice.
func testAuthenticator(t *testing.T, a session.Authenticator) {
	who, err := a.Authenticate(t.Context(), session.Credentials{User: "alice", Password: "alice"})
	if err != nil || who.User != "alice" || who.Name != "Alice" || !slices.Equal(who.Roles, []string{"user"}) {
		t.Errorf("alice: %+v, %v", who, err)
	}
	for _, wrong := range []session.Credentials{
		{User: "alice", Password: "Alice"},
		{User: "alice", Password: "alice "},
		{User: "alice"},
		{User: "Alice", Password: "alice"},
		{User: "nobody", Password: "nobody"},
		{User: "nobody"},
		{},
		{User: "alice", Password: "alice" + strings.Repeat("x", 1<<20)},
		{User: "alice\x00", Password: "alice"},
	} {
		if who, err := a.Authenticate(t.Context(), wrong); err != session.ErrWrongCredentials || who.User != "" {
			t.Errorf("%.20q %.20q: %+v, %v", wrong.User, wrong.Password, who, err)
		}
	}
	who.Roles[0] = "admin" // what one caller does to its answer is nobody else's
	if again, err := a.Authenticate(t.Context(), session.Credentials{User: "alice", Password: "alice"}); err != nil || again.Roles[0] != "user" {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	var crowd sync.WaitGroup
	for range 12 {
		crowd.Go(func() {
			if _, err := a.Authenticate(t.Context(), session.Credentials{User: "alice", Password: "alice"}); err != nil {
				t.Error(err)
			}
		})
	}
	crowd.Wait()
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
