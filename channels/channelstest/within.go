package channelstest

import (
	"testing"
	"time"
)

// Within does something that may take no longer than most, again and again until it does: five times, and for half a minute.
// A machine that is busy holds up one or the other; what waits too long of its own accord does so each time.
func Within(t testing.TB, most time.Duration, do func()) {
	t.Helper()
	var took []time.Duration
	for end := time.Now().Add(30 * time.Second); len(took) < 5 || time.Now().Before(end); {
		began := time.Now()
		do()
		took = append(took, time.Since(began).Round(time.Millisecond))
		if took[len(took)-1] <= most {
			return
		}
	}
	t.Errorf("it took %v, and may take %v", took, most)
}
