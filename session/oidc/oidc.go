// Package oidc signs people in at an OpenID provider, such as Keycloak, Entra or the identity service of a federation: by
// the authorization code flow, with PKCE (S256), a state and a nonce.
//
// What the provider says of a person is read from the ID token, which it has signed, and then from its userinfo endpoint.
// Whether the person has entered their credentials lately, it says by auth_time: without it, what needs that is refused
// until they do, see Errand.Fresh. Nothing else of the provider's is kept. Signing out of the hub stays a matter of the hub: whoever is signed in at the
// provider still is, and the next sign-in may go through without a password.
//
// The provider is found when it is first needed, and looked for again for as long as it cannot be found: a hub comes up
// while it is down.
package oidc

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/baton-hub/baton/session"
)

// Options say where the provider is, and what is read from what it says.
type Options struct {
	Name  string // Required. A word for addresses, such as sso: people come back to /api/v1/login/sso/callback.
	Title string // Optional. For the sign-in page. Default: Name.

	Issuer           string // Required. https, or http on this machine.
	ClientID         string // Required. What the provider knows the hub as.
	ClientSecretFile string // Optional. Its secret there. The file is read for each sign-in, so it can be replaced.
	CAFile           string // Optional. Certificates (PEM) of who vouches for the provider. Default: those of the system.
	URL              string // Optional. Where browsers reach the hub, such as https://baton.example.org. Default: as they say.

	Scopes []string // Optional. What is asked for beside openid. Default: profile.
	Claims Claims   // Required.

	// Required. What those are who have a value among Claims.Roles. Everybody whom the provider knows has "*". Who has no
	// role is refused.
	Roles map[string][]string
	// Optional. What a proposal looks like among Claims.Proposals: a regular expression; what is in parentheses is it.
	Pattern string

	Timeout time.Duration // Optional. For all that is asked for one sign-in. Default: 10 s.
}

// Claims are the names of what is read. One with dots is looked for as it is, and then inside: realm_access.roles.
type Claims struct {
	User      string // Required. The account, such as preferred_username, if people cannot choose it freely; else sub.
	Name      string // Optional. The name for people. Default: name.
	Roles     string // Optional. Groups or roles. Default: groups.
	Proposals string // Optional. Proposals, or what holds them. Default: that of the roles, if there is a pattern.
}

// A Provider is a session.Redirector.
type Provider struct {
	options  Options
	client   *http.Client
	pattern  *regexp.Regexp
	finding  chan struct{}  // holds something while somebody looks for the provider
	provider *oidc.Provider // nil until it was found; owned by who has put something into finding
}

var _ session.Redirector = (*Provider)(nil)

// New checks the options. It does not connect.
func New(o Options) (*Provider, error) {
	o.Title, o.Claims.Name, o.Claims.Roles = cmp.Or(o.Title, o.Name), cmp.Or(o.Claims.Name, "name"), cmp.Or(o.Claims.Roles, "groups")
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	if len(o.Scopes) == 0 {
		o.Scopes = []string{"profile"}
	}
	p := &Provider{options: o, finding: make(chan struct{}, 1)}
	problems := []error{p.makeClient(), p.readPattern(), checkURL("issuer", o.Issuer)}
	if o.URL != "" {
		problems = append(problems, checkURL("url", o.URL))
		if u, err := url.Parse(o.URL); err == nil && strings.Trim(u.Path, "/") != "" {
			problems = append(problems, errors.New("url is only where the hub is, without a path"))
		}
	}
	for key, value := range map[string]string{"name": o.Name, "client_id": o.ClientID} {
		if value == "" {
			problems = append(problems, fmt.Errorf("%s is missing", key))
		}
	}
	if o.Claims.User == "" {
		problems = append(problems, errors.New("claims need to say what the account is: user: sub, or user: preferred_username if people cannot choose that freely"))
	}
	if len(o.Roles) == 0 {
		problems = append(problems, errors.New(`roles are missing: say what those are who have a value among the claim of roles, such as roles: {"*": [user]}`))
	}
	if o.Timeout < 0 {
		problems = append(problems, errors.New("the timeout is negative"))
	}
	return p, errors.Join(problems...)
}

func checkURL(what, text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Fragment != "" || u.RawQuery != "" || u.User != nil:
		return fmt.Errorf("%s is an address such as https://sso.example.org, without a query or a password", what)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fmt.Errorf("%s: what proves who people are would go to %s unencrypted: use https", what, u.Host)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (p *Provider) makeClient() error {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	p.client = &http.Client{
		Transport:     bounded{&http.Transport{TLSClientConfig: config, MaxIdleConns: 4, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       p.options.Timeout, // also of what go-oidc fetches by itself: keys
	}
	if p.options.CAFile == "" {
		return nil
	}
	pem, err := os.ReadFile(p.options.CAFile)
	if err != nil {
		return fmt.Errorf("reading ca_file: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("ca_file %s holds no certificate: it has to be PEM", p.options.CAFile)
	}
	return nil
}

// bounded bounds what a provider can make the hub read.
type bounded struct{ http.RoundTripper }

const maxAnswer = 1 << 20

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, maxAnswer)
	}
	return response, err
}

func (p *Provider) readPattern() (err error) {
	if p.options.Pattern == "" {
		return nil
	}
	if p.pattern, err = regexp.Compile(`^(?:` + p.options.Pattern + `)$`); err != nil {
		return fmt.Errorf("pattern is not a regular expression: %w", err)
	}
	if p.pattern.NumSubexp() > 1 {
		return errors.New("pattern has several parentheses: put those around the proposal, and write (?:…) for others")
	}
	return nil
}

// Name is the Name of a session.Redirector.
func (p *Provider) Name() string { return p.options.Name }

// Title is the Title of a session.Redirector.
func (p *Provider) Title() string { return p.options.Title }

// found returns the provider, and looks for it if it has not been found yet.
func (p *Provider) found(ctx context.Context) (*oidc.Provider, error) {
	select {
	case p.finding <- struct{}{}:
		defer func() { <-p.finding }()
	case <-ctx.Done():
		return nil, fmt.Errorf("looking for the provider: %w", context.Cause(ctx))
	}
	if p.provider == nil {
		provider, err := oidc.NewProvider(ctx, p.options.Issuer)
		if err != nil {
			return nil, fmt.Errorf("looking for the provider %s: %w", p.options.Issuer, err)
		}
		if methods := pkceMethods(provider); len(methods) > 0 && !slices.Contains(methods, "S256") {
			return nil, fmt.Errorf("the provider %s has no PKCE with S256", p.options.Issuer)
		}
		p.provider = provider
	}
	return p.provider, nil
}

func pkceMethods(p *oidc.Provider) []string {
	var more struct {
		Methods []string `json:"code_challenge_methods_supported"`
	}
	if p.Claims(&more) != nil {
		return nil // it says nothing that can be read
	}
	return more.Methods
}

// flow is how the code flow goes with the provider.
func (p *Provider) flow(found *oidc.Provider, e session.Errand) (*oauth2.Config, error) {
	flow := &oauth2.Config{
		ClientID: p.options.ClientID, Endpoint: found.Endpoint(), RedirectURL: e.Callback,
		Scopes: append([]string{oidc.ScopeOpenID}, p.options.Scopes...),
	}
	if p.options.URL != "" {
		at, err := url.Parse(e.Callback)
		if err != nil {
			return nil, fmt.Errorf("reading where to come back to: %w", err)
		}
		flow.RedirectURL = strings.TrimSuffix(p.options.URL, "/") + at.Path
	}
	if p.options.ClientSecretFile != "" {
		secret, err := os.ReadFile(p.options.ClientSecretFile)
		if err != nil {
			return nil, fmt.Errorf("reading client_secret_file: %w", err)
		}
		flow.ClientSecret = strings.TrimRight(string(secret), "\r\n")
	}
	return flow, nil
}

// bound is a context for what is asked for one sign-in.
func (p *Provider) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(oidc.ClientContext(ctx, p.client), p.options.Timeout)
}

// Begin is the Begin of a session.Redirector.
func (p *Provider) Begin(ctx context.Context, e session.Errand) (string, error) {
	ctx, cancel := p.bound(ctx)
	defer cancel()
	found, err := p.found(ctx)
	if err != nil {
		return "", err
	}
	flow, err := p.flow(found, e)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(e.Nonce), oauth2.S256ChallengeOption(e.Verifier)}
	if e.Fresh {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0")) // which makes it say auth_time
	}
	return flow.AuthCodeURL(e.State, options...), nil
}
