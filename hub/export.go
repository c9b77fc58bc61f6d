package hub

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// A Job is told how far something is that takes long: an export, an import.
type Job interface {
	// From tells how much was done before it began, by one that was interrupted.
	From(done int)
	// Moved tells how far it is; total is 0 as long as nobody knows.
	Moved(done, total int)
	// Ended tells that it is over, and why if it failed.
	Ended(err error)
}

// noJob is told in vain.
type noJob struct{}

func (noJob) From(int)       {}
func (noJob) Moved(_, _ int) {}
func (noJob) Ended(error)    {}

// job begins a Job.
func (h *Hub) job(name, space string) Job {
	if h.options.Job == nil {
		return noJob{}
	}
	return h.options.Job(name, space)
}

// ndjson is the content type of exports and imports.
const ndjson = "application/x-ndjson"

// streamTime is how long a stream may stand still until its client is taken for gone.
const streamTime = time.Minute

type exportInput struct {
	SpacePath
	Channels []string `query:"channels" doc:"Only these stores and logs, separated by commas." maxItems:"1000"`
	Owner    string   `query:"owner" doc:"Only what is theirs: the values of a user or a proposal in scoped stores, and the messages that they wrote. me: your own." maxLength:"128"`
}

// portOperations take data out of a space and bring it in.
func portOperations(a *api) {
	member(a, huma.Operation{
		OperationID: "export", Method: http.MethodGet, Path: "/api/v1/spaces/{space}/export", Tags: []string{"portability"},
		Summary: "Export a space, some channels, or what is yours",
		Description: `A stream of JSON lines: the head, a line for each value and message, and in the end a line with counts; without it the stream was cut off.
Changes that were made meanwhile come in further lines, so that the lines, applied in their order, give what was there at the cursor of the last one.
It has what you may read, and no more: a channel that you may join, everybody's values of a scoped store if you may read those, else your own (owner=me). Admins get everything.
Without naming channels it is for staff, admins and services; what they may not read is left out, and withheld in the head names it.`,
		Responses: map[string]*huma.Response{"200": {
			Description: "The lines", Content: map[string]*huma.MediaType{ndjson: {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
	}, export)
	member(a, huma.Operation{
		OperationID: "import", Method: http.MethodPut, Path: "/api/v1/spaces/{space}/import", Tags: []string{"portability"},
		Summary: "Import what was exported",
		Description: `The body is a stream of JSON lines as export gives it. It is imported in steps, all lines of a step or none; the first line that is refused ends it, and what came before it stays.
It changes what you may write, and no more; admins import everything, and into what is the operator's while nobody is in control.
An import that was interrupted goes on with the same id: either with the same body again, whose lines are done once all the same, or, with from, with the rest of it.
As long as the last line of the export has not come, its state is open.`,
		RequestBody: &huma.RequestBody{
			Required: true, Content: map[string]*huma.MediaType{ndjson: {Schema: &huma.Schema{Type: huma.TypeString}}},
		},
		Errors: []int{http.StatusConflict, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge},
	}, importSpace)
	member(a, huma.Operation{
		OperationID: "import-status", Method: http.MethodGet, Path: "/api/v1/spaces/{space}/import", Tags: []string{"portability"},
		Summary:     "See how far an import is",
		Description: "line is the last that is done: go on with the next. One that is done is forgotten after a day.",
	}, importStatus)
	member(a, huma.Operation{
		OperationID: "abandon-import", Method: http.MethodDelete, Path: "/api/v1/spaces/{space}/import", Tags: []string{"portability"},
		Summary: "Abandon an import", DefaultStatus: http.StatusNoContent,
		Description: "It is forgotten, so that another can begin in its place. What it has imported stays.",
	}, abandonImport)
}

// export streams an export. One that fails on the way is cut off, so that it cannot be taken for a whole one.
func export(v *visit, in *exportInput) (*huma.StreamResponse, error) {
	job := v.hub.job("export", in.Space)
	asked := channels.Export{Channels: in.Channels, Owner: in.Owner, Progress: func(done, total int) {
		v.room.touch(v.who.ID, false)
		job.Moved(done, total)
	}}
	if in.Owner == "me" {
		asked.Owner, asked.Mine = "", true
	}
	x, err := v.room.replica().Export(v.who.ID, asked)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", ndjson)
		ctx.SetHeader("Content-Disposition", `attachment; filename="`+in.Space+`.ndjson"`)
		work, end := v.untilClosed()
		defer end()
		controller := http.NewResponseController(v.w)
		out := &patientWriter{Writer: v.w, controller: controller}
		defer v.untilSignedOut(work, out.end)()
		counts, err := x.Write(work, out)
		job.Ended(err)
		if err != nil {
			v.hub.logger.Warn("an export was cut off", "space", in.Space, "user", v.who.User, "error", err)
			panic(http.ErrAbortHandler)
		}
		v.hub.logger.Info("exported", "space", in.Space, "user", v.who.User, "session", v.who.ID, "channels", in.Channels,
			"owner", in.Owner, "values", counts.Values, "messages", counts.Messages)
	}}, nil
}

// untilClosed returns the context of the request, which ends with the hub, too.
func (v *visit) untilClosed() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(v.r.Context())
	stop := context.AfterFunc(v.hub.ctx, func() { cancel(errors.New("this node is leaving")) })
	return ctx, func() { stop(); cancel(nil) }
}

// signedInLook is how often it is looked whether whoever asked for a stream is still signed in.
const signedInLook = 200 * time.Millisecond

// untilSignedOut calls ended when whoever asks is not signed in any more, also while their client takes nothing: what was
// not sent by then is not sent. stop ends that.
func (v *visit) untilSignedOut(ctx context.Context, ended func()) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sleep(ctx, signedInLook) {
			var err error
			v.room.replica().Read(func(state *channels.State) { _, err = v.hub.options.Authority.Identify(state, v.who.ID) })
			if err != nil {
				ended()
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// A patientWriter gives up when the client has taken nothing for streamTime.
type patientWriter struct {
	io.Writer
	controller *http.ResponseController
	ended      atomic.Bool
}

// end makes it write nothing more, and gives up what is being written.
func (w *patientWriter) end() {
	w.ended.Store(true)
	_ = w.controller.SetWriteDeadline(time.Now())
}

func (w *patientWriter) Write(p []byte) (int, error) {
	_ = w.controller.SetWriteDeadline(time.Now().Add(streamTime)) // not every server has one
	if w.ended.Load() {
		return 0, errors.New("whoever asked for it is signed out")
	}
	return w.Writer.Write(p)
}

// A patientReader gives up when the client has sent nothing for streamTime.
type patientReader struct {
	io.Reader
	controller *http.ResponseController
}

func (r *patientReader) Read(p []byte) (int, error) {
	_ = r.controller.SetReadDeadline(time.Now().Add(streamTime))
	return r.Reader.Read(p)
}

// checkValue refuses what a client could not send as a value either.
func checkValue(value []byte) error {
	_, err := wire.CheckJSON(value)
	return err
}
