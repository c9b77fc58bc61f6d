package hub_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/trace"
	"github.com/baton-hub/baton/hub/trace/tracetest"
)

// traceTo makes nodes send their spans to a collector.
func traceTo(t *testing.T, c *tracetest.Collector) func(*hub.Options) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
	return func(o *hub.Options) {
		tracer, err := trace.New(t.Context(), trace.Options{URL: c.URL + "/v1/traces", Node: o.Node, Version: "test", Logger: o.Logger})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tracer.Close(context.Background()) })
		o.Tracer = tracer
	}
}

// ofTrace finds the span of a trace with a name, on a node.
func ofTrace(t *testing.T, spans []tracetest.Span, name, node string) tracetest.Span {
	t.Helper()
	i := slices.IndexFunc(spans, func(s tracetest.Span) bool { return s.Name == name && s.Resource["service.instance.id"] == node })
	if i < 0 {
		t.Fatalf("%s has no span %q in %+v", node, name, spans)
	}
	return spans[i]
}

func TestAWriteIsOneTraceFromTheFrameToTheOtherNodesFanOut(t *testing.T) {
	c := tracetest.New(t)
	home, away := neighbours(t, traceTo(t, c))
	home.tab.Do(join("notes"), "joined", nil)
	op := away.tab.Client + ".77"
	away.tab.Do(with(write("notes", "k", "confidential"), "op", op), "written", nil)
	home.tab.Expect("change", nil)
	request := c.Await(t, "span of the request", func(s tracetest.Span) bool { return s.Name == "write" && s.Attributes["baton.op"] == op })
	spans := c.Trace(t, request.Trace, 5)
	here, there := request.Resource["service.instance.id"], "node0"
	if here == there {
		there = "node1"
	}
	hand := ofTrace(t, spans, "hand to home", here)
	commit := ofTrace(t, spans, "commit", there)
	for _, s := range []struct{ span, parent tracetest.Span }{
		{request, tracetest.Span{}}, {hand, request}, {commit, hand}, {ofTrace(t, spans, "fan out", there), commit}, {ofTrace(t, spans, "fan out", here), commit},
	} {
		if s.span.Parent != s.parent.ID || s.span.Error != "" || s.span.End.Before(s.span.Start) || s.span.Attributes["baton.space"] != "lab" {
			t.Errorf("below %q there is %+v", s.parent.Name, s.span)
		}
	}
	if shown := ofTrace(t, spans, "fan out", there); shown.Attributes["baton.readers"] != "1" || shown.Attributes["baton.position"] != commit.Attributes["baton.position"] {
		t.Errorf("the fan-out is %+v", shown)
	}
	if request.Attributes["baton.channel"] != "notes" || request.Kind != "SPAN_KIND_SERVER" || request.Resource["service.name"] != "baton" {
		t.Errorf("the request is %+v", request)
	}
	if text := fmt.Sprintf("%+v", spans); strings.Contains(text, "confidential") || strings.Contains(text, home.tab.Welcome.Session) || len(spans) != 5 {
		t.Errorf("the spans are %s", text)
	}
}

func TestAnHTTPRequestBelongsToTheTraceThatItNames(t *testing.T) {
	c := tracetest.New(t)
	_, away := neighbours(t, traceTo(t, c))
	bob := away.user(t, "bob")
	const id, caller = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	bob.Request("PUT", away.channel("notes")+"/k", `1`, "traceparent", "00-"+id+"-"+caller+"-01").Want(200)
	spans := c.Trace(t, id, 5)
	here := spans[slices.IndexFunc(spans, func(s tracetest.Span) bool { return s.Name == "hand to home" })].Resource["service.instance.id"]
	request := ofTrace(t, spans, "PUT /api/v1/spaces/{space}/channels/{channel}/{key}", here)
	if request.Parent != caller || request.Attributes["http.response.status_code"] != "200" || ofTrace(t, spans, "hand to home", here).Parent != request.ID {
		t.Errorf("the spans are %+v", spans)
	}

	const left = "4bf92f3577b34da6a3ce929d0e0e4737" // by its caller's sampler
	bob.Request("GET", away.url+"/healthz", "").Want(200)
	bob.Request("PUT", away.channel("notes")+"/k", `1`, "traceparent", "00-"+left+"-"+caller+"-00").Want(200)
	const last = "4bf92f3577b34da6a3ce929d0e0e4738"
	bob.Request("PUT", away.channel("secret")+"/k", `1`, "traceparent", "00-"+last+"-"+caller+"-01").Problem(403, "forbidden")
	c.Trace(t, last, 3)
	if slices.ContainsFunc(c.Spans(), func(s tracetest.Span) bool { return strings.Contains(s.Name, "/healthz") }) {
		t.Error("a probe was traced")
	}
	if slices.ContainsFunc(c.Spans(), func(s tracetest.Span) bool { return s.Trace == left }) {
		t.Error("a trace was sent that its caller has left out")
	}
}

func TestAHomeThatDoesNotAnswerIsSeenInTheTrace(t *testing.T) {
	c := tracetest.New(t)
	_, away := neighbours(t, traceTo(t, c))
	away.how.Store("nobody answers")
	away.tab.Do(with(write("notes", "k", 1), "op", away.tab.Client+".77"), "written", nil)
	hand := c.Await(t, "span without an answer", func(s tracetest.Span) bool { return s.Name == "hand to home" && s.Error == "no answer" })
	spans := c.Trace(t, hand.Trace, 4)
	if commit := ofTrace(t, spans, "commit", hand.Resource["service.instance.id"]); commit.Parent != hand.Parent {
		t.Errorf("the spans are %+v", spans)
	}
}

// A lockedBuffer may be written and read at the same time.
type lockedBuffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

func TestARefusalIsLoggedWithItsTrace(t *testing.T) {
	c := tracetest.New(t)
	var log lockedBuffer
	n := newNode(t, nodeOptions{more: func(o *hub.Options) {
		o.Logger = slog.New(slog.NewJSONHandler(&log, nil))
		traceTo(t, c)(o)
	}})
	_, tab := n.open(t, "alice")
	tab.Refused(write("secret", "k", 1), "forbidden")
	span := c.Await(t, "span that failed", func(s tracetest.Span) bool { return s.Name == "write" && s.Error == "forbidden" })
	until(t, "it is logged", func() bool { return strings.Contains(log.String(), `"trace_id":"`+span.Trace+`"`) })
}
