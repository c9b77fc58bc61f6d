package issuer

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The bounds of a set of keys.
const (
	maxKeySet  = 256 << 10 // bytes
	maxKeys    = 100
	minRSABits = 2048
	fetchTime  = 3 * time.Second
	keptKeys   = 24 * time.Hour // how long they are good when they cannot be read again
)

// keys are the public keys of one issuer.
type keys struct {
	// Set at construction.
	url, file string
	client    *http.Client
	now       func() time.Time
	fresh     time.Duration // how old they may be before they are read again
	retry     time.Duration // and how soon at the earliest
	turn      chan struct{} // holds something while somebody reads them

	// Guarded by mu.
	mu      sync.Mutex
	known   []jose.JSONWebKey
	as      time.Time // of when they are; zero: never read
	tried   time.Time // when that was last tried
	trouble error     // what came of that
}

func newKeys(o Options) *keys {
	k := &keys{url: o.URL, file: o.File, client: o.Client, now: o.Now, fresh: time.Hour, retry: 30 * time.Second, turn: make(chan struct{}, 1)}
	if k.file != "" {
		k.fresh, k.retry = 10*time.Second, time.Second
	}
	if k.client == nil {
		k.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return k
}

// find returns the keys that a token with a key id ("" = none) and an algorithm may be signed with.
func (k *keys) find(ctx context.Context, id, algorithm string) ([]jose.JSONWebKey, error) {
	found, age := k.matching(id, algorithm)
	if len(found) > 0 && age < k.fresh {
		return found, nil
	}
	if len(found) > 0 { // they do, unless the issuer says otherwise in time; only one request waits for that
		select {
		case k.turn <- struct{}{}:
			k.readInTurn(ctx)
			found, age = k.matching(id, algorithm)
		default:
		}
	} else {
		select {
		case k.turn <- struct{}{}:
			k.readInTurn(ctx)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		found, age = k.matching(id, algorithm)
	}
	switch {
	case age >= keptKeys, len(found) == 0 && k.lastTrouble() != nil:
		return nil, fmt.Errorf("%w: %w", errOutOfReach, cmp.Or(k.lastTrouble(), context.Cause(ctx), errOutOfReach))
	case len(found) == 0:
		return nil, refused("its issuer has no such key, or not for %s", algorithm)
	}
	return found, nil
}

// matching are the keys that fit, and how old what is known is.
func (k *keys) matching(id, algorithm string) (found []jose.JSONWebKey, age time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.as.IsZero() {
		return nil, keptKeys
	}
	for _, key := range k.known {
		if (id == "" || key.KeyID == id) && (key.Algorithm == "" || key.Algorithm == algorithm) && fits(key, algorithm) {
			found = append(found, key)
		}
	}
	return found, k.now().Sub(k.as)
}

// readInTurn reads the keys again, unless that was tried a moment ago, and ends the turn.
func (k *keys) readInTurn(ctx context.Context) {
	defer func() { <-k.turn }()
	k.mu.Lock()
	soon := !k.tried.IsZero() && k.now().Sub(k.tried) < k.retry
	k.mu.Unlock()
	if !soon {
		_ = k.read(context.WithoutCancel(ctx)) // those that are known go on; how old they are tells
	}
}

// read reads the keys.
func (k *keys) read(ctx context.Context) error {
	k.mu.Lock()
	k.tried = k.now()
	k.mu.Unlock()
	var known []jose.JSONWebKey
	data, err := k.load(ctx)
	if err == nil {
		known, err = parseKeys(data)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.trouble = err
	if err != nil {
		return fmt.Errorf("reading its keys: %w", err)
	}
	k.known, k.as = known, k.now()
	return nil
}

// lastTrouble is why the keys could not be read the last time; nil if they could.
func (k *keys) lastTrouble() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.trouble
}

func (k *keys) load(ctx context.Context) ([]byte, error) {
	if k.file != "" {
		f, err := os.Open(k.file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return bounded(f)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := k.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", k.url, response.Status)
	}
	return bounded(response.Body)
}

func bounded(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxKeySet+1))
	if err == nil && len(data) > maxKeySet {
		err = fmt.Errorf("they are larger than %d bytes", maxKeySet)
	}
	return data, err
}

// parseKeys reads a JWK set. Keys that are of no use here are left out: of another kind, secret, too weak, not for signing.
func parseKeys(data []byte) (known []jose.JSONWebKey, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("they are no JWK set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("they are more than %d", maxKeys)
	}
	for _, one := range set.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(one) == nil && key.Valid() && key.IsPublic() && (key.Use == "" || key.Use == "sig") {
			known = append(known, key)
		}
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("none of them is a public key for signatures")
	}
	return known, nil
}

// fits reports whether a key can be one of an algorithm, so that no key is ever taken for one of another kind.
func fits(key jose.JSONWebKey, algorithm string) bool {
	switch public := key.Key.(type) {
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	case *ecdsa.PublicKey:
		return map[string]string{"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[algorithm] == public.Curve.Params().Name
	case *rsa.PublicKey:
		return (strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")) && public.N.BitLen() >= minRSABits &&
			slices.Contains(Algorithms, algorithm)
	}
	return false
}
