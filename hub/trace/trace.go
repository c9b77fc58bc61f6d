// Package trace tells an OpenTelemetry collector what became of a request, across nodes. It is the only door to
// OpenTelemetry: elsewhere a place in a trace is a W3C traceparent, an opaque string.
//
// A nil Tracer traces nothing, and a nil Span is one that nobody sees: their methods may be called all the same.
package trace

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options say where traces go, and of what they are.
type Options struct {
	URL     string            // Required. Of the collector's OTLP over HTTP, with its path: http://host:4318/v1/traces.
	Headers map[string]string // Optional. Of each request to it.
	Node    string            // Required. The name of this node.
	Version string            // Optional.
	Logger  *slog.Logger      // Required. Told when the collector cannot be reached, and when it can again.
}

// A Tracer makes spans and sends them, some at a time. What the collector does not take in time is dropped. Its methods may
// be called from any goroutine.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// New makes a Tracer. The SDK reads the environment for the rest: OTEL_TRACES_SAMPLER and its _ARG, OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_….
func New(ctx context.Context, o Options) (*Tracer, error) {
	what, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", "baton"), attribute.String("service.version", o.Version), attribute.String("service.instance.id", o.Node),
	), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("reading what traces are of, OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { o.Logger.Debug("OpenTelemetry reports an error", "error", err) }))
	provider := sdk.NewTracerProvider(sdk.WithResource(what), sdk.WithBatcher(newExporter(o)))
	return &Tracer{provider, provider.Tracer("github.com/baton-hub/baton")}, nil
}

// Close sends what there is.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// A Kind is what a span is to the one that it belongs to.
type Kind int

// The kinds of OpenTelemetry that are used here.
const (
	Internal = Kind(trace.SpanKindInternal)
	Server   = Kind(trace.SpanKindServer)
	Client   = Kind(trace.SpanKindClient)
	Consumer = Kind(trace.SpanKindConsumer)
)

// maxText bounds the texts that clients choose.
const maxText = 128

// Start begins a span below a traceparent, or a trace if that is empty or none. It is nil if the sampler leaves it out.
// Attributes are pairs of name and value.
func (t *Tracer) Start(parent string, kind Kind, name string, attributes ...string) *Span {
	return t.StartAt(time.Time{}, parent, kind, name, attributes...)
}

// StartAt is Start at an earlier time; the zero time is now.
func (t *Tracer) StartAt(at time.Time, parent string, kind Kind, name string, attributes ...string) *Span {
	if t == nil {
		return nil
	}
	ctx := context.Background()
	if parent != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
	}
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKind(kind))}
	if !at.IsZero() {
		options = append(options, trace.WithTimestamp(at))
	}
	_, span := t.tracer.Start(ctx, name, options...)
	if !span.IsRecording() {
		return nil
	}
	s := &Span{span}
	for i := 0; i+1 < len(attributes); i += 2 {
		s.Set(attributes[i], attributes[i+1])
	}
	return s
}

// A Span is a part of a trace.
type Span struct{ span trace.Span }

// Set adds an attribute, if the value is not empty.
func (s *Span) Set(name, value string) {
	if s == nil || value == "" {
		return
	}
	s.span.SetAttributes(attribute.String(name, value[:min(len(value), maxText)]))
}

// SetNumber adds an attribute.
func (s *Span) SetNumber(name string, value int64) {
	if s != nil {
		s.span.SetAttributes(attribute.Int64(name, value))
	}
}

// Parent is the traceparent for what belongs to the span; "" of none.
func (s *Span) Parent() string {
	if s == nil {
		return ""
	}
	c := s.span.SpanContext()
	return "00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-" + c.TraceFlags().String()
}

// Trace is the id of the trace, for logs; "" of none.
func (s *Span) Trace() string {
	if s == nil {
		return ""
	}
	return s.span.SpanContext().TraceID().String()
}

// Fail says that it did not go well, by a word that tells nothing of what was asked.
func (s *Span) Fail(word string) {
	if s != nil {
		s.span.SetStatus(codes.Error, word)
		s.Set("error.type", word)
	}
}

// End ends the span.
func (s *Span) End() {
	if s != nil {
		s.span.End()
	}
}
