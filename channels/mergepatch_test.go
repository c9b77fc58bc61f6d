package channels_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/channels"
)

type patchCase struct {
	Name                 string
	Value, Patch, Result json.RawMessage
}

// patchCases are those of RFC 7396, appendix A, and more. Clients, which apply the patches that changes carry, pass them
// too.
func patchCases(t testing.TB) (cases []patchCase) {
	t.Helper()
	data, err := os.ReadFile("../hub/wire/mergepatch/testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 15 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	return cases
}

func TestMergePatch(t *testing.T) {
	for _, c := range patchCases(t) {
		var want bytes.Buffer
		if err := json.Compact(&want, c.Result); err != nil {
			t.Fatal(err)
		}
		got, err := channels.MergePatch(c.Value, c.Patch)
		if err != nil || string(got) != want.String() {
			t.Errorf("%s: %s patched with %s is %s (%v), want %s", c.Name, c.Value, c.Patch, got, err, &want)
		}
	}
}

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
