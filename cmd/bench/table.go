package bench

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// WriteTable writes the report for people.
func (r *Report) WriteTable(w io.Writer) error {
	target := "each scenario a hub of its own, with every commit on the disk before it is acknowledged"
	if r.Target != "" {
		target = r.Target
	}
	fmt.Fprintf(w, "baton %s, %s %s, %d processors, %s\nmeasured: %s\n\n", r.Version, r.Machine.Kernel, r.Machine.Arch, r.Machine.Processors, r.Machine.Go, target)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "scenario\tconns\tserver\tCPU µs\tper\tper s\tin a message\tp50 ms\tp99 ms\tp99.9 ms\tKiB/conn\tspared\tlost\tdupl.\t")
	for _, s := range r.Scenarios {
		for _, t := range []*Turn{s.Hub, s.Floor, s.Rival} {
			if t != nil {
				t.row(table, s)
			}
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	table = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "scenario\tconns\tfigure\ttarget\tmeasured\t")
	for _, s := range r.Scenarios {
		for _, c := range s.Checks {
			sign, limit, word := "≤", c.Most, "missed"
			if c.Most == 0 {
				sign, limit = "≥", c.Least
			}
			if c.Met {
				word = "ok"
			}
			wanted := sign + " " + figure(limit)
			if limit == 0 {
				wanted, word = "", ""
			}
			fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\n", s.Name, s.Connections, c.Figure, wanted, figure(c.Value), word)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, note := range r.Notes {
		fmt.Fprintf(w, "\n%s\n", note)
	}
	return nil
}

func (t *Turn) row(w io.Writer, s *Scenario) {
	p50, p99, p999 := "", "", ""
	if l := t.Latency; l != nil {
		p50, p99, p999 = figure(l.P50/1000), figure(l.P99/1000), figure(l.P999/1000)
	}
	fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t\n", s.Name, s.Connections, t.Server, figure(t.CPU), s.Per, figure(t.PerSecond),
		figure(over(float64(t.Delivered), float64(t.Messages))), p50, p99, p999, figure(t.RSS), t.Spared, t.Lost, t.Duplicated)
}

// figure writes a number with three digits that count; 0 is what was not measured.
func figure(v float64) string {
	switch {
	case v == 0:
		return ""
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
