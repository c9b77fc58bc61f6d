package nodes

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/hub/client"
	"github.com/baton-hub/baton/tools/cluster"
)

// A shift is people and programs at work: six tabs on the second hub, and three on the first. The operator is on
// the second hub, and so are two of the three who write.
type shift struct {
	*lab
	t        *testing.T
	run      string
	first    atomic.Value // where tabs connect to instead of nginx
	tabs     []*tab
	here     []*tab // on the second hub
	others   []*tab
	operator *tab
	seat     string // the operator's login session
	term     uint64

	over    chan struct{}
	failed  chan error
	writing sync.WaitGroup
}

const broken = 1 // the hub to which things happen

func work(t *testing.T) *shift {
	l, run := begin(t)
	s := &shift{lab: l, t: t, run: run, over: make(chan struct{}), failed: make(chan error, 10)}
	s.first.Store(l.clients[broken].Address())
	s.operator = open(t, l, run, "operator", client.Options{Space: "lab", User: "alice", Password: "alice"}, &s.first)
	s.tabs = append(s.tabs, s.operator)
	for i := range 8 {
		if i == 5 {
			s.first.Store(l.clients[0].Address())
		}
		name := fmt.Sprint("tab", i)
		s.tabs = append(s.tabs, open(t, l, run, name, client.Options{Token: l.token(t, name)}, &s.first))
	}
	s.first.Store("") // who comes back comes through nginx
	s.here, s.others = s.tabs[:6], s.tabs[6:]
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if seat := s.operator.Seat(); seat.Operator != nil { // of the test before
		l.admin.must(t, "POST", l.URL+"/api/v1/spaces/lab/control/take", map[string]any{"reason": "the next test"}, nil)
		l.admin.must(t, "POST", l.URL+"/api/v1/spaces/lab/control/release", nil, nil)
	}
	if _, err := s.operator.Control(ctx, client.Move{Do: "request"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the operator is told so", func() bool {
		seat := s.operator.Seat()
		if seat.Operator != nil {
			s.seat, s.term = seat.Operator.Session, seat.Term
		}
		return seat.Operator != nil && seat.Operator.Session == s.operator.Welcome().You.Session
	})
	for _, b := range []*tab{s.tabs[1], s.tabs[2], s.tabs[7]} {
		s.writing.Go(func() {
			if err := b.write(context.WithoutCancel(t.Context()), s.over, 50*time.Millisecond); err != nil {
				s.failed <- err
			}
		})
	}
	s.goesOn(s.tabs)
	return s
}

// goesOn waits until these are shown more than now.
func (s *shift) goesOn(tabs []*tab) {
	s.t.Helper()
	for _, b := range tabs {
		before := b.count()
		eventually(s.t, b.name+" goes on", func() bool { return b.count() >= before+5 })
	}
}

// end stops the writing, and looks at everything. Who was operator is.
func (s *shift) end(operator bool) {
	s.t.Helper()
	close(s.over)
	s.writing.Wait()
	close(s.failed)
	for err := range s.failed {
		s.t.Error(err)
	}
	check(s.t, s.lab, s.run, s.tabs)
	eventually(s.t, "the seat is as it was", func() bool {
		seat := s.tabs[8].Seat()
		if seat.Term < s.term {
			s.t.Fatalf("the term was %d and is %d", s.term, seat.Term)
		}
		return !operator || seat.Operator != nil && seat.Operator.Session == s.seat && seat.Lost == nil && seat.Term == s.term
	})
}

func TestANodeThatIsKilledOrResetIsMissedByNobody(t *testing.T) {
	for _, fault := range []struct {
		name        string
		breaks, end func(s *shift) error
	}{
		{
			"killed",
			func(s *shift) error { return s.Hubs[broken].Kill() },
			func(s *shift) error { return s.Hubs[broken].Start(s.t.Context()) },
		},
		{
			"cut off from its clients",
			func(s *shift) error { s.clients[broken].Refuse(); return nil },
			func(s *shift) error { s.clients[broken].Pass(); return nil },
		},
	} {
		t.Run(fault.name, func(t *testing.T) {
			s := work(t)
			if err := fault.breaks(s); err != nil {
				t.Fatal(err)
			}
			s.goesOn(s.tabs) // elsewhere: all of them, before it is mended
			if err := fault.end(s); err != nil {
				t.Fatal(err)
			}
			s.goesOn(s.tabs)
			s.end(true)
		})
	}
}

func TestANodeThatIsPausedHasNoSayWhenItWakes(t *testing.T) {
	s := work(t)
	hub := s.Hubs[broken]
	if err := hub.Stop(); err != nil {
		t.Fatal(err)
	}
	paused := time.Now()
	// What the operator does now waits in the socket of the node.
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	buffered := make(chan error, 1)
	go func() {
		_, err := s.operator.Set(ctx, "queue", map[string]any{s.run: "of an earlier term"}, client.Term(s.term))
		buffered <- err
	}()
	sam := signIn(t, s.Hubs[0].URL(), "sam")
	eventually(t, "staff take control on another node", func() bool {
		status, _, _ := sam.ask(t, "POST", s.Hubs[0].URL()+"/api/v1/spaces/lab/control/take", map[string]any{"reason": "nobody answers"})
		return status == http.StatusOK
	})
	// And control comes back: only its term says that what was sent before is of another time.
	eventually(t, "control is given back", func() bool {
		status, _, _ := sam.ask(t, "POST", s.Hubs[0].URL()+"/api/v1/spaces/lab/control/give", map[string]any{"session": s.seat})
		return status == http.StatusOK
	})
	s.goesOn(s.others)
	for time.Since(paused) < 20*time.Second {
		<-time.After(100 * time.Millisecond)
	}
	if err := hub.Continue(); err != nil {
		t.Fatal(err)
	}
	// It is decided on what the node has read by then: while Sam was in control, or after.
	if err := <-buffered; !client.IsCode(err, "old_term") && !client.IsCode(err, "not_operator") {
		t.Errorf("what the operator of an earlier term had sent to the paused node ended with %v", err)
	}
	s.goesOn(s.tabs)
	values, err := s.tabs[8].Read(ctx, "queue", s.run)
	if err != nil || values[s.run].Data != nil {
		t.Errorf("the queue has %s, %v", values[s.run].Data, err)
	}
	s.end(false)
}

func TestANodeThatIsCutOffFromNATSSaysSoAndLosesNothing(t *testing.T) {
	for _, cut := range []struct {
		name string
		cut  func(l *cluster.Line)
	}{{"held", (*cluster.Line).Hold}, {"refused", (*cluster.Line).Refuse}} {
		t.Run(cut.name, func(t *testing.T) {
			s := work(t)
			for _, line := range s.nats[broken] {
				cut.cut(line)
			}
			for _, b := range s.here {
				eventually(t, b.name+" is told that it is stale, or is elsewhere", func() bool {
					return b.Status() != client.Live || b.Welcome().Node != s.operator.Welcome().Node
				})
			}
			s.goesOn(s.others)
			for _, line := range s.nats[broken] {
				line.Pass()
			}
			s.goesOn(s.tabs)
			s.end(true)
		})
	}
}

func TestWithoutRedisWorkGoesOnAndNobodyComesIn(t *testing.T) {
	for _, cut := range []struct {
		name string
		cut  func(l *cluster.Line)
	}{{"held", (*cluster.Line).Hold}, {"refused", (*cluster.Line).Refuse}} {
		t.Run(cut.name, func(t *testing.T) {
			s := work(t)
			hub := s.Hubs[broken].URL()
			bob := signIn(t, hub, "bob")
			cut.cut(s.redis[broken])
			start := time.Now()
			for _, ask := range []struct {
				who          *person
				method, path string
				body         any
			}{
				{bob, "GET", "/api/v1/spaces/lab/channels/log", nil},
				{&person{}, "POST", "/api/v1/session", map[string]any{"space": "lab", "user": "bob", "password": "bob"}},
			} {
				if status, _, text := ask.who.ask(t, ask.method, hub+ask.path, ask.body); status != http.StatusServiceUnavailable {
					t.Errorf("without Redis, %s %s is answered %d: %s", ask.method, ask.path, status, text)
				}
			}
			t.Logf("two requests were refused after %v", time.Since(start).Round(time.Millisecond))
			s.goesOn(s.tabs) // reads and writes, over open sockets
			leaver := signIn(t, s.Hubs[0].URL(), "bob")
			// What is left of its three seconds after Redis was waited for may be too short for the log, on a busy machine.
			eventually(t, "a sign-out without Redis", func() bool {
				status, _, text := leaver.ask(t, "DELETE", hub+"/api/v1/session", nil)
				if status == http.StatusServiceUnavailable {
					t.Logf("without Redis, a sign-out is answered %d: %s", status, text)
				}
				return status == http.StatusOK || status == http.StatusNoContent
			})
			s.redis[broken].Pass()
			eventually(t, "the cookie is good again", func() bool {
				status, _, _ := bob.ask(t, "GET", hub+"/api/v1/spaces/lab/channels/log", nil)
				return status == http.StatusOK
			})
			for _, node := range s.Hubs {
				if status, _, text := leaver.ask(t, "GET", node.URL()+"/api/v1/spaces/lab/channels/log", nil); status != http.StatusUnauthorized {
					t.Errorf("who signed out without Redis is answered %d by %s: %s", status, node.Name, text)
				}
			}
			s.end(true)
		})
	}
}
