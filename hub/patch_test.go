package hub_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire/mergepatch"
)

// weighedLog counts the bytes of the entries that change the notes.
type weighedLog struct {
	channels.Log
	bytes atomic.Int64
}

func (l *weighedLog) Append(ctx context.Context, after uint64, data []byte) error {
	if bytes.Contains(data, []byte(`"c":"notes"`)) {
		l.bytes.Add(int64(len(data)))
	}
	return l.Log.Append(ctx, after, data)
}

// patched is what a patch of one field in a value of nearly 64 KiB weighs, in bytes.
type patched struct{ value, wire, log int }

// patchLargeValue lets a tab write such a value and patch a field of it, while others read it.
func patchLargeValue(t testing.TB) (p patched) {
	t.Helper()
	var log weighedLog
	n := newNode(t, nodeOptions{log: func(l channels.Log) channels.Log {
		log.Log = l
		return &log
	}})
	browser := hubtest.NewBrowser(t)
	browser.SignIn(n.url, "lab", "alice")
	writer, reader := browser.Open(n.url, "alice-one"), browser.Open(n.url, "alice-two")
	reader.Do(join("notes"), "joined", nil)
	fields := map[string]any{}
	for i := range 800 {
		fields[fmt.Sprintf("field-%03d", i)] = strings.Repeat("x", 64)
	}
	whole, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	p.value = len(whole)
	writer.Do(write("notes", "large", json.RawMessage(whole)), "written", nil)
	var change struct{ Set, Patch map[string]json.RawMessage }
	reader.Expect("change", &change)
	held := change.Set["large"]

	log.bytes.Store(0)
	writer.Do(frame{"type": "write", "channel": "notes", "patch": frame{"large": frame{"field-400": "y"}}}, "written", nil)
	f := reader.Wait("the change", func(f hubtest.Frame) bool { return f.Type == "change" })
	p.wire, p.log = len(f.Data), int(log.bytes.Load())
	change.Set, change.Patch = nil, nil
	if err := json.Unmarshal(f.Data, &change); err != nil || change.Patch["large"] == nil || change.Set["large"] != nil {
		t.Fatalf("the patch came as %.300s (%v)", f.Data, err)
	}
	now, err := mergepatch.Apply(held, change.Patch["large"])
	if err != nil {
		t.Fatal(err)
	}
	var joined struct {
		Values map[string]struct{ Value json.RawMessage }
	}
	writer.Do(join("notes"), "joined", &joined)
	if !bytes.Equal(joined.Values["large"].Value, now) {
		t.Error("who applies the patch has another value than who joins after it")
	}
	return p
}

func TestAPatchOfALargeValueTravelsAndIsLoggedAsThePatch(t *testing.T) {
	p := patchLargeValue(t)
	t.Logf("the value has %d bytes, the change of it %d, its entry in the log %d", p.value, p.wire, p.log)
	if p.value < 60_000 || p.wire > 400 || p.log > 600 {
		t.Errorf("a patch of a value of %d bytes: %d bytes for each reader, %d in the log", p.value, p.wire, p.log)
	}
}

// BenchmarkPatch is timed for nothing: its figures are bytes.
func BenchmarkPatch(b *testing.B) {
	for b.Loop() {
		p := patchLargeValue(b)
		b.ReportMetric(float64(p.wire)/float64(p.value), "wire/value")
		b.ReportMetric(float64(p.log)/float64(p.value), "log/value")
	}
}
