package hub

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/baton-hub/baton/channels"
)

// tasksStore is the reserved store of what the hub does by itself in a space: under run/<name>/<slot> the last runs of
// each task, under duty/<name> the node that has a duty.
const tasksStore = "~tasks"

// keptRuns is how many runs of a task are kept. They are slots that are used again, so nothing is ever deleted.
const keptRuns = 20

// The states of a run.
const (
	RunUnderWay = "running"
	RunOK       = "ok"
	RunFailed   = "failed"
	RunUnknown  = "unknown" // the node that ran it is gone; it is not run again
)

// A TaskRun is one run of a task, or a report of a duty.
type TaskRun struct {
	Life     string    `json:"life,omitempty"` // of the schedules, see channels.Tick
	Sequence uint64    `json:"sequence"`       // of the tick; of a duty's report, one that grows
	At       time.Time `json:"at"`             // when it began, by the clock of its node
	Node     string    `json:"node"`
	State    string    `json:"state"`
	Detail   string    `json:"detail,omitempty"` // for people: what came of it
	TookMS   int64     `json:"took_ms,omitempty"`
}

// maxDetail bounds what a run says of itself, in bytes.
const maxDetail = 1000

func runRef(name string, slot int) channels.Ref {
	return channels.Ref{Channel: tasksStore, Key: fmt.Sprintf("run/%s/%02d", name, slot)}
}

// readRun reads a slot; ok is false if it was never used.
func readRun(v channels.View, name string, slot int) (run TaskRun, ok bool) {
	value, ok := v.Get(runRef(name, slot))
	return run, ok && json.Unmarshal(value.Data, &run) == nil
}

// runsOf returns the runs that are kept of a task, the newest first.
func runsOf(v channels.View, name string) (runs []TaskRun) {
	for slot := range keptRuns {
		if run, ok := readRun(v, name, slot); ok {
			runs = append(runs, run)
		}
	}
	slices.SortFunc(runs, func(a, b TaskRun) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Sequence, a.Sequence)) })
	return runs
}

// slotFor returns the slot for one more run: one that was never used, else that of the oldest run that has ended.
func slotFor(v channels.View, name string) int {
	oldest, at := 0, time.Time{}
	for slot := range keptRuns {
		run, ok := readRun(v, name, slot)
		if !ok {
			return slot
		}
		if run.State != RunUnderWay && (at.IsZero() || run.At.Before(at)) {
			oldest, at = slot, run.At
		}
	}
	return oldest
}

// beginRun claims a tick for a node before anything is done for it, so that no task runs twice for one tick, wherever
// and however often it is delivered. The answer is one of the words below. It refuses with CodeBusy while another run is
// under way, by its record, on a node that is not in Gone; More names the node and the tick.
type beginRun struct {
	Task  string
	Run   TaskRun  // Life, Sequence, At, Node
	Again bool     // the task may be run again for the same tick: its effects are bound to it
	Gone  []string // nodes of which is known that they run no tick of this task any more
}

// The answers of beginRun.
const (
	claimed  = "claimed"  // run it
	passed   = "passed"   // it was run before, or a later tick was
	givenUp  = "given up" // it was begun on a node that is gone, and must not be run again
	runOpKey = "running"  // in More: what is under way
)

// Decide is the Decide of a beginRun; it is the hub's own.
func (b beginRun) Decide(d *channels.Draft) (any, error) {
	slot, answer := slotFor(d, b.Task), claimed
	for s := range keptRuns {
		run, ok := readRun(d, b.Task, s)
		if !ok {
			continue
		}
		same := run.Life == b.Run.Life && run.Sequence == b.Run.Sequence
		switch {
		case run.State == RunUnderWay && !slices.Contains(b.Gone, run.Node):
			r := channels.Refuse(channels.CodeBusy, "%s runs on %s", b.Task, run.Node)
			r.More = map[string]any{runOpKey: run}
			return nil, r
		case same && run.State == RunUnderWay && b.Again:
			slot = s
		case run.State == RunUnderWay:
			run.State, run.Detail = RunUnknown, "its node was lost while it ran: look what came of it"
			d.Set(runRef(b.Task, s), run)
			if same {
				answer = givenUp
			}
		case same:
			answer = passed
		}
		if run.Life == b.Run.Life && run.Sequence > b.Run.Sequence {
			answer = passed
		}
	}
	if answer == claimed {
		b.Run.State = RunUnderWay
		d.Set(runRef(b.Task, slot), b.Run)
	}
	return answer, nil
}

// endRun records what came of a run.
type endRun struct {
	Task string
	Run  TaskRun
}

// Decide is the Decide of an endRun; it is the hub's own.
func (e endRun) Decide(d *channels.Draft) (any, error) {
	for slot := range keptRuns {
		run, ok := readRun(d, e.Task, slot)
		if ok && run.Life == e.Run.Life && run.Sequence == e.Run.Sequence && run.Node == e.Run.Node {
			d.Set(runRef(e.Task, slot), e.Run)
			return nil, nil
		}
	}
	return nil, channels.Refuse(channels.CodeUnknownName, "the run %d of %s is not known any more", e.Run.Sequence, e.Task)
}

// report records what a duty has to say, unless that is what it said last.
type report struct {
	Duty string
	Run  TaskRun
}

// Decide is the Decide of a report; it is the hub's own.
func (r report) Decide(d *channels.Draft) (any, error) {
	if runs := runsOf(d, r.Duty); len(runs) > 0 {
		if runs[0].State == r.Run.State && runs[0].Detail == r.Run.Detail {
			return nil, channels.Refuse(channels.CodeConflict, "it has said so")
		}
		r.Run.Sequence = runs[0].Sequence + 1
	}
	d.Set(runRef(r.Duty, slotFor(d, r.Duty)), r.Run)
	return nil, nil
}
