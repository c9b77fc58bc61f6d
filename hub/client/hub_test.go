package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/client"
	"github.com/baton-hub/baton/hub/hubtest"
)

// labRules are those of a space with one of everything.
func labRules() *channels.Rules {
	member, service := []channels.Right{"member"}, []channels.Right{"service"}
	return &channels.Rules{
		Version: 1, Title: "Lab",
		Channels: map[string]channels.ChannelRules{
			"queue":    {Kind: channels.KindStore, Write: member},
			"settings": {Kind: channels.KindStore, Write: member, Default: map[string]json.RawMessage{"units": []byte(`{"length":"mm"}`)}},
			"ui":       {Kind: channels.KindStore, Scope: channels.ScopeUser, Write: []channels.Right{"owner"}},
			"motors":   {Kind: channels.KindStore, Live: true, Write: service},
			"log":      {Kind: channels.KindLog, Write: member},
			"short":    {Kind: channels.KindLog, Write: member, Keep: 3},
			"pointers": {Kind: channels.KindSignal, Write: member},
			"secret":   {Kind: channels.KindStore, Write: []channels.Right{"admin"}, Read: []channels.Right{"admin"}},
		},
		Commands: map[string]channels.CommandRules{"motor.move": {Call: member}, "slow": {Call: member}},
	}
}

// A lab is a hub with clients; it ends with the test.
type lab struct {
	*hubtest.Lab
	t *testing.T
}

func newLab(t *testing.T) *lab {
	t.Helper()
	return &lab{hubtest.NewLab(t, labRules()), t}
}

func (l *lab) connect(name string) *client.Client {
	l.t.Helper()
	c, err := client.Connect(l.t.Context(), client.Options{URL: l.URL, Token: l.Token(name, "service")})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = c.Close() })
	return c
}

// eventually waits until something is so.
func (l *lab) eventually(what string, so func() bool) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), hubtest.Patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			l.t.Fatalf("%s: it did not happen", what)
		}
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestAgainstAHubChangesAreSeenAsTheyWereMade(t *testing.T) {
	l := newLab(t)
	ann, bob := l.connect("ann"), l.connect("bob")
	ctx, position := t.Context(), must[uint64](t)
	queue, settings, log := bob.Store("queue"), bob.Store("settings"), bob.Log("log", client.AllMessages)
	if err := errors.Join(queue.Ready(ctx), settings.Ready(ctx), log.Ready(ctx)); err != nil {
		t.Fatal(err)
	}

	first := position(ann.Set(ctx, "queue", map[string]any{"q1": map[string]any{"n": 1, "long": strings.Repeat("x", 500)}}, client.If("q1", 0)))
	position(ann.Patch(ctx, "queue", map[string]any{"q1": map[string]any{"n": nil, "m": 0.5}}, client.If("q1", first)))
	position(ann.Patch(ctx, "settings", map[string]any{"units": map[string]any{"angle": "deg"}}))
	moved, calls, err := ann.Transact(ctx, client.Transaction{
		Writes:  []client.Write{{Channel: "queue", Set: map[string]any{"q2": 2}, If: map[string]uint64{"q2": 0}}},
		Appends: []client.Append{{Channel: "log", Message: "q2 is there"}},
	})
	if err != nil || len(calls) != 0 {
		t.Fatalf("the transaction returned %v, %v", calls, err)
	}
	l.eventually("bob sees the transaction", func() bool { return len(log.Messages()) == 1 })
	q1, _ := queue.Get("q1")
	q2, _ := queue.Get("q2")
	units, _ := settings.Get("units")
	if !strings.HasPrefix(string(q1.Data), `{"long":"xxx`) || !strings.HasSuffix(string(q1.Data), `","m":0.5}`) || q1.By != "service/ann" ||
		q2.Position != moved || log.Messages()[0].Position != moved || string(units.Data) != `{"angle":"deg","length":"mm"}` {
		t.Errorf("bob sees %+v, %+v, %+v, %+v", q1, q2, units, log.Messages())
	}

	_, _, err = bob.Transact(ctx, client.Transaction{Writes: []client.Write{
		{Channel: "queue", Set: map[string]any{"q3": 3}}, {Channel: "queue", Delete: []string{"q2"}, If: map[string]uint64{"q2": 1}},
	}})
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Code != "conflict" || refused.More["part"] != "writes/1" {
		t.Errorf("the transaction was refused with %#v", err)
	}
	if _, there := queue.Get("q3"); there {
		t.Error("half a transaction was applied")
	}
	if err := ann.Store("secret").Ready(ctx); !client.IsCode(err, "forbidden") {
		t.Errorf("the store of others: %v", err)
	}
}

func TestAgainstAHubAWriteIsRefusedIfThereIsWhatItsWriterHasNotSeen(t *testing.T) {
	l := newLab(t)
	ann, bob := l.connect("ann"), l.connect("bob")
	ctx := t.Context()
	queue := ann.Store("queue")
	if err := queue.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	before := queue.Cursor()
	must[uint64](t)(bob.Set(ctx, "queue", map[string]any{"k": 1}))
	if _, err := ann.Set(ctx, "queue", map[string]any{"k": 2}, client.Unseen(before)); !client.IsCode(err, "conflict") {
		t.Errorf("without having seen bob's: %v", err)
	}
	l.eventually("ann has seen bob's", func() bool { _, there := queue.Get("k"); return there })
	must[uint64](t)(ann.Set(ctx, "queue", map[string]any{"k": 2}, client.Unseen(queue.Cursor())))
}

func TestAgainstAHubSomebodyElsesValuesAreReadAndFollowed(t *testing.T) {
	l := newLab(t)
	ann, bob := l.connect("ann"), l.connect("bob")
	ctx, position := t.Context(), must[uint64](t)
	position(bob.Set(ctx, "ui", map[string]any{"zoom": 2}))
	bobs := ann.StoreOf("ui", "service/bob")
	if err := bobs.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if v, _ := bobs.Get("zoom"); string(v.Data) != "2" {
		t.Errorf("ann sees %+v", v)
	}
	position(bob.Set(ctx, "ui", map[string]any{"zoom": 3}))
	position(ann.Set(ctx, "ui", map[string]any{"zoom": 1}))
	l.eventually("ann sees bob's change", func() bool { v, _ := bobs.Get("zoom"); return string(v.Data) == "3" })

	all := must[map[string]map[string]client.Value](t)(ann.ReadAll(ctx, "ui"))
	one := must[map[string]client.Value](t)(ann.ReadOf(ctx, "ui", "service/bob", "zoom"))
	own := must[map[string]client.Value](t)(ann.Read(ctx, "ui"))
	if string(all["service/ann"]["zoom"].Data) != "1" || string(one["zoom"].Data) != "3" || string(own["zoom"].Data) != "1" {
		t.Errorf("read %v, %v, %v", all, one, own)
	}
}

func TestAgainstAHubALogIsExactThroughRestarts(t *testing.T) {
	l := newLab(t)
	ann, bob := l.connect("ann"), l.connect("bob")
	ctx := t.Context()
	log, short, store := bob.Log("log", 0), bob.Log("short", client.AllMessages), bob.Store("queue")
	told := make(chan string, 1000)
	log.Watch(func(messages []client.Message, gap bool) {
		if gap {
			told <- "gap"
		}
		for _, m := range messages {
			told <- string(m.Data)
		}
	})
	if err := log.Ready(ctx); err != nil { // what came before is not wanted
		t.Fatal(err)
	}
	var want, got []string
	for n := range 30 {
		if n%10 == 5 {
			l.Restart(nil)
		}
		must[uint64](t)(ann.Append(ctx, "log", n))
		must[uint64](t)(ann.Append(ctx, "short", n))
		must[uint64](t)(ann.Set(ctx, "queue", map[string]any{fmt.Sprint("q", n): n}))
		want = append(want, fmt.Sprint(n))
	}
	l.eventually("bob has heard of all", func() bool {
		for len(told) > 0 {
			got = append(got, <-told)
		}
		return len(got) >= len(want)
	})
	if !slices.Equal(got, want) {
		t.Errorf("bob heard %v", got)
	}
	l.eventually("bob's store is complete", func() bool { return len(store.Values()) == 30 })
	l.eventually("bob has the last of what is kept", func() bool {
		m := short.Messages()
		return len(m) > 0 && string(m[len(m)-1].Data) == "29" && len(m) <= 3
	})
}

func TestAgainstAHubACallIsServedCancelledAndLimited(t *testing.T) {
	l := newLab(t)
	ann, service := l.connect("ann"), l.connect("service")
	ctx := t.Context()
	causes := make(chan error, 10)
	err := service.Serve(ctx, map[string]client.Handler{
		"motor.move": func(ctx context.Context, call *client.Invocation) (any, error) {
			if err := call.Progress(ctx, "half way"); err != nil {
				return nil, err
			}
			return map[string]any{"to": call.Args}, nil
		},
		"slow": func(ctx context.Context, _ *client.Invocation) (any, error) {
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return nil, ctx.Err()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	result, err := ann.Call(ctx, "motor.move", 90, 0)
	if err != nil || string(result.Data) != `{"to":90}` {
		t.Errorf("it returned %+v, %v", result, err)
	}

	slow := must[string](t)(ann.Start(ctx, client.Call{Command: "slow"}, 0))
	if err := ann.Cancel(ctx, slow, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := ann.Await(ctx, slow); !client.IsCode(err, client.CodeCancelled) {
		t.Errorf("the call ended with %v", err)
	}
	if _, err := ann.Call(ctx, "slow", nil, 0, client.Deadline(200*time.Millisecond)); !client.IsCode(err, client.CodeFailed) {
		t.Errorf("the call ended with %v", err)
	}

	// A call in a transaction is as good, and one that is found again later is the same.
	_, calls, err := ann.Transact(ctx, client.Transaction{Calls: []client.Call{{Command: "motor.move", Args: 1}}})
	if err != nil || len(calls) != 1 {
		t.Fatalf("called %v, %v", calls, err)
	}
	again := l.connect("ann")
	if result, err := again.Await(ctx, calls[0]); err != nil || string(result.Data) != `{"to":1}` {
		t.Errorf("it returned %+v, %v", result, err)
	}
}

func TestAgainstAHubACommandThatIsRefusedTakesNoOtherWithIt(t *testing.T) {
	l := newLab(t)
	ann, service := l.connect("ann"), l.connect("service")
	handler := func(context.Context, *client.Invocation) (any, error) { return "done", nil }
	if err := service.Serve(t.Context(), map[string]client.Handler{"motor.move": handler}); err != nil {
		t.Fatal(err)
	}
	if err := service.Serve(t.Context(), map[string]client.Handler{"launch": handler}); !client.IsCode(err, "unknown_name") {
		t.Fatalf("serving what there is not: %v", err)
	}
	if _, err := ann.Call(t.Context(), "motor.move", nil, 0); err != nil {
		t.Errorf("it is not served any more: %v", err)
	}
	l.Restart(nil)
	l.eventually("it is served after a reconnect", func() bool {
		_, err := ann.Call(t.Context(), "motor.move", nil, 0)
		return err == nil
	})
	if err := service.Serve(t.Context(), map[string]client.Handler{"slow": handler}); err != nil {
		t.Errorf("serving one more: %v", err)
	}
}

func TestAgainstAHubLiveValuesComeBackAndGo(t *testing.T) {
	l := newLab(t)
	ann, service := l.connect("ann"), l.connect("service")
	motors := ann.Store("motors")
	is := func(key, want string) func() bool {
		return func() bool { v, _ := motors.Get(key); return string(v.Data) == want }
	}
	send := func(set map[string]any, options ...client.Option) {
		t.Helper()
		if err := service.Send("motors", set, options...); err != nil {
			t.Fatal(err)
		}
	}
	send(map[string]any{"omega": 1, "kappa": 2})
	l.eventually("the values", is("kappa", "2"))
	send(map[string]any{"omega": 3}, client.Delete("kappa"))
	l.eventually("the new value", is("omega", "3"))
	l.eventually("the deletion", is("kappa", ""))
	l.Restart(nil)
	send(map[string]any{"phi": 4})
	l.eventually("the values after a restart", is("phi", "4"))
	if v, _ := motors.Get("omega"); string(v.Data) != "3" {
		t.Errorf("the old value is %s", v.Data)
	}
}

func TestAgainstAHubALiveValueThatIsRefusedTakesNoOtherWithIt(t *testing.T) {
	l := newLab(t)
	ann, service := l.connect("ann"), l.connect("service")
	l.putInForce(2, func(r *channels.Rules) {
		motors := r.Channels["motors"]
		motors.Schema = json.RawMessage(`{"type":"number"}`)
		r.Channels["motors"] = motors
	})
	for _, bad := range []string{"omega", strings.Repeat("x", 200)} {
		values := map[string]any{"kappa": 1, "phi": 2, bad: "up"}
		if err := service.Send("motors", values); err != nil {
			t.Fatal(err)
		}
		l.eventually("the others come", func() bool {
			values, err := ann.Read(t.Context(), "motors")
			return err == nil && string(values["kappa"].Data) == "1" && string(values["phi"].Data) == "2"
		})
		if err := service.Send("motors", nil, client.Delete("kappa", "phi")); err != nil {
			t.Fatal(err)
		}
		l.eventually("they are gone", func() bool {
			values, err := ann.Read(t.Context(), "motors")
			return err == nil && len(values) == 0
		})
	}
}

func TestAgainstAHubALockFencesItsFormerHolder(t *testing.T) {
	l := newLab(t)
	ann, bob := l.connect("ann"), l.connect("bob")
	ctx := t.Context()
	first := must[*client.Lock](t)(ann.Lock(ctx, "changer"))
	must[uint64](t)(ann.Set(ctx, "queue", map[string]any{"mounted": "a"}, client.Held(first)))
	var second atomic.Pointer[client.Lock]
	locked := make(chan error, 1)
	go func() {
		lock, err := bob.Lock(ctx, "changer")
		second.Store(lock)
		locked <- err
	}()
	if err := first.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-locked; err != nil || second.Load().Token <= first.Token {
		t.Fatalf("bob has %+v after %+v, %v", second.Load(), first, err)
	}
	if _, err := ann.Set(ctx, "queue", map[string]any{"mounted": "b"}, client.Held(first)); !client.IsCode(err, "locked") {
		t.Errorf("the former holder wrote: %v", err)
	}
	if err := first.Unlock(ctx); !client.IsCode(err, "conflict") {
		t.Errorf("the former holder unlocked: %v", err)
	}
	must[uint64](t)(bob.Set(ctx, "queue", map[string]any{"mounted": "c"}, client.Held(second.Load())))
}

func TestAgainstAHubSignalsAreHeard(t *testing.T) {
	l := newLab(t)
	ann, bob := l.connect("ann"), l.connect("bob")
	heard := make(chan client.Signal, 100)
	defer ann.OnSignal("pointers", func(s client.Signal) { heard <- s })()
	l.eventually("ann hears bob", func() bool {
		if err := bob.Signal("pointers", "here"); err != nil {
			t.Fatal(err)
		}
		return len(heard) > 0
	})
	if s := <-heard; s.By != "service/bob" || string(s.Data) != `"here"` || s.Channel != "pointers" {
		t.Errorf("ann heard %+v", s)
	}
}

func TestAgainstAHubAPersonWhoHasClosedIsSignedOut(t *testing.T) {
	l := newLab(t) // where who is signed in elsewhere is asked first
	alice := client.Options{URL: l.URL, Space: "lab", User: "alice", Password: "alice", Proposal: "mx-2112"}
	for range 2 {
		c, err := client.Connect(t.Context(), alice)
		if err != nil {
			t.Fatal(err)
		}
		if c.Welcome().You.Proposal != "mx-2112" {
			t.Errorf("signed in as %+v", c.Welcome().You)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	first, err := client.Connect(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := client.Connect(t.Context(), alice); err == nil || !strings.Contains(err.Error(), "elsewhere") {
		t.Errorf("signed in elsewhere, it connects with %v", err)
	}
	alice.Replace = true
	second, err := client.Connect(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	select {
	case <-first.Done():
	case <-time.After(hubtest.Patience):
		t.Error("the replaced client goes on")
	}
}

func TestAgainstAHubAPersonSignsIn(t *testing.T) {
	l := newLab(t)
	alice := client.Options{URL: l.URL, Space: "lab", User: "alice", Password: "alice"}
	c, err := client.Connect(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	must[uint64](t)(c.Set(t.Context(), "queue", map[string]any{"k": 1}))
	l.Restart(nil)
	must[uint64](t)(c.Set(t.Context(), "queue", map[string]any{"k": 2}))
	if by := must[map[string]client.Value](t)(c.Read(t.Context(), "queue"))["k"].By; by != "alice" || c.Welcome().You.User != "alice" {
		t.Errorf("written by %q", by)
	}
	alice.Password = "wrong"
	if _, err := client.Connect(t.Context(), alice); !errors.Is(err, client.ErrSignedOut) {
		t.Errorf("a wrong password: %v", err)
	}
	alice.Space = ""
	if _, err := client.Connect(t.Context(), alice); err == nil {
		t.Error("nobody in particular connected")
	}
}
