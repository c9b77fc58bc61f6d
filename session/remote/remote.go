// Package remote has passwords checked by a service of the site, such as the back end of its user office.
//
// The service gets POST with {"username": "…", "password": "…"}, and answers
//
//	200  {"user": "ann", "name": "Ann", "roles": ["user"], "proposals": ["mx-2112"]}   it is them
//	401 or 403                                                                         it is not, or there is nobody
//
// and anything else means that it cannot tell. Roles have to be there; without user the account is the name as it was
// typed, so a service that does not care for capital letters has to say it. Other members than these, and those that
// come twice, are refused: a slip in the name of one must not change what somebody may do.
//
// The password goes to the address that the site file has, over TLS unless that is on this machine, and nowhere else:
// redirects are not followed.
package remote

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/baton-hub/baton/session"
)

// Options say how the service is reached.
type Options struct {
	URL        string        // Required. https, or http on this machine.
	CAFile     string        // Optional. Certificates (PEM) of who vouches for the service. Default: those of the system.
	Header     string        // Optional. A header by which the service knows the hub, such as Authorization.
	HeaderFile string        // Required with Header. Its value. The file is read for each sign-in, so it can be replaced.
	Timeout    time.Duration // Optional. For an answer. Default: 5 s.
}

// A Service is the authenticator.
type Service struct {
	options Options
	client  *http.Client
}

var _ session.Authenticator = (*Service)(nil)

// The bounds of what is sent and taken, in bytes.
const (
	maxTyped  = 1024
	maxAnswer = 256 << 10
)

var headerForm = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$") // RFC 9110 §5.6.2

// New checks the options. It does not connect: a hub comes up while the service is down.
func New(o Options) (*Service, error) {
	o.Timeout = cmp.Or(o.Timeout, 5*time.Second)
	config, err := trusting(o.CAFile)
	problems := []error{checkURL(o.URL), err}
	if (o.Header == "") != (o.HeaderFile == "") {
		problems = append(problems, errors.New("header and header_file go together: its name, and the file with its value"))
	}
	if o.Header != "" && !headerForm.MatchString(o.Header) {
		problems = append(problems, fmt.Errorf("%q is not the name of a header", o.Header))
	}
	if o.Timeout < 0 {
		problems = append(problems, errors.New("the timeout is negative"))
	}
	transport := &http.Transport{
		TLSClientConfig: config, MaxResponseHeaderBytes: 64 << 10, MaxIdleConns: 4, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
	}
	return &Service{o, &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}, errors.Join(problems...)
}

func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Fragment != "":
		return errors.New("url is where the service is, such as https://users.example.org/login")
	case u.User != nil || u.RawQuery != "":
		return errors.New("url holds a password or a query, which ends up in logs: give a secret with header and header_file")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fmt.Errorf("url: passwords would go to %s unencrypted: use https", u.Host)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func trusting(caFile string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return config, fmt.Errorf("reading ca_file: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return config, fmt.Errorf("ca_file %s holds no certificate: it has to be PEM", caFile)
	}
	return config, nil
}

// Authenticate is the Authenticate of a session.Authenticator.
func (s *Service) Authenticate(ctx context.Context, c session.Credentials) (session.Identity, error) {
	if err := ctx.Err(); err != nil {
		return session.Identity{}, err
	}
	if c.User == "" || c.Password == "" || len(c.User) > maxTyped || len(c.Password) > maxTyped ||
		!utf8.ValidString(c.User) || !utf8.ValidString(c.Password) { // in JSON those that are not would become the same
		return session.Identity{}, session.ErrWrongCredentials
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	request, err := s.request(ctx, c)
	if err != nil {
		return session.Identity{}, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return session.Identity{}, fmt.Errorf("asking the service %s: %w", request.URL.Host, cause(err))
	}
	defer response.Body.Close()
	return s.read(response, c.User)
}

// cause is an error without the address that package http puts before it.
func cause(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

func (s *Service) request(ctx context.Context, c session.Credentials) (*http.Request, error) {
	body, err := json.Marshal(map[string]string{"username": c.User, "password": c.Password})
	if err != nil {
		return nil, errors.New("encoding the credentials") // without what json says of them
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.options.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("asking the service: %w", cause(err))
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	if s.options.Header != "" {
		value, err := os.ReadFile(s.options.HeaderFile)
		if err != nil {
			return nil, fmt.Errorf("reading header_file: %w", err)
		}
		text := strings.TrimRight(string(value), "\r\n")
		if text == "" || strings.ContainsFunc(text, unicode.IsControl) {
			return nil, fmt.Errorf("header_file %s does not hold the value of a header, in one line", s.options.HeaderFile)
		}
		r.Header.Set(s.options.Header, text)
	}
	return r, nil
}

func (s *Service) read(response *http.Response, user string) (session.Identity, error) {
	host := response.Request.URL.Host
	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return session.Identity{}, session.ErrWrongCredentials
	case status >= 300 && status < 400:
		return session.Identity{}, fmt.Errorf("the service %s sends elsewhere (%d), where a password does not follow: change url", host, status)
	case status != http.StatusOK:
		return session.Identity{}, fmt.Errorf("the service %s answered %d", host, status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return session.Identity{}, fmt.Errorf("reading the answer of the service %s: %w", host, cause(err))
	}
	if len(text) > maxAnswer {
		return session.Identity{}, fmt.Errorf("the answer of the service %s is longer than %d bytes", host, maxAnswer)
	}
	who, err := decode(text)
	if err != nil {
		return session.Identity{}, fmt.Errorf("the answer of the service %s: %w", host, err)
	}
	who.User = cmp.Or(who.User, user)
	return who, nil
}
