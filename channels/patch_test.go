package channels_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/channels"
)

func patch(key, value string) func(*channels.Write) {
	return func(w *channels.Write) {
		w.Set, w.Patch = nil, map[string]json.RawMessage{key: json.RawMessage(value)}
	}
}

func TestAPatchAppliesToTheValueThatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann", "bob")
		mustDo(t, s, set("ann", 1, "open", "k", "", patch("k", `{"x":1,"y":{"z":1}}`))) // of nothing
		mustDo(t, s, set("bob", 1, "open", "k", "", patch("k", `{"y":{"w":2}}`)))
		retry := set("ann", 2, "open", "k", "", patch("k", `{"x":null}`))
		first, again := mustDo(t, s, retry), mustDo(t, s, retry)
		if got := get(s, "open", "k"); got != `{"y":{"w":2,"z":1}}` || first.Position != again.Position {
			t.Errorf("the value is %s, patched at %d and %d", got, first.Position, again.Position)
		}
		both := set("ann", 3, "open", "k", "", patch("k", `{}`), func(w *channels.Write) { w.Delete = []string{"k"} })
		wantCode(t, s.Do(t.Context(), both), channels.CodeInvalid)
		stale := set("bob", 2, "open", "k", "", patch("k", `{"x":9}`), unseen(1))
		wantCode(t, s.Do(t.Context(), stale), channels.CodeConflict)
	})
}

func TestAValueHasASizeLimitHoweverItGrew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann")
		most := `"` + strings.Repeat("x", channels.MaxValue-2) + `"`
		mustDo(t, s, set("ann", 1, "open", "k", most))
		wantCode(t, s.Do(t.Context(), set("ann", 2, "open", "k", most+" ")), channels.CodeTooLarge)
		half := `"` + strings.Repeat("x", channels.MaxValue/2) + `"`
		mustDo(t, s, set("ann", 3, "open", "p", "", patch("p", `{"a":`+half+`}`)))
		wantCode(t, s.Do(t.Context(), set("ann", 4, "open", "p", "", patch("p", `{"b":`+half+`}`))), channels.CodeTooLarge)
		mustDo(t, s, set("ann", 5, "open", "p", "", patch("p", `{"a":null,"b":`+half+`}`)))
	})
}
