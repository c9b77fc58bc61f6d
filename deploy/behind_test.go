package deploy

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/porttest"
)

// behind starts a hub with the site file of compose.yaml, which is all three of nginx, and nginx before it. Ann has the password
// "a long password".
func behind(t *testing.T) (url string) {
	t.Helper()
	dir := t.TempDir()
	site := strings.Replace(read(t, "site/site.yaml"), "172.30.0.10", "127.0.0.1", 1) // where nginx is, here
	if err := os.WriteFile(filepath.Join(dir, "site.yaml"), []byte(site), 0o600); err != nil {
		t.Fatal(err)
	}
	add := exec.Command(baton, "user", "add", "--file", filepath.Join(dir, "users.yaml"), "--password-stdin", "ann")
	add.Stdin = strings.NewReader("a long password\n")
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	address := "127.0.0.1:" + strconv.Itoa(porttest.Free(t))
	start(t, baton, "serve", "--config", filepath.Join(dir, "site.yaml"), "--data", filepath.Join(dir, "data"), "--listen", address, "--admin", "")
	wait(t, "the hub", func() bool { return answers(t, http.DefaultClient, "http://"+address+"/readyz") })
	return proxied(t, address, address, address)
}

func TestBehindNginxAPageSignsInAndConnectsAndTheHubKnowsFromWhere(t *testing.T) {
	url := behind(t)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Transport: trusting.Transport, Jar: jar, Timeout: patience}
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/v1/session", strings.NewReader(`{"space":"beamline-1","user":"ann","password":"a long password"}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Origin": url, "X-Forwarded-For": "203.0.113.9", // by another proxy before this one
	} {
		post.Header.Set(name, value)
	}
	answer, err := browser.Do(post)
	if err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(answer.Body)
	if _ = answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK || answer.Header.Get("Strict-Transport-Security") == "" {
		t.Fatalf("signing in is answered with %d: %s, %v", answer.StatusCode, said, err)
	}
	var list struct{ Sessions []struct{ User, From string } }
	answer, err = browser.Get(url + "/api/v1/sessions")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil || len(list.Sessions) != 1 || list.Sessions[0].From != "203.0.113.9" {
		t.Errorf("the login sessions are %+v, %v", list, err)
	}

	cookie := jar.Cookies(post.URL)[0]
	for origin, want := range map[string]int{url: http.StatusSwitchingProtocols, "https://elsewhere.example": http.StatusForbidden} {
		socket, err := tls.Dial("tcp", post.URL.Host, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		_ = socket.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(socket, "GET /api/v1/ws?client=ann-tab1 HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: %s\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: baton.v1\r\nCookie: %s=%s\r\n\r\n",
			post.URL.Host, origin, cookie.Name, cookie.Value)
		answer, err := http.ReadResponse(bufio.NewReader(socket), nil)
		if err != nil || answer.StatusCode != want {
			t.Errorf("a page of %s gets %v, %v", origin, answer, err)
		}
	}
}
