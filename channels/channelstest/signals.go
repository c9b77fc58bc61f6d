package channelstest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
)

// TestSignals is the contract of channels.Signals. It calls newSignals for each of its parts; each call of open opens
// the signals as another node would.
func TestSignals(t *testing.T, newSignals func(t *testing.T) (open func(t *testing.T) channels.Signals)) {
	for _, part := range []struct {
		name string
		test func(*testing.T, func(*testing.T) channels.Signals)
	}{
		{"every node that follows gets what one publishes, itself included, in order", testSignalsOrder},
		{"who follows later gets nothing old", testSignalsLate},
		{"any name of a space can be used", testSignalsNames},
		{"one that does not keep up holds up nobody", testSignalsSlow},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, newSignals(t)) })
	}
}

// signal is one that was delivered.
type signal struct{ space, data string }

func testSignalsOrder(t *testing.T, open func(*testing.T) channels.Signals) {
	one, two := open(t), open(t)
	here, there := followSignals(t, one, one), followSignals(t, two, one)
	for i := range 100 {
		publishSignal(t, one, "lab", fmt.Sprint(i))
	}
	for i := range 100 {
		want := signal{"lab", fmt.Sprint(i)}
		if got := soon(t, here, "a signal on the same node"); got != want {
			t.Fatalf("on the same node came %v, want %v", got, want)
		}
		if got := soon(t, there, "a signal on the other node"); got != want {
			t.Fatalf("on the other node came %v, want %v", got, want)
		}
	}
	none(t, there, "more than was published")
}

func testSignalsLate(t *testing.T, open func(*testing.T) channels.Signals) {
	one, two := open(t), open(t)
	here := followSignals(t, one, one)
	publishSignal(t, one, "lab", "old")
	soon(t, here, "the old one")
	there := followSignals(t, two, one)
	publishSignal(t, one, "lab", "new")
	if got := soon(t, there, "the new one"); got != (signal{"lab", "new"}) {
		t.Fatalf("who follows later gets %v first", got)
	}
}

func testSignalsNames(t *testing.T, open func(*testing.T) channels.Signals) {
	one := open(t)
	here := followSignals(t, one, one)
	for _, space := range []string{"a", "a.b", "a-b_c", "x.1.y"} {
		publishSignal(t, one, space, "data")
		if got := soon(t, here, "the signal of "+space); got != (signal{space, "data"}) {
			t.Fatalf("in the space %s came %v", space, got)
		}
	}
}

func testSignalsSlow(t *testing.T, open func(*testing.T) channels.Signals) {
	one, two := open(t), open(t)
	release := make(chan struct{})
	background(t, "Follow", func(ctx context.Context) error {
		return two.Follow(ctx, func(string, []byte) { <-release })
	})
	defer close(release)
	here := followSignals(t, one, one)
	for i := range 1000 {
		publishSignal(t, one, "lab", fmt.Sprint(i))
		soon(t, here, "a signal while another follower is stuck")
	}
}

func publishSignal(t testing.TB, s channels.Signals, space, data string) {
	t.Helper()
	if err := s.Publish(t.Context(), space, []byte(data)); err != nil {
		t.Fatalf("publishing a signal: %v", err)
	}
}

// followSignals follows, and returns when it hears what publisher says: Follow does not tell when it does.
func followSignals(t testing.TB, s, publisher channels.Signals) <-chan signal {
	t.Helper()
	const probe = "~probe"
	heard := make(chan struct{}, 1)
	all := make(chan signal, 1000)
	background(t, "Follow", func(ctx context.Context) error {
		return s.Follow(ctx, func(space string, data []byte) {
			if space == probe {
				select {
				case heard <- struct{}{}:
				default:
				}
				return
			}
			all <- signal{space, string(data)}
		})
	})
	late := time.After(patience)
	for {
		publishSignal(t, publisher, probe, "")
		select {
		case <-heard:
			return all
		case <-late:
			t.Fatal("a follower hears nothing")
		case <-time.After(10 * time.Millisecond):
		}
	}
}
