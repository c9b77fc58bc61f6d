package hubtest_test

import (
	"testing"

	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

// A test of a hub that listens at an address: what one tab writes another one sees.
func Example() {
	const address = "http://127.0.0.1:8080"
	_ = func(t *testing.T) {
		alice, bob := hubtest.NewBrowser(t), hubtest.NewBrowser(t)
		alice.SignIn(address, "demo", "alice")
		bob.SignIn(address, "demo", "bob")
		writer, reader := alice.Open(address, "alice-tab"), bob.Open(address, "bob-tab")

		reader.Do(map[string]any{"type": "join", "channel": "notes"}, "joined", nil)
		var written wire.Written
		writer.Do(map[string]any{"type": "write", "channel": "notes", "set": map[string]any{"k": 1}}, "written", &written)

		var change wire.Change
		reader.Expect("change", &change)
		if change.Position != written.Position {
			t.Errorf("seen at %d, written at %d", change.Position, written.Position)
		}
		writer.Refused(map[string]any{"type": "join", "channel": "nowhere"}, "unknown_name")
	}
}
