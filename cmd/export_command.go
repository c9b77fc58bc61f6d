package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/baton-hub/baton/channels"
)

func exportCommand(s streams) *cobra.Command {
	var from accessFlags
	var names []string
	var owner, output string
	c := &cobra.Command{
		Use:   "export",
		Short: "Write what a space holds as lines of JSON",
		Long: `Write what a space holds as lines of JSON (NDJSON): its values and messages, with who wrote them and when. 'baton import'
reads them. It has what you may read, and no more: --owner me is for everybody, their own values and the messages that they
wrote; a space without --channel is for staff, admins and services. What is left out of it, because you may not read it, is
said; admins get everything. Unlike a backup it has no sign-ins, tokens or rules, and can be read by others.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			a, err := from.open(c.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, a.close()) }()
			query := url.Values{}
			if len(names) > 0 {
				query.Set("channels", strings.Join(names, ","))
			}
			if owner != "" {
				query.Set("owner", owner)
			}
			return toFile(output, s, func(w io.Writer) error { return runExport(c.Context(), a, query, w, s) })
		},
	}
	from.add(c)
	c.Flags().StringSliceVar(&names, "channel", nil, "only these stores and logs; may be repeated")
	c.Flags().StringVar(&owner, "owner", "", "only what is theirs: a user, a proposal, or me")
	c.Flags().StringVarP(&output, "output", "o", "-", "the file to write, - for standard output")
	return c
}

// runExport writes an export, and fails if it was cut off.
func runExport(ctx context.Context, a *access, query url.Values, w io.Writer, s streams) (err error) {
	response, err := a.space(ctx, http.MethodGet, "export", query, "", nil)
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	defer response.Body.Close()
	job := newJobs(s.err, newLogger(s.err)).begin("export", a.flags.Space)
	defer func() { job.Ended(err) }()
	seen := &exportWatch{to: w, job: job}
	if _, err := io.Copy(seen, response.Body); err != nil {
		return fmt.Errorf("reading the export: %w", err)
	}
	if err := seen.whole(); err != nil {
		return err
	}
	if left := seen.head.Withheld; len(left) > 0 {
		newLogger(s.err).Warn("not everything is in it: only an admin may export all of these", "channels", left)
	}
	return nil
}

// An exportWatch passes an export on and looks at it on the way: at the first line, the last, and how many there are.
type exportWatch struct {
	to    io.Writer
	job   *job
	head  *channels.ExportHead
	line  []byte // the present one, or the last
	lines int
	fresh bool // line is of a line that has ended
}

// Write passes on a piece.
func (e *exportWatch) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if e.fresh {
			e.line, e.fresh = e.line[:0], false
		}
		piece, after, ended := bytes.Cut(rest, []byte{'\n'})
		e.line, rest = append(e.line, piece...), after
		if !ended {
			break
		}
		e.fresh = true
		if e.lines++; e.lines == 1 {
			e.head = &channels.ExportHead{}
			if err := json.Unmarshal(e.line, e.head); err != nil {
				return 0, fmt.Errorf("the hub did not send an export: %w", err)
			}
		}
	}
	if e.head != nil {
		e.job.Moved(e.lines, max(e.head.Values+e.head.Messages+2, e.lines+1))
	}
	return e.to.Write(p)
}

// whole looks whether all of it came.
func (e *exportWatch) whole() error {
	var end struct {
		End *channels.ExportCounts `json:"end"`
	}
	if !e.fresh || json.Unmarshal(e.line, &end) != nil || end.End == nil {
		return errors.New("the export was cut off: run it again")
	}
	if want := end.End.Values + end.End.Deleted + end.End.Messages + 2; e.lines != want {
		return fmt.Errorf("the export has %d lines and should have %d: run it again", e.lines, want)
	}
	e.job.Moved(e.lines, e.lines)
	return nil
}
