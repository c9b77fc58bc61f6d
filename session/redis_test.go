package session_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

func TestRedisOverTLSTrustsWhomItWasToldTo(t *testing.T) {
	t.Parallel()
	server, own := sessiontest.RedisTLS(t)
	other := sessiontest.NewCertificates(t)
	base, _, _ := strings.Cut(server.URL, "?")
	with := func(c sessiontest.Certificates, more string) string { return base + "?" + c.Query() + more }
	for name, c := range map[string]struct {
		url  string
		good bool
	}{
		"as it should be":             {server.URL, true},
		"by another of its names":     {with(own, "&sni=redis.test"), true},
		"by a name that it has not":   {with(own, "&sni=redis.example"), false},
		"signed by somebody else":     {with(sessiontest.Certificates{CA: other.CA, Cert: own.Cert, Key: own.Key}, ""), false},
		"not known to the system":     {base + "?" + url.Values{"cert": {own.Cert}, "key": {own.Key}}.Encode(), false},
		"without a certificate":       {base + "?" + url.Values{"cacert": {own.CA}}.Encode(), false},
		"with somebody's certificate": {with(sessiontest.Certificates{CA: own.CA, Cert: other.Cert, Key: other.Key}, ""), false},
		"with a wrong password":       {strings.Replace(server.URL, "%23", "%24", 1), false},
		"without TLS":                 {strings.Replace(base, "rediss:", "redis:", 1), false},
	} {
		err := openRedis(t, c.url).Ping(t.Context())
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "p@ss") {
			t.Errorf("%s: the error repeats the password: %v", name, err)
		}
	}
}

func TestFilesOfCertificatesAreReadAtTheStart(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for query, says := range map[string]string{
		"cacert=/nowhere.pem":               "reading cacert: open /nowhere.pem",
		"cacert=" + empty:                   "no certificate in PEM",
		"cert=/nowhere.pem&key=/nowhere":    "reading cert and key",
		"cert=" + empty + "&key=" + empty:   "reading cert and key",
		"cacert=/nowhere.pem&sni=redis.lan": "reading cacert",
	} {
		_, err := session.OpenRedis("rediss://me:HUSH@h?" + query)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "HUSH") {
			t.Errorf("%s: got %v, want %q", query, err, says)
		}
	}
}
