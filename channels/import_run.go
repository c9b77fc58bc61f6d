package channels

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// ImportOptions say how a stream is imported.
type ImportOptions struct {
	// Required, except for a dry run. Names the import, see CheckImportID: an import with the same id goes on where the one
	// before was interrupted.
	ID string
	// The stream begins after this line: 0, or exactly where the import is, see FindImport.
	From   int
	Keep   bool   // leave the keys alone that have a value; else they get the imported one
	DryRun bool   // change nothing, and say what would be refused
	Term   uint64 // of the operator, if it is the operator who imports

	// Optional. Checks the JSON of each field of a line, such as value, beyond what can be decoded: duplicate names, depth.
	CheckJSON func(value []byte) error
	Progress  func(line, total int) // Optional. Called after each step, with how many lines there are nearly; 0 = not known
}

// An ImportReport is what came of a stream.
type ImportReport struct {
	ImportRecord
	DryRun bool `json:"dry_run,omitempty"`
	// Of a dry run only: Counts are estimates, because the file has too many keys to remember which come more than once.
	Estimate bool `json:"estimate,omitempty"`
	// Of a dry run only: what would be refused, the first MaxRefused of them.
	RefusedLines int           `json:"refused_lines,omitempty"`
	Refused      []RefusedLine `json:"refused,omitempty"`
}

// MaxRefused is how many of the lines that a dry run finds to be refused are told.
const MaxRefused = 100

// A RefusedLine is one that cannot be imported.
type RefusedLine struct {
	Line    int    `json:"line"`
	Channel string `json:"channel,omitempty"`
	Key     string `json:"key,omitempty"`
	Code    Code   `json:"code"`
	Path    string `json:"path,omitempty"` // JSON Pointer into the value, if it is not as its schema says
	Detail  string `json:"detail"`
}

var importID = regexp.MustCompile(`^[A-Za-z0-9_-]{4,64}$`)

// CheckImportID refuses what cannot name an import: 4 to 64 letters, digits, _ and -.
func CheckImportID(id string) error {
	if !importID.MatchString(id) {
		return Refuse(CodeInvalid, "%.70q is not the id of an import: use 4 to 64 letters, digits, _ and -, at random", id)
	}
	return nil
}

// Import imports a stream, step by step, for a login session or token. It stops at the first line that is refused, with
// a *Refusal that names it; what came before it is imported. The report says where the import is then. A stream without
// the last line of an export leaves it open: the rest can come in another stream, with From.
func (s *Space) Import(ctx context.Context, actor, user string, o ImportOptions, r io.Reader) (ImportReport, error) {
	if o.DryRun {
		return s.tryImport(ctx, actor, user, o, r)
	}
	report, in, err := s.beginImport(actor, user, o, r)
	if err != nil || report.State == ImportDone {
		return report, err
	}
	client := "import-" + rand.Text()[:16]
	for n := uint64(1); ; n++ {
		step, err := in.step()
		if errors.Is(err, io.EOF) {
			return report, nil
		}
		if err != nil {
			return report, err
		}
		if report.State == ImportDone {
			continue // empty lines after the end
		}
		step.ID, step.Total, step.Keep, step.Term = o.ID, in.total, o.Keep, o.Term
		p := Proposal{
			Op: Op{client, n}, Actor: actor, User: user, Decide: step.Decide,
			Body: fmt.Appendf(nil, "import %s %d %d %s", o.ID, step.From, step.Line, step.Sum),
		}
		if err := s.importStep(ctx, p, &report.ImportRecord); err != nil {
			return report, err
		}
		if o.Progress != nil {
			o.Progress(report.Line, report.Total)
		}
	}
}

// beginImport finds out where the import is, and goes there in the stream.
func (s *Space) beginImport(actor, user string, o ImportOptions, r io.Reader) (report ImportReport, in *importReader, err error) {
	if err := CheckImportID(o.ID); err != nil {
		return report, nil, err
	}
	var found bool
	s.Read(func(state *State) {
		var who Who
		if who, err = s.options.Authority.Identify(state, actor); err == nil {
			report.ImportRecord, found, err = FindImport(state, o.ID, who)
		}
	})
	if err != nil || found && report.State == ImportDone {
		return report, nil, err
	}
	if o.From > 0 && o.From != report.Line {
		r := Refuse(CodeConflict, "the import %s is at line %d: go on from there", o.ID, report.Line)
		r.More = map[string]any{"line": report.Line}
		return report, nil, r
	}
	if !found {
		report.ImportRecord = ImportRecord{ID: o.ID, By: user, State: ImportOpen}
	}
	in = newImportReader(r, o.From, "")
	if o.From > 0 {
		in.sum = report.Sum
	}
	in.check = o.CheckJSON
	return report, in, in.skip(report.ImportRecord)
}

// importTries is how often a step is proposed when nobody knows what became of it.
const importTries = 3

// importStep has one step committed. That nobody knows what became of it is settled with the same operation.
func (s *Space) importStep(ctx context.Context, p Proposal, record *ImportRecord) error {
	for try := 1; ; try++ {
		o := s.Do(ctx, p)
		var uncertain *Uncertain
		switch {
		case o.Err == nil:
			return json.Unmarshal(o.Answer, record)
		case errors.As(o.Err, &uncertain) && try < importTries && ctx.Err() == nil:
			continue
		}
		return o.Err
	}
}

// tryImport is Import as a dry run: each step is decided on the present state, and none is committed.
func (s *Space) tryImport(ctx context.Context, actor, user string, o ImportOptions, r io.Reader) (ImportReport, error) {
	report := ImportReport{DryRun: true, ImportRecord: ImportRecord{ID: o.ID, By: user, State: ImportOpen}}
	in := newImportReader(r, 0, "")
	in.check = o.CheckJSON
	tried := &triedKeys{sums: map[Ref]string{}}
	for {
		if ctx.Err() != nil {
			return report, context.Cause(ctx)
		}
		step, err := in.step()
		var refused *Refusal
		switch {
		case errors.As(err, &refused):
			report.refuse(refused, ImportItem{Line: in.line})
			report.Line = in.line
			continue
		case errors.Is(err, io.EOF):
			return report, nil
		case err != nil:
			return report, err
		}
		step.Keep, step.Term, step.tried, report.Total = o.Keep, o.Term, tried, in.total
		s.Read(func(state *State) {
			d := newDraft(state, s.options.Authority)
			d.begin(&Proposal{Op: Op{"dry-run", 1}, Actor: actor, User: user})
			err = step.try(d, &report)
		})
		report.Estimate = tried.full
		if err != nil {
			return report, err
		}
		if o.Progress != nil {
			o.Progress(report.Line, report.Total)
		}
	}
}

// try finds out what would come of the lines of a step, each by itself.
func (i Import) try(d *Draft, report *ImportReport) error {
	who, err := d.Who()
	if err != nil {
		return err
	}
	for _, item := range i.Items {
		var refused *Refusal
		if errors.As(i.apply(d, who, item, &report.Counts), &refused) {
			report.refuse(refused, item)
		}
	}
	report.Line, report.Sum = i.Line, i.Sum
	if i.End == nil {
		return nil
	}
	report.State = ImportDone
	var refused *Refusal
	if errors.As(i.End.check(report.Counts.ExportCounts), &refused) && report.RefusedLines == 0 {
		report.refuse(refused, ImportItem{Line: i.Line})
	}
	return nil
}

func (r *ImportReport) refuse(why *Refusal, item ImportItem) {
	r.RefusedLines++
	if len(r.Refused) >= MaxRefused {
		return
	}
	path, _ := why.More["path"].(string)
	r.Refused = append(r.Refused, RefusedLine{
		Line: item.Line, Channel: item.Channel, Key: item.Key, Code: why.Code, Path: path, Detail: why.Detail,
	})
}
