package crowd

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// An operator is one of those who hand control around and do what only the one in control may. They act on what they
// have heard of the seat, which may be old: then they must be refused.
type operator struct {
	t     *tab
	name  string
	staff bool
	page  int
}

func (o *operator) run(ctx context.Context, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		default:
		}
		if o.t.connect(ctx) != nil {
			return
		}
		o.act(ctx)
		if !pause(ctx, between(o.t.random, 100*time.Millisecond, 700*time.Millisecond)) {
			return
		}
	}
}

// seat returns what the tab has heard of it, and whether its person is in control.
func (t *tab) heard() (seat wire.ControlState, mine bool) {
	session, _ := t.p.id()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seat, t.seat.Operator != nil && t.seat.Operator.Session == session
}

func (o *operator) act(ctx context.Context) {
	t := o.t
	seat, mine := t.heard()
	chance := t.random.IntN(100)
	switch {
	case mine && chance < 55:
		o.operate(ctx, seat.Term)
	case mine && chance < 65:
		o.buffered(ctx, seat.Term)
	case mine && chance < 75:
		o.do(ctx, &wire.Call{Command: Job, Args: value(t.id), Term: seat.Term, Op: t.op()})
	case mine && len(seat.Requests) > 0 && chance < 88:
		move := &wire.Control{Do: "grant", Request: seat.Requests[0].ID, Op: t.op()}
		if chance < 78 {
			move.Do, move.Reason = "deny", "not now"
		}
		o.do(ctx, move)
	case mine && chance < 93:
		o.do(ctx, &wire.Control{Do: "release", Op: t.op()})
	case mine:
		// The connection is gone for longer than the grace, perhaps.
		t.leave()
		pause(ctx, between(t.random, time.Second, 6*time.Second))
	case seat.Operator == nil && chance < 60, chance < 15:
		o.do(ctx, &wire.Control{Do: "request", Message: "please", Op: t.op()})
	case o.staff && chance < 25:
		o.do(ctx, &wire.Control{Do: "take", Reason: "it is my turn", Op: t.op()})
	case chance < 35 && seat.Term > 0:
		// Not in control, and tries it under the term that they know of, or the one before.
		o.operate(ctx, seat.Term-uint64(t.random.IntN(2)))
	case chance < 40:
		o.do(ctx, &wire.Control{Do: "cancel", Op: t.op()})
	}
}

// operate writes what is the operator's.
func (o *operator) operate(ctx context.Context, term uint64) {
	op := o.t.op()
	o.do(ctx, &wire.Write{
		Channel: Queue, Set: map[string]json.RawMessage{fmt.Sprint("q", o.t.random.IntN(runs)): value(op)}, Term: term, Op: op,
	})
}

// buffered sends some writes and goes away, and sends them again when it has come back, under the term that they were
// meant under: in between anything can have happened to the seat.
func (o *operator) buffered(ctx context.Context, term uint64) {
	t := o.t
	var writes []wire.Request
	for range 3 {
		op := t.op()
		writes = append(writes, &wire.Write{
			Channel: Queue, Set: map[string]json.RawMessage{fmt.Sprint("q", t.random.IntN(runs)): value(op)}, Term: term, Op: op,
		})
	}
	short, cancel := context.WithTimeout(ctx, between(t.random, time.Millisecond, 10*time.Millisecond))
	for _, w := range writes {
		t.ask(short, w)
	}
	cancel()
	t.leave()
	if !pause(ctx, between(t.random, 0, 5*time.Second)) {
		return
	}
	for _, w := range writes {
		t.insist(ctx, w)
	}
}

func (o *operator) do(ctx context.Context, r wire.Request) {
	answer := o.t.ask(ctx, r)
	if settled(answer) {
		return
	}
	if o.t.random.IntN(3) > 0 {
		o.t.insist(ctx, r)
		return
	}
	o.t.p.site.postpone(o.t, r, between(o.t.random, 3*time.Second, 40*time.Second))
	o.t.leave()
	o.page++
	o.t = o.t.p.tab(o.t.p.site.source(fmt.Sprint(o.name, " page ", o.page)), o.t.channels...)
}
