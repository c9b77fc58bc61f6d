package beamline

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
)

// keepRecords is how many log records wait for a hub that does not answer; then the oldest are dropped, and counted.
const keepRecords = 1000

// An outbox holds what has to be stored until the hub has it. Of a key only the newest value waits, so a hub that was
// away for an hour costs no memory and gets one write.
type outbox struct {
	// Set at construction.
	hub     Hub
	logger  *slog.Logger
	samples func() map[string]Stored
	wake    chan struct{} // holds at most one

	// Guarded by mu.
	mu      sync.Mutex
	waiting pending
}

type pending struct {
	equipment, run map[string]any
	samples        map[string]string
	log            []Record
	dropped        int
}

func newOutbox(hub Hub, logger *slog.Logger, samples func() map[string]Stored) *outbox {
	return &outbox{hub: hub, logger: logger, samples: samples, wake: make(chan struct{}, 1)}
}

// add adds what has to be stored. It does not wait.
func (o *outbox) add(out Output) {
	if len(out.Equipment)+len(out.Run)+len(out.Samples)+len(out.Log) == 0 {
		return
	}
	o.mu.Lock()
	w := &o.waiting
	w.equipment = merge(w.equipment, out.Equipment)
	w.run = merge(w.run, out.Run)
	w.samples = merge(w.samples, out.Samples)
	w.log = append(w.log, out.Log...)
	if over := len(w.log) - keepRecords; over > 0 {
		w.log, w.dropped = slices.Delete(w.log, 0, over), w.dropped+over
	}
	o.mu.Unlock()
	o.retry()
}

func merge[V any](into, from map[string]V) map[string]V {
	if into == nil {
		into = map[string]V{}
	}
	maps.Copy(into, from)
	return into
}

// retry has the outbox look again at what is waiting.
func (o *outbox) retry() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run writes until ctx ends.
func (o *outbox) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.wake:
		}
		o.mu.Lock()
		w := o.waiting
		o.waiting = pending{}
		o.mu.Unlock()
		o.write(ctx, w)
	}
}

func (o *outbox) write(ctx context.Context, w pending) {
	for _, key := range slices.Sorted(maps.Keys(w.samples)) {
		o.writeSample(ctx, key, w.samples[key])
	}
	if len(w.equipment) > 0 {
		o.note(ctx, "writing equipment", o.hub.Write(ctx, "equipment", w.equipment, nil))
	}
	if len(w.run) > 0 {
		o.note(ctx, "writing run", o.hub.Write(ctx, "run", w.run, nil))
	}
	if w.dropped > 0 {
		o.logger.Warn("the hub did not answer for long: log records were dropped", "records", w.dropped)
	}
	for _, record := range w.log {
		o.note(ctx, "appending to the log", o.hub.Append(ctx, "log", record))
	}
}

// writeSample changes the state of a sample and leaves the rest of it as users wrote it. If one of them has just changed
// it, it waits for that change to arrive and is tried again then.
func (o *outbox) writeSample(ctx context.Context, key, state string) {
	stored, there := o.samples()[key]
	var sample map[string]any
	if !there || json.Unmarshal(stored.Data, &sample) != nil || sample == nil {
		return // users deleted it, or made something else of it
	}
	sample["state"] = state
	err := o.hub.Write(ctx, "samples", map[string]any{key: sample}, map[string]uint64{key: stored.Position})
	if !errors.Is(err, ErrConflict) {
		o.note(ctx, "writing the state of a sample", err)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, newer := o.waiting.samples[key]; !newer {
		o.waiting.samples = merge(o.waiting.samples, map[string]string{key: state})
	}
}

// note logs what went wrong: the hub has refused, so trying again would not help.
func (o *outbox) note(ctx context.Context, doing string, err error) {
	if err != nil && ctx.Err() == nil {
		o.logger.Error(doing, "error", err)
	}
}
