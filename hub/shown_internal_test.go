package hub

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/baton-hub/baton/channels"
)

func TestConnectionsNotedOneByOneAreThoseThatAreThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, conns := drainRoom(1)
		r, here := conns[0].room, []*conn{conns[0]}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if len(here) == 0 || rapid.Bool().Draw(t, "comes") {
				person := fmt.Sprint("p", rapid.IntRange(0, 2).Draw(t, "person"))
				c := r.hub.newConn(nil, r, channels.Who{ID: person, User: person}, nil, fmt.Sprint("client", rapid.IntRange(0, 2).Draw(t, "client")))
				if rapid.Bool().Draw(t, "serves") {
					c.commands = []string{"look"}
				}
				r.conns[c] = struct{}{}
				r.cameLocked(c)
				here = append(here, c)
			} else {
				i := rapid.IntRange(0, len(here)-1).Draw(t, "goes")
				was := here[i].attendantLocked()
				delete(r.conns, here[i])
				r.wentLocked(was)
				here = slices.Delete(here, i, i+1)
			}
			var want []string
			for _, c := range here {
				want = append(want, fmt.Sprint(c.attendantLocked()))
			}
			var got []string
			for _, a := range r.presence.nodes["one"].conns {
				got = append(got, fmt.Sprint(a))
			}
			if !slices.IsSortedFunc(r.presence.nodes["one"].conns, attendant.compare) {
				t.Fatalf("they are out of order: %v", got)
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("noted are %v, there are %v", got, want)
			}
		}
	})
}

func TestAClientIDIsTakenIfSomebodyElseIsConnectedWithIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, now := newPresence("one"), time.Now()
		attendants := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) attendant {
			user := fmt.Sprint("user", rapid.IntRange(0, 2).Draw(t, "user"))
			return attendant{Session: "of " + user, User: user, Client: fmt.Sprint("client", rapid.IntRange(0, 2).Draw(t, "client"))}
		}), 0, 4)
		node := rapid.SampledFrom([]string{"one", "two", "three"})
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				for _, a := range attendants.Draw(t, "come") {
					p.enter(a)
				}
			case 1:
				for _, a := range attendants.Draw(t, "go") {
					p.exit(a, now)
				}
			case 2:
				p.leave(node.Draw(t, "leaves"), now)
			case 3:
				now = now.Add(presenceLife / 2)
				p.lapse(now)
			default:
				conns := attendants.Draw(t, "says")
				slices.SortFunc(conns, attendant.compare)
				p.hear(node.Draw(t, "node"), conns, now)
			}
			for i := range 9 {
				client, user := fmt.Sprint("client", i%3), fmt.Sprint("user", i/3)
				want := p.any(func(a attendant) bool { return a.Client == client && a.User != user })
				if got := p.taken(client, user); got != want {
					t.Fatalf("%s is taken for %s: %v, want %v: %v", client, user, got, want, p.nodes)
				}
			}
		}
	})
}

// TestManyWhoComeAtOnceAreToldToEachOtherAFewTimes lets a thousand people come in a second: n of them would otherwise be
// told n² times of n.
func TestManyWhoComeAtOnceAreToldToEachOtherAFewTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, conns := drainRoom(1)
		r := conns[0].room
		told, announced, bytes := 0, 0, 0
		look := func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			if v := r.shown.version; conns[0].members != v {
				conns[0].members = v
				told++
				bytes += len(r.shown.members) * len(r.conns)
			}
		}
		begun := time.Now()
		for i := range 1000 {
			c := r.hub.newConn(nil, r, channels.Who{ID: fmt.Sprint("p", i), User: fmt.Sprint("p", i)}, nil, fmt.Sprint("tab", i))
			r.mu.Lock()
			r.conns[c] = struct{}{}
			r.cameLocked(c)
			r.mu.Unlock()
			look()
			select {
			case <-r.hub.news:
				_ = r.announcement()
				announced++
			default:
			}
			time.Sleep(time.Millisecond)
		}
		if announced > 80 {
			t.Errorf("the other nodes were told %d times", announced)
		}
		for end := begun.Add(longestRest + 5*time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			look()
		}
		if !strings.Contains(string(r.shown.members), `"p999"`) {
			t.Error("the last one was never told of")
		}
		if took := longestRest + 6*time.Second; told > 400 || bytes > int(took.Seconds())*presenceRate {
			t.Errorf("everybody was told %d times, %d MiB", told, bytes>>20)
		}
		t.Logf("told %d times, %d MiB; the other nodes %d times", told, bytes>>20, announced)
	})
}

// TestManyTabsOfFewPeopleAreToldAFewTimes has a thousand tabs of one person come: what tells of them is short, and still a
// write to each.
func TestManyTabsOfFewPeopleAreToldAFewTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, conns := drainRoom(1)
		r := conns[0].room
		writes := 0
		begun := time.Now()
		for i := range 3000 {
			r.mu.Lock()
			if i < 1000 {
				c := r.hub.newConn(nil, r, channels.Who{ID: "p", User: "p"}, nil, fmt.Sprint("tab", i))
				r.conns[c] = struct{}{}
				r.cameLocked(c)
			}
			if v := r.shown.version; conns[0].members != v {
				conns[0].members = v
				writes += len(r.conns)
			}
			r.mu.Unlock()
			time.Sleep(time.Millisecond)
		}
		if !strings.Contains(string(r.shown.members), `"connections":1000`) {
			t.Errorf("the last one was never told of: %s", r.shown.members)
		}
		if most := int((time.Since(begun) + slack).Seconds() * presenceRate / presenceCost); writes > most {
			t.Errorf("it took %d writes, %d is the limit", writes, most)
		}
	})
}
