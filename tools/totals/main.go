// Command totals reads the output of `go test -json` and prints what a person wants of it: the packages, all that a
// failing test or package wrote, the names of the skipped tests, and in the last line how many passed, failed and were
// skipped. Subtests count as part of their test, unless they are skipped.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	if err := totals(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "totals: %v\n", err)
		os.Exit(1)
	}
}

// event is one line of `go test -json`, see go doc test2json.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of what was built
	Test        string
	Output      string
	Elapsed     float64 // seconds
	FailedBuild string
}

// totals copies what matters from r to w.
func totals(r io.Reader, w io.Writer) error {
	written := map[string]*strings.Builder{} // by package and test
	add := func(key, text string) {
		if written[key] == nil {
			written[key] = &strings.Builder{}
		}
		written[key].WriteString(text)
	}
	counts := map[string]int{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(w, lines.Text())
			continue
		}
		test, _, isSub := strings.Cut(e.Test, "/")
		key := e.Package + " " + test
		switch e.Action {
		case "output":
			add(key, e.Output)
		case "build-output":
			add("build "+e.ImportPath, e.Output)
		case "pass", "fail", "skip":
			if e.Test == "" {
				endPackage(w, e, written)
				continue
			}
			if isSub && e.Action == "skip" {
				fmt.Fprintf(w, "--- SKIP %s %s\n", e.Package, e.Test)
				counts["skip"]++
			}
			if isSub {
				continue
			}
			counts[e.Action]++
			if e.Action != "pass" {
				fmt.Fprintf(w, "--- %s %s\n%s", strings.ToUpper(e.Action), key, written[key])
			}
			delete(written, key)
		}
	}
	fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", counts["pass"], counts["fail"], counts["skip"])
	return lines.Err()
}

// endPackage prints the line of a package, and of one that failed what did not belong to a test that has ended: a build
// error, a panic, a data race.
func endPackage(w io.Writer, e event, written map[string]*strings.Builder) {
	if e.Action == "fail" {
		if build := written["build "+e.FailedBuild]; build != nil {
			fmt.Fprint(w, build)
		}
		for key, text := range written {
			if strings.HasPrefix(key, e.Package+" ") {
				fmt.Fprint(w, text)
			}
		}
	}
	word := map[string]string{"pass": "ok", "fail": "FAIL", "skip": "no tests"}[e.Action]
	fmt.Fprintf(w, "%-8s %s %.1fs\n", word, e.Package, e.Elapsed)
	for key := range written {
		if strings.HasPrefix(key, e.Package+" ") {
			delete(written, key)
		}
	}
}
