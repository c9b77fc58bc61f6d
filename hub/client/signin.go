package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A signIn is what it takes to sign a person in.
type signIn struct {
	url    string
	origin string
	body   []byte
}

// signInOf returns how to sign in, nil with a token.
func signInOf(o Options) *signIn {
	if o.Token != "" {
		return nil
	}
	body, err := json.Marshal(struct {
		Space    string `json:"space"`
		User     string `json:"user"`
		Password string `json:"password"`
		Proposal string `json:"proposal,omitempty"`
		Replace  bool   `json:"replace,omitempty"`
	}{o.Space, o.User, o.Password, o.Proposal, o.Replace})
	address, urlErr := url.Parse(o.URL)
	if err != nil || urlErr != nil {
		return nil // strings can be encoded, and the address was looked at before
	}
	return &signIn{strings.TrimSuffix(o.URL, "/") + "/api/v1/session", address.Scheme + "://" + address.Host, body}
}

// signedIn signs the person in, if there is one who is not yet.
func (c *Client) signedIn(ctx context.Context) lost {
	s := c.signIn
	if s == nil {
		return lost{}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(s.body))
	if err != nil {
		return lost{err: fmt.Errorf("signing in: %w", err)}
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return lost{err: fmt.Errorf("signing in: %w", err)}
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		l := refused(response)
		if l.final == nil && response.StatusCode < http.StatusInternalServerError && response.StatusCode != http.StatusTooManyRequests {
			l.final = fmt.Errorf("%w: %w", ErrForbidden, l.err) // as somebody else may hold the space alone
		}
		return l
	}
	// A cookie goes only with the origin of the hub's own pages.
	c.header = http.Header{"Origin": {s.origin}}
	for _, cookie := range response.Cookies() {
		c.header.Add("Cookie", cookie.Name+"="+cookie.Value)
	}
	c.signIn, c.leave = nil, s
	return lost{}
}

// signOutTime is how long signing out may take.
const signOutTime = 2 * time.Second

// signOut ends the login session that the client began, so that the person is not met by it the next time. What does not
// come to that ends by itself when it was not in use for a while.
func (c *Client) signOut() {
	if c.leave == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), signOutTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete, c.leave.url, nil)
	if err != nil {
		return
	}
	request.Header = c.header.Clone()
	response, err := c.http.Do(request)
	if err != nil {
		c.logger.Warn("signing out failed", "error", err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= http.StatusBadRequest && response.StatusCode != http.StatusUnauthorized {
		c.logger.Warn("signing out was refused", "error", refused(response).err)
	}
}
