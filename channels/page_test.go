package channels_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/baton-hub/baton/channels"
)

// fold makes entries of single effects, as a log would hold them.
type fold struct {
	state *channels.State
	at    time.Time
}

func newFold(t *rapid.T) *fold {
	f := &fold{state: channels.NewState(), at: time.Unix(1_700_000_000, 0)}
	f.apply(t, channels.Effect{Channel: channels.SpaceStore, Key: "epoch", Value: json.RawMessage(`"e"`)})
	f.apply(t, channels.Effect{
		Channel: channels.SiteStore, Key: "rules",
		Value: json.RawMessage(`{"version":1,"channels":{"open":{"kind":"store"},"log":{"kind":"log","keep":8}}}`),
	})
	return f
}

func (f *fold) apply(t *rapid.T, effects ...channels.Effect) {
	e := channels.Entry{Version: channels.EntryVersion, Transactions: []channels.Transaction{{
		Op: channels.Op{Client: "tests", N: f.state.Position() + 1}, Effects: effects,
	}}}
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	f.at = f.at.Add(channels.KeptFor)
	if _, err := f.state.Apply(channels.Record{Position: f.state.Position() + 1, Time: f.at, Data: data}); err != nil {
		t.Fatal(err)
	}
}

// change sets or deletes some keys, or forgets deletions.
func (f *fold) change(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "trim") == 0 {
		upTo := f.state.Position() - rapid.Uint64Range(0, 1).Draw(t, "all but")
		data, _ := json.Marshal(channels.Trim{Tombstones: upTo})
		f.apply(t, channels.Effect{Channel: channels.SpaceStore, Key: "trim", Value: data})
		return
	}
	var effects []channels.Effect
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}), 1, 2, rapid.ID).Draw(t, "keys") {
		e := channels.Effect{Channel: "open", Key: key}
		if rapid.Bool().Draw(t, "set") {
			e.Value = json.RawMessage(fmt.Sprint(f.state.Position()))
		}
		effects = append(effects, e)
	}
	f.apply(t, effects...)
}

func TestAReaderOfPagesHasWhatTheStoreHasWhateverChangesMeanwhile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFold(t)
		for range rapid.IntRange(0, 20).Draw(t, "before") {
			f.change(t)
		}
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		mine := map[string]string{}
		var cursor channels.Cursor
		for steps := 0; steps < 200; steps++ {
			if steps < 20 {
				for range rapid.IntRange(0, 3).Draw(t, "changes") {
					f.change(t)
				}
			}
			given, err := channels.ParseCursor(cursor.String())
			if err != nil {
				t.Fatal(err)
			}
			page, ok := f.state.Page("open", "", given, limit)
			if !ok {
				mine, cursor = map[string]string{}, channels.Cursor{}
				continue
			}
			for _, key := range page.Removed {
				delete(mine, key)
			}
			for key, v := range page.Values {
				mine[key] = string(v.Data)
			}
			cursor = page.Next
			if page.More || steps < 20 {
				continue
			}
			want := map[string]string{}
			for key, v := range f.state.All("open", "").Values {
				want[key] = string(v.Data)
			}
			if !maps.Equal(mine, want) {
				t.Fatalf("the reader has %v, the store %v", mine, want)
			}
			return
		}
		t.Fatal("the reader never came to the end")
	})
}

func TestPagesOfALogHoldEveryMessageOnceInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFold(t)
		var cursor channels.Cursor
		next, read := 0, 0
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			var effects []channels.Effect
			for range rapid.IntRange(1, 3).Draw(t, "messages") {
				effects = append(effects, channels.Effect{Channel: "log", Value: json.RawMessage(fmt.Sprint(next))})
				next++
			}
			f.apply(t, effects...)
			for more := rapid.Bool().Draw(t, "read"); more; {
				page, _ := f.state.Page("log", "", cursor, rapid.IntRange(1, 4).Draw(t, "limit"))
				for _, m := range page.Messages {
					var n int
					_ = json.Unmarshal(m.Data, &n)
					if n != read && !page.Gap {
						t.Fatalf("message %d came when %d was due, and no gap was told", n, read)
					}
					read, page.Gap = n+1, false
				}
				cursor, more = page.Next, page.More
			}
		}
	})
}
