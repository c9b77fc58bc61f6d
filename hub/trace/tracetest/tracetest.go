// Package tracetest is a collector of traces for tests: it takes OTLP, protobuf over HTTP, and keeps it.
package tracetest

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	"google.golang.org/protobuf/proto"
)

// A Span is a span as it came, with its ids in hexadecimal.
type Span struct {
	Trace, ID, Parent string
	Name, Kind        string
	Error             string // what its status says; "" if it went well
	Attributes        map[string]string
	Resource          map[string]string
	Start, End        time.Time
}

// A Collector keeps the spans that it gets.
type Collector struct {
	URL string // of its base, as OTEL_EXPORTER_OTLP_ENDPOINT has it

	mu    sync.Mutex
	down  bool
	heads []http.Header
	spans []Span
}

// New starts a collector, and ends it with the test.
func New(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// Down makes it answer 503, or not any more.
func (c *Collector) Down(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

// ServeHTTP takes spans.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, err := io.ReadAll(r.Body)
	var request collector.ExportTraceServiceRequest
	switch {
	case c.down:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" ||
		err != nil || proto.Unmarshal(data, &request) != nil:
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.heads = append(c.heads, r.Header.Clone())
	for _, of := range request.ResourceSpans {
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, Span{
					Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(s.ParentSpanId),
					Name: s.Name, Kind: s.Kind.String(), Error: s.Status.GetMessage(), Attributes: attributes(s.Attributes), Resource: attributes(of.Resource.GetAttributes()),
					Start: time.Unix(0, int64(s.StartTimeUnixNano)), End: time.Unix(0, int64(s.EndTimeUnixNano)),
				})
			}
		}
	}
}

func attributes(list []*common.KeyValue) map[string]string {
	m := map[string]string{}
	for _, a := range list {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			m[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			m[a.Key] = strconv.FormatInt(v.IntValue, 10)
		}
	}
	return m
}

// Spans returns those that came.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Headers returns those of the requests that came.
func (c *Collector) Headers() []http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.heads)
}

// patience is long because machines are slow.
const patience = time.Minute

// Trace waits until a trace has so many spans, and returns them.
func (c *Collector) Trace(t testing.TB, id string, spans int) []Span {
	t.Helper()
	for late := time.After(patience); ; {
		all := slices.DeleteFunc(c.Spans(), func(s Span) bool { return s.Trace != id })
		if len(all) >= spans {
			return all
		}
		select {
		case <-late:
			t.Fatalf("of %d spans of the trace %s these came: %+v", spans, id, all)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Await waits for the first span for which something holds.
func (c *Collector) Await(t testing.TB, what string, holds func(Span) bool) Span {
	t.Helper()
	for late := time.After(patience); ; {
		all := c.Spans()
		if i := slices.IndexFunc(all, holds); i >= 0 {
			return all[i]
		}
		select {
		case <-late:
			t.Fatalf("no %s among %+v", what, all)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
