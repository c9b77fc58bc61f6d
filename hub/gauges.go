package hub

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// gauges are what a hub is asked when somebody looks. They cost nothing in between.
type gauges struct{ hub *Hub }

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	gaugeReady    = gauge("baton_ready", "1 if this node should get connections, as /readyz says.")
	gaugeLimit    = gauge("baton_sockets_limit", "How many connections this node takes at most.")
	gaugeSockets  = gauge("baton_sockets", "Connections to this node now, by kind: ws, sse.", "space", "kind")
	gaugeOpen     = gauge("baton_space_open", "1 if this node has brought up its replica of the space.", "space")
	gaugeStale    = gauge("baton_log_stale_seconds", "How long the log has been out of this node's reach; 0 if it is not.", "space")
	gaugePosition = gauge("baton_log_position", "How far this node has read the log: the position of the last entry.", "space")
	gaugeGrown    = gauge("baton_log_since_checkpoint_bytes", "What the log has after the last checkpoint: what a node that starts has to read.", "space")
	gaugeLogins   = gauge("baton_login_sessions", "People who are signed in, by login session, on all nodes.", "space")
	gaugeNodes    = gauge("baton_nodes", "Nodes that show the space, as far as this one has heard of them.", "space")
)

// What is counted for each message out is an addition, and the node tells it in a survey, too.
var (
	countSent      = prometheus.NewDesc("baton_sent_messages_total", "Messages that were written to sockets: a message has all that a client has not seen.", []string{"space"}, nil)
	countSentBytes = prometheus.NewDesc("baton_sent_bytes_total", "Bytes of these messages.", []string{"space"}, nil)
)

// Metrics are this node's figures for Prometheus.
func (h *Hub) Metrics() []prometheus.Collector {
	return append(h.figures.all(), gauges{h})
}

// Describe and Collect make it a prometheus.Collector.
func (g gauges) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		gaugeReady, gaugeLimit, gaugeSockets, gaugeOpen, gaugeStale, gaugePosition, gaugeGrown, gaugeLogins, gaugeNodes,
		countSent, countSentBytes,
	} {
		c <- d
	}
}

// Collect tells what is so now.
func (g gauges) Collect(c chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, value float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	tell(gaugeReady, one(len(g.hub.missing()) == 0))
	tell(gaugeLimit, float64(g.hub.options.Limits.PerNode))
	for _, r := range g.hub.rooms {
		r.tell(tell)
		c <- prometheus.MustNewConstMetric(countSent, prometheus.CounterValue, float64(r.counts.sent.Load()), r.name)
		c <- prometheus.MustNewConstMetric(countSentBytes, prometheus.CounterValue, float64(r.counts.sentBytes.Load()), r.name)
	}
}

func one(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

func (r *room) tell(tell func(d *prometheus.Desc, value float64, labels ...string)) {
	r.mu.Lock()
	ws, sse, nodes := 0, 0, len(r.presence.nodes)
	for c := range r.conns {
		if c.follows {
			sse++
		} else {
			ws++
		}
	}
	r.mu.Unlock()
	tell(gaugeSockets, float64(ws), r.name, kindWS)
	tell(gaugeSockets, float64(sse), r.name, kindSSE)
	tell(gaugeNodes, float64(nodes), r.name)
	space := r.replica()
	tell(gaugeOpen, one(space != nil), r.name)
	stale, position, grown, logins := 0.0, uint64(0), 0, 0
	if space != nil {
		if since := space.Stale(); !since.IsZero() {
			stale = time.Since(since).Seconds()
		}
		space.Read(func(state *channels.State) {
			position, grown, logins = state.Position(), state.SinceCheckpoint(), len(session.All(state))
		})
	}
	tell(gaugeStale, stale, r.name)
	tell(gaugePosition, float64(position), r.name)
	tell(gaugeGrown, float64(grown), r.name)
	tell(gaugeLogins, float64(logins), r.name)
}

// DescribeMetrics tells what the Metrics of any hub are.
func DescribeMetrics(c chan<- *prometheus.Desc) {
	for _, collector := range append(newFigures().all(), gauges{}) {
		collector.Describe(c)
	}
}
