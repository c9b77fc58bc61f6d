package channels

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
)

// nobody is an Authority of a space without people.
type nobody struct{}

func (nobody) Identify(View, string) (Who, error) { return Who{}, nil }
func (nobody) Fence(View, Who, uint64) error      { return nil }

func TestWhoGaveUpIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), Options{Name: "lab", Log: NewMemoryLog(), Authority: nobody{}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for range 10 {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if s.WaitFor(ctx, 1000) == nil {
				t.Error("position 1000 was reached")
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if n := len(s.waiters); n > 0 {
			t.Errorf("%d who gave up are still in the list", n)
		}
	})
}

func TestALogIsNotCheckpointedBeforeItOutgrowsTheState(t *testing.T) {
	long := json.RawMessage(make([]byte, 2*CheckpointBytes))
	for name, fill := range map[string]func(*State){
		"a value": func(s *State) {
			s.applyEffect(&Transaction{}, Effect{Channel: "open", Key: "k", Value: long})
		},
		"a message": func(s *State) {
			s.applyEffect(&Transaction{}, Effect{Channel: "log", Value: long})
		},
		"what clients did": func(s *State) {
			s.ops["ann-tab"] = &clientOps{Done: []doneOp{{N: 1, Answer: long}}}
		},
	} {
		s := &Space{state: NewState()}
		s.state.grown = CheckpointBytes + 1
		if !s.NeedsCheckpoint() {
			t.Error("an empty state needs no checkpoint")
		}
		if fill(s.state); s.NeedsCheckpoint() {
			t.Errorf("with %s that is longer than the log, it needs a checkpoint", name)
		}
	}
}
