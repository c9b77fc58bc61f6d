package hub

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// figures are what this node has counted, by space. The labels are spaces of the site file, codes and other words of ours,
// never a user, an address or a channel: so there are as many series as there are spaces, times a few.
type figures struct {
	received, receivedBytes               *prometheus.CounterVec
	waits                                 *prometheus.CounterVec
	operations                            *prometheus.CounterVec
	operationTime, commitTime, commitSize *prometheus.HistogramVec
	checkpoints                           *prometheus.CounterVec
	opened, closed, limited               *prometheus.CounterVec
	joins, encoded, catchUps              *prometheus.CounterVec
	signIns                               *prometheus.CounterVec
	calls                                 *prometheus.CounterVec
	callTime                              *prometheus.HistogramVec
	live, signals, forwarded              *prometheus.CounterVec
}

func newFigures() *figures {
	quick := []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15}
	many := []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}
	long := []float64{.01, .05, .1, .5, 1, 5, 10, 60, 600, 3600, 6 * 3600}
	return &figures{
		waits:         counter("baton_waits_total", "How often a WebSocket did not take a message at once: the client is slow, or its network.", "space"),
		received:      counter("baton_received_messages_total", "Messages that came from WebSockets.", "space"),
		receivedBytes: counter("baton_received_bytes_total", "Bytes of these messages.", "space"),
		operations:    counter("baton_operations_total", "Changes that this node decided, of its clients and of those that other nodes handed to it, by outcome: done, or the code that they were refused or answered with.", "space", "outcome"),
		operationTime: histogram("baton_operation_duration_seconds", "How long a change took that was done, from its arrival to its answer.", quick, "space"),
		commitTime:    histogram("baton_commit_duration_seconds", "How long an entry took to be stored and to come back from the log. Its count is the commits of this node.", quick, "space"),
		commitSize:    histogram("baton_commit_transactions", "How many changes share an entry of the log.", many, "space"),
		checkpoints:   counter("baton_checkpoints_total", "Snapshots that were to make the log short, by outcome: made, failed.", "space", "outcome"),
		opened:        counter("baton_sockets_opened_total", "Connections that were let in, by kind: ws, sse.", "space", "kind"),
		closed:        counter("baton_sockets_closed_total", "Connections that ended, by reason; too_slow is a client that took nothing for 10 s or answered no ping.", "space", "reason"),
		limited:       counter("baton_limited_total", "What was refused because there was too much of it, by door: connect, message, request.", "space", "door"),
		joins:         counter("baton_joins_total", "Channels that were joined, by what the client got: delta, what it missed; or why it got everything: new, epoch, ahead, trimmed.", "space", "got"),
		encoded:       counter("baton_join_encodings_total", "Answers to these that were encoded: those at the same position who have seen the same share one.", "space"),
		catchUps:      counter("baton_catch_ups_total", "How often a client was so far behind that it got present values in place of each change.", "space"),
		signIns:       counter("baton_sign_ins_total", "Sign-ins, by outcome: done, or the code that they were refused with.", "space", "outcome"),
		calls:         counter("baton_calls_ended_total", "Calls of commands that ended, by state: done, failed, cancelled, unknown. Counted by the node that committed it.", "space", "state"),
		callTime:      histogram("baton_call_duration_seconds", "How long calls took that were done or failed, from the call to its end.", long, "space"),
		live:          counter("baton_live_values_total", "Live values that reached this node, from services and other nodes.", "space"),
		forwarded:     counter("baton_forwarded_total", "Changes that this node handed to the home of their space, by outcome: answered, silent; what got no answer it decided itself.", "space", "outcome"),
		signals:       counter("baton_signals_total", "Signals that reached this node.", "space"),
	}
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

// all are the collectors.
func (f *figures) all() []prometheus.Collector {
	return []prometheus.Collector{
		f.waits, f.received, f.receivedBytes, f.operations, f.operationTime, f.commitTime, f.commitSize, f.checkpoints,
		f.opened, f.closed, f.limited, f.joins, f.encoded, f.catchUps, f.signIns, f.calls, f.callTime, f.live, f.signals, f.forwarded,
	}
}

// counts are the figures of one space, found once: to count costs an addition. They are there from the start, at zero, so
// that a rate sees the first of each.
type counts struct {
	space   string
	figures *figures

	sent, sentBytes                       atomic.Uint64 // also told in the survey of nodes
	received, receivedBytes               prometheus.Counter
	waits                                 prometheus.Counter
	done                                  prometheus.Counter
	operationTime, commitTime, commitSize prometheus.Observer
	checkpointMade, checkpointFailed      prometheus.Counter
	ws, sse, catchUps                     prometheus.Counter
	limitedConnect, limitedMessage        prometheus.Counter
	limitedRequest                        prometheus.Counter
	delta, encoded                        prometheus.Counter
	callTime                              prometheus.Observer
	live, signals                         prometheus.Counter
	answered, silent                      prometheus.Counter
}

func (f *figures) of(space string) *counts {
	for _, code := range []channels.Code{channels.CodeUnknown, channels.CodeUnavailable, channels.CodeStorage, channels.CodeStale, channels.CodeOverloaded} {
		f.operations.WithLabelValues(space, string(code))
	}
	for _, outcome := range []string{outcomeDone, "wrong_credentials", "throttled", string(channels.CodeUnavailable)} {
		f.signIns.WithLabelValues(space, outcome)
	}
	for _, reason := range reasons {
		f.closed.WithLabelValues(space, reason)
	}
	for _, reason := range []string{wire.ReasonNew, wire.ReasonEpoch, wire.ReasonAhead, wire.ReasonTrimmed} {
		f.joins.WithLabelValues(space, reason)
	}
	for _, state := range []string{channels.CallDone, channels.CallFailed, channels.CallCancelled, channels.CallUnknown} {
		f.calls.WithLabelValues(space, state)
	}
	return &counts{
		space: space, figures: f,
		waits:    f.waits.WithLabelValues(space),
		received: f.received.WithLabelValues(space), receivedBytes: f.receivedBytes.WithLabelValues(space),
		done:          f.operations.WithLabelValues(space, outcomeDone),
		operationTime: f.operationTime.WithLabelValues(space), commitTime: f.commitTime.WithLabelValues(space), commitSize: f.commitSize.WithLabelValues(space),
		checkpointMade: f.checkpoints.WithLabelValues(space, "made"), checkpointFailed: f.checkpoints.WithLabelValues(space, "failed"),
		ws: f.opened.WithLabelValues(space, kindWS), sse: f.opened.WithLabelValues(space, kindSSE), catchUps: f.catchUps.WithLabelValues(space),
		limitedConnect: f.limited.WithLabelValues(space, "connect"), limitedMessage: f.limited.WithLabelValues(space, "message"),
		limitedRequest: f.limited.WithLabelValues(space, "request"),
		encoded:        f.encoded.WithLabelValues(space),
		delta:          f.joins.WithLabelValues(space, string(wire.Delta)),
		callTime:       f.callTime.WithLabelValues(space),
		live:           f.live.WithLabelValues(space), signals: f.signals.WithLabelValues(space),
		answered: f.forwarded.WithLabelValues(space, "answered"), silent: f.forwarded.WithLabelValues(space, "silent"),
	}
}

// outcomeDone is the outcome of what was not refused.
const outcomeDone = "done"

// The kinds of connections.
const (
	kindWS  = "ws"
	kindSSE = "sse"
)

// reasons name why connections end, by their close codes. The client went, or the network did, is "gone".
var reasons = map[websocket.StatusCode]string{
	0: "gone", wire.CloseLeaving: "leaving", wire.CloseTooSlow: "too_slow", wire.CloseBadFrame: "bad_frame",
	wire.CloseSignedOut: "signed_out", wire.CloseForbidden: "forbidden", wire.CloseUnfinished: "unfinished",
	wire.CloseReplaced: "replaced", wire.CloseTooMany: "too_many", websocket.StatusUnsupportedData: "bad_frame",
}

// begins counts a connection.
func (n *counts) begins(c *conn) {
	if c.follows {
		n.sse.Inc()
	} else {
		n.ws.Inc()
	}
}

// ends counts why one ended.
func (n *counts) ends(c *conn) {
	var cause closing
	_ = errors.As(context.Cause(c.ctx), &cause) // else it is gone
	reason, known := reasons[cause.code]
	if !known {
		reason = "other"
	}
	n.figures.closed.WithLabelValues(n.space, reason).Inc()
}

// wrote counts a message out, read one in.
func (n *counts) wrote(size int) {
	n.sent.Add(1)
	n.sentBytes.Add(uint64(size))
}

func (n *counts) read(message []byte) {
	n.received.Inc()
	n.receivedBytes.Add(float64(len(message)))
}

// joined counts what a client got that joined, see got.
func (n *counts) joined(got string) {
	if got == wire.Delta {
		n.delta.Inc()
		return
	}
	n.figures.joins.WithLabelValues(n.space, got).Inc()
}

// got is what it is counted as.
func got(frame *wire.Joined) string {
	if frame.Mode == wire.Delta {
		return wire.Delta
	}
	return frame.Reason
}

// signedIn counts how a sign-in went.
func (n *counts) signedIn(err error) {
	outcome := outcomeDone
	if err != nil {
		outcome = problemOf(err).code
	}
	n.figures.signIns.WithLabelValues(n.space, outcome).Inc()
}

// Answered, Committed and Checkpointed make a room a channels.Meter of its replica.
func (r *room) Answered(code channels.Code, took time.Duration) {
	if code == "" {
		r.counts.done.Inc()
		r.counts.operationTime.Observe(took.Seconds())
		return
	}
	r.counts.figures.operations.WithLabelValues(r.name, string(code)).Inc()
}

// Committed counts an entry of this node's, and the calls that it ends.
func (r *room) Committed(c channels.Change, took time.Duration) {
	r.counts.commitTime.Observe(took.Seconds())
	r.counts.commitSize.Observe(float64(len(c.Entry.Transactions)))
	for i := range c.Entry.Transactions {
		for _, effect := range c.Entry.Transactions[i].Effects {
			if effect.Channel == channels.CallsStore && !effect.Deletes() {
				r.counts.called(effect.Value, c.Time)
			}
		}
	}
}

// called counts a call if it has ended.
func (n *counts) called(record []byte, now time.Time) {
	var call channels.Call
	if json.Unmarshal(record, &call) != nil || !call.Ended() {
		return
	}
	n.figures.calls.WithLabelValues(n.space, call.State).Inc()
	if !call.Called.IsZero() && (call.State == channels.CallDone || call.State == channels.CallFailed) {
		n.callTime.Observe(now.Sub(call.Called).Seconds())
	}
}

// Checkpointed counts a checkpoint.
func (r *room) Checkpointed(err error) {
	if err != nil {
		r.counts.checkpointFailed.Inc()
		return
	}
	r.counts.checkpointMade.Inc()
}
