package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Frames that write themselves are, to the byte, what encoding/json makes of them.
func TestQuickFramesAreWrittenAsAllOthersAre(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "", "plain", `"\<&>`, "\u2028\x7f\x00\t", "ä€😀", "\xff"}))
	raw := rapid.Map(rapid.SampledFrom([]string{"null", "1.50e1", `"<\u003c"`, `{"b":[1,{}]}`}), func(s string) json.RawMessage { return json.RawMessage(s) })
	raws, numbers := rapid.MapOfN(text, raw, 0, 3), rapid.MapOfN(text, rapid.Uint64(), 0, 3)
	// Two keys that become the same when they are not UTF-8 have no order; none such comes in.
	valid := func(s string) bool { return strings.ToValidUTF8(s, "") == s }
	keys := func(m map[string]json.RawMessage) map[string]json.RawMessage {
		for key := range m {
			if !valid(key) {
				delete(m, key)
			}
		}
		return m
	}
	rapid.Check(t, func(t *rapid.T) {
		s := func(name string) string { return text.Draw(t, name) }
		n := func(name string) uint64 { return rapid.OneOf(rapid.Just[uint64](0), rapid.Uint64()).Draw(t, name) }
		list := rapid.SliceOfN(text, 0, 3).Draw(t, "list")
		set, patch := keys(raws.Draw(t, "set")), keys(raws.Draw(t, "patch"))
		held := numbers.Draw(t, "held")
		for key := range held {
			if !valid(key) {
				delete(held, key)
			}
		}
		at := time.Time{}
		if rapid.Bool().Draw(t, "timed") {
			at = time.Unix(rapid.Int64Range(0, 1<<35).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC()
		}
		head := Head{ID: n("id"), Seen: s("seen"), Again: rapid.Bool().Draw(t, "again")}
		for _, f := range []Frame{
			&Change{Channel: s("channel"), Owner: s("owner"), Position: n("position"), Cursor: s("cursor"), At: at, Set: set, Patch: patch, Delete: list, By: s("by"), Op: s("op")},
			&Message{Channel: s("channel"), Position: n("position"), Cursor: s("cursor"), At: at, By: s("by"), Data: raw.Draw(t, "data"), Op: s("op")},
			&Message{},
			&Written{ID: n("id"), Position: n("position"), Cursor: s("cursor"), Calls: list},
			&Appended{ID: n("id"), Position: n("position"), Cursor: s("cursor")},
			&Write{Head: head, Channel: s("channel"), Owner: s("owner"), Set: set, Delete: list, Patch: patch, If: held, Unseen: s("unseen"), Term: n("term"), Held: held, Op: s("op")},
			&Append{Head: head, Channel: s("channel"), Data: raw.Draw(t, "data"), Term: n("term"), Op: s("op")},
		} {
			body, err := encode(f)
			if err != nil {
				t.Fatal(err)
			}
			want := `{"type":"` + f.FrameType() + `",` + string(body[1:])
			if got := string(AppendFrame(nil, f)); got != want {
				t.Errorf("written %s\nwant    %s", got, want)
			}
		}
	})
}
