package mergepatch_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/baton-hub/baton/hub/wire/mergepatch"
)

func TestTheCasesOfTheRFCAndOurs(t *testing.T) {
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name                 string
		Value, Patch, Result json.RawMessage
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 15 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
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
	for _, c := range [][2]string{{`{`, `{}`}, {`{}`, `{`}, {`{}`, ``}} {
		if got, err := mergepatch.Apply(json.RawMessage(c[0]), json.RawMessage(c[1])); err == nil {
			t.Errorf("%q patched with %q is %s", c[0], c[1], got)
		}
	}
}
