package cmd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-hub/baton/channels"
)

// importFlags are the flags of `baton import`.
type importFlags struct {
	ID     string
	DryRun bool
	Keep   bool
	Term   uint64
	Retry  time.Duration
}

func importCommand(s streams) *cobra.Command {
	var to accessFlags
	var o importFlags
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Bring into a space what was exported",
		Long: `Bring into a space what 'baton export' wrote. Every line is checked as a write is: schema, names, limits, rights. What is
imported is written now and by you; who wrote it once and when stays in the file. Lines are imported in steps, and the hub
notes in each step how far it is: after a lost connection the command goes on by itself, and after it was killed when it is
run again, without anything being done twice. The first line that is refused ends it, and with --id it goes on with a file
that was mended; --dry-run finds all such lines before. The same file is imported once, until that is forgotten after a day;
to import it once more, give it an --id of its own. With - it is read from standard input, to its end before it is imported.

You import what you may write, and no more; admins import everything, such as a whole space. What is the operator's alone is
imported under --term by the operator, or by an admin while nobody is in control.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if err := channels.CheckImportID(o.ID); o.ID != "" && err != nil {
				return usageError{fmt.Errorf("--id: %w", err)}
			}
			f, done, err := openExport(args[0], s)
			if err != nil {
				return fmt.Errorf("reading the export: %w", err)
			}
			defer done()
			if o.ID == "" {
				if o.ID, err = importIDOf(f, fmt.Sprint(to.Space, to.Token, to.User, o.Keep)); err != nil {
					return err
				}
			}
			a, err := to.open(c.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, a.close()) }()
			i := &importing{to: a, options: o, lines: newLines(f), s: s}
			if o.DryRun {
				return i.tryOut(c.Context(), f)
			}
			return i.run(c.Context(), f)
		},
	}
	to.add(c)
	c.Flags().StringVar(&o.ID, "id", "", "names the import (default: made of the file, and printed)")
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "change nothing: say what would change, and every line that would be refused")
	c.Flags().BoolVar(&o.Keep, "keep", false, "leave keys alone that have a value; otherwise they get the imported one")
	c.Flags().Uint64Var(&o.Term, "term", 0, "the operator's term, if it is the operator who imports")
	c.Flags().DurationVar(&o.Retry, "retry", 2*time.Minute, "how long to try again when the hub cannot be reached")
	return c
}

// openExport opens a file; - is a copy of standard input, since an import may have to read it again.
func openExport(name string, s streams) (f *os.File, done func(), err error) {
	if name != "-" {
		f, err = os.Open(name)
		return f, func() { _ = f.Close() }, err
	}
	if f, err = os.CreateTemp("", "baton-import-*"); err != nil {
		return nil, nil, err
	}
	done = func() { _, _ = f.Close(), os.Remove(f.Name()) }
	_, err = io.Copy(f, s.in)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		done()
	}
	return f, done, err
}

// importing is an import on its way.
type importing struct {
	to      *access
	options importFlags
	lines   *lines
	s       streams
	job     *job
}

func (i *importing) query() url.Values {
	query := url.Values{"id": {i.options.ID}}
	if i.options.Keep {
		query.Set("keep", "true")
	}
	if i.options.Term > 0 {
		query.Set("term", strconv.FormatUint(i.options.Term, 10))
	}
	return query
}

// tryOut has the hub look at the whole file.
func (i *importing) tryOut(ctx context.Context, f *os.File) error {
	query := i.query()
	query.Set("dry_run", "true")
	report, err := i.put(ctx, query, f)
	if err != nil {
		return fmt.Errorf("trying the import: %w", err)
	}
	for _, r := range report.Refused {
		at := ""
		if r.Path != "" {
			at = " at " + r.Path
		}
		fmt.Fprintf(i.s.out, "line %d: %s %s%s: %s\n", r.Line, r.Channel, r.Key, at, r.Detail)
	}
	if more := report.RefusedLines - len(report.Refused); more > 0 {
		fmt.Fprintf(i.s.out, "and %d more\n", more)
	}
	fmt.Fprintf(i.s.out, "would be imported: %s\n", told(report))
	if report.Estimate {
		fmt.Fprintln(i.s.out, "these counts are estimates: the file has too many keys to remember which come more than once")
	}
	switch {
	case report.RefusedLines > 0:
		return fmt.Errorf("%d lines would be refused", report.RefusedLines)
	case report.State != channels.ImportDone:
		return errors.New("the file is cut off: its last line is missing")
	}
	return nil
}

// told says in words what came of an import.
func told(r channels.ImportReport) string {
	c := r.Counts
	text := fmt.Sprintf("%d lines: %d values set, %d removed, %d messages appended, %d unchanged", r.Line, c.Set, c.Removed, c.Appended, c.Unchanged)
	if c.Kept > 0 {
		text += fmt.Sprintf(", %d kept", c.Kept)
	}
	if c.Skipped > 0 {
		text += fmt.Sprintf(", %d messages of the journal left out", c.Skipped)
	}
	return text
}

// run imports the file, piece by piece, from where the import is.
func (i *importing) run(ctx context.Context, f *os.File) (err error) {
	fmt.Fprintf(i.s.err, "import %s\n", i.options.ID)
	i.job = newJobs(i.s.err, newLogger(i.s.err)).begin("import", i.to.flags.Space).ofBytes()
	defer func() { i.job.Ended(err) }()
	size := 0
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = int(info.Size())
	}
	record, err := i.begin(ctx)
	if err == nil && record.State == channels.ImportDone {
		fmt.Fprintf(i.s.out, "was imported before, and is not again: %s\nto import it once more: --id and a new name\n", told(channels.ImportReport{ImportRecord: record}))
		return nil
	}
	for report := (channels.ImportReport{ImportRecord: record}); err == nil; {
		if report.State == channels.ImportDone {
			i.job.Moved(max(size, i.lines.bytes), max(size, i.lines.bytes))
			fmt.Fprintf(i.s.out, "imported: %s\n", told(report))
			return nil
		}
		var piece piece
		if piece, err = i.lines.next(); err != nil {
			break
		}
		if len(piece.text) == 0 {
			return fmt.Errorf("the file is cut off, its last line is missing: its %d lines are imported, and import %s is open", report.Line, i.options.ID)
		}
		report, err = i.send(ctx, piece)
		i.job.Moved(i.lines.bytes, max(size, i.lines.bytes+1))
	}
	var refused *problem
	if errors.As(err, &refused) && refused.Line > 0 {
		return fmt.Errorf("importing: %w\nWhat is before that line may be imported. Mend it and go on with --id %s", err, i.options.ID)
	}
	return fmt.Errorf("importing: %w", err)
}

// importIDOf names the import of a file by what is in it, for whom, so that the same command goes on with the same import.
func importIDOf(f *os.File, more string) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("reading the export: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("reading the export, which has to be a file, or have an --id: %w", err)
	}
	_, _ = io.WriteString(h, more)
	return "file-" + hex.EncodeToString(h.Sum(nil)[:12]), nil
}

// begin finds out whether the import has begun before, and goes to where it is.
func (i *importing) begin(ctx context.Context) (record channels.ImportRecord, err error) {
	record, err = i.status(ctx)
	if err != nil || record.Line == 0 || record.State == channels.ImportDone {
		return record, err
	}
	sum, err := i.lines.skip(record.Line)
	if err == nil && sum != record.Sum {
		err = fmt.Errorf("import %s was begun with another file, or what it has done up to line %d was changed", i.options.ID, record.Line)
	}
	return record, err
}

// status asks how far the import is; the zero record if it has not begun.
func (i *importing) status(ctx context.Context) (record channels.ImportRecord, err error) {
	response, err := i.to.space(ctx, http.MethodGet, "import", url.Values{"id": {i.options.ID}}, "", nil)
	var p *problem
	if errors.As(err, &p) && p.Status == http.StatusNotFound && p.Code == string(channels.CodeUnknownName) {
		return record, nil
	}
	if err != nil {
		return record, err
	}
	defer response.Body.Close()
	return record, json.NewDecoder(response.Body).Decode(&record)
}

// send has a piece imported. Whenever the answer is lost it asks how far the import is and sends what is missing.
func (i *importing) send(ctx context.Context, p piece) (report channels.ImportReport, err error) {
	err = i.patiently(ctx, func() error {
		query := i.query()
		query.Set("from", strconv.Itoa(p.after))
		report, err = i.put(ctx, query, p.reader())
		var refused *problem
		conflict := errors.As(err, &refused) && refused.Status == http.StatusConflict && refused.Code == string(channels.CodeConflict)
		if err == nil || !passing(err) && !conflict {
			return err
		}
		record, statusErr := i.status(ctx)
		if statusErr != nil {
			return statusErr
		}
		if record.Line > p.after || record.State == channels.ImportDone {
			p, report.ImportRecord = p.from(record.Line), record
			if len(p.text) == 0 {
				return nil
			}
		}
		if conflict && record.State != "" { // the hub is still at work on what was sent before
			return errors.Join(err, errAgain)
		}
		return err
	})
	return report, err
}

var errAgain = errors.New("try again")

// patiently does something until it succeeds, fails for good, or has been in vain for --retry.
func (i *importing) patiently(ctx context.Context, do func() error) error {
	end, told := time.Now().Add(i.options.Retry), false
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := do()
		if err == nil || !passing(err) && !errors.Is(err, errAgain) || time.Now().Add(wait).After(end) {
			return err
		}
		if !told {
			told = true
			newLogger(i.s.err).Warn("the import was interrupted, it goes on as soon as it can", "error", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}
