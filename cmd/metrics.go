package cmd

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/baton-hub/baton/hub"
)

// registry returns what Prometheus is told: what the hub does, the long jobs, the versions in force, the Go runtime and
// this process. It is not the registry of the whole process, so that a test has its own.
func (n *node) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	r.MustRegister(n.jobs, versions{n}, buildInfo())
	r.MustRegister(n.hub.Metrics()...)
	return r
}

// serveMetrics answers GET /metrics.
func serveMetrics(r *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// buildInfo is always 1: what it tells is in the labels.
func buildInfo() prometheus.Collector {
	b := thisBuild()
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "baton_build_info", Help: "1, with the version of this binary and of the Go that it was built with as labels.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "goversion": b.Go},
	}, func() float64 { return 1 })
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

// described takes a description apart, which cannot be asked for its parts.
var described = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: "(.*?)"(?:, unit: ".*")?, constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)

// metricsReference is deploy/METRICS.md: every metric of ours, with its labels.
func metricsReference(string) ([]byte, error) {
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		newJobs(io.Discard, slog.New(slog.DiscardHandler)).Describe(descs)
		versions{}.Describe(descs)
		buildInfo().Describe(descs)
		hub.DescribeMetrics(descs)
	}()
	var rows []string
	for desc := range descs {
		parts := described.FindStringSubmatch(desc.String())
		if parts == nil {
			return nil, fmt.Errorf("the description of a metric reads %s", desc)
		}
		labels := parts[4]
		if parts[3] != "" {
			labels = "goversion,revision,version"
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", parts[1], strings.ReplaceAll(labels, ",", ", "), parts[2]))
	}
	slices.Sort(rows)
	return []byte("# Metrics\n\nWhat `GET /metrics` on the admin listener tells, beside the usual `go_…` and `process_…`; `baton docs metrics` prints\n" +
		"this page. A name that ends in `_duration_seconds`, and `baton_commit_transactions`, is a histogram. Labels are spaces and\n" +
		"words from here, never people: a node has about 150 series for each space.\n\n" +
		"| metric | labels | |\n|---|---|---|\n" + strings.Join(rows, "")), nil
}
