package mergepatch_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/baton-hub/baton/channels/mergepatch"
)

type patchCase struct {
	Name                 string
	Value, Patch, Result json.RawMessage
}

// patchCases are those of RFC 7396, appendix A, and more.
func patchCases(t testing.TB) (cases []patchCase) {
	t.Helper()
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 15 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	return cases
}

func TestTheCasesOfTheRFCAndOurs(t *testing.T) {
	for _, c := range patchCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			value, patch := bytes.Clone(c.Value), bytes.Clone(c.Patch)
			got, err := mergepatch.Apply(c.Value, c.Patch)
			var want bytes.Buffer
			if err := json.Compact(&want, c.Result); err != nil {
				t.Fatal(err)
			}
			if err != nil || string(got) != want.String() {
				t.Errorf("%s patched with %s is %s (%v), want %s", c.Value, c.Patch, got, err, &want)
			}
			if !bytes.Equal(value, c.Value) || !bytes.Equal(patch, c.Patch) {
				t.Error("what it was given has changed")
			}
		})
	}
}

func TestWhatIsNotJSONIsAnError(t *testing.T) {
	for _, c := range [][2]string{{`{`, `{}`}, {`{}`, `{`}, {`{}`, ``}, {`{}`, `{} {}`}, {`{}]`, `{}`}} {
		if got, err := mergepatch.Apply(json.RawMessage(c[0]), json.RawMessage(c[1])); err == nil {
			t.Errorf("%q patched with %q is %s", c[0], c[1], got)
		}
	}
}
