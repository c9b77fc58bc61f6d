package hub_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

// TestWhatAKilledHomeWasHandedAppliesOnceAndAnotherNodeBecomesHome kills the home of a space while it commits for another
// node. The client sends its operation again, there and to a third node, which is the home once the killed one is
// forgotten.
func TestWhatAKilledHomeWasHandedAppliesOnceAndAnotherNodeBecomesHome(t *testing.T) {
	t.Parallel()
	cases := map[string]death{
		"before NATS has it":            {sends: `","h":`},
		"before it hears that NATS has": {sends: `","h":`, answer: `{"stream":"TX_`},
		"before the other node hears":   {sends: `[{"position":`},
	}
	s := newRehoming(t, len(cases))
	var spaces []func()
	for name, d := range cases {
		spaces = append(spaces, s.kill(t, name, s.spaces[len(spaces)].Name, d))
	}
	for _, rehomed := range spaces { // a killed node has to be forgotten first, by all at the same time
		rehomed()
	}
}

// A rehoming is two nodes of some spaces, whose home is the node that is killed, and after it next.
type rehoming struct {
	*stage
	here, next *node
	committed  atomic.Int64 // entries by here
}

func newRehoming(t *testing.T, spaces int) *rehoming {
	t.Helper()
	s := &rehoming{stage: &stage{nats: natstest.External(t), redis: sessiontest.Redis(t), idle: time.Hour}}
	for i := 0; len(s.spaces) < spaces; i++ {
		space := fmt.Sprint("lab", i)
		if hub.Home(space, []string{"here", "next", "victim-" + space}) == "victim-"+space && hub.Home(space, []string{"here", "next"}) == "next" {
			s.spaces = append(s.spaces, hub.Site{Name: space})
		}
	}
	for name, n := range map[string]**node{"here": &s.here, "next": &s.next} {
		logins, err := session.OpenRedis(s.redis.URL)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = logins.Close() })
		o := nodeOptions{
			name: name, policy: oneSeat(s.idle), store: natstest.Connect(t, s.nats.URL), logins: logins,
			more: func(o *hub.Options) { o.Spaces, o.Ticks = s.spaces, noTicks{} },
		}
		if name == "here" {
			o.log = func(l channels.Log) channels.Log { return countedLog{l, &s.committed} }
		}
		*n = newNode(t, o)
	}
	return s
}

// kill has a home killed, and returns what waits until the space has another.
func (s *rehoming) kill(t *testing.T, name, space string, d death) (rehomed func()) {
	t.Helper()
	victim := s.newVictim(t, space)
	alice := hubtest.NewBrowser(t)
	alice.SignIn(s.here.url, space, "alice")
	tab := alice.Open(s.here.url, "alice-tab")
	alice.Open(victim.url, "alice-tab2")
	alice.Open(s.next.url, "alice-tab3")
	presence := wire.Presence{Members: tab.Welcome.Presence}
	for !connected(presence, 3) {
		tab.Expect("presence", &presence)
	}

	d.await(victim)
	said := frame{"type": "append", "channel": "chat", "data": 1, "op": "alice-tab.7"}
	var first, again, moved wire.Appended
	tab.Do(said, "appended", &first)
	if !victim.dead.Load() {
		t.Errorf("%s: the home was not asked", name)
	}
	tab.Do(said, "appended", &again)
	_ = tab.Socket.CloseNow()
	alice.Open(s.next.url, "alice-tab").Do(said, "appended", &moved)
	if again.Position != first.Position || moved.Position != first.Position {
		t.Errorf("%s: it is at %d, then at %d, and on another node at %d", name, first.Position, again.Position, moved.Position)
	}
	back := alice.Open(s.here.url, "alice-tab4")
	return func() {
		t.Helper()
		for late := time.After(4 * hubtest.Patience); ; {
			before := s.committed.Load()
			back.Do(frame{"type": "append", "channel": "chat", "data": 2}, "appended", nil)
			if s.committed.Load() == before {
				break
			}
			select {
			case <-late:
				t.Fatalf("%s: no other node becomes the home", name)
			case <-time.After(500 * time.Millisecond):
			}
		}
		s.once(t, name, space, first.Position)
	}
}

// once checks that the operation is in the log there, and nowhere else.
func (s *rehoming) once(t *testing.T, name, space string, at uint64) {
	t.Helper()
	log, err := natstest.Connect(t, s.nats.URL).Log(t.Context(), space)
	if err != nil {
		t.Fatal(err)
	}
	var found []uint64
	for position, e := range entriesOf(t, log) {
		for _, tx := range e.Transactions {
			if tx.Op.String() == "alice-tab.7" {
				found = append(found, position)
			}
		}
	}
	if len(found) != 1 || found[0] != at {
		t.Errorf("%s: it was answered to be at %d, and is at %d", name, at, found)
	}
}
