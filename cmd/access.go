package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/baton-hub/baton/session"
)

// accessFlags say how a command reaches a space of a hub: as a program with a token, or as a person.
type accessFlags struct {
	URL, Space            string
	Token, User, Password string
	Proposal              string

	data string // not a flag: the data directory of the hub on this machine, through whose socket it goes instead
}

func (f *accessFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.URL, "url", "http://127.0.0.1:8080", "address of the hub")
	c.Flags().StringVar(&f.Space, "space", "", "the space (default: that of the token)")
	c.Flags().StringVar(&f.Token, "token", "", "token; better given as BATON_TOKEN or BATON_TOKEN_FILE, others on this machine see a command line")
	c.Flags().StringVar(&f.User, "user", "", "sign in as this person instead, with BATON_PASSWORD or BATON_PASSWORD_FILE")
	c.Flags().StringVar(&f.Proposal, "proposal", "", "with --user: which of the person's proposals, if there are several")
	c.Flags().StringVar(&f.Password, "password", "", "of the person; better given as BATON_PASSWORD or BATON_PASSWORD_FILE")
}

// check refuses what does not go together, and finds the space of the token.
func (f *accessFlags) check() error {
	if err := checkURL("--url", f.URL, "http", "https"); err != nil {
		return usageError{err}
	}
	switch {
	case f.data != "":
		if f.Space == "" {
			return usageError{errors.New("say which space: --space")}
		}
		return nil
	case f.Token == "" && f.User == "":
		return usageError{errors.New("say who you are: BATON_TOKEN, BATON_TOKEN_FILE or --token, or --user with BATON_PASSWORD")}
	case f.Token != "" && f.User != "":
		return usageError{errors.New("give a token or --user, not both")}
	case f.User != "" && f.Space == "":
		return usageError{errors.New("say which space: --space")}
	case f.User != "":
		return nil
	}
	token, err := session.ParseToken(f.Token)
	switch {
	case err == nil && f.Space == "":
		f.Space = token.Space
	case err != nil && f.Space == "": // of another issuer it does not name the space
		return usageError{fmt.Errorf("%w; a token of another issuer needs --space", err)}
	}
	return nil
}

// access is one space of a hub, as a command reaches it over HTTP.
type access struct {
	flags accessFlags
	http  http.Client
}

// open signs in, if it is a person. close must be called.
func (f accessFlags) open(ctx context.Context) (*access, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	a := &access{flags: f}
	if f.data != "" {
		a.flags.URL, a.flags.Token, a.http.Transport = "http://hub", "", throughSocket(f.data)
		return a, nil
	}
	if f.User == "" {
		return a, nil
	}
	// No login session: the person may be signed in elsewhere, and nobody is to be disturbed by a command.
	body, err := json.Marshal(map[string]string{
		"space": f.Space, "user": f.User, "password": f.Password, "proposal": f.Proposal, "expires": "12h",
	})
	if err != nil {
		return nil, err
	}
	response, err := a.do(ctx, http.MethodPost, "/api/v1/bearer", nil, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("signing in as %s: %w", f.User, err)
	}
	defer response.Body.Close()
	var issued struct{ Token string }
	if err := json.NewDecoder(response.Body).Decode(&issued); err != nil {
		return nil, fmt.Errorf("signing in as %s: %w", f.User, err)
	}
	a.flags.Token = issued.Token
	return a, nil
}

// close gives the token of a person back.
func (a *access) close() error {
	if a.flags.User == "" || a.flags.data != "" {
		return nil
	}
	// Whatever ended the command, the token ends with it.
	response, err := a.do(context.Background(), http.MethodDelete, "/api/v1/session", nil, "", nil)
	if err != nil {
		return fmt.Errorf("signing out: %w", err)
	}
	return response.Body.Close()
}

// space asks for something of the space. The caller closes the body of the answer.
func (a *access) space(ctx context.Context, method, what string, query url.Values, contentType string, body io.Reader) (*http.Response, error) {
	return a.do(ctx, method, "/api/v1/spaces/"+url.PathEscape(a.flags.Space)+"/"+what, query, contentType, body)
}

// do sends a request. An answer that is not a good one is a *problem.
func (a *access) do(ctx context.Context, method, path string, query url.Values, contentType string, body io.Reader) (*http.Response, error) {
	address := strings.TrimSuffix(a.flags.URL, "/") + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if a.flags.Token != "" {
		r.Header.Set("Authorization", "Bearer "+a.flags.Token)
	}
	response, err := a.http.Do(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode < 400 {
		return response, nil
	}
	defer response.Body.Close()
	p := &problem{Status: response.StatusCode}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if json.Unmarshal(text, p) != nil || p.Detail == "" {
		p.Detail = fmt.Sprintf("%s answered %s: is it a hub?", a.flags.URL, response.Status)
	}
	return nil, p
}

// A problem is an answer of the hub that is not a good one.
type problem struct {
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
	Channel string `json:"channel"` // imports: what the refused line is about
	Key     string `json:"key"`
	Path    string `json:"path"`
	Line    int    `json:"line"`
}

func (p *problem) Error() string {
	if p.Line > 0 && !strings.HasPrefix(p.Detail, "line ") {
		return fmt.Sprintf("line %d: %s", p.Line, p.Detail)
	}
	return p.Detail
}

// passing reports whether a request that failed so may succeed a little later.
func passing(err error) bool {
	var p *problem
	if errors.As(err, &p) {
		return p.Status >= 500 || p.Status == http.StatusTooManyRequests || p.Status == http.StatusRequestTimeout
	}
	return !errors.Is(err, context.Canceled)
}
