package history_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/tools/faults/history"
)

func TestWhatIsRecordedIsRead(t *testing.T) {
	dir := t.TempDir()
	rec, err := history.Record(dir, history.Run{Seed: 7, Space: "lab"})
	if err != nil {
		t.Fatal(err)
	}
	write := history.Asked(&wire.Write{
		Channel: "queue", Set: map[string]json.RawMessage{"a": json.RawMessage(`"<1>"`)}, If: map[string]uint64{"a": 3}, Term: 2, Op: "c1ab.1",
	}, 5)
	write.Answered(&wire.Written{ID: 1, Position: 9}, 8)
	read := history.Asked(&wire.Read{Channel: "queue"}, 6)
	read.Answered(&wire.Values{ID: 2, Cursor: channels.Cursor{Epoch: "e", Position: 9}.String()}, 9)
	lost := history.Asked(&wire.Append{Channel: "chat", Data: json.RawMessage("1"), Op: "c1ab.2"}, 1)
	lost.Answered(&wire.Error{ID: 3, Code: "unknown"}, 2)
	want := &history.History{
		Run:        history.Run{Seed: 7, Space: "lab"},
		Operations: []history.Operation{lost, write, read},
		Joins:      []history.Join{{Client: "c1ab", Conn: "s1", At: 1, ID: 1, Channel: "queue"}},
		Messages:   []history.Message{{Client: "c1ab", Conn: "s1", At: 2, Data: json.RawMessage(`[{"type":"pong"}]`)}},
		Closes:     []history.Closed{{Client: "c1ab", Conn: "s1", At: 3, Code: 1012}},
		Visits:     []history.Visit{{What: history.SignOut, Cookie: "k1", User: "alice", Session: "s", Status: 204, Begin: 1, End: 2}},
		Bytes:      []history.Bytes{{Conn: "s1", Session: "s", At: 4, Count: 17}},
		Log:        []history.Entry{{Position: 1, Time: "2026-01-01T00:00:00Z", Data: json.RawMessage(`{"v":1,"id":"x"}`)}},
	}
	for _, o := range []history.Operation{write, read, lost} { // they are read by their time
		rec.Operation(o)
	}
	rec.Join(want.Joins[0])
	rec.Message(want.Messages[0])
	rec.Closed(want.Closes[0])
	rec.Visit(want.Visits[0])
	rec.Bytes(want.Bytes[0])
	if err := rec.Log(want.Log); err != nil {
		t.Fatal(err)
	}
	want.Others = map[string][]history.Entry{"a/b": want.Log}
	if err := rec.Other("a/b", want.Log); err != nil {
		t.Fatal(err)
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := history.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read  %+v\nwrote %+v", got, want)
	}
	if w := got.Operations[1]; w.Position != 9 || w.Outcome != history.OK || w.Verb != "write" || w.Writes[0].If["a"] != 3 {
		t.Errorf("the write is %+v", w)
	}
	if got.Operations[2].Position != 9 || got.Operations[0].Outcome != history.Unknown {
		t.Errorf("the read is at %d, the lost one is %s", got.Operations[2].Position, got.Operations[0].Outcome)
	}
}

func TestALogIsCollectedWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := channels.NewMemoryLog()
		if entries, err := history.Collect(t.Context(), log); err != nil || len(entries) != 0 {
			t.Fatalf("an empty log: %v, %v", entries, err)
		}
		for n := range uint64(5) {
			if err := log.Append(t.Context(), n, []byte(`{"v":1,"id":"x"}`)); err != nil {
				t.Fatal(err)
			}
		}
		entries, err := history.Collect(t.Context(), log)
		if err != nil || len(entries) != 5 || entries[4].Position != 5 {
			t.Fatalf("%d entries, %v", len(entries), err)
		}
		if e, err := entries[0].Decode(); err != nil || e.ID != "x" {
			t.Errorf("%+v, %v", e, err)
		}
	})
}
