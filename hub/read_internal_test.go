package hub

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/channelstest"
	"github.com/baton-hub/baton/channels/steptest"
	"github.com/baton-hub/baton/hub/wire"
)

// The state is locked while somebody reads, so what one client asks for must not take long.
func TestAReadOfManyKeysIsQuick(t *testing.T) {
	values := map[string]wire.Value{}
	for i := range 100_000 {
		values[fmt.Sprintf("k%05d", i)] = wire.Value{}
	}
	keys := []string{"k00007"} // a message of 64 KiB has room for 7,000
	for i := range 7_000 {
		keys = append(keys, fmt.Sprintf("x%05d", i))
	}
	channelstest.Within(t, 500*time.Millisecond, func() { // one by one it would be seconds
		left := maps.Clone(values)
		setOf(keys).keep(left)
		if len(left) != 1 {
			t.Errorf("%d values are left, want the one that was asked for", len(left))
		}
	})
}

func TestAReadOfNamedKeysCostsThoseKeysOnly(t *testing.T) {
	r := openRoom(t)
	const all = 5_000
	o := r.replica().House(t.Context(), func(d *channels.Draft) (any, error) {
		for i := range all {
			d.Set(channels.Ref{Channel: "a", Key: fmt.Sprint("k", i)}, json.RawMessage("1"))
		}
		return nil, nil
	})
	if o.Err != nil {
		t.Fatal(o.Err)
	}
	who := channels.Who{User: "ann", Roles: []string{"member"}}
	r.replica().Read(func(state *channels.State) {
		read := &wire.Read{Channel: "a", Keys: []string{"k1", "k7", "k1", "nothing"}}
		cost := steptest.Allocations(10, 100, func() { _, _ = r.valuesFrame(state, who, read) })
		frame, err := r.valuesFrame(state, who, read)
		if err != nil || len(frame.Values) != 2 || string(frame.Values["k7"].Value) != "1" {
			t.Errorf("it reads %+v, %v", frame, err)
		}
		if cost > 100 {
			t.Errorf("four keys of %d take %v allocations", all, cost)
		}
	})
}
