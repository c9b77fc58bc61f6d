package channels_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/channels"
)

func TestWhatIsReadForABackupIsWhatTheReplicaHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		fill(t, s)
		if err := s.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustDo(t, s, set("ann", 30, "open", "after", `1`))
		_, before, _ := b.log.Bounds(t.Context())
		var steps [][2]int
		state, err := channels.ReadState(t.Context(), channels.Options{
			Name: "lab", Log: b.log, Snapshots: b.snapshots, Progress: func(done, total int) { steps = append(steps, [2]int{done, total}) },
		})
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		if err := state.WriteSnapshot(&text); err != nil || text.String() != snapshotOf(t, s) {
			t.Errorf("it is (%v)\n%s\nand the replica\n%s", err, text.String(), snapshotOf(t, s))
		}
		if _, after, _ := b.log.Bounds(t.Context()); after != before {
			t.Errorf("the log went from %d to %d", before, after)
		}
		last := steps[len(steps)-1]
		if last[0] != last[1] || last[0] <= 2 {
			t.Errorf("it told %v", steps)
		}
		for i, step := range steps[1:] {
			if step[0] < steps[i][0] {
				t.Errorf("it told %v", steps)
			}
		}
	})
}

func TestASpaceThatWasPutBackBeginsANewEpochAndKeepsWhatItHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		fill(t, s)
		first := s.Epoch()
		want := inState(s, []string{"open", "ui"}, []string{"log"})
		epoch, err := channels.BeginEpoch(t.Context(), channels.Options{Name: "lab", Log: b.log, Snapshots: b.snapshots}, nil)
		if err != nil || epoch == first {
			t.Fatalf("the epoch is %s and was %s, %v", epoch, first, err)
		}
		later := b.open()
		if got := inState(later, []string{"open", "ui"}, []string{"log"}); !got.same(want) || later.Epoch() != epoch {
			t.Errorf("in epoch %s it holds %+v, want %+v", later.Epoch(), got, want)
		}
		retry := mustDo(t, later, set("ann", 1, "open", "k1", "1"))
		if retry.Position >= position(later) {
			t.Errorf("an operation of before was applied again at %d", retry.Position)
		}
	})
}
