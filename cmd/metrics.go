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

// versions tells which site file a node goes by, and which rules are in force.
type versions struct{ node *node }

var (
	siteVersion  = prometheus.NewDesc("baton_site_version", "Version of the site file that this node goes by.", nil, nil)
	rulesVersion = prometheus.NewDesc("baton_rules_version", "Version of the rules in force.", []string{"space"}, nil)
)

// Describe and Collect make it a prometheus.Collector.
func (v versions) Describe(c chan<- *prometheus.Desc) {
	c <- siteVersion
	c <- rulesVersion
}

// Collect tells the versions of now.
func (v versions) Collect(c chan<- prometheus.Metric) {
	c <- prometheus.MustNewConstMetric(siteVersion, prometheus.GaugeValue, float64(v.node.site.Load().Version))
	for space, version := range v.node.hub.RulesInForce() {
		c <- prometheus.MustNewConstMetric(rulesVersion, prometheus.GaugeValue, float64(version), space)
	}
}
