package cmd

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/baton-hub/baton/cmd/baton/beamline"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

// The whole way: a browser, the hub, the log, and the beamline as a service of the public API.
func TestTheDemoBeamlineRunsTheQueueAndAnObserverMayStopIt(t *testing.T) {
	t.Parallel()
	p := startBaton(t, "--data", t.TempDir())
	alice, bob := hubtest.NewBrowser(t), hubtest.NewBrowser(t)
	alice.SignIn(p.url, "demo", "alice")
	bob.SignIn(p.url, "demo", "bob")
	drives, looksOn := alice.Open(p.url, "alice-tab"), bob.Open(p.url, "bobs-tab")
	var controlled wire.Controlled
	drives.Do(map[string]any{"type": "control", "do": "request"}, "controlled", &controlled)
	for _, channel := range []string{"samples", "run", "motors"} {
		join := map[string]any{"type": "join", "channel": channel}
		var joined wire.Joined
		looksOn.Do(join, "joined", &joined)
		if last := "2:16"; channel == "samples" && joined.Values[last].Value == nil {
			waitChange(looksOn, channel, last, func(s beamline.Sample) bool { return s.Position == 16 })
		}
	}

	drives.Do(map[string]any{"type": "write", "channel": "queue", "term": controlled.Term, "set": map[string]any{
		"q1": beamline.Entry{Sample: "1:07", Task: "collection", Order: 1, Params: beamline.TaskParams{Images: 100, RangeDeg: 30, ExposureS: 3}}, // long
	}}, "written", nil)
	for start(t, drives, controlled.Term) != "done" { // the beamline may not have started yet, or not have heard of the entry
	}
	waitChange(looksOn, "run", "queue", func(r beamline.RunState) bool { return r.State == "running" && r.Item == "q1" })
	waitChange(looksOn, "samples", "1:07", func(s beamline.Sample) bool { return s.State == beamline.SampleMounted })
	waitChange(looksOn, "motors", "omega", func(m beamline.Motor) bool { return m.State == beamline.MotorMoving })

	// bob drives nothing, but what is marked as stop he may.
	looksOn.Refused(map[string]any{"type": "call", "command": "queue.start", "term": controlled.Term}, "not_operator")
	looksOn.Send(map[string]any{"type": "call", "id": 1000, "command": "queue.stop", "op": looksOn.Client + ".1000"})
	called, run := false, map[string]json.RawMessage{} // both values may come in one change or in two
	looksOn.Wait("the answer, the entry to be stopped and the queue idle", func(f hubtest.Frame) bool {
		var change wire.Change
		called = called || f.Type == "called"
		if f.Type == "change" && json.Unmarshal(f.Data, &change) == nil && change.Channel == "run" {
			maps.Copy(run, change.Set)
		}
		var item beamline.ItemState
		var queue beamline.RunState
		return called && json.Unmarshal(run["item/q1"], &item) == nil && item.State == "stopped" &&
			json.Unmarshal(run["queue"], &queue) == nil && queue.State == "idle"
	})
}

// start asks for the queue to be started until somebody serves that, no more often than one may ask, and returns the state
// the call ends in.
func start(t *testing.T, tab *hubtest.Tab, term uint64) (state string) {
	t.Helper()
	tick, late := time.NewTicker(60*time.Millisecond), time.After(hubtest.Patience)
	defer tick.Stop()
	for tab.Ask(map[string]any{"type": "call", "command": "queue.start", "term": term}).Type != "called" {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("nobody serves queue.start")
		}
	}
	tab.Wait("the call of queue.start to end", func(f hubtest.Frame) bool {
		var call wire.CallState
		if f.Type == "call" && json.Unmarshal(f.Data, &call) == nil {
			state = call.State
		}
		return state == "done" || state == "failed"
	})
	return state
}

// waitChange waits for a change after which the key of the channel has a value that is wanted.
func waitChange[T any](tab *hubtest.Tab, channel, key string, wanted func(T) bool) {
	tab.Wait("a change of "+channel+" "+key, func(f hubtest.Frame) bool {
		var change wire.Change
		if f.Type != "change" || json.Unmarshal(f.Data, &change) != nil || change.Channel != channel || change.Set[key] == nil {
			return false
		}
		var value T
		return json.Unmarshal(change.Set[key], &value) == nil && wanted(value)
	})
}
