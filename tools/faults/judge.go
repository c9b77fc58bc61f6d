package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/baton-hub/baton/tools/faults/check"
	"github.com/baton-hub/baton/tools/faults/history"
)

// judge holds the history against what Baton promises.
func (r *runner) judge() error {
	h, err := history.Read(filepath.Join(r.dir, "history"))
	if err != nil {
		return err
	}
	for _, c := range check.Checkers {
		began := time.Now()
		found, err := check.Only(h, c.Promise)
		if err != nil {
			return err
		}
		for _, v := range found {
			r.broken("%s", v)
		}
		r.report.checks = append(r.report.checks, fmt.Sprintf("%s %s\t%s\t%d found, in %v", c.Promise, c.Says, c.Measure(h), len(found), time.Since(began).Round(time.Millisecond)))
	}
	return nil
}

// broken notes a promise that was not kept, and says so at once.
func (r *runner) broken(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	r.troubles = append(r.troubles, text)
	r.sayLocked("BROKEN %s (seed %d)", text, r.Seed)
}
