package channels

import (
	"encoding/json"

	"github.com/baton-hub/baton/channels/mergepatch"
)

// result is the value that an effect makes of the one that was there. Patches were applied once when they were decided;
// one that fails now, which no version of this package writes, leaves the value as it is.
func (e Effect) result(was json.RawMessage) json.RawMessage {
	if len(e.Patch) == 0 {
		return e.Value
	}
	value, err := mergepatch.Apply(was, e.Patch)
	if err != nil {
		return was
	}
	return value
}
