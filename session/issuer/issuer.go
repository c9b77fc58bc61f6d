// Package issuer verifies JWTs of other issuers: a site's own login service, a workflow system, a cloud.
//
// What a token says counts only if all of this holds: its issuer is one that the site names, exactly; its signature holds
// under a key of that issuer, with one of the algorithms that the site allows for it; it is for the audience that the site
// has with it; and it is neither too early nor too late, give or take Leeway. Algorithms with a shared secret, and none, can
// not be allowed: whoever can verify such a token can make one, and a public key taken for a secret is known to everybody.
// The algorithm is the site's choice and never the token's.
//
// The keys come from a file, or from an address of the issuer's (JWKS, RFC 7517). Those of an address are read again every
// hour, and when a token names a key that is not there, but not more often than every half a minute, whoever asks. An
// issuer that is out of reach goes on with the keys that it had, for a day. An answer has 256 KiB and 100 keys at most.
//
// This package says who a token is of. It keeps no list of those that were revoked: the log does, see session.Admit.
package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/baton-hub/baton/session"
)

// Leeway is how far the clock of an issuer may be from that of a node.
const Leeway = 30 * time.Second

// The bounds of a token.
const (
	maxToken = 8 << 10             // bytes
	maxLife  = 31 * 24 * time.Hour // from now on: a record is kept as long
	maxTries = 10                  // keys that one without a key id is tried with
)

// Options are what the site says of one issuer.
type Options struct {
	Issuer     string   // Required. As iss in its tokens.
	Audience   string   // Required. One of aud in those that are for this hub.
	URL        string   // Either this: where its keys are
	File       string   // or this: the file that they are in.
	Algorithms []string // Required. Of Algorithms.

	// Claims, each by its name or a path with dots, as realm_access.roles.
	UserClaim      string // Optional. The account. Default: sub.
	NameClaim      string // Optional. For people to read. Default: name.
	RolesClaim     string // Optional. A list, or words with spaces between them. Default: roles.
	ProposalsClaim string // Optional. Likewise. If there is exactly one, it is what the token is for.

	RoleMap map[string]string // Required. From what is in RolesClaim to a role here; * is for every token.
	Spaces  []string          // Optional. Where its tokens are good. Default: everywhere.

	Client *http.Client     // Optional. To read URL with.
	Now    func() time.Time // Optional. Default: time.Now.
}

// Algorithms are those that can be allowed.
var Algorithms = []string{"EdDSA", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}

// Issuers verify the tokens of several issuers. They implement hub.Outside.
type Issuers struct {
	byName map[string]*issuer
}

type issuer struct {
	Options
	algorithms []jose.SignatureAlgorithm
	keys       *keys
}

// New makes Issuers. It reads the files, and asks nobody yet.
func New(options []Options) (*Issuers, error) {
	all := &Issuers{byName: map[string]*issuer{}}
	for _, o := range options {
		i := &issuer{Options: o}
		defaults := map[*string]string{&i.UserClaim: "sub", &i.NameClaim: "name", &i.RolesClaim: "roles"}
		for field, value := range defaults {
			if *field == "" {
				*field = value
			}
		}
		if i.Now == nil {
			i.Now = time.Now
		}
		for _, name := range o.Algorithms {
			if !slices.Contains(Algorithms, name) {
				return nil, fmt.Errorf("issuer %s: the algorithm %q cannot be allowed: use %s", o.Issuer, name, strings.Join(Algorithms, ", "))
			}
			i.algorithms = append(i.algorithms, jose.SignatureAlgorithm(name))
		}
		if o.Issuer == "" || o.Audience == "" || len(i.algorithms) == 0 || (o.URL == "") == (o.File == "") || all.byName[o.Issuer] != nil {
			return nil, fmt.Errorf("issuer %q: it needs a name of its own, an audience, algorithms, and either an address or a file of keys", o.Issuer)
		}
		i.keys = newKeys(i.Options)
		if o.File != "" {
			if err := i.keys.read(context.Background()); err != nil {
				return nil, fmt.Errorf("issuer %s: %w", o.Issuer, err)
			}
		}
		all.byName[o.Issuer] = i
	}
	return all, nil
}

// Issuers returns their names.
func (s *Issuers) Issuers() []string { return slices.Sorted(maps.Keys(s.byName)) }

// refused is why a token is not accepted, for who has sent it.
func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", session.ErrNotAccepted, fmt.Sprintf(format, args...))
}

// Verify says who a token is of. It returns an error that is session.ErrNotAccepted if the token is to blame; any other
// means that it cannot be told.
func (s *Issuers) Verify(ctx context.Context, raw string) (session.Passport, error) {
	if len(raw) > maxToken {
		return session.Passport{}, refused("it is larger than %d bytes", maxToken)
	}
	i, err := s.of(raw)
	if err != nil {
		return session.Passport{}, err
	}
	token, err := jose.ParseSignedCompact(raw, i.algorithms)
	if err != nil {
		return session.Passport{}, refused("it is not a JWT signed with one of %s", strings.Join(i.Options.Algorithms, ", "))
	}
	if _, unencoded := token.Signatures[0].Protected.ExtraHeaders["b64"]; unencoded {
		return session.Passport{}, refused("its payload is not encoded as in a JWT")
	}
	payload, err := i.verified(ctx, token)
	if err != nil {
		return session.Passport{}, err
	}
	var claims map[string]any
	if json.Unmarshal(payload, &claims) != nil {
		return session.Passport{}, refused("its payload is not a JSON object")
	}
	expires, err := i.inTime(claims)
	if err != nil {
		return session.Passport{}, err
	}
	if claims["iss"] != i.Issuer || !slices.Contains(words(claims["aud"], false), i.Audience) {
		return session.Passport{}, refused("it is for another audience")
	}
	return session.Passport{
		Issuer: i.Issuer, Signed: raw[:strings.LastIndexByte(raw, '.')], Person: i.person(claims), Expires: expires, Spaces: i.Spaces,
	}, nil
}

// of finds the issuer that a token names, before anything in it can be believed.
func (s *Issuers) of(raw string) (*issuer, error) {
	token, err := jose.ParseSignedCompact(raw, anyAlgorithm)
	if err != nil {
		return nil, refused("it is not a signed JWT")
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(token.UnsafePayloadWithoutVerification(), &claims) != nil || s.byName[claims.Issuer] == nil {
		return nil, refused("it is of no issuer that this site trusts")
	}
	return s.byName[claims.Issuer], nil
}

var anyAlgorithm = func() (all []jose.SignatureAlgorithm) {
	for _, name := range Algorithms {
		all = append(all, jose.SignatureAlgorithm(name))
	}
	return all
}()

// verified returns the payload, if the signature holds under a key of the issuer.
func (i *issuer) verified(ctx context.Context, token *jose.JSONWebSignature) ([]byte, error) {
	head := token.Signatures[0].Protected
	keys, err := i.keys.find(ctx, head.KeyID, head.Algorithm)
	if err != nil {
		return nil, err
	}
	for _, key := range keys[:min(len(keys), maxTries)] {
		if payload, err := token.Verify(key.Key); err == nil {
			return payload, nil
		}
	}
	return nil, refused("its signature does not hold under any key of the issuer")
}

// inTime refuses what is too early or too late, and returns when the token is not accepted any more.
func (i *issuer) inTime(claims map[string]any) (expires time.Time, err error) {
	now := i.Now()
	exp, ok := seconds(claims["exp"])
	switch {
	case !ok:
		return exp, refused("it has no time at which it expires")
	case !now.Before(exp.Add(Leeway)):
		return exp, refused("it has expired: get another from its issuer")
	case exp.Sub(now) > maxLife:
		return exp, refused("it is good for more than %d days", int(maxLife.Hours()/24))
	}
	for _, claim := range []string{"nbf", "iat"} {
		if claims[claim] == nil {
			continue
		}
		if from, ok := seconds(claims[claim]); !ok || from.After(now.Add(Leeway)) {
			return exp, refused("it is not good yet: look at the clocks of its issuer and of this hub")
		}
	}
	return exp.Add(Leeway), nil
}

// seconds reads a time in seconds since 1970.
func seconds(claim any) (time.Time, bool) {
	n, ok := claim.(float64)
	if !ok || math.IsNaN(n) || n < 0 || n > 1e11 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(n * 1000)).UTC(), true
}

func (i *issuer) person(claims map[string]any) session.Identity {
	user, _ := claim(claims, i.UserClaim).(string)
	name, _ := claim(claims, i.NameClaim).(string)
	who := session.Identity{User: user, Name: name, Proposals: words(claim(claims, i.ProposalsClaim), true)}
	for _, word := range append(words(claim(claims, i.RolesClaim), true), "*") {
		if role := i.RoleMap[word]; role != "" && !slices.Contains(who.Roles, role) {
			who.Roles = append(who.Roles, role)
		}
	}
	return who
}

// claim finds a claim by its name, or else by a path with dots.
func claim(claims map[string]any, name string) any {
	if value, ok := claims[name]; ok || name == "" {
		return value
	}
	first, rest, deeper := strings.Cut(name, ".")
	inner, ok := claims[first].(map[string]any)
	if !deeper || !ok {
		return nil
	}
	return claim(inner, rest)
}

// words are those of a claim that is a list of texts, or one text, of words with spaces between them if split says so.
func words(claim any, split bool) (words []string) {
	switch claim := claim.(type) {
	case string:
		if split {
			return strings.Fields(claim)
		}
		return []string{claim}
	case []any:
		for _, one := range claim {
			if word, ok := one.(string); ok {
				words = append(words, word)
			}
		}
	}
	return words
}

var errOutOfReach = errors.New("the keys of the issuer cannot be read")
