package remote_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/remote"
	"github.com/baton-hub/baton/session/sessiontest"
)

var ann = session.Credentials{User: "ann", Password: `correct "horse" bättery`}

// site is a service of a site that knows ann, if it is asked as it wants to be.
func site(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	var asked map[string]string
	switch {
	case err != nil || json.Unmarshal(text, &asked) != nil || len(asked) != 2 || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json":
		w.WriteHeader(http.StatusBadRequest)
	case r.Header.Get("X-Baton") != "the secret of the hub":
		w.WriteHeader(http.StatusTeapot)
	case asked["username"] == "locked":
		w.WriteHeader(http.StatusForbidden)
	case asked["username"] != ann.User || asked["password"] != ann.Password:
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, "no %s", asked["password"])
	default:
		fmt.Fprint(w, `{"user": "ann", "name": "Ann", "roles": ["user", "staff"], "proposals": ["mx-1", "mx-2"]}`+"\n")
	}
}

// serve starts a service over TLS and returns how it is reached.
func serve(t *testing.T, service http.HandlerFunc) (remote.Options, *httptest.Server) {
	t.Helper()
	dir := t.TempDir()
	ca := sessiontest.WriteCertificate(t, dir)
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(service)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that a test wants to fail
	server.StartTLS()
	t.Cleanup(server.Close)
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("the secret of the hub\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return remote.Options{URL: server.URL + "/login", CAFile: ca, Header: "X-Baton", HeaderFile: secret, Timeout: 5 * time.Second}, server
}

func open(t *testing.T, o remote.Options) *remote.Service {
	t.Helper()
	s, err := remote.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAServiceIsAnAuthenticator(t *testing.T) {
	sessiontest.RunAuthenticator(t, func(t *testing.T) sessiontest.Subject {
		o, server := serve(t, site)
		return sessiontest.Subject{
			Authenticator: open(t, o), Right: ann, Down: server.Close,
			Who: session.Identity{User: "ann", Name: "Ann", Roles: []string{"user", "staff"}, Proposals: []string{"mx-1", "mx-2"}},
		}
	})
}

func TestAnswersOtherThanYesAndNoAreNeverAWrongPassword(t *testing.T) {
	var answer atomic.Value
	o, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer.Load().(func(http.ResponseWriter))(w) })
	s := open(t, o)
	says := func(status int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	yes := `{"roles": ["user"]}`
	for name, f := range map[string]func(http.ResponseWriter){
		"an error":              says(500, yes),
		"created":               says(201, yes),
		"nothing":               says(204, ""),
		"not there":             says(404, ""),
		"too many":              says(429, ""),
		"elsewhere":             says(307, ""),
		"no JSON":               says(200, "<html>yes</html>"),
		"cut off":               says(200, `{"roles": ["user"]`),
		"a list":                says(200, `["user"]`),
		"null":                  says(200, `null`),
		"no roles":              says(200, `{"user": "ann"}`),
		"roles of another kind": says(200, `{"roles": "admin"}`),
		"an unknown member":     says(200, `{"roles": ["user"], "admin": true}`),
		"another case":          says(200, `{"Roles": ["user"]}`),
		"twice":                 says(200, `{"roles": ["user"], "roles": ["admin"]}`),
		"more":                  says(200, yes+yes),
		"no text":               says(200, "{\"user\": \"\xff\", \"roles\": []}"),
		"without end":           says(200, `{"name": "`+strings.Repeat("x", 300<<10)+`", "roles": ["user"]}`),
		"the connection ends": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			says(200, yes)(w)
		},
	} {
		answer.Store(f)
		who, err := s.Authenticate(t.Context(), ann)
		if err == nil || errors.Is(err, session.ErrWrongCredentials) || !reflect.DeepEqual(who, session.Identity{}) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	for name, f := range map[string]func(http.ResponseWriter){"401": says(401, yes), "403": says(403, yes)} {
		answer.Store(f)
		if who, err := s.Authenticate(t.Context(), ann); !errors.Is(err, session.ErrWrongCredentials) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	answer.Store(says(200, yes))
	if who, err := s.Authenticate(t.Context(), ann); err != nil || who.User != "ann" || len(who.Roles) != 1 {
		t.Errorf("without the account: %+v, %v", who, err)
	}
	answer.Store(says(200, `{"user": "ann.a", "name": null, "roles": []}`))
	if who, err := s.Authenticate(t.Context(), ann); err != nil || who.User != "ann.a" || len(who.Roles) != 0 {
		t.Errorf("without a role: %+v, %v", who, err)
	}
}

func TestAPasswordNeverFollowsARedirect(t *testing.T) {
	var reached bytes.Buffer
	for _, status := range []int{301, 302, 303, 307, 308} {
		o, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/login" {
				http.Redirect(w, r, "/elsewhere", status)
				return
			}
			fmt.Fprint(&reached, r.Method)
			_, _ = io.Copy(&reached, r.Body)
		})
		if who, err := open(t, o).Authenticate(t.Context(), ann); err == nil || errors.Is(err, session.ErrWrongCredentials) {
			t.Errorf("%d: %+v, %v", status, who, err)
		}
	}
	if reached.Len() > 0 {
		t.Errorf("it got %s", reached.String())
	}
}

func TestAServiceThatDoesNotAnswerIsGivenUp(t *testing.T) {
	stop := make(chan struct{})
	o, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	})
	defer close(stop)
	o.Timeout = 200 * time.Millisecond
	began := time.Now()
	if who, err := open(t, o).Authenticate(t.Context(), ann); err == nil || errors.Is(err, session.ErrWrongCredentials) || time.Since(began) > 3*time.Second {
		t.Errorf("%+v, %v after %v", who, err, time.Since(began))
	}
}

func TestOnlyTheServiceOfTheSiteIsTrustedAndItKnowsTheHub(t *testing.T) {
	o, _ := serve(t, site)
	for name, change := range map[string]func(*remote.Options){
		"another authority":        func(o *remote.Options) { o.CAFile = sessiontest.WriteCertificate(t, t.TempDir()) },
		"the system's authorities": func(o *remote.Options) { o.CAFile = "" },
		"no secret":                func(o *remote.Options) { o.Header, o.HeaderFile = "", "" },
		"no file of the secret":    func(o *remote.Options) { o.HeaderFile += "x" },
		"a secret of two lines": func(o *remote.Options) {
			o.HeaderFile = filepath.Join(t.TempDir(), "two")
			if err := os.WriteFile(o.HeaderFile, []byte("a\r\nX-Other: b"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		changed := o
		change(&changed)
		who, err := open(t, changed).Authenticate(t.Context(), ann)
		if err == nil || errors.Is(err, session.ErrWrongCredentials) || strings.Contains(err.Error(), "X-Other") {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}

func TestOptionsThatCannotWorkAreRefusedAllAtOnce(t *testing.T) {
	for url, want := range map[string]string{
		"": "url is where", "ftp://x": "url is where", "https://": "url is where", "http://users.example.org/login": "unencrypted",
		"https://u:secret-in-a-url@x": "holds a password", "https://x?key=secret-in-a-url": "holds a password",
	} {
		_, err := remote.New(remote.Options{URL: url, CAFile: "none.pem", Header: "X: y", Timeout: -1})
		for _, want := range []string{want, "reading ca_file", "go together", "not the name of a header", "negative"} {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-in-a-url") {
				t.Errorf("of %s it says %v, not %q", url, err, want)
			}
		}
	}
}
