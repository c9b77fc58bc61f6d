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
	"github.com/baton-hub/baton/channels/mergepatch"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
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

// A largeValue is a value of nearly 64 KiB that one tab patches and another reads.
type largeValue struct {
	t              testing.TB
	log            weighedLog
	writer, reader *hubtest.Tab
	size           int
	held           json.RawMessage // by the reader
}

func newLargeValue(t testing.TB) *largeValue {
	t.Helper()
	v := &largeValue{t: t}
	n := newNode(t, nodeOptions{limits: hub.Limits{Rate: 1e6, Burst: 1e6}, log: func(l channels.Log) channels.Log {
		v.log.Log = l
		return &v.log
	}})
	browser := hubtest.NewBrowser(t)
	browser.SignIn(n.url, "lab", "alice")
	v.writer, v.reader = browser.Open(n.url, "alice-one"), browser.Open(n.url, "alice-two")
	v.reader.Do(join("notes"), "joined", nil)
	fields := map[string]any{}
	for i := range 800 {
		fields[fmt.Sprintf("field-%03d", i)] = strings.Repeat("x", 64)
	}
	whole, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	v.size = len(whole)
	v.writer.Do(write("notes", "large", json.RawMessage(whole)), "written", nil)
	var change struct{ Set map[string]json.RawMessage }
	v.reader.Expect("change", &change)
	v.held = change.Set["large"]
	return v
}

// patch changes one field of it, and returns how many bytes the reader and the log got.
func (v *largeValue) patch(to string) (wire, log int) {
	v.t.Helper()
	v.log.bytes.Store(0)
	v.writer.Do(frame{"type": "write", "channel": "notes", "patch": frame{"large": frame{"field-400": to}}}, "written", nil)
	f := v.reader.Wait("the change", func(f hubtest.Frame) bool { return f.Type == "change" })
	var change struct{ Set, Patch map[string]json.RawMessage }
	if err := json.Unmarshal(f.Data, &change); err != nil || change.Patch["large"] == nil || change.Set["large"] != nil {
		v.t.Fatalf("the patch came as %.300s (%v)", f.Data, err)
	}
	now, err := mergepatch.Apply(v.held, change.Patch["large"])
	if err != nil {
		v.t.Fatal(err)
	}
	v.held = now
	return len(f.Data), int(v.log.bytes.Load())
}

func TestAPatchOfALargeValueTravelsAndIsLoggedAsThePatch(t *testing.T) {
	v := newLargeValue(t)
	for _, to := range []string{"y", "z"} {
		wire, log := v.patch(to)
		t.Logf("the value has %d bytes, the change of it %d, its entry in the log %d", v.size, wire, log)
		if v.size < 60_000 || wire > 400 || log > 600 || log < 100 {
			t.Errorf("a patch of a value of %d bytes: %d bytes for each reader, %d in the log", v.size, wire, log)
		}
	}
	var joined struct {
		Values map[string]struct{ Value json.RawMessage }
	}
	v.writer.Do(join("notes"), "joined", &joined)
	if !bytes.Equal(joined.Values["large"].Value, v.held) {
		t.Error("who applies the patches has another value than who joins after them")
	}
}

func BenchmarkPatch(b *testing.B) {
	v := newLargeValue(b)
	var wire, log, n int
	for b.Loop() {
		w, l := v.patch(fmt.Sprintf("%09d", n))
		wire, log, n = wire+w, log+l, n+1
	}
	b.ReportMetric(float64(wire)/float64(n*v.size), "wire/value")
	b.ReportMetric(float64(log)/float64(n*v.size), "log/value")
}
