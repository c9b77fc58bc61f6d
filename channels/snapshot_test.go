package channels_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
)

func snapshotOf(t *testing.T, s *channels.Space) string {
	t.Helper()
	var b strings.Builder
	s.Read(func(state *channels.State) {
		if err := state.WriteSnapshot(&b); err != nil {
			t.Fatal(err)
		}
	})
	return b.String()
}

// fill makes a state with something of everything.
func fill(t *testing.T, s *channels.Space) {
	admit(t, s, "ann", "bob", "service")
	for n := 1; n <= 10; n++ {
		mustDo(t, s, set("ann", n, "open", fmt.Sprint("k", n%3), fmt.Sprint(n)))
		log := channels.Append{Channel: "log", Data: json.RawMessage(fmt.Sprint(n))}
		mustDo(t, s, channels.Proposal{Op: op("bob-tab", n), Actor: "bob", User: "bob", Decide: log.Decide})
	}
	remove := channels.Write{Channel: "open", Delete: []string{"k1"}}
	mustDo(t, s, channels.Proposal{Op: op("ann-tab", 11), Actor: "ann", User: "ann", Decide: remove.Decide})
	mustDo(t, s, set("bob", 11, "ui", "tab", `null`))
	call := channels.CallCommand{Command: "look"}
	mustDo(t, s, channels.Proposal{Op: op("bob-tab", 12), Actor: "bob", User: "bob", Decide: call.Decide})
}

func TestASnapshotIsTheWholeState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		fill(t, s)
		whole := snapshotOf(t, s)
		state, err := channels.ReadSnapshot(strings.NewReader(whole))
		if err != nil {
			t.Fatal(err)
		}
		var again strings.Builder
		if err := state.WriteSnapshot(&again); err != nil || again.String() != whole {
			t.Errorf("read and written again it differs (%v):\n%s\n%s", err, whole, again.String())
		}
		lines := strings.SplitAfter(strings.TrimSpace(whole), "\n")
		for cut := range lines {
			part := strings.Join(append(append([]string{}, lines[:cut]...), lines[cut+1:]...), "")
			if _, err := channels.ReadSnapshot(strings.NewReader(part)); err == nil {
				t.Errorf("without line %d it is taken for whole", cut+1)
			}
		}
	})
}

func TestASnapshotHasLinesOfAnyLength(t *testing.T) {
	state := channels.NewState()
	for _, length := range []int{1, 60_000, 70_000, 400_000, 3, 130_000} {
		data := fmt.Sprintf(`{"v":1,"t":[{"op":"ann-tab.%d","e":[{"c":"open","k":"long %d","v":%q}]}]}`,
			length, length, strings.Repeat("x", length))
		if _, err := state.Apply(record(state, data)); err != nil {
			t.Fatal(err)
		}
	}
	whole := written(t, state)
	if again := written(t, restored(t, whole)); again != whole {
		t.Error("read and written again it differs")
	}
}

func TestAReplicaStartsFromACheckpointAndTheRestOfTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		fill(t, s)
		if err := s.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustDo(t, s, set("ann", 12, "open", "after", `1`))
		first, _, _ := b.log.Bounds(t.Context())
		if first < 10 {
			t.Errorf("the log still begins at %d", first)
		}
		late := b.open()
		if got, want := snapshotOf(t, late), snapshotOf(t, s); got != want {
			t.Errorf("the replica has\n%s\nand should have\n%s", got, want)
		}
		retry := mustDo(t, late, set("ann", 1, "open", "k1", "1"))
		if retry.Position >= first {
			t.Errorf("the retry of an operation before the checkpoint was applied at %d", retry.Position)
		}
	})
}

// slowSnapshots begin to read what they are given, and go on when they are let.
type slowSnapshots struct {
	*channels.MemorySnapshots
	begun, goOn chan struct{}
}

func (s *slowSnapshots) Save(ctx context.Context, through uint64, data io.Reader) error {
	first := make([]byte, 1)
	if _, err := io.ReadFull(data, first); err != nil {
		return err
	}
	close(s.begun)
	<-s.goOn
	return s.MemorySnapshots.Save(ctx, through, io.MultiReader(bytes.NewReader(first), data))
}

func TestWritesGoOnWhileASnapshotIsSavedAndAreNotInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		slow := &slowSnapshots{b.snapshots, make(chan struct{}), make(chan struct{})}
		s, err := channels.Open(t.Context(), channels.Options{
			Name: "lab", Log: b.log, Snapshots: slow, Authority: people{}, Rules: testRules,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		fill(t, s)
		for n := 12; n < 16; n++ { // so much that it is not encoded before somebody reads
			mustDo(t, s, set("ann", n, "open", fmt.Sprint("big", n), `"`+strings.Repeat("x", 60_000)+`"`))
		}
		for n := 16; n < 16+channels.KeptOps; n++ { // so many that each write forgets one
			mustDo(t, s, set("ann", n, "open", "k0", `1`))
		}
		before := snapshotOf(t, s)
		saved := make(chan error, 1)
		go func() { saved <- s.Checkpoint(t.Context()) }()
		<-slow.begun
		for n := 100; n < 100+2*channels.KeptOps; n++ {
			mustDo(t, s, set("ann", n, "open", fmt.Sprint("k", n%30), `"later"`))
			say := channels.Append{Channel: "log", Data: json.RawMessage(`"later"`)}
			mustDo(t, s, channels.Proposal{Op: op("bob-tab", n), Actor: "bob", User: "bob", Decide: say.Decide})
		}
		remove := channels.Write{Channel: "open", Delete: []string{"k0", "k2"}}
		mustDo(t, s, channels.Proposal{Op: op("ann-tab", 500), Actor: "ann", User: "ann", Decide: remove.Decide})
		close(slow.goOn)
		if err := <-saved; err != nil {
			t.Fatal(err)
		}
		_, data, err := b.snapshots.Newest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(data); err != nil || string(got) != before {
			t.Errorf("saved (%v)\n%s\nwhen the checkpoint began it was\n%s", err, got, before)
		}
	})
}

func TestASnapshotThatCannotBeSavedIsAnErrorAndEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s, err := channels.Open(t.Context(), channels.Options{
			Name: "lab", Log: b.log, Snapshots: noRoom{b.snapshots}, Authority: people{}, Rules: testRules,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		fill(t, s)
		if err := s.Checkpoint(t.Context()); !errors.Is(err, errNoRoom) {
			t.Errorf("the checkpoint ended with %v", err)
		}
		if first, _, _ := b.log.Bounds(t.Context()); first != 1 {
			t.Errorf("the log begins at %d now", first)
		}
	})
}

var errNoRoom = errors.New("no room")

type noRoom struct{ *channels.MemorySnapshots }

func (noRoom) Save(context.Context, uint64, io.Reader) error { return errNoRoom }

// shyLog is one replica's view of a log, which can be cut off while others go on.
type shyLog struct {
	*channels.MemoryLog
	away    atomic.Bool
	hang    context.Context // ends when the replica is cut off
	hangUp  context.CancelFunc
	refused error
}

func (l *shyLog) Follow(ctx context.Context, after uint64, deliver func(channels.Record)) error {
	if l.away.Load() {
		return l.refused
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.hang, cancel)()
	return l.MemoryLog.Follow(ctx, after, deliver)
}

func (l *shyLog) Bounds(ctx context.Context) (first, last uint64, err error) {
	if l.away.Load() {
		return 0, 0, l.refused
	}
	return l.MemoryLog.Bounds(ctx)
}

func TestAReplicaThatWasAwayClosesTheGapWithTheSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann", "bob")
		shy := &shyLog{MemoryLog: b.log, refused: errors.New("cut off")}
		shy.hang, shy.hangUp = context.WithCancel(t.Context())
		resets := 0
		away, err := channels.Open(t.Context(), channels.Options{
			Name: "lab", Log: shy, Snapshots: b.snapshots, Authority: people{},
			Watcher: watch(func(_ *channels.State, c channels.Change) {
				if c.Reset {
					resets++
				}
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer away.Close()
		shy.away.Store(true)
		shy.hangUp()
		synctest.Wait()
		for n := 1; n <= 20; n++ {
			mustDo(t, s, set("ann", n, "open", fmt.Sprint("k", n), `1`))
		}
		if err := s.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		shy.hang = t.Context()
		shy.away.Store(false)
		o := mustDo(t, away, set("bob", 1, "open", "k21", `1`))
		if err := s.WaitFor(t.Context(), o.Position); err != nil {
			t.Fatal(err)
		}
		if got, want := snapshotOf(t, away), snapshotOf(t, s); got != want {
			t.Errorf("the replica has\n%s\nand should have\n%s", got, want)
		}
		if resets != 2 {
			t.Errorf("the watcher was told of %d resets, want one of the opening and one of the gap", resets)
		}
	})
}

func TestALogThatLostItsEndBeginsANewEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		mustDo(t, s, set("ann", 1, "open", "k", `1`))
		epoch := s.Epoch()
		b.log.LoseAfter(position(s) - 1)
		for s.Epoch() == epoch {
			time.Sleep(time.Second) // in the bubble
		}
		if got := get(s, "open", "k"); got != "" {
			t.Errorf("the replica still shows %s, which the log lost", got)
		}
		mustDo(t, s, set("ann", 2, "open", "k", `2`))
		if got, want := snapshotOf(t, b.open()), snapshotOf(t, s); got != want {
			t.Errorf("a new replica has\n%s\nthe old one\n%s", got, want)
		}
	})
}

type watch func(*channels.State, channels.Change)

func (w watch) Applied(s *channels.State, c channels.Change) { w(s, c) }
func (watch) Freshness(time.Time)                            {}
