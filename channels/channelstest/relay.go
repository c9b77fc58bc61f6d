package channelstest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
)

// TestRelay is the contract of channels.Relay. It calls newRelay for each of its parts; each call of open opens the
// relay as another node would.
func TestRelay(t *testing.T, newRelay func(t *testing.T) (open func(t *testing.T) channels.Relay)) {
	for _, part := range []struct {
		name string
		test func(*testing.T, func(*testing.T) channels.Relay)
	}{
		{"a question that nobody listens to is answered by ErrNobody", testRelayNobody},
		{"the answer comes back, from the same node or another", testRelayAnswer},
		{"one that is silent leaves the answer to another", testRelaySilent},
		{"when all are silent the answer is ErrNobody, in bounded time", testRelayAllSilent},
		{"subjects are apart", testRelaySubjects},
		{"a slow answer does not delay another", testRelaySlow},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, newRelay(t)) })
	}
}

func testRelayNobody(t *testing.T, open func(*testing.T) channels.Relay) {
	wantNobody(t, open(t), "stop.demo", patience)
}

func testRelayAnswer(t *testing.T, open func(*testing.T) channels.Relay) {
	a, b := open(t), open(t)
	answer(t, a, "stop.demo", func(q []byte) []byte { return append([]byte("answer to "), q...) })
	wantAnswer(t, a, "stop.demo", "one", "answer to one")
	wantAnswer(t, b, "stop.demo", "two", "answer to two")
}

func testRelaySilent(t *testing.T, open func(*testing.T) channels.Relay) {
	a, b := open(t), open(t)
	answer(t, a, "stop.demo", func([]byte) []byte { return nil })
	answer(t, b, "stop.demo", func(q []byte) []byte {
		if string(q) == "are you there?" {
			return []byte("yes")
		}
		return []byte{}
	})
	wantAnswer(t, a, "stop.demo", "are you there?", "yes")
	wantAnswer(t, a, "stop.demo", "say nothing, aloud", "")
}

func testRelayAllSilent(t *testing.T, open func(*testing.T) channels.Relay) {
	a := open(t)
	asked := make(chan struct{}, 100)
	ready := false
	answer(t, a, "stop.demo", func(q []byte) []byte {
		if string(q) == "ready?" {
			return []byte("yes")
		}
		asked <- struct{}{}
		return nil
	})
	for !ready {
		_, err := a.Ask(t.Context(), "stop.demo", []byte("ready?"))
		ready = err == nil
	}
	wantNobody(t, a, "stop.demo", 5*time.Second)
	soon(t, asked, "the question")
}

func testRelaySubjects(t *testing.T, open func(*testing.T) channels.Relay) {
	a := open(t)
	answer(t, a, "stop.a", func([]byte) []byte { return []byte("a") })
	answer(t, a, "stop.a.b", func([]byte) []byte { return []byte("a.b") })
	wantAnswer(t, a, "stop.a.b", "", "a.b")
	wantAnswer(t, a, "stop.a", "", "a")
	wantNobody(t, a, "stop.c", patience)
}

func testRelaySlow(t *testing.T, open func(*testing.T) channels.Relay) {
	a := open(t)
	release, slow := make(chan struct{}), make(chan struct{}, 1)
	answer(t, a, "stop.demo", func(q []byte) []byte {
		if string(q) == "slow" {
			slow <- struct{}{}
			<-release
		}
		return []byte("done")
	})
	wantAnswer(t, a, "stop.demo", "quick", "done")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = a.Ask(context.Background(), "stop.demo", []byte("slow"))
	}()
	soon(t, slow, "the slow question")
	wantAnswer(t, a, "stop.demo", "quick", "done")
	close(release)
	<-ended
}

func answer(t testing.TB, r channels.Relay, subject string, f func([]byte) []byte) {
	t.Helper()
	background(t, "Answer", func(ctx context.Context) error { return r.Answer(ctx, subject, f) })
}

// wantAnswer asks until somebody listens: Answer does not tell when it does.
func wantAnswer(t testing.TB, r channels.Relay, subject, question, want string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		got, err := r.Ask(t.Context(), subject, []byte(question))
		if errors.Is(err, channels.ErrNobody) && time.Now().Before(deadline) {
			continue
		}
		if err != nil || !bytes.Equal(got, []byte(want)) {
			t.Fatalf("%s was answered %q, %v, want %q", subject, got, err, want)
		}
		return
	}
}

func wantNobody(t testing.TB, r channels.Relay, subject string, within time.Duration) {
	t.Helper()
	began := time.Now()
	got, err := r.Ask(t.Context(), subject, []byte("anybody?"))
	if !errors.Is(err, channels.ErrNobody) {
		t.Fatalf("got %q, %v, want %v", got, err, channels.ErrNobody)
	}
	if d := time.Since(began); d > within {
		t.Fatalf("it took %v to find that out", d)
	}
}
