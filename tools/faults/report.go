package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// A report is what was done in a run, and what was looked at.
type report struct {
	counts  map[string]int
	entries int
	current time.Duration // from the last fault until everybody who reads was current
	rest    time.Duration // and until nothing was under way
	checks  []string

	mu     sync.Mutex
	faults map[string]int // guarded by mu
}

func (r *report) fault(kind string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.faults == nil {
		r.faults = map[string]int{}
	}
	r.faults[kind]++
}

func (r *report) print(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nwhat was asked, and what came of it\t")
	for _, what := range slices.Sorted(maps.Keys(r.counts)) {
		fmt.Fprintf(table, "  %s\t%d\n", what, r.counts[what])
	}
	fmt.Fprintln(table, "what was broken\t")
	for _, what := range slices.Sorted(maps.Keys(r.faults)) {
		fmt.Fprintf(table, "  %s\t%d\n", what, r.faults[what])
	}
	fmt.Fprintf(table, "entries in the log\t%d\n", r.entries)
	fmt.Fprintf(table, "from the last fault until readers are current\t%v\n", r.current.Round(time.Millisecond))
	fmt.Fprintf(table, "and until all that was under way is answered\t%v\n", r.rest.Round(time.Millisecond))
	fmt.Fprintln(table, "what was checked\t")
	for _, check := range r.checks {
		fmt.Fprintf(table, "  %s\t\n", check)
	}
	_ = table.Flush() // it is only printed
}

// panics looks for hubs that have fallen over, in what they have said.
func (r *runner) panics() error {
	for _, hub := range r.world.Cluster.Hubs {
		text, err := os.ReadFile(filepath.Join(r.dir, "world", hub.Name+".log"))
		if err != nil {
			return err
		}
		for _, word := range []string{"panic: ", "fatal error: ", "WARNING: DATA RACE"} {
			if at := strings.Index(string(text), word); at >= 0 {
				r.broken("%s has fallen over: %.600s", hub.Name, text[at:])
			}
		}
	}
	return nil
}
