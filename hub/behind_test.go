package hub_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// A farLog is how a node behind a bad link sees the log: late, or, when it is cut, not at all.
type farLog struct {
	channels.Log
	late atomic.Int64 // how much later each record comes
	cut  atomic.Bool
	held sync.Mutex // while somebody has it nothing comes
}

var errCut = errors.New("cut off")

// far makes a node see the log through a farLog.
func far(o nodeOptions) (*farLog, nodeOptions) {
	l := &farLog{}
	o.log = func(log channels.Log) channels.Log { l.Log = log; return l }
	return l, o
}

func (l *farLog) Follow(ctx context.Context, after uint64, deliver func(channels.Record)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	_ = l.Log.Follow(ctx, after, func(r channels.Record) {
		time.Sleep(time.Duration(l.late.Load())) // the fault under test: a slow link
		l.held.Lock()
		//lint:ignore SA2001 it waits for whoever has it
		l.held.Unlock()
		if l.cut.Load() {
			cancel(errCut)
		} else if ctx.Err() == nil {
			deliver(r)
		}
	})
	return context.Cause(ctx)
}

func (l *farLog) Bounds(ctx context.Context) (first, last uint64, err error) {
	if l.cut.Load() {
		return 0, 0, errCut
	}
	return l.Log.Bounds(ctx)
}

func (l *farLog) Append(ctx context.Context, after uint64, data []byte) error {
	if l.cut.Load() {
		return errCut
	}
	return l.Log.Append(ctx, after, data)
}

// twoNodes are a node and one behind a bad link, on one embedded server.
func twoNodes(t *testing.T) (one, two *node, link *farLog) {
	t.Helper()
	store := natstest.Embedded(t)
	one = newNode(t, nodeOptions{name: "one", store: store})
	link, options := far(nodeOptions{name: "two", store: store})
	two = newNode(t, options)
	if _, err := two.Space(t.Context(), "lab"); err != nil {
		t.Fatal(err)
	}
	return one, two, link
}

func TestWhoSignedInOnOneNodeIsNoStrangerOnANodeThatIsBehind(t *testing.T) {
	one, two, link := twoNodes(t)
	link.late.Store(int64(300 * time.Millisecond))
	b := hubtest.NewBrowser(t)
	b.SignIn(one.url, "lab", "alice")
	if status, answer := b.Do("GET", two.url+"/api/v1/session", nil, nil); status != http.StatusOK {
		t.Errorf("node two answered %d %s", status, answer)
	}
}

func TestAJoinReadsAtOrAfterWhatItsClientHasSeen(t *testing.T) {
	one, two, link := twoNodes(t)
	b := hubtest.NewBrowser(t)
	b.SignIn(one.url, "lab", "alice")
	onOne, onTwo := b.Open(one.url, "alice-tab"), b.Open(two.url, "alice-tab2")
	link.late.Store(int64(500 * time.Millisecond))
	var written wire.Written
	onOne.Do(write("notes", "k", "mine"), "written", &written)
	var joined wire.Joined
	onTwo.Do(with(join("notes"), "seen", written.Cursor), "joined", &joined)
	if string(joined.Values["k"].Value) != `"mine"` {
		t.Errorf("seen %s, and joined at %s with %q", written.Cursor, joined.Cursor, joined.Values["k"].Value)
	}
}

func TestASignInThatNobodyWaitedForKeepsNobodyOut(t *testing.T) {
	link, options := far(nodeOptions{policy: session.Policy{OtherUser: session.Reject}})
	n := newNode(t, options)
	n.position(t)
	link.held.Lock()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url+"/api/v1/session", strings.NewReader(`{"space":"lab","user":"alice","password":"alice"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if _, err := http.DefaultClient.Do(r); err == nil {
		t.Fatal("the answer came in time: nothing is tested")
	}
	link.held.Unlock()
	bob := hubtest.NewBrowser(t)
	until(t, "bob can sign in", func() bool {
		status, _ := bob.Do("POST", n.url+"/api/v1/session", map[string]string{"space": "lab", "user": "bob", "password": "bob"}, nil)
		return status == http.StatusOK
	})
}

// until asks again until something is so, which only time outside this process can bring.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	late := time.After(hubtest.Patience)
	for !so() {
		select {
		case <-late:
			t.Fatalf("waited in vain: %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TestANodeThatCannotKnowWhoSignedOutPassesNothingOn takes as long as DESIGN §8 gives such a node.
func TestANodeThatCannotKnowWhoSignedOutPassesNothingOn(t *testing.T) {
	t.Parallel()
	one, two, link := twoNodes(t)
	b := hubtest.NewBrowser(t)
	b.SignIn(one.url, "lab", "alice")
	tab := b.Open(two.url, "alice-tab")
	bob := hubtest.NewBrowser(t)
	bob.SignIn(one.url, "lab", "bob")
	bobTab := bob.Open(two.url, "bob-tab")
	service := hubtest.OpenToken(t, one.url, "service-1", one.token(t, "beamline"))
	tab.Do(join("motors"), "joined", nil)
	link.cut.Store(true)
	space, err := one.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	out := session.SignOut{Session: tab.Welcome.Session, How: session.SignedOut} // of which nobody tells node two
	if o := space.House(t.Context(), out.Decide); o.Err != nil {
		t.Fatal(o.Err)
	}
	tab.Expect("stale", nil)
	until(t, "the node lets nobody in", func() bool {
		status, _ := bob.Do("GET", two.url+"/api/v1/session", nil, nil)
		return status == http.StatusServiceUnavailable
	})
	service.Send(frame{"type": "send", "channel": "motors", "set": frame{"x": 20}})
	service.Do(frame{"type": "ping"}, "pong", nil)
	tab.Refused(frame{"type": "read", "channel": "notes"}, "unavailable")
	tab.Refused(join("notes"), "unavailable")
	tab.Send(frame{"type": "ping", "id": 700})
	f := tab.Wait("the pong, and nothing else", func(f hubtest.Frame) bool { return f.Type == "pong" || f.Type == "change" })
	if f.Type != "pong" {
		t.Errorf("signed out elsewhere, the socket gets %s", f.Data)
	}
	if status, answer := bob.Do("DELETE", one.url+"/api/v1/session", nil, nil); status != http.StatusNoContent {
		t.Fatal(status, answer)
	}
	bobTab.Expect("bye", nil) // it does as it is told, though it cannot see why
	link.cut.Store(false)
	if code := tab.Ended(); code != wire.CloseSignedOut {
		t.Errorf("when the node knows, the socket is closed with %d", code)
	}
}

// A lossyLive loses what a node says of itself, and says that it went out: what keeps it was away.
type lossyLive struct {
	channels.Live
	loses *atomic.Bool
}

func (l lossyLive) Publish(ctx context.Context, v channels.LiveValue, lifetime time.Duration) error {
	if l.loses.Load() {
		return nil
	}
	return l.Live.Publish(ctx, v, lifetime)
}

// Nodes that have not heard of each other do not take that for a sign that nobody else is there.
func TestASignOutIsNotAnsweredBeforeNodesThatWereNotHeardHaveClosedItsSockets(t *testing.T) {
	t.Parallel()
	store, loses := natstest.Embedded(t), &atomic.Bool{}
	loses.Store(true)
	lossy := func(o *hub.Options) { o.Live = lossyLive{o.Live, loses} }
	one := newNode(t, nodeOptions{name: "one", store: store, more: lossy})
	link, options := far(nodeOptions{name: "two", store: store, more: lossy})
	two := newNode(t, options)
	b := hubtest.NewBrowser(t)
	b.SignIn(one.url, "lab", "alice")
	tab := b.Open(two.url, "alice-tab")
	link.held.Lock()
	answered := make(chan int, 1)
	go func() {
		status, _ := b.Do("DELETE", one.url+"/api/v1/session", nil, nil)
		answered <- status
	}()
	select {
	case status := <-answered:
		link.held.Unlock()
		t.Fatalf("it is answered %d, and the other node knows nothing", status)
	case <-time.After(3 * time.Second):
	}
	loses.Store(false)
	link.held.Unlock()
	if code := tab.Ended(); code != wire.CloseSignedOut {
		t.Errorf("the socket is closed with %d", code)
	}
	if status := <-answered; status != http.StatusNoContent {
		t.Errorf("it is answered %d", status)
	}
}

func TestReadinessDoesNotWaitForASpaceThatIsBeingOpened(t *testing.T) {
	t.Parallel()
	gate, opening := make(chan struct{}), make(chan struct{}, 10)
	n := newNode(t, nodeOptions{open: func() { opening <- struct{}{}; <-gate }})
	defer close(gate)
	<-opening // by the sweep
	status, answer := hubtest.NewBrowser(t).Do("GET", n.url+"/readyz", nil, nil)
	if status != http.StatusOK {
		t.Errorf("%d %s", status, answer)
	}
}

func TestASignOutWhileTheLogIsAwayIsAnsweredInTimeAndDoneWhenItIsBack(t *testing.T) {
	t.Parallel()
	one, two, link := twoNodes(t)
	alice := hubtest.NewBrowser(t)
	alice.SignIn(one.url, "lab", "alice")
	here, there := alice.Open(two.url, "alice-here"), alice.Open(one.url, "alice-there")
	link.cut.Store(true)
	here.Expect("stale", nil)
	began := time.Now()
	alice.Request("DELETE", two.url+"/api/v1/session", "").Problem(http.StatusServiceUnavailable, "unavailable")
	if took := time.Since(began); took > 10*time.Second { // it cannot be done again, and the machine may be busy
		t.Errorf("it was answered after %v", took)
	}
	if len(alice.Cookies(two.url)) != 0 {
		t.Error("the cookie is not dead")
	}
	here.Expect("bye", nil)
	link.cut.Store(false)
	there.Expect("bye", nil) // what could not be committed then is now
	if code := there.Ended(); code != wire.CloseSignedOut {
		t.Errorf("closed with %d", code)
	}
}
