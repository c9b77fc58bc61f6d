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

// What keeps the word of the nodes can be away while the log is not.
func TestANodeThatDoesNotHearItselfTakesNobodyForGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, conns := drainRoom(1)
		r := conns[0].room
		says := func(what string, watched bool, others int) {
			t.Helper()
			r.mu.Lock()
			is := r.watchedLocked(time.Now())
			r.mu.Unlock()
			if n := len(r.otherNodes()); is != watched || n != others {
				t.Errorf("%s: it has watched %v, and knows %d other nodes", what, is, n)
			}
		}
		hears := func() { r.hearNode(h.options.Node, r.announcement()) }
		r.hearNode("two", []byte(`{"conns":[]}`))
		says("it has heard nothing of itself", false, 1)
		hears()
		says("it has asked just now", false, 1)
		time.Sleep(rollCallTime)
		says("they had time to answer", true, 1)
		time.Sleep(presenceLife)
		says("nothing comes any more", false, 1)
		hears() // and asks
		says("something comes again", false, 1)
		hears()
		time.Sleep(rollCallTime)
		says("the other one has not answered", true, 0)
	})
}
