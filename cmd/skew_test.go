package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/client"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

// work changes what there is, from one client, for some rounds.
func work(t *testing.T, c *client.Client, name string, rounds int) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*hubtest.Patience)
	defer cancel()
	for n := range rounds {
		write := client.Write{Channel: "notes", Set: map[string]any{fmt.Sprint("k", n%7): map[string]any{name: n, "list": []int{n}}}}
		if n%5 == 4 {
			write.Delete = []string{fmt.Sprint("k", (n+1)%7)}
		}
		write.Set[name] = n
		if _, err := c.Write(ctx, write); err != nil {
			t.Errorf("%s: write %d: %v", name, n, err)
		}
		if _, err := c.Append(ctx, "chat", fmt.Sprintf("%s says %d", name, n)); err != nil {
			t.Errorf("%s: message %d: %v", name, n, err)
		}
		if err := c.Send("motors", map[string]any{name: n}); err != nil {
			t.Errorf("%s: live value %d: %v", name, n, err)
		}
	}
}

// patch changes members of values through a node, as raw frames of this version.
func (s *skew) patch(p *process, token string) {
	s.t.Helper()
	tab := hubtest.OpenToken(s.t, p.url, "patch-tab", token)
	tab.Do(map[string]any{"type": "join", "channel": "notes"}, "joined", nil)
	tab.Do(map[string]any{"type": "write", "channel": "notes", "set": map[string]any{"p": map[string]any{"a": 1, "b": []int{1}}}}, "written", nil)
	for n := range 10 {
		patch := map[string]any{"p": map[string]any{"a": n, fmt.Sprint("n", n): true, fmt.Sprint("n", n-1): nil}}
		tab.Do(map[string]any{"type": "write", "channel": "notes", "patch": patch}, "written", nil)
	}
}

// callAcross has a client on each node call what the one on the other serves.
func (s *skew) callAcross(a, b *client.Client) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), hubtest.Patience)
	defer cancel()
	want := map[string]string{"count": `{"n":1}`, "spell": `{"n":1}`, "halt": "", "brake": ""} // stops have no result
	for command, pair := range map[string][2]*client.Client{"count": {a, b}, "spell": {b, a}, "halt": {a, b}, "brake": {b, a}} {
		served := make(chan struct{}, 100)
		handler := func(_ context.Context, i *client.Invocation) (any, error) {
			served <- struct{}{}
			return i.Args, nil
		}
		if err := pair[0].Serve(ctx, map[string]client.Handler{command: handler}); err != nil {
			s.t.Fatalf("serving %s: %v", command, err)
		}
		s.until("the other node to know who serves "+command, func() bool {
			result, err := pair[1].Call(ctx, command, map[string]any{"n": 1}, 0)
			if wrong := (*client.Error)(nil); errors.As(err, &wrong) && wrong.Code == string(channels.CodeNoService) {
				return false
			}
			if err != nil || string(result.Data) != want[command] {
				s.t.Fatalf("calling %s across the versions: %+v, %v", command, result, err)
			}
			return true
		})
		select {
		case <-served:
		case <-ctx.Done():
			s.t.Errorf("%s did not reach its service on the other node", command)
		}
	}
}

// same holds what both nodes show against each other, and against what both clients have.
func (s *skew) same(this, next *process, token string, clients ...*client.Client) {
	s.t.Helper()
	var a, b map[string]wire.Joined
	for end := time.Now().Add(hubtest.Patience / 2); ; { // what one of them was told last may be under way to the other
		a, b = s.everything(this, token), s.everything(next, token)
		if reflect.DeepEqual(a, b) && len(a["motors"].Values) > 0 || time.Now().After(end) {
			break
		}
	}
	for name := range a {
		if !reflect.DeepEqual(a[name], b[name]) {
			s.t.Errorf("%s is on this version\n%+v\nand on the next\n%+v", name, a[name], b[name])
		}
	}
	if len(a) != len(b) || len(a["notes"].Values) < 8 || len(a["chat"].Messages) != 50 {
		s.t.Errorf("of %d and %d channels, notes has %d values and chat %d messages", len(a), len(b), len(a["notes"].Values), len(a["chat"].Messages))
	}
	for i, c := range clients {
		s.until(fmt.Sprintf("client %d to have what the nodes have", i), func() bool {
			values := c.Store("notes").Values()
			same := len(values) == len(a["notes"].Values)
			for key, v := range values {
				there := a["notes"].Values[key]
				same = same && string(v.Data) == string(there.Value) && v.Position == there.Position
			}
			return same
		})
	}
}

func TestThisVersionAndTheNextGoOnTogetherOnOneLog(t *testing.T) {
	t.Parallel()
	s := newSkew(t)
	program := s.next()
	this := startBaton(t, s.site(1, "")...)
	next := startProgram(t, program, s.site(2, "      plans: {kind: store, write: [member]}")...)
	hubtest.NewBrowser(t).SignIn(this.url, "demo", "alice") // somebody has to come before a node opens the space
	s.watch()
	hubtest.NewBrowser(t).SignIn(next.url, "demo", "bob")
	token, other := s.token("one"), s.token("two")
	onThis, onNext := s.connect(this, token), s.connect(next, other)

	var working sync.WaitGroup
	working.Go(func() { work(t, onThis, "this", 60) })
	working.Go(func() { work(t, onNext, "next", 60) })
	s.patch(next, token)
	s.callAcross(onThis, onNext)
	working.Wait()
	through := s.compareSnapshot(0)

	// This version begins with a snapshot of the next.
	working.Go(func() { work(t, onNext, "next", 40) })
	this.kill()
	this.start()
	working.Go(func() { work(t, onThis, "this", 40) })
	working.Wait()
	s.compareSnapshot(through)
	s.same(this, next, token, onThis, onNext)

	tab := hubtest.OpenToken(t, next.url, "version", token)
	if tab.Welcome.Version != "next" || tab.Welcome.Channels["plans"].Kind != "store" {
		t.Errorf("the other node is not of the next version: %+v", tab.Welcome)
	}
	tab.Send(map[string]any{"type": "ping", "id": 1})
	tab.Expect("weather", nil)
	if pong := tab.Answer(1); !strings.Contains(string(pong.Data), `"later"`) {
		t.Errorf("the frames of the next version have nothing new: %s", pong.Data)
	}
	if status, detail := s.ready(this); status != http.StatusOK {
		t.Errorf("this version is not ready: %s", detail)
	}
	for _, p := range []*process{this, next} {
		for _, trouble := range []string{"cannot go on", "could not be built anew", "panic:", "DATA RACE"} {
			if p.said.contain(trouble) {
				t.Errorf("a node said %q", trouble)
			}
		}
		p.stop()
	}
}

// What the next version writes in a higher format, this one must not guess at: it says what to do, serves nothing that
// may be wrong, and all that it was told is there for the node that takes its place.
func TestANodeThatMeetsANewerFormatSaysSoAndNothingIsLost(t *testing.T) {
	t.Parallel()
	s := newSkew(t)
	program := s.next("-format", fmt.Sprint(channels.EntryVersion+1))
	this := startBaton(t, s.site(1, "")...)
	hubtest.NewBrowser(t).SignIn(this.url, "demo", "alice")
	s.watch()
	token, other := s.token("one"), s.token("two")
	onThis := s.connect(this, token)
	work(t, onThis, "this", 20)

	next := startProgram(t, program, s.site(1, "")...)
	onNext := s.connect(next, other) // its token's use is nothing to log, so the old node goes on
	if _, err := onNext.Set(t.Context(), "notes", map[string]any{"next": 1}); err != nil {
		t.Fatal(err)
	}
	s.until("this version to say that it must be upgraded", func() bool {
		status, detail := s.ready(this)
		return status == http.StatusServiceUnavailable && strings.Contains(detail, "upgrade this node")
	})
	pending := make(chan error, 1)
	go func() { // is not decided by a node that cannot read what it is decided on
		_, err := onThis.Set(t.Context(), "notes", map[string]any{"pending": 1})
		pending <- err
	}()
	work(t, onNext, "next", 20)

	s.until("a snapshot of the newer format", func() bool {
		_, data, err := s.snapshots().Newest(t.Context())
		if err == nil {
			_ = data.Close()
		}
		return err == nil
	})

	// A node of this version that comes anew does not serve the space at all.
	late := startBaton(t, s.site(1, "")...)
	if status, _ := hubtest.NewBrowser(t).Do(http.MethodPost, late.url+"/api/v1/session",
		map[string]string{"space": "demo", "user": "bob", "password": "bob"}, nil); status != http.StatusServiceUnavailable {
		t.Errorf("signing in to a node that cannot read the log: status %d, want 503", status)
	}
	if status, detail := s.ready(late); status != http.StatusServiceUnavailable || !strings.Contains(detail, "the snapshot has format") || !strings.Contains(detail, "upgrade this node") {
		t.Errorf("a node that cannot read the log answers readyz with %d: %s", status, detail)
	}

	this.kill()
	this.program = program // it is upgraded
	this.start()
	if err := <-pending; err != nil {
		t.Errorf("the change that this version did not decide: %v", err)
	}
	s.until("everything to be there", func() bool {
		values := onThis.Store("notes").Values()
		return string(values["this"].Data) == "19" && string(values["next"].Data) == "19" && string(values["pending"].Data) == "1"
	})
}
