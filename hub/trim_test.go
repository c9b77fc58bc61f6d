package hub_test

import (
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

func TestMessagesOlderThanTheirWindowAreForgotten(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{rules: func(r *channels.Rules) {
		chat := r.Channels["chat"]
		chat.KeepFor = 1000
		r.Channels["chat"] = chat
	}})
	_, tab := n.open(t, "alice")
	tab.Do(frame{"type": "append", "channel": "chat", "data": "soon forgotten", "op": "alice-tab.1"}, "appended", nil)
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	for deadline, kept := time.Now().Add(hubtest.Patience), 1; kept > 0; {
		if time.Now().After(deadline) {
			t.Fatal("it is still there")
		}
		_ = space.WaitFor(t.Context(), n.position(t)+1) // whatever happens next, or 2 s
		space.Read(func(state *channels.State) {
			messages, _ := state.Messages("chat", 0)
			kept = len(messages)
		})
	}
	var joined wire.Joined
	tab.Do(frame{"type": "join", "channel": "chat"}, "joined", &joined)
	if len(joined.Messages) != 0 || !joined.Gap {
		t.Errorf("a newcomer gets %+v", joined)
	}
}
