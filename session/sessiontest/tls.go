package sessiontest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Certificates are the files of an authority of the test's own, and of a certificate that it signed for 127.0.0.1 and for
// the name redis.test, for servers and clients.
type Certificates struct{ CA, Cert, Key string }

// NewCertificates makes them.
func NewCertificates(t testing.TB) Certificates {
	t.Helper()
	dir := t.TempDir()
	c := Certificates{filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Redis"}, NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{"redis.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	signing, own := newKey(t), newKey(t)
	sign := func(file string, made *x509.Certificate, key *ecdsa.PrivateKey) {
		der, err := x509.CreateCertificate(rand.Reader, made, authority, key.Public(), signing)
		if err != nil {
			t.Fatal(err)
		}
		writePEM(t, file, "CERTIFICATE", der)
	}
	sign(c.CA, authority, signing)
	sign(c.Cert, leaf, own)
	der, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, c.Key, "PRIVATE KEY", der)
	return c
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t testing.TB, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Query is what a URL of a client has behind the ?.
func (c Certificates) Query() string {
	return url.Values{"cacert": {c.CA}, "cert": {c.Cert}, "key": {c.Key}}.Encode()
}

// The user of a server over TLS or of a cluster may do what a hub does, and no more: see deploy/redis.conf.
const (
	User     = "baton"
	Password = "p@ss/word?#%"
)

var credentials = url.UserPassword(User, Password).String()

// grant makes that user, in the words of the ACL of Redis.
func grant() []string {
	return []string{
		"--user", User, "on", ">" + Password, "resetchannels", "~baton:login:*", "-@all",
		"+get", "+set", "+pttl", "+eval", "+evalsha", "+ping", "+select",
	}
}

// RedisTLS starts a server that speaks TLS only, with clients that have a certificate and a password.
func RedisTLS(t testing.TB) (*Server, Certificates) {
	t.Helper()
	c := NewCertificates(t)
	return run(t, func(s *Server) {
		s.URL = "rediss://" + credentials + "@" + s.Address() + "/0?" + c.Query()
		s.args = func() []string {
			args := []string{
				"--port", "0", "--tls-port", strconv.Itoa(s.port), "--tls-cert-file", c.Cert, "--tls-key-file", c.Key,
				"--tls-ca-cert-file", c.CA, "--tls-auth-clients", "yes", "--user", "default", "off",
			}
			return append(args, grant()...)
		}
	}), c
}
