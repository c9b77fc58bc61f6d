package hub_test

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

// encodings is how many answers to joins the node has encoded.
func encodings(t *testing.T, n *node) int {
	t.Helper()
	found := regexp.MustCompile(`(?m)^baton_join_encodings_total\{space="lab"\} (\d+)$`).FindStringSubmatch(figures(t, n))
	if found == nil {
		t.Fatal("they are not counted")
	}
	count, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return count
}

func TestWhatManyJoinAtOnePositionIsEncodedOnce(t *testing.T) {
	n := newNode(t, nodeOptions{limits: hub.Limits{Rate: 1000, Burst: 1000}})
	var tabs []*hubtest.Tab
	users := []string{"alice", "bob"}
	for _, user := range users {
		browser, first := n.open(t, user)
		first.Do(write("ui", "mine", user), "written", nil)
		tabs = append(tabs, first)
		for i := range 8 {
			tabs = append(tabs, browser.Open(n.url, fmt.Sprintf("%s-tab-%d", user, i)))
		}
	}
	_, sam := n.open(t, "sam")
	var written wire.Written
	for i := range 100 {
		tabs[0].Do(write("notes", fmt.Sprint("k", i), i), "written", &written)
	}
	joins := func(what string, cost int, request func(tab int) frame, check func(tab int, j wire.Joined)) {
		t.Helper()
		before := encodings(t, n)
		for i, tab := range tabs {
			var joined wire.Joined
			request := request(i)
			tab.Do(request, "joined", &joined)
			if joined.Channel != request["channel"] || joined.Cursor != written.Cursor {
				t.Errorf("%s: joined %s at %s, asked for %s at %s", what, joined.Channel, joined.Cursor, request["channel"], written.Cursor)
			}
			check(i, joined)
			tab.Do(frame{"type": "leave", "channel": request["channel"]}, "left", nil)
		}
		if got := encodings(t, n) - before; got != cost {
			t.Errorf("%s: %d joins cost %d encodings, want %d", what, len(tabs), got, cost)
		}
	}
	joins("all of a store", 1, func(int) frame { return join("notes") }, func(tab int, j wire.Joined) {
		if j.Mode != wire.Snapshot || len(j.Values) != 100 || string(j.Values["k7"].Value) != "7" {
			t.Errorf("tab %d got %d values as %s", tab, len(j.Values), j.Mode)
		}
	})
	early := written.Cursor
	tabs[0].Do(write("notes", "k7", "new"), "written", &written)
	joins("what was missed", 1, func(int) frame { return with(join("notes"), "cursor", early) }, func(tab int, j wire.Joined) {
		if j.Mode != wire.Delta || len(j.Values) != 1 || string(j.Values["k7"].Value) != `"new"` {
			t.Errorf("tab %d resumed with %+v", tab, j)
		}
	})
	joins("nothing, or all", 2, func(tab int) frame { return with(join("notes"), "cursor", []string{written.Cursor, ""}[tab%2]) }, func(tab int, j wire.Joined) {
		if want := []int{0, 100}[tab%2]; len(j.Values) != want {
			t.Errorf("tab %d got %d values, want %d", tab, len(j.Values), want)
		}
	})
	joins("everybody's own", 2, func(int) frame { return join("ui") }, func(tab int, j wire.Joined) {
		if user := users[tab/9]; string(j.Values["mine"].Value) != fmt.Sprintf("%q", user) || j.Owner != "" {
			t.Errorf("%s got %+v", user, j)
		}
	})
	before := encodings(t, n) // with those of alice that staff reads: the same values in another frame
	var joined wire.Joined
	sam.Do(with(join("ui"), "owner", "alice"), "joined", &joined)
	if joined.Owner != "alice" || string(joined.Values["mine"].Value) != `"alice"` || encodings(t, n) != before+1 {
		t.Errorf("staff got %+v", joined)
	}
	for i := range 3 {
		tabs[0].Do(frame{"type": "append", "channel": "chat", "data": i}, "appended", &written)
	}
	joins("the end of a log", 2, func(tab int) frame { return with(join("chat"), "last", 1+tab%2) }, func(tab int, j wire.Joined) {
		if len(j.Messages) != 1+tab%2 || string(j.Messages[len(j.Messages)-1].Data) != "2" {
			t.Errorf("tab %d got %+v", tab, j.Messages)
		}
	})
}
