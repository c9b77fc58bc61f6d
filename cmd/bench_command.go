package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/baton-hub/baton/cmd/bench"
)

func benchCommand(s streams) *cobra.Command {
	var o bench.Options
	var out string
	var strict bool
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast a hub is, and that nothing is lost",
		Long: `Measure how fast a hub is, and that nothing is lost or comes twice: then the exit status is 1.

It starts a hub of its own, with an embedded server that has every commit on the disk before it acknowledges it, and removes
its data afterwards. With --target it measures a hub that runs; that needs the channels of 'baton bench site', and a token with
the role service. The processor time and memory of that one are known if --pid names its process.

The hub is measured in turns with the floor, a process that does the least that could be done, a loop over raw sockets that
writes the same bytes; what tells most is the ratio of the two, because whatever else the machine does meets both.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			program, err := os.Executable()
			if err != nil {
				return fmt.Errorf("finding this program, to start it as a server: %w", err)
			}
			o.Program, o.Mint, o.Version = []string{program}, mintThroughSocket, thisBuild().Version
			return runBench(c.Context(), o, out, strict, s)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.BoolVar(&o.Quick, "quick", false, "everything smaller and shorter: less than a minute")
	f.StringSliceVar(&o.Scenarios, "scenario", nil, "only these, comma-separated: "+strings.Join(bench.Names(), ", "))
	f.IntSliceVar(&o.Connections, "connections", nil, "how many connections, several after each other if comma-separated (default: those of each scenario)")
	f.Float64Var(&o.Rate, "rate", 0, "values a second, where the rate is fixed (default: so many that 20,000 a second are delivered)")
	f.IntVar(&o.Bytes, "bytes", 0, "of a value (default 128)")
	f.DurationVar(&o.Duration, "duration", 0, "of a turn (default 4s, with --quick 1s)")
	f.IntVar(&o.Rounds, "rounds", 0, "how often hub and floor take turns; medians are reported (default 3, with --quick 2)")
	f.DurationVar(&o.Patience, "patience", 0, "how long nothing may come, until what is missing counts as lost (default 10s)")
	f.StringVar(&out, "json", "", "write the report to this file as JSON too, or, with -, to standard output instead of the table")
	f.BoolVar(&strict, "strict", false, "a target that is missed is an error")
	f.StringVar(&o.Target, "target", "", "URL of a hub that runs, such as http://127.0.0.1:8080 (default: one is started)")
	f.StringVar(&o.Token, "token", "", "with --target: token of a service; better given as BATON_TOKEN or BATON_TOKEN_FILE")
	f.StringVar(&o.Cookie, "cookie", "", "with --target, instead of a token: cookie of a login session, name=value")
	f.IntVar(&o.PID, "pid", 0, "with --target: the process of the hub, if it is on this machine")
	f.StringVar(&o.Lie, "lie", "", "lose or repeat: have the floor do that now and then, to see that it is noticed")
	_ = f.MarkHidden("lie") // it is there
	c.AddCommand(benchFloorCommand(s), benchSiteCommand(s))
	return c
}

// benchFloorCommand is the floor, which bench starts.
func benchFloorCommand(s streams) *cobra.Command {
	o := bench.FloorOptions{Out: s.out}
	c := &cobra.Command{
		Use: "floor", Short: "Be the server that a hub is compared with", Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return bench.RunFloor(c.Context(), o) },
	}
	c.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:0", "address")
	c.Flags().BoolVar(&o.Batch, "batch", false, "write all that waits for a connection at once")
	c.Flags().StringVar(&o.Lie, "lie", "", "lose or repeat")
	return c
}

func benchSiteCommand(s streams) *cobra.Command {
	rooms := 100
	c := &cobra.Command{
		Use: "site", Short: "Print a site file for a hub that is to be measured", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := s.out.Write(bench.Site(rooms))
			return err
		},
	}
	c.Flags().IntVar(&rooms, "rooms", rooms, "how many rooms it has: a tenth of the connections that are to be in rooms")
	return c
}

// runBench measures and reports.
func runBench(ctx context.Context, o bench.Options, out string, strict bool, s streams) error {
	if err := checkURL("--target", o.Target, "http"); o.Target != "" && err != nil {
		return usageError{err}
	}
	var file *os.File // tried before anything is measured; what is in it stays until there is something to put there
	if out != "" && out != "-" {
		var err error
		if file, err = os.OpenFile(out, os.O_WRONLY|os.O_CREATE, 0o666); err != nil {
			return fmt.Errorf("writing --json: %w", err)
		}
		defer file.Close()
	}
	steps := newSteps(s.err)
	o.Step = steps.step
	report, err := bench.Run(ctx, o)
	steps.end()
	var usage bench.UsageError
	switch {
	case errors.As(err, &usage):
		return usageError{err}
	case report == nil:
		return err
	}
	report.Lost, report.Duplicated = report.Wrong()
	if file != nil {
		_ = file.Truncate(0) // a device or a pipe cannot, and need not
		err = errors.Join(err, writeReport(file, report), file.Close())
	}
	if out == "-" {
		err = errors.Join(err, writeReport(s.out, report))
	} else {
		err = errors.Join(err, report.WriteTable(s.out))
	}
	if report.Lost+report.Duplicated > 0 {
		err = errors.Join(err, fmt.Errorf("%d deliveries were lost and %d came twice", report.Lost, report.Duplicated))
	}
	if missed := report.Missed(); strict && err == nil && len(missed) > 0 {
		err = fmt.Errorf("missed: %s", strings.Join(missed, "; "))
	}
	return err
}

func writeReport(w io.Writer, r *bench.Report) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		_, err = w.Write(append(data, '\n'))
	}
	return err
}

// mintThroughSocket makes a token for a service, through the socket in the data folder of a hub.
func mintThroughSocket(ctx context.Context, data, space, name string) (string, error) {
	f := tokenFlags{data: data, output: "json", access: accessFlags{Space: space}}
	answer, err := f.ask(ctx, http.MethodPost, "", nil, newToken{Name: name, Roles: []string{"service"}})
	if err != nil {
		return "", err
	}
	var made struct{ Token string }
	err = json.Unmarshal(answer, &made)
	return made.Token, err
}

// steps shows how far a run of turns is: a bar on a terminal, elsewhere a line for each turn.
type steps struct {
	to  io.Writer
	bar *progressbar.ProgressBar
}

func newSteps(to io.Writer) *steps {
	p := &steps{to: to}
	if f, ok := to.(*os.File); ok && isTerminal(f) {
		p.bar = newBar(f, "bench", 1, false)
	}
	return p
}

func (p *steps) step(what string, done, total int) {
	if p.bar == nil {
		fmt.Fprintf(p.to, "%s %d/%d %s\n", time.Now().Format(time.TimeOnly), done, total, what)
		return
	}
	p.bar.ChangeMax(total)
	p.bar.Describe(what)
	_ = p.bar.Set(done) // a terminal that has gone is no reason to stop
}

func (p *steps) end() {
	if p.bar != nil {
		fmt.Fprintln(p.to)
	}
}
