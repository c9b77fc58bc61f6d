package crowd

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// The channels of the space that the crowd uses; the site file of the world has them.
const (
	Notes = "notes" // a store that every member writes
	Runs  = "runs"  // another
	Queue = "queue" // a store of the operator's
	Chat  = "chat"  // a log
	Job   = "job.run"
)

const (
	notes = 12 // keys in Notes
	runs  = 6  // keys in Runs and Queue
)

// value makes a value that is in the history once.
func value(op string) json.RawMessage { return json.RawMessage(fmt.Sprintf(`{"of":%q}`, op)) }

// A writer changes what everybody may, and watches it.
type writer struct {
	t    *tab
	name string
	pace time.Duration
	page int // how many pages it has opened
}

// write goes on until over is closed.
func (w *writer) run(ctx context.Context, over <-chan struct{}) {
	p, random := w.t.p, w.t.random
	for {
		select {
		case <-over:
			return
		case <-ctx.Done():
			return
		default:
		}
		if w.t.connect(ctx) != nil {
			return
		}
		r := w.choose(ctx)
		answer := w.t.ask(ctx, r)
		switch {
		case !settled(answer) && random.IntN(3) == 0:
			// They give up, and somebody comes back to it much later, when a great deal has happened.
			p.site.postpone(w.t, r, between(random, 5*time.Second, 90*time.Second))
			w.t.leave()
			w.reload()
		case !settled(answer):
			w.t.insist(ctx, r)
		case random.IntN(25) == 0: // it is answered, and sent again all the same
			w.t.insist(ctx, r)
		case random.IntN(40) == 0:
			w.t.leave()
		}
		if !pause(ctx, between(random, w.pace/2, w.pace*3/2)) {
			return
		}
	}
}

// reload opens the page anew.
func (w *writer) reload() {
	w.page++
	source := w.t.p.site.source(fmt.Sprint(w.name, " page ", w.page))
	w.t = w.t.p.tab(source, w.t.channels...)
}

// choose makes up the next request.
func (w *writer) choose(ctx context.Context) wire.Request {
	t := w.t
	key := fmt.Sprint("k", t.random.IntN(notes))
	switch n := t.random.IntN(100); {
	case n < 30:
		op := t.op()
		return &wire.Write{Channel: Notes, Set: map[string]json.RawMessage{key: value(op)}, Op: op}
	case n < 50:
		return w.compareAndSet(ctx, key)
	case n < 65:
		op := t.op()
		return &wire.Append{Channel: Chat, Data: value(op), Op: op}
	case n < 82:
		op := t.op()
		other := fmt.Sprint("r", t.random.IntN(runs))
		return &wire.Transact{
			Writes: []wire.TransactWrite{
				{Channel: Notes, Set: map[string]json.RawMessage{key: value(op)}},
				{Channel: Runs, Set: map[string]json.RawMessage{other: value(op)}},
			},
			Appends: []wire.TransactAppend{{Channel: Chat, Data: value(op)}}, Op: op,
		}
	case n < 87:
		op := t.op()
		return &wire.Write{Channel: Notes, Delete: []string{key}, Op: op}
	case n < 92:
		op := t.op()
		return &wire.Write{Channel: Runs, Patch: map[string]json.RawMessage{"p0": json.RawMessage(fmt.Sprintf(`{%q:%q}`, w.name, op))}, Op: op}
	default:
		return &wire.Read{Channel: Notes, Keys: []string{key}}
	}
}

// compareAndSet writes a key if it is as it is read now.
func (w *writer) compareAndSet(ctx context.Context, key string) wire.Request {
	position := uint64(0)
	if values, ok := w.t.ask(ctx, &wire.Read{Channel: Notes, Keys: []string{key}}).(*wire.Values); ok {
		position = values.Values[key].Position
	}
	op := w.t.op()
	return &wire.Write{Channel: Notes, Set: map[string]json.RawMessage{key: value(op)}, If: map[string]uint64{key: position}, Op: op}
}
