package check

import (
	"fmt"
	"io"

	"github.com/baton-hub/baton/tools/faults/history"
)

// Folder judges the run that was left in a folder and says what is wrong with it; anything is an error.
func Folder(dir string, out io.Writer) error {
	h, err := history.Read(dir)
	if err != nil {
		return err
	}
	found, err := All(h)
	if err != nil {
		return err
	}
	for _, v := range found {
		fmt.Fprintln(out, v)
	}
	if len(found) > 0 {
		return fmt.Errorf("%d violations in the run of seed %d", len(found), h.Run.Seed)
	}
	for _, c := range Checkers {
		fmt.Fprintf(out, "%s %s: %s\n", c.Promise, c.Says, c.Measure(h))
	}
	fmt.Fprintln(out, "as promised")
	return nil
}
