package cmd

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/porttest"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/trace/tracetest"
)

func TestANodeSendsTracesToTheCollectorThatItIsGiven(t *testing.T) {
	t.Parallel()
	c := tracetest.New(t)
	p := startBaton(t, "--demo=false", "--data", t.TempDir(), "--otlp", c.URL)
	b := hubtest.NewBrowser(t)
	b.SignIn(p.url, "demo", "sam")
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	b.Request("POST", p.url+"/api/v1/spaces/demo/control/request", "{}", "traceparent", "00-"+id+"-00f067aa0ba902b7-01").Want(200)
	spans := c.Trace(t, id, 3) // the request, the commit, the fan-out
	if spans[0].Resource["service.name"] != "baton" || spans[0].Resource["service.instance.id"] == "" || spans[0].Resource["service.version"] == "" {
		t.Errorf("they are of %v", spans[0].Resource)
	}
	for line := range strings.Lines(p.said.String()) { // on no terminal, the log is one object a line
		var entry struct{ Time, Level, Msg string }
		if json.Unmarshal([]byte(line), &entry) != nil || entry.Time == "" || entry.Level == "" || entry.Msg == "" {
			t.Errorf("it logs %q", line)
		}
	}
}

func TestWhereTracesGo(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		m := map[string]string{}
		for i := 0; i+1 < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return func(name string) string { return m[name] }
	}
	const base, whole = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	for _, c := range []struct {
		flag   string
		getenv func(string) string
		want   string
	}{
		{"", env(), ""},
		{"http://a:4318", env(base, "http://b:4318"), "http://a:4318/v1/traces"},
		{"", env(base, "https://b/otlp/"), "https://b/otlp/v1/traces"},
		{"", env(base, "http://b:4318", whole, "http://c/in"), "http://c/in"},
		{"", env(base, "http://b:4318", "OTEL_TRACES_EXPORTER", "none"), ""},
		{"http://a:4318", env("OTEL_SDK_DISABLED", "true"), ""},
	} {
		if got, err := traceURL(c.flag, c.getenv); got != c.want || err != nil {
			t.Errorf("with %q: %q, %v, not %q", c.flag, got, err, c.want)
		}
	}
	for _, getenv := range []func(string) string{env(base, "b:4318"), env(whole, "grpc://b")} {
		if got, err := traceURL("", getenv); err == nil {
			t.Errorf("it is %q", got)
		}
	}
	headers, err := traceHeaders(env("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20x, tenant=one"))
	if err != nil || !maps.Equal(headers, map[string]string{"Authorization": "Bearer x", "tenant": "one"}) {
		t.Errorf("the headers are %v, %v", headers, err)
	}
	if _, err := traceHeaders(env("OTEL_EXPORTER_OTLP_HEADERS", "secret")); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

// What the admin listener and the probes promise in deploy/README.
func TestProfilesAreOnTheAdminListenerAndNowhereElse(t *testing.T) {
	t.Parallel()
	admin := "127.0.0.1:" + strconv.Itoa(porttest.Free(t))
	p := startBaton(t, "--demo=false", "--data", t.TempDir(), "--admin", admin)
	get := func(url string) (status int, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		client := http.Client{Timeout: hubtest.Patience}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	if status, text := get("http://" + admin + "/debug/pprof/goroutine?debug=1"); status != http.StatusOK || !strings.Contains(text, "goroutine profile") {
		t.Errorf("the profile is %d, %.200s", status, text)
	}
	if _, text := get(p.url + "/debug/pprof/goroutine?debug=1"); strings.Contains(text, "goroutine profile") {
		t.Error("anybody gets it")
	}
}

func TestACollectorThatTakesNothingHoldsNothingUp(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer silent.Close()
	defer close(hang)
	p := startBaton(t, "--demo=false", "--data", t.TempDir(), "--otlp", silent.URL)
	b := hubtest.NewBrowser(t)
	b.SignIn(p.url, "demo", "sam")
	for range 20 {
		b.Request("POST", p.url+"/api/v1/spaces/demo/control/request", "{}").Want(200)
		b.Request("POST", p.url+"/api/v1/spaces/demo/control/release", "").Want(200)
	}
	began := time.Now()
	p.stop()
	if took := time.Since(began); took > 40*time.Second { // it cannot be done again, and the machine may be busy
		t.Errorf("it ended after %v", took)
	}
}
