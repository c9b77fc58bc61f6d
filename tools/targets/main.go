// Command targets reads the output of `go test -bench`, copies it, and prints how the figures compare with the targets of
// speed. A figure is the median over the runs of a benchmark (-count). A target that is missed is only said, because a
// machine that does something else may miss it; with --strict it is an error, and so is a figure that did not come.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A target is what a figure of a benchmark has to be.
type target struct {
	what      string
	benchmark string // without the number of processors
	unit      string // of the figure
	least     bool   // the figure has to be at least the limit, else at most
	limit     float64
}

// targets are ratios within one run, save for the start of a replica, which people wait for, and the writes of 64 writers,
// on one node and on three.
var targets = []target{
	{"durable write of one key, p50, over a raw publish", "BenchmarkDurableWrite", "of-raw-p50", false, 1.5},
	{"64 writers and ten readers, writes/s, with two processors", "BenchmarkSixtyFourWriters", "writes/s", true, 30_000},
	{"write until all tabs of three nodes show it, p50, over a publish to three servers", "BenchmarkClusterWrite", "of-stored-p50", false, 3},
	{"64 writers on three nodes, commits/s, with two processors for all", "BenchmarkClusterCommits", "commits/s", true, 5_000},
	{"64 writers, writes/s, over one publish for each write", "BenchmarkManyWriters", "times-raw", true, 5},
	{"start with 100,000 keys from a snapshot, s", "BenchmarkReplicaStart/written-together/snapshot", "start-s", false, 1},
	{"start with 100,000 keys from a log of shared entries, s", "BenchmarkReplicaStart/written-together/log", "start-s", false, 1},
	{"start with 100,000 keys from a log of lone writes, s", "BenchmarkReplicaStart/written-alone/log", "start-s", false, 1},
	{"processor time of that, s, with two processors", "BenchmarkReplicaStart/written-alone/log", "start-cpu-s", false, 2},
	{"its heap over the bytes of the values, from a snapshot", "BenchmarkReplicaStart/written-together/snapshot", "heap/values", false, 3},
	{"its heap over the bytes of the values, from the log", "BenchmarkReplicaStart/written-alone/log", "heap/values", false, 3},
	{"patch of a field of 64 KiB: bytes to a reader over the value's", "BenchmarkPatch", "wire/value", false, 0.01},
	{"patch of a field of 64 KiB: bytes in the log over the value's", "BenchmarkPatch", "log/value", false, 0.01},
}

func main() {
	strict := flag.Bool("strict", false, "fail if a target is missed")
	flag.Parse()
	missed, err := report(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintf(os.Stderr, "targets: %v\n", err)
		os.Exit(1)
	}
	if missed > 0 && *strict {
		os.Exit(1)
	}
}

// report copies the output of benchmarks and adds the table. It returns how many targets were missed.
func report(r io.Reader, w io.Writer) (missed int, err error) {
	figures := map[string][]float64{} // by benchmark and unit
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fmt.Fprintln(w, lines.Text())
		note(figures, strings.Fields(lines.Text()))
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("reading the output of the benchmarks: %w", err)
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "figure\ttarget\tmeasured\t")
	for _, t := range targets {
		sign := "≤"
		if t.least {
			sign = "≥"
		}
		all := figures[t.benchmark+" "+t.unit]
		if len(all) == 0 {
			missed++
			fmt.Fprintf(table, "%s\t%s %g\t-\tnot measured\n", t.what, sign, t.limit)
			continue
		}
		slices.Sort(all)
		median, word := all[len(all)/2], "ok"
		if median > t.limit != t.least && median != t.limit {
			missed++
			word = "missed"
		}
		fmt.Fprintf(table, "%s\t%s %g\t%.3g\t%s\n", t.what, sign, t.limit, median, word)
	}
	err = table.Flush()
	if load, busy := load(); busy {
		fmt.Fprintf(w, "\nThe load of this machine is %g on %d processors: seconds tell little, ratios suffer.\n", load, runtime.NumCPU())
	}
	return missed, err
}

// load returns how many processes wanted to run in the last minute, where that can be told, and whether these are more
// than a benchmark itself.
func load() (load float64, busy bool) {
	data, _ := os.ReadFile("/proc/loadavg")
	_, err := fmt.Sscan(string(data), &load)
	return load, err == nil && load > 1.5*float64(runtime.NumCPU())
}

// note takes the figures of a line: name, count, then value and unit in turns.
func note(figures map[string][]float64, fields []string) {
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "Benchmark") {
		return
	}
	name := fields[0]
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		if _, err := strconv.Atoi(name[i+1:]); err == nil {
			name = name[:i]
		}
	}
	for i := 2; i+1 < len(fields); i += 2 {
		if value, err := strconv.ParseFloat(fields[i], 64); err == nil {
			key := name + " " + fields[i+1]
			figures[key] = append(figures[key], value)
		}
	}
}
