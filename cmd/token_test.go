package cmd

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

func TestTheOperatorOfTheMachineCreatesListsAndRevokesTokens(t *testing.T) {
	data := t.TempDir()
	p := startBaton(t, "--demo=false", "--data", data)
	on := []string{"--data", data, "--space", "demo"}
	token := func(args ...string) result {
		return baton(t, nil, "", append(append([]string{"token"}, args...), on...)...)
	}

	made := token("create", "scanner", "--scope", "read", "--expires", "90d")
	secret := strings.TrimSpace(made.out)
	if made.code != 0 || !strings.HasPrefix(secret, "baton_demo_") || strings.Contains(made.errors, secret) {
		t.Fatalf("it exited with %d and said %q %q", made.code, made.out, made.errors)
	}
	tab := hubtest.OpenToken(t, p.url, "scanner-1", secret)
	tab.Refused(map[string]any{"type": "append", "channel": "chat", "data": 1}, "forbidden")

	listed := token("list")
	if listed.code != 0 || !strings.Contains(listed.out, "service/scanner") || strings.Contains(listed.out, secret) {
		t.Errorf("the list is %q %q", listed.out, listed.errors)
	}
	var tokens []listedToken
	if got := token("list", "--output", "json"); json.Unmarshal([]byte(got.out), &tokens) != nil {
		t.Fatalf("the list is no JSON: %q %q", got.out, got.errors)
	}
	id := ""
	for _, one := range tokens {
		if one.Name == "scanner" && strings.HasPrefix(secret, one.Prefix) {
			id = one.ID
		}
	}
	if got := token("revoke", id); got.code != 0 || got.out != "" {
		t.Errorf("revoking exited with %d and said %q %q", got.code, got.out, got.errors)
	}
	if code := tab.Ended(); code != wire.CloseSignedOut {
		t.Errorf("its socket was closed with %d", code)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"revoke", id}, exitRunTime, "there is no token"},
		{[]string{"create", "x", "--expires", "soon"}, exitRunTime, "12h or 90d"},
		{[]string{"create", "x", "--scope", "NO"}, exitRunTime, "scope"},
		{[]string{"create"}, exitUsage, "accepts 1 arg"},
		{[]string{"list", "--output", "xml"}, exitUsage, "text or json"},
	} {
		if got := token(c.args...); got.code != c.code || !strings.Contains(got.errors, c.says) {
			t.Errorf("baton token %v exited with %d and said %q", c.args, got.code, got.errors)
		}
	}
	// An admin does the same from anywhere; here there is none, and the others are told.
	env := map[string]string{"BATON_PASSWORD": "sam"}
	if got := baton(t, env, "", "token", "create", "x", "--url", p.url, "--space", "demo", "--user", "sam"); got.code != exitRunTime || !strings.Contains(got.errors, "for admins") {
		t.Errorf("as staff it exited with %d and said %q", got.code, got.errors)
	}
	admin := strings.TrimSpace(baton(t, nil, "", "token", "create", "office", "--role", "admin", "--data", data, "--space", "demo").out)
	env = map[string]string{"BATON_TOKEN": admin}
	if got := baton(t, env, "", "token", "create", "x", "--url", p.url, "-o", "json"); got.code != 0 || !strings.Contains(got.out, `"token":"baton_demo_`) {
		t.Errorf("as an admin it exited with %d and said %q %q", got.code, got.out, got.errors)
	}
}

func TestTokensOfAFolderThatNoHubServesAreNotThere(t *testing.T) {
	got := baton(t, nil, "", "token", "list", "--data", filepath.Join(t.TempDir(), "none"), "--space", "demo")
	if got.code != exitRunTime || !strings.Contains(got.errors, "no hub runs on") {
		t.Errorf("it exited with %d and said %q", got.code, got.errors)
	}
	if got := baton(t, nil, "", "token", "list"); got.code != exitUsage || !strings.Contains(got.errors, "--space") {
		t.Errorf("without a space it exited with %d and said %q", got.code, got.errors)
	}
}

func TestTheDevelopmentTokenThatIsPrintedWorksAtOnce(t *testing.T) {
	p := startBaton(t, "--data", t.TempDir())
	var token string
	for tick := time.NewTicker(20 * time.Millisecond); token == ""; <-tick.C {
		if _, after, ok := strings.Cut(p.printed.String(), "TOKEN="); ok && strings.Contains(after, "\n") {
			token, _, _ = strings.Cut(after, "\n")
		}
		if t.Context().Err() != nil {
			t.Fatal("no token is printed")
		}
	}
	program := hubtest.Program(t, token)
	program.Request("POST", p.url+"/api/v1/spaces/demo/channels/chat", `{"data":"hello"}`).Want(200)
	hubtest.OpenToken(t, p.url, "dev-1", token)
}
