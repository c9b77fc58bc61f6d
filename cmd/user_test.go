package cmd

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/baton-hub/baton/session"
)

func TestAPersonWhoWasAddedCanSignIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.yaml")
	added := baton(t, nil, "", "user", "add", "ann", "--file", path, "--role", "user,staff", "--name", "Ann A")
	_, made, printed := strings.Cut(added.out, "password: ")
	if added.code != 0 || !printed {
		t.Fatalf("it exited with %d and said %q %q", added.code, added.out, added.errors)
	}
	if got := baton(t, nil, "hunter2\n", "user", "add", "bert", "--file", path, "--password-stdin"); got.code != 0 || strings.Contains(got.out, "hunter2") {
		t.Fatalf("it exited with %d and said %q %q", got.code, got.out, got.errors)
	}
	f, err := session.OpenUserFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for user, password := range map[string]string{"ann": strings.TrimSpace(made), "bert": "hunter2"} {
		who, err := f.Authenticate(context.Background(), session.Credentials{User: user, Password: password})
		if err != nil || who.User != user || who.Roles[0] != "user" {
			t.Errorf("%s signs in as %+v, %v", user, who, err)
		}
	}
}
