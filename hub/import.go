package hub

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/baton-hub/baton/channels"
)

type importInput struct {
	SpacePath
	ID     string `query:"id" doc:"Names the import: 4 to 64 letters, digits, _ and -, at random. Not needed for a dry run." maxLength:"64"`
	From   int    `query:"from" doc:"The body begins after this line, which is where the import is." minimum:"0"`
	DryRun bool   `query:"dry_run" doc:"Change nothing: say what would change, and every line that would be refused."`
	Keep   bool   `query:"keep" doc:"Leave keys alone that have a value. Otherwise they get the imported one."`
	Term   uint64 `query:"term" doc:"Of the operator, who alone can import into what is the operator's while somebody is in control."`
}

type importOutput struct{ Body channels.ImportReport }

// importSpace imports the body of a request.
func importSpace(v *visit, in *importInput) (*importOutput, error) {
	job := v.hub.job("import", in.Space)
	job.From(in.From)
	controller := http.NewResponseController(v.w)
	work, end := v.untilClosed()
	defer end()
	body := &patientReader{v.r.Body, controller}
	report, err := v.room.replica().Import(work, v.who.ID, v.who.User, channels.ImportOptions{
		ID: in.ID, From: in.From, Keep: in.Keep, DryRun: in.DryRun, Term: in.Term, CheckJSON: checkValue,
		Progress: func(line, total int) {
			v.room.touch(v.who.ID, false)
			job.Moved(line, total)
		},
	}, body)
	job.Ended(err)
	if err != nil {
		drain(v.r.Body, controller)
	}
	_ = controller.SetReadDeadline(time.Time{})
	v.hub.logger.Info("imported", "space", in.Space, "user", v.who.User, "session", v.who.ID, "import", in.ID,
		"dry_run", in.DryRun, "line", report.Line, "state", report.State, "error", err)
	if err != nil {
		return nil, withProgress(err, report)
	}
	return &importOutput{report}, nil
}

// The bounds on what is read of a body that is of no use any more, so that its client hears the answer and does not meet a
// connection that is closed.
const (
	drainBytes = 8 << 20
	drainTime  = 5 * time.Second
)

func drain(body io.Reader, controller *http.ResponseController) {
	_ = controller.SetReadDeadline(time.Now().Add(drainTime))
	_, _ = io.CopyN(io.Discard, body, drainBytes)
}

// withProgress adds to a problem how far the import is.
func withProgress(err error, report channels.ImportReport) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = channels.Refuse(channels.CodeInvalid, "the stream was cut off after line %d: go on from there", report.Line)
	}
	p := problemOf(err)
	if p.more == nil {
		p.more = map[string]any{}
	}
	p.more["done"] = report.Line
	return p
}

type importStatusInput struct {
	SpacePath
	ID string `query:"id" required:"true" maxLength:"64"`
}

type importStatusOutput struct{ Body channels.ImportRecord }

// importStatus tells how far an import is.
func importStatus(v *visit, in *importStatusInput) (*importStatusOutput, error) {
	out := &importStatusOutput{}
	var found bool
	var err error
	v.room.replica().Read(func(state *channels.State) {
		out.Body, found, err = channels.FindImport(state, in.ID, v.who)
	})
	if err == nil && !found {
		err = channels.Refuse(channels.CodeUnknownName, "there is no import %.64q, or it is forgotten: begin it from its first line", in.ID)
	}
	return out, err
}

// abandonImport forgets an import.
func abandonImport(v *visit, in *importStatusInput) (*struct{}, error) {
	op, err := oneOp(OpHeader{}, "")
	if err != nil {
		return nil, err
	}
	return nil, v.decide(op, "abandon", in.ID).Err
}
