package trace_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/baton-hub/baton/hub/trace"
	"github.com/baton-hub/baton/hub/trace/tracetest"
)

func newTracer(t *testing.T, c *tracetest.Collector, log *bytes.Buffer) *trace.Tracer {
	t.Helper()
	tracer, err := trace.New(t.Context(), trace.Options{
		URL: c.URL + "/v1/traces", Headers: map[string]string{"Authorization": "Bearer x"}, Node: "one", Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

func TestWhatEnvironmentVariablesSayIsDone(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "beamline-hub")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "site=north")
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
	c := tracetest.New(t)
	tracer := newTracer(t, c, &bytes.Buffer{})
	if span := tracer.Start("", trace.Server, "left out"); span != nil || span.Parent() != "" {
		t.Error("a span that the sampler leaves out is one")
	}
	tracer.Start("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", trace.Server, "taken", "a", strings.Repeat("x", 1000), "none", "").End()
	if err := tracer.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	spans := c.Spans()
	if len(spans) != 1 || spans[0].Name != "taken" || spans[0].Resource["service.name"] != "beamline-hub" || spans[0].Resource["site"] != "north" ||
		len(spans[0].Attributes) != 1 || len(spans[0].Attributes["a"]) > 128 {
		t.Errorf("the spans are %+v", spans)
	}
	if heads := c.Headers(); heads[0].Get("Authorization") != "Bearer x" {
		t.Errorf("they came with %v", heads)
	}
}

func TestACollectorThatIsDownIsTalkedAboutOnce(t *testing.T) {
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
	c := tracetest.New(t)
	c.Down(true)
	var log bytes.Buffer
	tracer := newTracer(t, c, &log)
	for range 5 {
		tracer.Start("", trace.Internal, "lost").End()
	}
	_ = tracer.Close(context.Background()) // that it could not be sent is what was to happen
	if n := strings.Count(log.String(), "cannot be reached"); n != 1 {
		t.Errorf("it was said %d times: %s", n, log.String())
	}
}

func TestWithoutATracerNothingIsAllocated(t *testing.T) {
	var tracer *trace.Tracer
	allocated := testing.AllocsPerRun(100, func() {
		span := tracer.Start("", trace.Server, "write")
		span.Set("a", "b")
		span.SetNumber("n", 1)
		span.Fail("x")
		if span.Parent() != "" || span.Trace() != "" {
			t.Error("it has a place")
		}
		span.End()
	})
	if allocated > 0 {
		t.Errorf("%v allocations", allocated)
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestATraceparentThatIsNoneBeginsATrace(t *testing.T) {
	c := tracetest.New(t)
	tracer := newTracer(t, c, &bytes.Buffer{})
	for _, parent := range []string{"", "nonsense", "00-00000000000000000000000000000000-0000000000000000-01", strings.Repeat("0", 10_000)} {
		tracer.Start(parent, trace.Server, "request").End()
	}
	if err := tracer.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Spans() {
		if s.Parent != "" {
			t.Errorf("below something there is %+v", s)
		}
	}
	if len(c.Spans()) != 4 {
		t.Errorf("the spans are %+v", c.Spans())
	}
}
