// Package channelstest is the contract of the interfaces in package channels, as tests that every implementation
// passes: TestLog, TestSnapshots, TestLive, TestTicks, TestRelay and TestSignals. An implementation's own test is then
//
//	func TestLog(t *testing.T) {
//		channelstest.TestLog(t, func(t *testing.T) channelstest.LogHarness { … })
//	}
//
// Contend is the heart of TestLog by itself, for tests that kill servers meanwhile.
package channelstest

import (
	"context"
	"testing"
	"time"
)

// patience is how long something may take that has to happen. It only shows when a test fails.
const patience = time.Minute

// soon gets a value that must come.
func soon[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v, ok := <-c:
		if !ok {
			t.Fatalf("waiting for %s: it ended", what)
		}
		return v
	case <-time.After(patience):
		t.Fatalf("waiting for %s: nothing within %v", what, patience)
	}
	panic("unreachable")
}

// none makes sure that nothing comes for a moment. It can only find what comes quickly.
func none[T any](t testing.TB, c <-chan T, what string) {
	t.Helper()
	select {
	case v := <-c:
		t.Fatalf("%s: got %+v", what, v)
	case <-time.After(50 * time.Millisecond):
	}
}

// background runs f until the test ends, or stop is called, and then expects that it returns nil, soon.
func background(t testing.TB, what string, f func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	stopped := false
	stop = func() {
		t.Helper()
		cancel()
		if stopped {
			return
		}
		stopped = true
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("%s ended with %v, not nil, when its context did", what, err)
			}
		case <-time.After(patience):
			t.Errorf("%s did not end with its context", what)
		}
	}
	t.Cleanup(stop)
	return stop
}
