// Package check holds the promises of RELIABILITY as functions from what a run left behind (package history) to what is
// wrong with it. A checker is pure: it reads the history and L, the committed log, and nothing else, so a run that was kept
// is judged again in the same way. None of them uses Baton's own decisions or its own fold: a bug there must not be judged
// by itself. What they share with Baton is its types, and the merge patch, which is held to another one in its own tests.
//
// A checker that cannot fail proves nothing. Each has tests with small histories, good and bad, here, and in package
// mutants a Baton with a fault built in that a run has to find.
package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/baton-hub/baton/tools/faults/history"
)

// A Violation is one thing that should not be.
type Violation struct {
	Promise  string   `json:"promise"`            // G1 to G9
	What     string   `json:"what"`               // a sentence
	Position uint64   `json:"position,omitempty"` // in L, where it is about one
	Op       string   `json:"op,omitempty"`
	Client   string   `json:"client,omitempty"`
	Conn     string   `json:"conn,omitempty"`
	At       int64    `json:"at,omitempty"` // time of the run
	Evidence []string `json:"evidence,omitempty"`
}

// String is for a person.
func (v Violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", v.Promise, v.What)
	for _, f := range []struct{ name, value string }{{"op", v.Op}, {"client", v.Client}, {"socket", v.Conn}} {
		if f.value != "" {
			fmt.Fprintf(&b, ", %s %s", f.name, f.value)
		}
	}
	if v.Position > 0 {
		fmt.Fprintf(&b, ", position %d", v.Position)
	}
	if v.At > 0 {
		fmt.Fprintf(&b, ", at %.3f s", float64(v.At)/1e9)
	}
	for _, e := range v.Evidence {
		b.WriteString("\n    " + e)
	}
	return b.String()
}

// A Checker holds a history against one promise.
type Checker struct {
	Promise string
	Says    string // the promise in few words
	Reads   string // what it goes by
	check   func(*history.History, *Ledger) []Violation
	measure func(*history.History, *Ledger) string
}

// Checkers are all of them.
var Checkers = []Checker{
	{"G1", "durable", "acknowledged operations, L", durable, acknowledged},
	{"G2", "once", "all attempts of each operation, L", once, retried},
	{"G3", "one order", "operations with their times, reads, refusals, visits, messages, L", ordered, contended},
	{"G4", "fence", "L", fence, fenced},
	{"G5", "one seat", "L", oneSeat, moved},
	{"G6", "delivery", "every message of every socket, joins, L", delivery, delivered},
	{"G7", "converge", "the same, and when the last fault was over", converge, listening},
	{"G8", "silent after sign-out", "sign-outs, and every read of the sockets below them", silent, silenced},
	{"G9", "stays out", "sign-outs, and every request with a cookie", staysOut, knocked},
}

// Measure says how much there was to check in a history: nothing found in nothing proves nothing.
func (c Checker) Measure(h *history.History) string {
	l, err := NewLedger(h.Log)
	if err != nil {
		return err.Error()
	}
	return c.measure(h, l)
}

// maxTold is how many violations of one promise are told: the first ones say the most.
const maxTold = 20

// All runs every checker. The error is of a history that cannot be judged.
func All(h *history.History) ([]Violation, error) { return Only(h) }

// Only runs the checkers of some promises; of all if none is named.
func Only(h *history.History, promises ...string) (found []Violation, err error) {
	l, err := NewLedger(h.Log)
	if err != nil {
		return nil, err
	}
	for _, c := range Checkers {
		if len(promises) > 0 && !slices.Contains(promises, c.Promise) {
			continue
		}
		some := c.check(h, l)
		if left := len(some) - maxTold; left > 0 {
			some = append(some[:maxTold:maxTold], Violation{Promise: c.Promise, What: fmt.Sprintf("and %d more", left)})
		}
		found = append(found, some...)
	}
	return found, nil
}
