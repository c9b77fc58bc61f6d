package hubtest

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Program returns a browser without cookies that sends a token with every request, as a program does.
func Program(t testing.TB, token string) *Browser {
	return &Browser{t, &http.Client{Transport: bearer(token), Timeout: Patience}}
}

type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// An Answer is what came of a request.
type Answer struct {
	Status int
	Header http.Header
	Body   string

	t     testing.TB
	again func(op string) *Answer // makes the request once more
}

// Request sends a request with a body as it is ("": none) and headers as pairs of name and value. A body is JSON if the
// headers do not say otherwise.
func (b *Browser) Request(method, url, body string, headers ...string) *Answer {
	b.t.Helper()
	r := b.build(method, url, body, headers)
	response, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatalf("reading the answer to %s %s: %v", method, url, err)
	}
	again := func(op string) *Answer {
		if op == "" {
			return b.Request(method, url, body, headers...)
		}
		return b.Request(method, url, body, slices.Concat(headers, []string{"Baton-Op", op})...)
	}
	return &Answer{Status: response.StatusCode, Header: response.Header, Body: string(text), t: b.t, again: again}
}

func (b *Browser) build(method, url, body string, headers []string) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// Into reads the body of an answer that has a status.
func (a *Answer) Into(status int, into any) {
	a.t.Helper()
	a.Want(status)
	if err := json.Unmarshal([]byte(a.Body), into); err != nil {
		a.t.Fatalf("reading %s: %v", a.Body, err)
	}
}

// Want fails unless the answer has a status. A hub on a busy machine may ask to try again in a moment; then the answer becomes
// that of the next try, which is the same operation if the hub has named it. A test of what it answers at once looks at Status.
func (a *Answer) Want(status int) {
	a.t.Helper()
	for late := time.Now().Add(Patience); a.Status == http.StatusServiceUnavailable && status != a.Status && time.Now().Before(late); {
		<-time.After(100 * time.Millisecond)
		var p struct{ Op string }
		_ = json.Unmarshal([]byte(a.Body), &p) // it names none
		*a = *a.again(p.Op)
	}
	if a.Status != status {
		a.t.Fatalf("answered %d, not %d: %s", a.Status, status, a.Body)
	}
}

// Problem wants a problem with a status and a code, and returns it.
func (a *Answer) Problem(status int, code string) map[string]any {
	a.t.Helper()
	var p map[string]any
	a.Into(status, &p)
	if p["code"] != code || a.Header.Get("Content-Type") != "application/problem+json" || p["status"] != float64(status) || p["detail"] == "" {
		a.t.Fatalf("answered %s, %s; not a problem %s", a.Header.Get("Content-Type"), a.Body, code)
	}
	return p
}
