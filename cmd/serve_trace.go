package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/baton-hub/baton/hub/trace"
)

// startTracing makes what sends traces, if --otlp or the variables of OpenTelemetry say where to. The SDK reads more of them
// itself, such as OTEL_TRACES_SAMPLER.
func (n *node) startTracing(ctx context.Context, name string) (*trace.Tracer, error) {
	to, err := traceURL(n.options.OTLP, n.options.getenv)
	if err != nil || to == "" {
		return nil, err
	}
	headers, err := traceHeaders(n.options.getenv)
	if err != nil {
		return nil, err
	}
	tracer, err := trace.New(ctx, trace.Options{URL: to, Headers: headers, Node: name, Version: thisBuild().Version, Logger: n.logger})
	if err != nil {
		return nil, err
	}
	n.closing = append(n.closing, func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = tracer.Close(ctx) // a collector that is away keeps no node from ending
	})
	n.logger.Info("traces are sent", "to", redacted(to))
	return tracer, nil
}

// traceURL is where traces go, "" for nowhere: --otlp names a collector, as OTEL_EXPORTER_OTLP_ENDPOINT does;
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is the whole address.
func traceURL(flag string, getenv func(string) string) (string, error) {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") || flag == "" && strings.EqualFold(getenv("OTEL_TRACES_EXPORTER"), "none") {
		return "", nil
	}
	base, what := flag, "--otlp"
	if base == "" {
		if whole := getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"); whole != "" {
			return whole, configured(checkURL("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", whole, "http", "https"))
		}
		base, what = getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), "OTEL_EXPORTER_OTLP_ENDPOINT"
	}
	if base == "" {
		return "", nil
	}
	if err := checkURL(what, base, "http", "https"); err != nil {
		return "", configured(err)
	}
	return strings.TrimSuffix(base, "/") + "/v1/traces", nil
}

func configured(err error) error {
	if err == nil {
		return nil
	}
	return configError{err}
}

// traceHeaders reads OTEL_EXPORTER_OTLP_TRACES_HEADERS, or OTEL_EXPORTER_OTLP_HEADERS: name=value, separated by commas,
// percent-encoded.
func traceHeaders(getenv func(string) string) (map[string]string, error) {
	text := getenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS")
	if text == "" {
		text = getenv("OTEL_EXPORTER_OTLP_HEADERS")
	}
	headers := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || name == "" || err != nil {
			err = errors.Join(errors.New("it is name=value, separated by commas and percent-encoded"), err)
			return nil, configError{fmt.Errorf("reading OTEL_EXPORTER_OTLP_HEADERS: %w", err)} // without it: it may be secret
		}
		headers[name] = value
	}
	return headers, nil
}
