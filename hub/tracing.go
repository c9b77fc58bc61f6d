package hub

import (
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/trace"
	"github.com/baton-hub/baton/hub/wire"
)

// What is traced: a request, from the frame or the HTTP request to its answer; below it, that it is handed to the home of the
// space; below that, or the request, that it is decided and committed; and below that, on each node, that its entry is fanned
// out. So the place in the trace travels with what is handed over and with the transaction in the log. Spans have no values,
// nobody's name, and no session: what is in a log of operations is not in a log of people.

// traceFrame begins the span of a request that changes something; nil if nobody traces it.
func (c *conn) traceFrame(f wire.Request, op string) *trace.Span {
	t := c.room.hub.options.Tracer
	if t == nil {
		return nil
	}
	return t.Start("", trace.Server, f.FrameType(), "baton.space", c.room.name, "baton.channel", channelOf(f), "baton.op", op)
}

func channelOf(f wire.Request) string {
	switch f := f.(type) {
	case *wire.Write:
		return f.Channel
	case *wire.Append:
		return f.Channel
	}
	return ""
}

// untraced are the operations without a span: that of a stream of events would end with the stream, and probes come all the
// time.
var untraced = []string{"follow-events", "alive", "ready"}

// trace begins the span of an HTTP request, as a part of the trace that it names, if it does.
func (v *visit) trace(o *huma.Operation, space string) *trace.Span {
	t := v.hub.options.Tracer
	if t == nil || slices.Contains(untraced, o.OperationID) {
		return nil
	}
	return t.Start(v.r.Header.Get("traceparent"), trace.Server, o.Method+" "+o.Path,
		"http.request.method", o.Method, "http.route", o.Path, "baton.space", space)
}

// traced ends it.
func (v *visit) traced(status int) {
	if v.span == nil {
		return
	}
	v.span.SetNumber("http.response.status_code", int64(status))
	if status >= http.StatusInternalServerError {
		v.span.Fail(http.StatusText(status))
	}
	v.span.End()
}

// endWith ends a span with what came of an operation.
func endWith(span *trace.Span, o channels.Outcome) {
	if span == nil {
		return
	}
	if o.Position > 0 {
		span.SetNumber("baton.position", int64(o.Position))
	}
	if code := channels.CodeOf(o.Err); code != "" {
		span.Fail(string(code))
	}
	span.End()
}

// traced is a logger that names the trace of a span.
func traced(logger *slog.Logger, span *trace.Span) *slog.Logger {
	if span == nil {
		return logger
	}
	return logger.With("trace_id", span.Trace())
}

// commit has a proposal decided by this node.
func (r *room) commit(p channels.Proposal) {
	if t := r.hub.options.Tracer; t != nil && p.Trace != "" {
		span, done := t.Start(p.Trace, trace.Internal, "commit", "baton.space", r.name), p.Done
		if span != nil {
			p.Trace = span.Parent()
			p.Done = func(o channels.Outcome) {
				endWith(span, o)
				done(o)
			}
		}
	}
	r.replica().Propose(p)
}

// A handing is the spans of a batch that is handed to the home.
type handing []*trace.Span

func (r *room) traceHanding(home string, batch []handed, items []forwarded) (h handing) {
	t := r.hub.options.Tracer
	if t == nil {
		return nil
	}
	for i, p := range batch {
		if p.Trace == "" {
			continue
		}
		span := t.Start(p.Trace, trace.Client, "hand to home", "baton.space", r.name, "baton.home", home)
		items[i].Trace = span.Parent()
		h = append(h, span)
	}
	return h
}

// answered ends them.
func (h handing) answered(well bool) {
	for _, span := range h {
		if !well {
			span.Fail("no answer")
		}
		span.End()
	}
}

// flushing is the spans of entries that no connection was sent yet.
type flushing struct {
	waiting atomic.Int32
	spans   []flush
}

type flush struct {
	position uint64
	span     *trace.Span
}

// maxFlushing bounds those that wait. Of more, the oldest end unseen.
const maxFlushing = 256

// traceFanOutLocked begins the spans of an entry's fan-out here, which end when it was written to the first connection that
// reads it, or now if there is none.
func (r *room) traceFanOutLocked(c channels.Change, touched []*topic) {
	readers := 0
	for _, t := range touched {
		readers += t.readers
	}
	for i := range c.Entry.Transactions {
		tx := &c.Entry.Transactions[i]
		if tx.Trace == "" {
			continue
		}
		span := r.hub.options.Tracer.StartAt(r.applied, tx.Trace, trace.Consumer, "fan out", "baton.space", r.name)
		if !tx.Unnamed {
			span.Set("baton.op", tx.Op.String())
		}
		span.SetNumber("baton.position", int64(c.Position))
		span.SetNumber("baton.readers", int64(readers))
		if readers == 0 || span == nil {
			span.End()
			continue
		}
		r.flushing.spans = append(r.flushing.spans, flush{c.Position, span})
	}
	for len(r.flushing.spans) > maxFlushing {
		r.flushing.spans[0].span.End()
		r.flushing.spans = r.flushing.spans[1:]
	}
	r.flushing.waiting.Store(int32(len(r.flushing.spans)))
}

// flushed is called when a connection was written what there is up to a position.
func (r *room) flushed(position uint64) {
	if r.flushing.waiting.Load() == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flushing.spans = slices.DeleteFunc(r.flushing.spans, func(f flush) bool {
		if f.position > position {
			return false
		}
		f.span.End()
		return true
	})
	r.flushing.waiting.Store(int32(len(r.flushing.spans)))
}
