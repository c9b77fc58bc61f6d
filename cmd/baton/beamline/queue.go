package beamline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The states of the queue.
const (
	queueIdle     = "idle"
	queueRunning  = "running"
	queueStopping = "stopping" // nothing moves any more, the fast shutter is closing
)

// The states of an entry. One without a state was not run yet.
const (
	itemRunning = "running"
	itemDone    = "done"
	itemFailed  = "failed"
	itemStopped = "stopped"
)

// progressEvery is how often the progress of an entry is written, besides at the beginning of each stage: it is stored.
const progressEvery = 500 * time.Millisecond

// A RunState is the value of the key "queue" of the store "run".
type RunState struct {
	State   string     `json:"state"`
	Item    string     `json:"item,omitempty"`
	Started *time.Time `json:"started,omitempty"`
}

// An ItemState is the value of a key "item/<key of the queue entry>" of the store "run".
type ItemState struct {
	State    string  `json:"state"`
	Progress float64 `json:"progress"` // 0 to 1
	Step     string  `json:"step"`
}

// A runner runs the queue: entry after entry, each stage after stage.
type runner struct {
	state   string
	started time.Time
	items   map[string]ItemState
	tried   map[string]bool // entries that had their turn since the queue was started

	item   string // that is running; "" = none
	entry  Entry
	stages []stage
	at     int           // the stage
	passed time.Duration // in it
	unsaid time.Duration // since the progress was written
}

const itemPrefix = "item/"

func (r *runner) restore(found Found) {
	r.state, r.items = queueIdle, map[string]ItemState{}
	for key, data := range found.Run {
		name, isItem := strings.CutPrefix(key, itemPrefix)
		var item ItemState
		if !isItem || json.Unmarshal(data, &item) != nil {
			continue
		}
		if item.State == itemRunning {
			item.State = itemStopped
		}
		r.items[name] = item
	}
}

func (b *Beamline) showQueue() {
	b.showRunState()
	for key, item := range b.queue.items {
		b.showRun(itemPrefix+key, item)
	}
}

func (b *Beamline) showRunState() {
	q := &b.queue
	run := RunState{State: q.state, Item: q.item}
	if q.state != queueIdle {
		run.Started = &q.started
	}
	b.showRun("queue", run)
}

func (b *Beamline) setItem(key string, item ItemState) {
	b.queue.items[key] = item
	b.showRun(itemPrefix+key, item)
}

// startQueue runs the entries that were not done yet.
func (b *Beamline) startQueue(at time.Time, by string) error {
	q := &b.queue
	q.tried = map[string]bool{}
	if b.next() == "" {
		return fmt.Errorf("there is nothing in the queue that was not done yet")
	}
	q.state, q.started = queueRunning, at
	b.log("info", "queue", "started by %s", by)
	b.nextItem()
	return nil
}

// next returns the key of the entry whose turn it is, or "".
func (b *Beamline) next() string {
	var waiting []string
	for key := range b.entries {
		if !b.queue.tried[key] && b.queue.items[key].State != itemDone {
			waiting = append(waiting, key)
		}
	}
	if len(waiting) == 0 {
		return ""
	}
	return slices.MinFunc(waiting, func(x, y string) int {
		return cmp.Or(cmp.Compare(b.entries[x].Order, b.entries[y].Order), cmp.Compare(x, y))
	})
}

// nextItem begins the next entry that can be run, or ends the run.
func (b *Beamline) nextItem() {
	q := &b.queue
	q.item, q.stages = "", nil
	for key := b.next(); key != ""; key = b.next() {
		q.tried[key] = true
		entry, err := b.entries[key].withDefaults(b.facts)
		var stages []stage
		if err == nil {
			stages, err = b.planEntry(entry)
		}
		if err != nil {
			b.setItem(key, ItemState{State: itemFailed, Step: err.Error()})
			b.log("error", "queue", "%s failed: %s", describe(entry), err)
			continue
		}
		b.beginItem(key, entry, stages)
		return
	}
	q.state = queueIdle
	b.showRunState()
	b.log("info", "queue", "finished")
}

func (b *Beamline) beginItem(key string, entry Entry, stages []stage) {
	q := &b.queue
	q.item, q.entry, q.stages, q.at, q.passed = key, entry, stages, 0, 0
	if t := entry.Params.TransmissionPct; t > 0 && t != b.attenuate {
		b.attenuate = t
		b.showTransmission()
	}
	b.log("info", "queue", "%s begins", describe(entry))
	b.showRunState()
	b.beginScan()
	b.beginStage()
}

func (b *Beamline) beginStage() {
	q := &b.queue
	q.passed = 0
	b.begin(q.stages[q.at])
	b.showProgress()
}

func (b *Beamline) advanceQueue(d time.Duration) {
	q := &b.queue
	switch q.state {
	case queueStopping:
		if b.shutters[fastShutter].value == shutterClosed {
			q.state, q.item = queueIdle, ""
			b.showRunState()
		}
	case queueRunning:
		q.passed += d
		if b.done(q.stages[q.at]) {
			b.takeImages(q.stages[q.at].images)
			b.stageDone()
			return
		}
		b.takeImages(q.stages[q.at].taken(q.passed))
		if q.unsaid += d; q.unsaid >= progressEvery {
			b.showProgress()
		}
	}
}

func (b *Beamline) stageDone() {
	q := &b.queue
	b.scan.before += q.stages[q.at].images
	if q.at++; q.at < len(q.stages) {
		b.beginStage()
		return
	}
	if q.entry.Task == "collection" {
		b.changer.collected[q.entry.Sample] = true
		b.showSample(q.entry.Sample, SampleCollected)
	}
	b.endScan(itemDone)
	b.setItem(q.item, ItemState{State: itemDone, Progress: 1})
	b.log("info", "queue", "%s is done", describe(q.entry))
	b.nextItem()
}

func (b *Beamline) showProgress() {
	q := &b.queue
	q.unsaid = 0
	var total, passed time.Duration
	for i, s := range q.stages {
		total += s.takes
		if i < q.at {
			passed += s.takes
		}
	}
	s := q.stages[q.at]
	passed += min(q.passed, s.takes)
	// At most 0.99 until it is done: what is shown as complete is.
	progress := 0.0
	if total > 0 {
		progress = min(0.99, float64(passed)/float64(total))
	}
	b.setItem(q.item, ItemState{State: itemRunning, Progress: float64(int(progress*100)) / 100, Step: s.words(q.passed)})
}

// stopQueue stops the run at once: nothing moves any more, and the fast shutter closes.
func (b *Beamline) stopQueue(reason string) {
	q := &b.queue
	if q.state != queueRunning {
		return
	}
	q.state = queueStopping
	b.stopItem(reason)
	b.showRunState()
	b.log("warning", "queue", "%s", reason)
}

func (b *Beamline) stopItem(reason string) {
	q := &b.queue
	item := q.items[q.item]
	item.State = itemStopped
	b.endScan(itemStopped)
	b.setItem(q.item, item)
	b.stopMotors(reason)
	b.stopChanger(reason)
	b.setShutter(b.shutters[fastShutter], shutterClosed, "")
}

// forgetDeleted drops the states of entries that are gone. Deleting the one that is running stops it; the run goes on.
func (b *Beamline) forgetDeleted() {
	q := &b.queue
	for _, key := range slices.Sorted(maps.Keys(q.items)) {
		if _, there := b.entries[key]; there {
			continue
		}
		running := key == q.item && q.state == queueRunning
		if running {
			b.stopItem("its queue entry was deleted")
			b.log("warning", "queue", "%s was deleted while it was running", describe(q.entry))
		}
		delete(q.items, key)
		b.showRun(itemPrefix+key, nil)
		if running {
			b.nextItem()
		}
	}
}

func describe(e Entry) string { return fmt.Sprintf("%s of %s", e.Task, e.Sample) }
