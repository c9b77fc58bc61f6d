package crowd

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-hub/baton/hub/wire"
)

// TestEachFindsWhatAHubWrote compares with encoding/json.
func TestEachFindsWhatAHubWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var frames []wire.Frame
		for i := range rapid.IntRange(0, 4).Draw(t, "frames") {
			text := rapid.String().Draw(t, "text")
			value, err := json.Marshal(map[string]any{text: []any{text, i, nil, true, map[string]any{"type": "x]}"}}})
			if err != nil {
				t.Fatal(err)
			}
			frames = append(frames, &wire.Change{
				Channel: "notes", Position: rapid.Uint64().Draw(t, "position"), Cursor: fmt.Sprint("e-", i),
				Set: map[string]json.RawMessage{text: value}, By: "alice", Op: fmt.Sprint("tab.", i),
			})
		}
		seen := 0
		err := Each(wire.Encode(frames...), func(f Frame) error {
			want := frames[seen].(*wire.Change)
			var set map[string]json.RawMessage
			if err := json.Unmarshal(f.Set, &set); err != nil {
				return err
			}
			for key, value := range want.Set {
				if string(set[key]) != string(value) {
					return fmt.Errorf("%q is %s, want %s", key, set[key], value)
				}
			}
			if string(f.Type) != "change" || string(f.Channel) != "notes" || f.Position != want.Position || string(f.Cursor) != want.Cursor || string(f.Op) != want.Op {
				return fmt.Errorf("found %+v in %+v", f, want)
			}
			seen++
			return nil
		})
		if err != nil || seen != len(frames) {
			t.Fatalf("found %d of %d frames: %v", seen, len(frames), err)
		}
	})
}

func TestEachSaysWhatIsNoMessage(t *testing.T) {
	for _, message := range []string{"", "[", "[{", `[{"type"`, `[{"type":"x"`, `[{"type":"x"}`, `[{"type":"x}]`, `[{"type":"x\`, `{"type":"x"}`, `[1]`, `[{"a":1 "b":2}]`, `[{1:2}]`, `[{"a":}]`, "[{}}"} {
		if err := Each([]byte(message), func(Frame) error { return nil }); err == nil {
			t.Errorf("%s was read", message)
		}
	}
}
