package hub

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"
)

// asks is the question in what a node says.
func (r *room) asks(t *testing.T) (data []byte, question string) {
	t.Helper()
	var said announcement
	data = r.announcement()
	if err := json.Unmarshal(data, &said); err != nil {
		t.Fatal(err)
	}
	return data, said.Ask
}

func TestANodeThatOpensASpaceOrHasMissedTheOthersAsksThemUntilItHearsThat(t *testing.T) {
	h, conns := drainRoom(1)
	r := conns[0].room
	opened, first := r.asks(t)
	if _, again := r.asks(t); first == "" || again != first {
		t.Errorf("it opens the space and asks %q, then %q", first, again)
	}
	r.hearNode(h.options.Node, opened)
	if _, question := r.asks(t); question != "" {
		t.Errorf("it has heard its question, and asks %q", question)
	}
	h.liveFollower().Begin()
	r.hearNode(h.options.Node, opened) // it is what was said last
	if _, question := r.asks(t); question == "" || question == first {
		t.Errorf("it was cut off, and asks %q", question)
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
	conns[0].room.hearNode("two", []byte(`{"conns":[],"ask":"who is there"}`))
	if len(h.news) == 0 {
		t.Error("it does not answer")
	}
}

// What is said goes out without an answer, and can be lost.
func TestAFarewellWaitsUntilTheOthersCouldAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, conns := drainRoom(1)
		r := conns[0].room
		waits := func(want time.Duration) {
			t.Helper()
			began := time.Now()
			r.hearOthers(t.Context())
			if took := time.Since(began); took < want || took > want+rollCallTime/10 {
				t.Errorf("it waits %v, not %v", took, want)
			}
		}
		waits(presenceLife) // nothing was said
		data := r.announcement()
		waits(presenceLife) // nobody has heard it
		r.hearNode(h.options.Node, data)
		waits(rollCallTime)
		waits(0)
		time.Sleep(presenceRenew)
		waits(0)
		time.Sleep(deafAfter)
		waits(presenceLife) // what was heard is old
		r.hearNode(h.options.Node, r.announcement())
		waits(presenceLife) // the others were not heard meanwhile
		time.AfterFunc(2*time.Second, func() { r.hearNode(h.options.Node, r.announcement()) })
		waits(2*time.Second + rollCallTime)
	})
}
