// Package porttest finds ports for servers that have to know theirs before they start, or find it free when they start again.
package porttest

import "testing"

// Free is a port of 127.0.0.1 that nobody else gets before the test ends.
func Free(t testing.TB) int {
	t.Helper()
	p, err := Hold("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	return p.Number
}
