package hub_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
)

// A spell is a node's time with a duty, as the duty itself sees it.
type spell struct {
	node string
	turn hub.Turn
	ctx  context.Context
}

// newAttendant is a node with a duty that goes on until it has to end.
func newAttendant(t *testing.T, server *natstest.Server, name string, spells chan<- spell, more ...func(*hub.Options)) (*node, *natslog.Store) {
	t.Helper()
	store := natstest.Connect(t, server.URL)
	n := newNode(t, nodeOptions{name: name, store: store, more: func(o *hub.Options) {
		o.Duties = []hub.Duty{{Space: "lab", Name: "watch", Run: func(ctx context.Context, turn hub.Turn) error {
			spells <- spell{name, turn, ctx}
			<-ctx.Done()
			return nil
		}}}
		for _, m := range more {
			m(o)
		}
	}})
	return n, store
}

func next(t *testing.T, spells <-chan spell) spell {
	t.Helper()
	select {
	case s := <-spells:
		return s
	case <-time.After(hubtest.Patience):
		t.Fatal("no node has the duty")
	}
	panic("unreachable")
}

func ends(t *testing.T, s spell) {
	t.Helper()
	select {
	case <-s.ctx.Done():
	case <-time.After(hubtest.Patience):
		t.Fatalf("%s goes on with the duty", s.node)
	}
}

func TestADutyIsWithOneNodeAndMovesWhenThatLeavesOrIsLost(t *testing.T) {
	t.Parallel()
	server := natstest.External(t)
	spells := make(chan spell, 10)
	one, _ := newAttendant(t, server, "one", spells)
	first := next(t, spells)
	two, cut := newAttendant(t, server, "two", spells)
	three, _ := newAttendant(t, server, "three", spells)
	three.close() // it may look, but others are there
	select {
	case s := <-spells:
		t.Fatalf("%s has the duty beside %s", s.node, first.node)
	case <-time.After(3 * time.Second): // they look each second
	}
	one.close()
	second := next(t, spells)
	if second.node != "two" {
		t.Fatalf("after one has left, %s has the duty", second.node)
	}
	ends(t, first)
	four, _ := newAttendant(t, server, "four", spells)
	cut.Close() // as a power cut of the node does
	if third := next(t, spells); third.node != "four" {
		t.Fatalf("after two was lost, %s has the duty", third.node)
	}
	all, err := four.TaskRuns(t.Context(), "lab")
	if err != nil || len(all) != 1 || all[0].Node != "four" || all[0].Name != "watch" {
		t.Errorf("the duties are %+v, %v", all, err)
	}
	_ = two
}

func TestWhoHasLostADutyIsStoppedAndFencedOff(t *testing.T) {
	t.Parallel()
	spells := make(chan spell, 10)
	_, _ = newAttendant(t, natstest.External(t), "one", spells)
	mine := next(t, spells)
	commit := func() error {
		return mine.turn.Space.House(t.Context(), func(d *channels.Draft) (any, error) {
			if err := mine.turn.Fence(d); err != nil {
				return nil, err
			}
			d.Append("chat", "hello")
			return nil, nil
		}).Err
	}
	if err := commit(); err != nil {
		t.Fatalf("with the duty: %v", err)
	}
	taken := mine.turn.Space.House(t.Context(), func(d *channels.Draft) (any, error) { // as another node does that cannot hear it
		d.Set(channels.Ref{Channel: "~tasks", Key: "duty/watch"}, "two")
		return nil, nil
	})
	if taken.Err != nil {
		t.Fatal(taken.Err)
	}
	if err := commit(); !channels.IsCode(err, channels.CodeForbidden) {
		t.Errorf("without the duty: %v", err)
	}
	ends(t, mine)
	if again := next(t, spells); again.node != "one" { // nobody answers for two
		t.Errorf("%s has the duty", again.node)
	}
}

func TestADutyWaitsForItsLabelAndForRulesThatWantIt(t *testing.T) {
	t.Parallel()
	server := natstest.External(t)
	spells := make(chan spell, 10)
	var wanted atomic.Bool
	pinned := func(labels ...string) func(*hub.Options) {
		return func(o *hub.Options) {
			o.Labels, o.Duties[0].On = labels, "fileserver"
			o.Duties[0].While = func(*channels.State) bool { return wanted.Load() }
		}
	}
	_, _ = newAttendant(t, server, "one", spells, pinned("other"))
	_, _ = newAttendant(t, server, "two", spells, pinned("other", "fileserver"))
	select {
	case s := <-spells:
		t.Fatalf("%s has a duty that nobody wants", s.node)
	case <-time.After(2 * time.Second):
	}
	wanted.Store(true)
	s := next(t, spells)
	if s.node != "two" {
		t.Errorf("%s has the duty, without the label", s.node)
	}
	wanted.Store(false)
	ends(t, s)
}

func TestADutyThatFailsIsReportedOnceAndRunAgain(t *testing.T) {
	t.Parallel()
	turns, fail := make(chan hub.Turn), make(chan struct{})
	one, _ := newAttendant(t, natstest.External(t), "one", nil, func(o *hub.Options) {
		o.Duties[0].Run = func(ctx context.Context, turn hub.Turn) error {
			select {
			case turns <- turn:
			case <-ctx.Done():
				return nil
			}
			select {
			case <-fail:
			case <-ctx.Done():
			}
			return errors.New("no luck")
		}
	})
	<-turns
	fail <- struct{}{}
	one.awaitRun(t, "watch", func(r hub.TaskRun) bool { return r.State == hub.RunFailed && r.Detail == "no luck" && r.Node == "one" })
	turn := <-turns
	for range 5 {
		turn.Report(true, "still no luck")
	}
	turn.Report(false, "in step again")
	one.awaitRun(t, "watch", func(r hub.TaskRun) bool { return r.State == hub.RunOK && r.Detail == "in step again" })
	if n := len(one.runs(t, "watch")); n != 3 {
		t.Errorf("there are %d lines, not 3: %+v", n, one.runs(t, "watch"))
	}
}
