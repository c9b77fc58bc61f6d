package hub_test

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// alone runs the rest of a test in a process of its own, where it weighs the heap and nothing of other tests goes away
// meanwhile. It is true there; here the test is over, with what came of it.
func alone(t *testing.T) bool {
	t.Helper()
	const mark = "BATON_TEST_ALONE"
	if os.Getenv(mark) == t.Name() {
		return true
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.v", "-test.timeout=20m")
	c.Env = append(os.Environ(), mark+"="+t.Name())
	output, err := c.CombinedOutput()
	t.Logf("in a process of its own:\n%s", output)
	if err != nil {
		t.Fatal(err)
	}
	return false
}
