package issuer_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/issuer"
)

// A key is one of an issuer's.
type key struct {
	private any
	id      string
	alg     jose.SignatureAlgorithm
}

func (k key) public() jose.JSONWebKey {
	one := jose.JSONWebKey{Key: k.private, KeyID: k.id, Use: "sig"}
	return one.Public()
}

func newKey(t *testing.T, id string, alg jose.SignatureAlgorithm) key {
	t.Helper()
	var private any
	var err error
	switch alg {
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key{private, id, alg}
}

// sign makes a token.
func sign(t *testing.T, k key, alg jose.SignatureAlgorithm, private any, claims map[string]any) string {
	t.Helper()
	o := (&jose.SignerOptions{}).WithType("JWT")
	if k.id != "" {
		o = o.WithHeader("kid", k.id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: private}, o)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (k key) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	return sign(t, k, k.alg, k.private, claims)
}

// office is an issuer with a server for its keys, and a clock.
type office struct {
	t       *testing.T
	url     string
	mu      sync.Mutex
	serves  []byte // what it answers
	status  int
	asked   int
	elapsed time.Duration
}

const name, audience = "https://office.example", "baton"

func newOffice(t *testing.T, keys ...key) *office {
	o := &office{t: t, status: http.StatusOK}
	o.publish(keys...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asked++
		w.WriteHeader(o.status)
		_, _ = w.Write(o.serves)
	}))
	t.Cleanup(server.Close)
	o.url = server.URL
	return o
}

func keySet(t *testing.T, keys ...key) []byte {
	set := jose.JSONWebKeySet{}
	for _, k := range keys {
		set.Keys = append(set.Keys, k.public())
	}
	data, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (o *office) publish(keys ...key) { o.answer(http.StatusOK, keySet(o.t, keys...)) }

func (o *office) answer(status int, body []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.status, o.serves = status, body
}

func (o *office) pass(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.elapsed += d
}

func (o *office) times() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked
}

func (o *office) now() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Now().Add(o.elapsed)
}

func (o *office) options() issuer.Options {
	return issuer.Options{
		Issuer: name, Audience: audience, URL: o.url, Algorithms: []string{"ES256", "EdDSA", "RS256"}, Now: o.now,
		RolesClaim: "realm.groups", ProposalsClaim: "proposals", RoleMap: map[string]string{"beamline": "staff", "*": "user"},
	}
}

func open(t *testing.T, o ...issuer.Options) *issuer.Issuers {
	t.Helper()
	all, err := issuer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (o *office) claims(more ...map[string]any) map[string]any {
	claims := map[string]any{
		"iss": name, "aud": []string{"other", audience}, "sub": "ann", "exp": o.now().Add(time.Hour).Unix(),
		"realm": map[string]any{"groups": []string{"beamline", "golf"}}, "proposals": "mx-1",
	}
	for _, m := range more {
		maps.Copy(claims, m)
	}
	return claims
}

func TestATokenOfAnIssuerSaysWhoSomebodyIs(t *testing.T) {
	es, ed, rs := newKey(t, "es", jose.ES256), newKey(t, "ed", jose.EdDSA), newKey(t, "rs", jose.RS256)
	o := newOffice(t, es, ed, rs)
	all := open(t, o.options())
	for _, k := range []key{es, ed, rs, {es.private, "", es.alg}} {
		p, err := all.Verify(t.Context(), k.sign(t, o.claims(map[string]any{"name": "Ann A"})))
		if err != nil {
			t.Errorf("%s: %v", k.alg, err)
			continue
		}
		if p.Person.User != "ann" || p.Person.Name != "Ann A" || !slices.Equal(p.Person.Roles, []string{"staff", "user"}) ||
			!slices.Equal(p.Person.Proposals, []string{"mx-1"}) || p.Issuer != name {
			t.Errorf("%s: it is of %+v", k.alg, p)
		}
		if left := p.Expires.Sub(o.now()); left < 59*time.Minute || left > time.Hour+issuer.Leeway {
			t.Errorf("%s: it is good for %v", k.alg, left)
		}
	}
	if o.times() != 1 {
		t.Errorf("the issuer was asked %d times", o.times())
	}
}

func TestWhatIsWrongWithATokenIsRefused(t *testing.T) {
	es, rs, stranger := newKey(t, "es", jose.ES256), newKey(t, "rs", jose.RS256), newKey(t, "es", jose.ES256)
	o := newOffice(t, es, rs)
	all := open(t, o.options())
	at := func(d time.Duration) int64 { return o.now().Add(d).Unix() }
	good := es.sign(t, o.claims())
	parts := strings.Split(good, ".")
	part := func(v string) string { return base64.RawURLEncoding.EncodeToString([]byte(v)) }
	public, err := json.Marshal(rs.public())
	if err != nil {
		t.Fatal(err)
	}
	for what, token := range map[string]string{
		"nothing": "", "text": "hello", "dots": "..", "a token of the hub": "baton_lab_t7_HUSH",
		"no algorithm":                        part(`{"alg":"none"}`) + "." + parts[1] + ".",
		"no algorithm, with the signature":    part(`{"alg":"none","kid":"es"}`) + "." + parts[1] + "." + parts[2],
		"the public key as a secret":          sign(t, rs, jose.HS256, public, o.claims()),
		"an algorithm that was not allowed":   sign(t, rs, jose.RS512, rs.private, o.claims()),
		"a key of another kind under that id": sign(t, key{id: "es"}, jose.RS256, rs.private, o.claims()),
		"somebody else's key":                 stranger.sign(t, o.claims()),
		"another payload":                     parts[0] + "." + part(`{"iss":"`+name+`"}`) + "." + parts[2],
		"no signature":                        parts[0] + "." + parts[1] + ".",
		"another audience":                    es.sign(t, o.claims(map[string]any{"aud": "other"})),
		"no audience":                         es.sign(t, o.claims(map[string]any{"aud": nil})),
		"another issuer":                      es.sign(t, o.claims(map[string]any{"iss": name + "/"})),
		"expired":                             es.sign(t, o.claims(map[string]any{"exp": at(-time.Minute)})),
		"no end":                              es.sign(t, o.claims(map[string]any{"exp": nil})),
		"an end that is no number":            es.sign(t, o.claims(map[string]any{"exp": "never"})),
		"good for too long":                   es.sign(t, o.claims(map[string]any{"exp": at(1000 * time.Hour)})),
		"not good yet":                        es.sign(t, o.claims(map[string]any{"nbf": at(time.Minute)})),
		"issued tomorrow":                     es.sign(t, o.claims(map[string]any{"iat": at(24 * time.Hour)})),
		"too large":                           es.sign(t, o.claims(map[string]any{"x": strings.Repeat("x", 10_000)})),
		"no object":                           parts[0] + "." + part(`[]`) + "." + parts[2],
	} {
		if p, err := all.Verify(t.Context(), token); !errors.Is(err, session.ErrNotAccepted) || p.Person.User != "" {
			t.Errorf("%s: %+v, %v", what, p, err)
		}
	}
	for what, claims := range map[string]map[string]any{
		"expired within the leeway": {"exp": at(-10 * time.Second)}, "not good yet within the leeway": {"nbf": at(10 * time.Second)},
	} {
		if _, err := all.Verify(t.Context(), es.sign(t, o.claims(claims))); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestANewKeyIsFoundAndUnknownOnesAskTheIssuerNowAndThenOnly(t *testing.T) {
	first, second := newKey(t, "1", jose.ES256), newKey(t, "2", jose.ES256)
	o := newOffice(t, first)
	all := open(t, o.options())
	check := func(k key) error {
		_, err := all.Verify(t.Context(), k.sign(t, o.claims()))
		return err
	}
	if err := check(first); err != nil {
		t.Fatal(err)
	}
	o.publish(second)
	for range 20 {
		if err := check(second); !errors.Is(err, session.ErrNotAccepted) {
			t.Fatalf("right after the last look: %v", err)
		}
	}
	if o.times() != 1 {
		t.Errorf("20 unknown keys made it ask %d times", o.times())
	}
	o.pass(31 * time.Second)
	if err := check(second); err != nil || o.times() != 2 {
		t.Errorf("the new key: %v, asked %d times", err, o.times())
	}
	if err := check(first); !errors.Is(err, session.ErrNotAccepted) {
		t.Errorf("the key that was taken back: %v", err)
	}
}

func TestAnIssuerOutOfReachGoesOnWithItsKeysForADay(t *testing.T) {
	k, other := newKey(t, "1", jose.ES256), newKey(t, "2", jose.ES256)
	o := newOffice(t, k)
	o.answer(http.StatusServiceUnavailable, nil)
	all := open(t, o.options())
	check := func(k key) error {
		_, err := all.Verify(t.Context(), k.sign(t, o.claims()))
		return err
	}
	if err := check(k); err == nil || errors.Is(err, session.ErrNotAccepted) {
		t.Errorf("never reached: %v", err)
	}
	o.publish(k)
	o.pass(time.Minute)
	if err := check(k); err != nil {
		t.Fatal(err)
	}
	o.answer(http.StatusServiceUnavailable, nil)
	for range 3 {
		o.pass(7 * time.Hour)
		if err := check(k); err != nil {
			t.Errorf("it was reached less than a day ago: %v", err)
		}
	}
	if err := check(other); err == nil || errors.Is(err, session.ErrNotAccepted) {
		t.Errorf("a key that may be new: %v", err)
	}
	o.pass(7 * time.Hour)
	if err := check(k); err == nil || errors.Is(err, session.ErrNotAccepted) {
		t.Errorf("after more than a day: %v", err)
	}
}

func TestSetsOfKeysThatCannotBeUsedAreNot(t *testing.T) {
	k := newKey(t, "1", jose.ES256)
	secret, err := json.Marshal(jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	private, err := json.Marshal(jose.JSONWebKey{Key: k.private, KeyID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	one := string(keySet(t, k))
	for what, body := range map[string]string{
		"no JSON": "<html>", "no keys": `{"keys":[]}`, "a secret": fmt.Sprintf(`{"keys":[%s]}`, secret), "a private key": fmt.Sprintf(`{"keys":[%s]}`, private),
		"too large": one[:len(one)-1] + strings.Repeat(" ", 300<<10) + "}", "too many": `{"keys":[` + strings.Repeat("{},", 200) + `{}]}`,
	} {
		o := newOffice(t)
		o.answer(http.StatusOK, []byte(body))
		if _, err := open(t, o.options()).Verify(t.Context(), k.sign(t, o.claims())); err == nil || errors.Is(err, session.ErrNotAccepted) {
			t.Errorf("%s: %v", what, err)
		}
	}
	o := newOffice(t)
	o.answer(http.StatusOK, []byte(`{"keys":[{"kty":"new"},`+string(secret)+","+strings.TrimPrefix(one, `{"keys":[`)))
	if _, err := open(t, o.options()).Verify(t.Context(), k.sign(t, o.claims())); err != nil {
		t.Errorf("a key beside others of no use: %v", err)
	}
}

func TestKeysFromAFileAreReadAgainWhenTheyChange(t *testing.T) {
	first, second := newKey(t, "1", jose.EdDSA), newKey(t, "2", jose.EdDSA)
	path := filepath.Join(t.TempDir(), "keys.json")
	o := newOffice(t)
	options := o.options()
	options.URL, options.File = "", path
	if _, err := issuer.New([]issuer.Options{options}); err == nil {
		t.Error("a file that is not there is no problem")
	}
	write := func(k key) {
		if err := os.WriteFile(path, keySet(t, k), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(first)
	all := open(t, options)
	if _, err := all.Verify(t.Context(), first.sign(t, o.claims())); err != nil {
		t.Fatal(err)
	}
	write(second)
	o.pass(2 * time.Second)
	if _, err := all.Verify(t.Context(), second.sign(t, o.claims())); err != nil {
		t.Errorf("the new key: %v", err)
	}
	if o.times() != 0 {
		t.Error("somebody was asked")
	}
}
