// Package steptest measures the steps of which something is made, each by itself: how long one takes, for benchstat, and that it
// allocates no more than it did. The second holds on any machine, so it is a test.
package steptest

import (
	"syscall"
	"testing"
	"time"
)

// Together is how many transactions share the entry that the steps are about.
const Together = 64

// A Step is what one entry takes in one place.
type Step struct {
	Name string
	Most float64 // allocations for each transaction
	Make func(testing.TB) func()
}

// Check fails the test if a step allocates more than its Most: nearly what was measured, so that whoever makes it more has to
// say why.
func Check(t *testing.T, all []Step) {
	t.Helper()
	for _, s := range all {
		n := Allocations(20, s.Most*Together, s.Make(t)) / Together
		t.Logf("%s: %.2f", s.Name, n)
		if n > s.Most {
			t.Errorf("%s takes %.2f allocations for each transaction, the limit is %.2f", s.Name, n, s.Most)
		}
	}
}

// Allocations is how often something allocates, on average of so many runs: the least of a few such averages until one is
// within most, because what else this process does is counted too, and can only add to it.
func Allocations(runs int, most float64, do func()) float64 {
	least := testing.AllocsPerRun(runs, do)
	for tries := 0; least > most && tries < 10; tries++ {
		least = min(least, testing.AllocsPerRun(runs, do))
	}
	return least
}

// Benchmark measures the step with that name.
func Benchmark(b *testing.B, all []Step, name string) {
	b.Helper()
	for _, s := range all {
		if s.Name == name {
			f := s.Make(b)
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/Together, "ns/transaction")
			return
		}
	}
	b.Fatalf("there is no step %s", name)
}

// ProcessTime is what this process has used of the processors, user and system, whatever servers and clients are in it
// included.
func ProcessTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
