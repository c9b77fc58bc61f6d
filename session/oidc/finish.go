package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/baton-hub/baton/session"
)

// Finish is the Finish of a session.Redirector.
func (p *Provider) Finish(ctx context.Context, e session.Errand, answer url.Values) (session.Identity, error) {
	ctx, cancel := p.bound(ctx)
	defer cancel()
	if iss := answer.Get("iss"); iss != "" && iss != p.options.Issuer { // RFC 9207
		return session.Identity{}, errors.New("the answer is another provider's")
	}
	switch code := answer.Get("error"); code {
	case "":
	case "temporarily_unavailable", "server_error":
		return session.Identity{}, fmt.Errorf("the provider says %s", code)
	default: // access_denied, login_required and the like: it did not sign them in
		return session.Identity{}, session.ErrWrongCredentials
	}
	found, err := p.found(ctx)
	if err != nil {
		return session.Identity{}, err
	}
	token, err := p.exchange(ctx, found, e, answer.Get("code"))
	if err != nil {
		return session.Identity{}, err
	}
	claims, subject, err := p.verified(ctx, found, e, token)
	if err != nil {
		return session.Identity{}, err
	}
	more, err := p.userInfo(ctx, found, token, subject)
	if err != nil {
		return session.Identity{}, err
	}
	who, err := p.identity(claims, more)
	who.Stale = err == nil && !lately(claims["auth_time"])
	return who, err
}

// freshFor is how long credentials that were entered at the provider are fresh.
const freshFor = 5 * time.Minute

// lately reports whether an auth_time is about now.
func lately(authTime any) bool {
	seconds, ok := authTime.(float64)
	ago := time.Since(time.Unix(int64(seconds), 0))
	return ok && ago < freshFor && ago > -freshFor
}

// exchange gives the code for the tokens.
func (p *Provider) exchange(ctx context.Context, found *oidc.Provider, e session.Errand, code string) (*oauth2.Token, error) {
	if code == "" {
		return nil, session.ErrWrongCredentials
	}
	flow, err := p.flow(found, e)
	if err != nil {
		return nil, err
	}
	token, err := flow.Exchange(ctx, code, oauth2.VerifierOption(e.Verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_grant": // a code that is not one, or not any more
		return nil, session.ErrWrongCredentials
	case errors.As(err, &refused):
		return nil, fmt.Errorf("exchanging the code: the provider answered %d %s", refused.Response.StatusCode, refused.ErrorCode)
	case err != nil:
		return nil, fmt.Errorf("exchanging the code: %w", cause(err))
	}
	return token, nil
}

// cause is an error without the address that package http puts before it.
func cause(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// verified returns what the ID token says, if the provider has signed it for this hub and this errand.
func (p *Provider) verified(ctx context.Context, found *oidc.Provider, e session.Errand, token *oauth2.Token) (claims map[string]any, subject string, err error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, "", errors.New("the provider gave no ID token")
	}
	id, err := found.Verifier(&oidc.Config{ClientID: p.options.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, "", fmt.Errorf("verifying the ID token: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(e.Nonce)) != 1 {
		return nil, "", errors.New("the ID token is for another sign-in: its nonce is another")
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return nil, "", fmt.Errorf("verifying the access token: %w", err)
		}
	}
	if err := id.Claims(&claims); err != nil {
		return nil, "", fmt.Errorf("reading the ID token: %w", err)
	}
	return claims, id.Subject, nil
}

// userInfo returns what the provider says of the person where it does not sign it; nothing if it has no place for that.
func (p *Provider) userInfo(ctx context.Context, found *oidc.Provider, token *oauth2.Token, subject string) (claims map[string]any, err error) {
	if found.UserInfoEndpoint() == "" {
		return nil, nil
	}
	info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, fmt.Errorf("asking the provider about the person: %w", withoutBody(err))
	}
	if info.Subject != subject { // OpenID Connect Core §5.3.2
		return nil, errors.New("the provider says of one person what it was asked of another")
	}
	if err := info.Claims(&claims); err != nil {
		return nil, fmt.Errorf("reading what the provider says of the person: %w", err)
	}
	return claims, nil
}

// withoutBody is an error of package oidc without the answer that it repeats.
func withoutBody(err error) error {
	text, _, _ := strings.Cut(cause(err).Error(), ": ")
	return errors.New(strings.TrimSpace(text))
}

// identity is who the claims say it is. What is signed comes first.
func (p *Provider) identity(signed, more map[string]any) (who session.Identity, err error) {
	names := p.options.Claims
	get := func(name string) any {
		if v := claim(signed, name); v != nil {
			return v
		}
		return claim(more, name)
	}
	who.User, _ = get(names.User).(string)
	if who.User == "" {
		return who, fmt.Errorf("the provider does not say %s: ask for another scope, or name another claim", names.User)
	}
	if names.User == "email" && get("email_verified") != true {
		return session.Identity{}, errors.New("the provider has not verified the address, which anybody could claim")
	}
	who.Name, _ = get(names.Name).(string)
	has := texts(get(names.Roles))
	for value, roles := range p.options.Roles {
		if value == "*" || slices.Contains(has, value) {
			who.Roles = append(who.Roles, roles...)
		}
	}
	slices.Sort(who.Roles)
	who.Roles = slices.Compact(who.Roles)
	if names.Proposals != "" {
		has = texts(get(names.Proposals))
	}
	if names.Proposals != "" || p.pattern != nil {
		who.Proposals = p.proposals(has)
	}
	return who, nil
}

func (p *Provider) proposals(candidates []string) (proposals []string) {
	for _, candidate := range candidates {
		if p.pattern != nil {
			match := p.pattern.FindStringSubmatch(candidate)
			if match == nil {
				continue
			}
			candidate = match[len(match)-1]
		}
		proposals = append(proposals, candidate)
	}
	slices.Sort(proposals)
	return slices.Compact(proposals)
}

// claim finds a claim by its name, or by the names on the way to it. nil: there is none.
func claim(claims map[string]any, name string) any {
	if v, ok := claims[name]; ok {
		return v
	}
	first, rest, inside := strings.Cut(name, ".")
	if within, ok := claims[first].(map[string]any); ok && inside {
		return claim(within, rest)
	}
	return nil
}

// texts are the texts of a claim that is one, or a list of them.
func texts(v any) (all []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, one := range v {
			if text, ok := one.(string); ok {
				all = append(all, text)
			}
		}
	}
	return all
}
