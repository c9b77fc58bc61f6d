package trace

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	described "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	otlp "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// An exporter sends spans as OTLP, protobuf over HTTP. The official one would bring gRPC into the binary.
type exporter struct {
	url     string
	headers map[string]string
	client  *http.Client
	logger  *slog.Logger
	failing atomic.Bool
}

// exportTime is what a request to the collector may take.
const exportTime = 10 * time.Second

func newExporter(o Options) *exporter {
	return &exporter{url: o.URL, headers: o.Headers, client: &http.Client{Timeout: exportTime}, logger: o.Logger}
}

// ExportSpans sends spans, once.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	err := e.send(ctx, requestOf(spans))
	switch {
	case err != nil && !e.failing.Swap(true):
		e.logger.Warn("the collector of traces cannot be reached: they are dropped", "error", err)
	case err == nil && e.failing.Swap(false):
		e.logger.Info("the collector of traces is back")
	}
	return err
}

// Shutdown has nothing to do: each export is complete.
func (e *exporter) Shutdown(context.Context) error { return nil }

func (e *exporter) send(ctx context.Context, request *collector.ExportTraceServiceRequest) error {
	data, err := proto.Marshal(request)
	if err != nil {
		return fmt.Errorf("encoding spans: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("sending spans: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	for name, value := range e.headers {
		r.Header.Set(name, value)
	}
	response, err := e.client.Do(r)
	if err != nil {
		return fmt.Errorf("sending spans: %w", err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection is used again
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("sending spans: the collector answered %d", response.StatusCode)
	}
	return nil
}

// requestOf is the message for spans of one provider.
func requestOf(spans []sdk.ReadOnlySpan) *collector.ExportTraceServiceRequest {
	scope := spans[0].InstrumentationScope()
	of := &otlp.ScopeSpans{Scope: &common.InstrumentationScope{Name: scope.Name, Version: scope.Version}}
	for _, s := range spans {
		of.Spans = append(of.Spans, spanOf(s))
	}
	return &collector.ExportTraceServiceRequest{ResourceSpans: []*otlp.ResourceSpans{{
		Resource: &described.Resource{Attributes: attributesOf(spans[0].Resource().Attributes())}, ScopeSpans: []*otlp.ScopeSpans{of},
	}}}
}

func spanOf(s sdk.ReadOnlySpan) *otlp.Span {
	id, of := s.SpanContext().SpanID(), s.SpanContext().TraceID()
	span := &otlp.Span{
		TraceId: of[:], SpanId: id[:], Name: s.Name(), Kind: otlp.Span_SpanKind(s.SpanKind()), Flags: uint32(s.SpanContext().TraceFlags()),
		StartTimeUnixNano: uint64(s.StartTime().UnixNano()), EndTimeUnixNano: uint64(s.EndTime().UnixNano()),
		Attributes: attributesOf(s.Attributes()), DroppedAttributesCount: uint32(s.DroppedAttributes()), Status: &otlp.Status{},
	}
	if parent := s.Parent().SpanID(); parent.IsValid() {
		span.ParentSpanId = parent[:]
	}
	if status := s.Status(); status.Code == codes.Error {
		span.Status = &otlp.Status{Code: otlp.Status_STATUS_CODE_ERROR, Message: status.Description}
	}
	return span
}

// attributesOf has texts and numbers; others, which only the environment could bring, are texts.
func attributesOf(attributes []attribute.KeyValue) (list []*common.KeyValue) {
	for _, a := range attributes {
		value := &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: a.Value.String()}}
		if a.Value.Type() == attribute.INT64 {
			value.Value = &common.AnyValue_IntValue{IntValue: a.Value.AsInt64()}
		}
		list = append(list, &common.KeyValue{Key: string(a.Key), Value: value})
	}
	return list
}
