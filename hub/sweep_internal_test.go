package hub

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
)

// slowSnapshots take a long time to be saved.
type slowSnapshots struct{ began chan struct{} }

func (slowSnapshots) Newest(context.Context) (uint64, io.ReadCloser, error) {
	return 0, nil, channels.ErrNoSnapshot
}

func (s slowSnapshots) Save(ctx context.Context, _ uint64, _ io.Reader) error {
	s.began <- struct{}{}
	<-ctx.Done()
	return ctx.Err()
}

func TestACheckpointHoldsNothingUpAndIsWaitedForInTheEnd(t *testing.T) {
	r := openRoom(t)
	slow := slowSnapshots{began: make(chan struct{}, 10)}
	space, err := channels.Open(t.Context(), channels.Options{
		Name: "large", Log: channels.NewMemoryLog(), Snapshots: slow, Authority: r.hub.options.Authority,
		Rules: &channels.Rules{Version: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(space.Close)
	leaving := errors.New("the hub is closed")
	ctx, leave := context.WithCancelCause(t.Context())
	r.hub.ctx = ctx
	for range 3 { // a sweep finds it due each time
		r.checkpointBeside(space)
	}
	<-slow.began
	if !r.checkpointing.Load() || len(slow.began) > 0 {
		t.Errorf("%d more checkpoints of the space have begun", len(slow.began))
	}
	leave(leaving)
	done := make(chan struct{})
	go func() { defer close(done); r.hub.tasking.Wait() }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on when the hub is closed")
	}
	if r.checkpointing.Load() {
		t.Error("no other checkpoint can be made")
	}
}
