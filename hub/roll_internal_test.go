package hub

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestANodeThatOpensASpaceOrHasMissedTheOthersAsksThemOnceAndAgainIfTheyWereNotTold(t *testing.T) {
	h, conns := drainRoom(1)
	r := conns[0].room
	for _, step := range []struct {
		does string
		do   func()
		want bool
	}{
		{"opens the space", func() {}, true},
		{"says it again", func() {}, false},
		{"was cut off", h.liveFollower().Begin, true},
		{"says it again", func() {}, false},
		{"could not say it", r.askAgainLater, true},
	} {
		step.do()
		if data, asks := r.announcement(); asks != step.want || strings.Contains(string(data), `"ask":true`) != step.want {
			t.Errorf("it %s: %s", step.does, data)
		}
	}
}

func TestANodeThatIsAskedSaysAtOnceWhoIsThere(t *testing.T) {
	h, conns := drainRoom(1)
	for len(h.news) > 0 {
		<-h.news
	}
	conns[0].room.hearNode("two", []byte(`{"conns":[]}`))
	if len(h.news) > 0 {
		t.Error("it answers what was no question")
	}
	conns[0].room.hearNode("two", []byte(`{"conns":[],"ask":true}`))
	if len(h.news) == 0 {
		t.Error("it does not answer")
	}
}

func TestAFarewellWaitsUntilTheOthersCouldAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, conns := drainRoom(1)
		r := conns[0].room
		waited := func(want time.Duration) {
			t.Helper()
			began := time.Now()
			r.hearOthers(t.Context())
			if took := time.Since(began); took < want || took > want+rollCallTime/10 {
				t.Errorf("it waits %v, not %v", took, want)
			}
		}
		waited(presenceRenew + rollCallTime) // nobody could be asked
		_, _ = r.announcement()
		waited(rollCallTime)
		waited(0)
	})
}
