package hub

import (
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// idleRoom is a room with a policy, and alice's tab in it.
func idleRoom(p session.Policy) (*room, *conn) {
	h := &Hub{options: Options{Node: "one"}, figures: newFigures()}
	h.options.Limits = h.options.Limits.Filled()
	r := newRoom(h, "lab")
	p = p.Filled()
	r.policy.Store(&p)
	c := h.newConn(nil, r, channels.Who{ID: "sa", User: "alice"}, nil, "alice-tab")
	r.conns[c] = struct{}{}
	r.attendLocked()
	return r, c
}

// heard takes the frames that wait for a connection.
func heard(c *conn) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var frames []string
	for _, a := range c.answers {
		frames = append(frames, string(a.data))
	}
	c.answers = nil
	return strings.Join(frames, " ")
}

var aliceHere = []session.Session{{ID: "sa", Record: session.Record{User: "alice"}}}

func TestAnOpenTabKeepsALoginSessionAndNothingElseDoesForLong(t *testing.T) {
	r, c := idleRoom(session.Policy{Idle: 30 * time.Minute, Absolute: 8 * time.Hour})
	now := time.Now()
	if due := r.overdueLocked(aliceHere, now.Add(7*time.Hour)); len(due) != 0 {
		t.Errorf("with an open tab %+v is due", due)
	}
	delete(r.conns, c)
	r.attendLocked()
	if due := r.overdueLocked(aliceHere, now.Add(7*time.Hour+29*time.Minute)); len(due) != 0 {
		t.Errorf("a moment later %+v is due", due)
	}
	if due := r.overdueLocked(aliceHere, now.Add(7*time.Hour+30*time.Minute)); len(due) != 1 || due[0].how != session.Idle {
		t.Errorf("after half an hour %+v is due", due)
	}
}

func TestNothingKeepsALoginSessionBeyondItsAbsoluteLife(t *testing.T) {
	r, _ := idleRoom(session.Policy{Absolute: 8 * time.Hour})
	now := time.Now()
	r.overdueLocked(aliceHere, now)
	if due := r.overdueLocked(aliceHere, now.Add(8*time.Hour)); len(due) != 1 || due[0].how != session.OutOfTime {
		t.Errorf("%+v is due", due)
	}
}

func TestWhatIsUsedOnAnotherNodeIsNotIdle(t *testing.T) {
	r, c := idleRoom(session.Policy{Idle: 30 * time.Minute})
	delete(r.conns, c)
	r.attendLocked()
	now := time.Now()
	r.overdueLocked(aliceHere, now.Add(-time.Hour))
	r.hearNode("two", []byte(`{"conns":[],"used":{"sa":{"last":60000,"input":600000}}}`))
	if due := r.overdueLocked(aliceHere, now); len(due) != 0 {
		t.Errorf("used elsewhere a minute ago, and %+v is due", due)
	}
	if got := r.watch.lately(now); len(got) != 0 {
		t.Errorf("this node would tell of it in turn: %v", got)
	}
}

func TestWhoTouchesNothingIsWarnedAndThenSignedOutTabOrNot(t *testing.T) {
	r, c := idleRoom(session.Policy{IdleInput: 15 * time.Minute})
	now := time.Now()
	r.overdueLocked(aliceHere, now)
	r.warnIdle(now.Add(13 * time.Minute))
	if got := heard(c); got != "" {
		t.Errorf("too early she hears %s", got)
	}
	for range 2 {
		r.warnIdle(now.Add(14*time.Minute + time.Second))
	}
	if got := heard(c); strings.Count(got, `"idle"`) != 1 || !strings.Contains(got, `"remaining_ms":69`) {
		t.Errorf("she is warned with %s", got)
	}
	r.touch("sa", false)
	if got := heard(c); got != "" {
		t.Errorf("a request by itself is no input, and she hears %s", got)
	}
	r.touch("sa", true)
	if got := heard(c); got != `{"type":"idle"}` {
		t.Errorf("after input she hears %s", got)
	}
	now = time.Now()
	if due := r.overdueLocked(aliceHere, now.Add(15*time.Minute)); len(due) != 0 {
		t.Errorf("before the word of another node can have come, %+v is due", due)
	}
	if due := r.overdueLocked(aliceHere, now.Add(15*time.Minute+idleSpare)); len(due) != 1 || due[0].how != session.NoInput {
		t.Errorf("%+v is due", due)
	}
}

func TestInputOnAnotherNodeTakesTheWarningBack(t *testing.T) {
	r, c := idleRoom(session.Policy{IdleInput: 15 * time.Minute})
	r.watch.see("sa", time.Now().Add(-15*time.Minute))
	r.warnIdle(time.Now())
	if got := heard(c); !strings.Contains(got, "remaining_ms") {
		t.Fatalf("she hears %s", got)
	}
	r.hearNode("two", []byte(`{"conns":[],"used":{"sa":{"last":10,"input":10}}}`))
	r.warnIdle(time.Now())
	if got := heard(c); got != `{"type":"idle"}` {
		t.Errorf("she hears %s", got)
	}
}

func TestFreshCredentialsAreFreshForAWhile(t *testing.T) {
	r, _ := idleRoom(session.Policy{})
	now := time.Now()
	at := map[string]uint64{"sa": 7}
	if stale := r.staleLocked(at, now); len(stale) != 0 {
		t.Errorf("stale at once: %v", stale)
	}
	if stale := r.staleLocked(map[string]uint64{"sa": 9}, now.Add(4*time.Minute)); len(stale) != 0 {
		t.Errorf("entered again, and stale: %v", stale)
	}
	if stale := r.staleLocked(map[string]uint64{"sa": 9}, now.Add(8*time.Minute)); len(stale) != 0 {
		t.Errorf("stale after four minutes: %v", stale)
	}
	if stale := r.staleLocked(map[string]uint64{"sa": 9}, now.Add(9*time.Minute)); stale["sa"] != 9 {
		t.Errorf("after five minutes %v is stale", stale)
	}
	if r.staleLocked(nil, now); len(r.fresh) != 0 {
		t.Error("what is over is remembered")
	}
}

func TestANodeThatShowsTheSpaceIsKnownWithoutConnectionsUntilItLeaves(t *testing.T) {
	r, _ := idleRoom(session.Policy{})
	r.hearNode("two", []byte(`{"conns":[]}`))
	if !r.hasNode("two") || len(r.presence.members()) != 1 {
		t.Errorf("known are %v, members %v", r.otherNodes(), r.presence.members())
	}
	r.hearNode("two", nil)
	if r.hasNode("two") {
		t.Error("a node that has left is asked for ever")
	}
}
