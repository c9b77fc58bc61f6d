package sessiontest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/porttest"
)

// An OpenID is an OpenID provider in a process of its own, on a port of the loopback interface, which it keeps over
// restarts: npm's oidc-provider, which is certified to be one. It asks for no password. The client baton has the secret
// OpenIDSecret.
type OpenID struct {
	Issuer string

	t       testing.TB
	options map[string]any
	process *exec.Cmd
	stdin   io.Closer
	said    *bytes.Buffer
}

// OpenIDSecret is the secret of the client baton.
const OpenIDSecret = "of the hub"

// NewOpenID starts a provider that knows people with claims, and sends them back to these addresses. More are further
// settings of oidc-provider.
func NewOpenID(t testing.TB, people map[string]map[string]any, redirects []string, more map[string]any) *OpenID {
	t.Helper()
	p := &OpenID{t: t, said: &bytes.Buffer{}, options: map[string]any{"people": people, "redirects": redirects}}
	for key, value := range more {
		p.options[key] = value
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the provider said:\n%s", p.said)
		}
	})
	port := porttest.Free(t)
	p.options["port"], p.Issuer = port, fmt.Sprintf("http://127.0.0.1:%d", port)
	if err := p.start(); err != nil {
		t.Fatalf("starting the provider (npm ci in frontend): %v\n%s", err, p.said)
	}
	return p
}

// Kill ends the process with SIGKILL, if it runs.
func (p *OpenID) Kill() {
	if p.process == nil {
		return
	}
	_ = p.process.Process.Kill()
	_ = p.stdin.Close()
	_ = p.process.Wait() // killed, as asked
	p.process = nil
}

// Restart starts it again after Kill, on the same port. It has forgotten who is signed in.
func (p *OpenID) Restart() {
	p.t.Helper()
	if err := p.start(); err != nil {
		p.t.Fatalf("starting the provider again: %v\n%s", err, p.said)
	}
}

func (p *OpenID) start() error {
	options, err := json.Marshal(p.options)
	if err != nil {
		return err
	}
	_, here, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(here), "..", "..", "frontend", "e2e", "provider.mjs")
	cmd := exec.Command("node", script, string(options))
	cmd.Stderr = p.said
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.process, p.stdin = cmd, stdin
	late := time.AfterFunc(60*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	ready := make([]byte, len("ready\n"))
	if _, err := io.ReadFull(stdout, ready); err != nil || string(ready) != "ready\n" {
		p.Kill()
		return fmt.Errorf("it said %q: %w", ready, err)
	}
	return nil
}

// A Visitor is a browser at a provider, and wherever else it is sent.
type Visitor struct {
	t    testing.TB
	http *http.Client
}

// NewVisitor returns a browser without cookies.
func NewVisitor(t testing.TB) *Visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Visitor{t, &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

// Get asks for one page, and returns its status, where it sends to, and what it says. Headers are pairs of name and value.
func (v *Visitor) Get(address string, headers ...string) (status int, to string, page string) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return v.do(r)
}

func (v *Visitor) do(r *http.Request) (status int, to string, page string) {
	v.t.Helper()
	response, err := v.http.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if location, err := response.Location(); err == nil {
		to = location.String()
	}
	return response.StatusCode, to, string(text)
}

var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	formPrompt = regexp.MustCompile(`name="prompt" value="([^"]+)"`)
	abortLink  = regexp.MustCompile(`href="([^"]+/abort)"`)
)

// SignIn goes from an address of the provider to the first one elsewhere, signing in as a person and consenting on the
// way. The person "" goes away from the form instead.
func (v *Visitor) SignIn(provider *OpenID, address, person string) (elsewhere string) {
	v.t.Helper()
	elsewhere, _, err := v.Through(provider, address, person)
	if err != nil {
		v.t.Fatal(err)
	}
	return elsewhere
}

// Through is SignIn that says whether the person was asked for their name and password.
func (v *Visitor) Through(provider *OpenID, address, person string) (elsewhere string, asked bool, err error) {
	v.t.Helper()
	for range 20 {
		if !strings.HasPrefix(address, provider.Issuer+"/") {
			return address, asked, nil
		}
		status, to, page := v.Get(address)
		form := formAction.FindStringSubmatch(page)
		switch {
		case to != "":
			address = to
		case form == nil:
			return "", asked, fmt.Errorf("the provider answered %d: %s", status, page)
		case person == "":
			address = v.absolute(provider, abortLink.FindStringSubmatch(page)[1])
		default:
			prompt := formPrompt.FindStringSubmatch(page)[1]
			asked = asked || prompt == "login"
			if address, err = v.fill(v.absolute(provider, form[1]), url.Values{"prompt": {prompt}, "login": {person}, "password": {"any"}}); err != nil {
				return "", asked, err
			}
		}
	}
	return "", asked, fmt.Errorf("the provider sends on and on, now to %s", address)
}

// fill sends a form and returns where that leads.
func (v *Visitor) fill(address string, fields url.Values) (to string, err error) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, address, strings.NewReader(fields.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, to, page := v.do(r)
	if to == "" {
		return "", fmt.Errorf("the provider answered %d: %s", status, page)
	}
	return to, nil
}

func (v *Visitor) absolute(provider *OpenID, path string) string {
	if strings.HasPrefix(path, "/") {
		return provider.Issuer + path
	}
	return path
}
