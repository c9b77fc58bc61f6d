package cmd

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// newRegistry returns what Prometheus is told: the long jobs, the Go runtime and this process. It is not the registry of
// the whole process, so that a test has its own.
func newRegistry(j *jobs) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(j, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// serveMetrics answers GET /metrics.
func serveMetrics(r *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}
