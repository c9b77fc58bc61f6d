package hub

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// drainRoom is a hub with so many connections in its one room, of which the last serves a command.
func drainRoom(n int) (*Hub, []*conn) {
	h := &Hub{options: Options{Node: "one"}, figures: newFigures(), news: make(chan *room, 64)}
	h.options.Limits = h.options.Limits.Filled()
	r := newRoom(h, "lab")
	policy := session.Policy{}.Filled()
	r.policy.Store(&policy)
	h.rooms = map[string]*room{"lab": r}
	var conns []*conn
	for i := range n {
		c := h.newConn(nil, r, channels.Who{ID: fmt.Sprint("s", i), User: fmt.Sprint("u", i)}, nil, fmt.Sprint("client", i))
		close(c.gone) // nobody writes
		r.conns[c] = struct{}{}
		conns = append(conns, c)
	}
	conns[n-1].commands = []string{"look"}
	r.attendLocked()
	return h, conns
}

func TestADrainTellsAndClosesSomeAtATimeAndServicesFirst(t *testing.T) {
	_, conns := drainRoom(50)
	e := &exodus{hub: conns[0].room.hub, stay: time.Second, batch: 20}
	count := func() (told, parted int) {
		for _, c := range conns {
			if strings.Contains(heard(c), `"leaving"`) {
				told++
			}
			if c.deaf() {
				parted++
			}
		}
		return told, parted
	}
	start := time.Now()
	for i, want := range []struct{ told, parted int }{{20, 0}, {20, 0}, {10, 0}, {0, 0}} {
		e.step(start)
		if i == 0 && conns[49].told.IsZero() {
			t.Error("the service was not among the first to be told")
		}
		if told, parted := count(); told != want.told || parted != want.parted {
			t.Errorf("step %d told %d and closed %d, want %+v", i, told, parted, want)
		}
	}
	for _, want := range []int{20, 40, 50, 50} {
		e.step(start.Add(time.Second))
		if _, parted := count(); parted != want {
			t.Errorf("%d are closed, want %d", parted, want)
		}
	}
}

func TestAClientWithTwoConnectionsIsOneMemberAndOneWithinTheLimits(t *testing.T) {
	h, conns := drainRoom(1)
	r, first := conns[0].room, conns[0]
	second := h.newConn(nil, r, first.who, nil, first.client)
	r.conns[second] = struct{}{}
	r.attendLocked()
	if m := r.presence.members(); len(m) != 1 || m[0].Connections != 1 {
		t.Errorf("the members are %+v", m)
	}
	r.hearNode("two", []byte(`{"conns":[{"session":"s0","user":"u0","client":"client0"},{"session":"s0","user":"u0","client":"tab2"}]}`))
	if m := r.presence.members(); len(m) != 1 || m[0].Connections != 2 {
		t.Errorf("with another tab the members are %+v", m)
	}
}

func TestWhoHasGoneToAnotherNodeIsHereUntilThatHasSaidSo(t *testing.T) {
	_, conns := drainRoom(2)
	r := conns[1].room
	here := func() bool {
		return r.served("look") && r.presence.any(func(a attendant) bool { return a.Client == "client1" })
	}
	r.mu.Lock()
	conns[1].tellLocked(time.Now(), time.Second)
	r.lingerLocked(conns[1], conns[1].attendantLocked())
	delete(r.conns, conns[1])
	r.attendLocked()
	r.mu.Unlock()
	if !here() {
		t.Error("the service is gone at once")
	}
	r.mu.Lock()
	r.letGoLocked(conns[1])
	r.mu.Unlock()
	if here() {
		t.Error("the service stays for ever")
	}
}
