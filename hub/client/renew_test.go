package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/client"
	"github.com/baton-hub/baton/hub/hubtest"
)

// putInForce puts other rules in force.
func (l *lab) putInForce(version int, change func(*channels.Rules)) {
	l.t.Helper()
	newer := labRules()
	newer.Version = version
	change(newer)
	if err := l.Space().PutInForce(l.t.Context(), newer); err != nil {
		l.t.Fatal(err)
	}
}

// TestAgainstAHubNothingIsLostOrDoubledWhileTheRulesChange writes, sends and follows under rules that change all the time,
// on the sockets that there were at the beginning.
func TestAgainstAHubNothingIsLostOrDoubledWhileTheRulesChange(t *testing.T) {
	l := newLab(t)
	ann, bob := l.connect("ann"), l.connect("bob")
	conns := []string{ann.Welcome().Conn, bob.Welcome().Conn}
	ctx, cancel := context.WithTimeout(t.Context(), hubtest.Patience)
	defer cancel()
	log, queue, motors := bob.Log("log", 0), bob.Store("queue"), bob.Store("motors")
	told := make(chan string, 1000)
	log.Watch(func(messages []client.Message, gap bool) {
		if gap {
			told <- "gap"
		}
		for _, m := range messages {
			told <- string(m.Data)
		}
	})
	if err := log.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for n := range 100 {
		if n%3 == 0 {
			l.putInForce(n+2, func(r *channels.Rules) { r.Title = fmt.Sprint(n) })
		}
		must[uint64](t)(ann.Append(ctx, "log", n))
		must[uint64](t)(ann.Set(ctx, "queue", map[string]any{"last": n, fmt.Sprint(n): true}))
		if err := ann.Send("motors", map[string]any{"omega": n}); err != nil {
			t.Fatal(err)
		}
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
	l.eventually("bob's store is complete", func() bool { return len(queue.Values()) == 101 })
	l.eventually("bob sees the last live value", func() bool { v, _ := motors.Get("omega"); return string(v.Data) == "99" })
	l.eventually("bob has the last rules", func() bool { return bob.Welcome().Title == "99" })
	if now := []string{ann.Welcome().Conn, bob.Welcome().Conn}; !slices.Equal(now, conns) {
		t.Errorf("the connections were %v and are %v", conns, now)
	}
}

func TestAgainstAHubAServiceGoesOnServingWhileTheRulesChange(t *testing.T) {
	l := newLab(t)
	ann, service := l.connect("ann"), l.connect("service")
	ctx, cancel := context.WithTimeout(t.Context(), hubtest.Patience)
	defer cancel()
	began, finish, runs := make(chan struct{}, 10), make(chan struct{}), make(chan string, 1000)
	err := service.Serve(ctx, map[string]client.Handler{
		"motor.move": func(_ context.Context, call *client.Invocation) (any, error) {
			runs <- call.Call
			return call.Args, nil
		},
		"slow": func(_ context.Context, call *client.Invocation) (any, error) {
			began <- struct{}{}
			<-finish
			return "done", nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	slow := must[string](t)(ann.Start(ctx, client.Call{Command: "slow"}, 0))
	<-began
	for n := range 40 {
		l.putInForce(n+2, func(r *channels.Rules) { r.Title = fmt.Sprint(n) })
		result, err := ann.Call(ctx, "motor.move", n, 0)
		if err != nil || string(result.Data) != fmt.Sprint(n) {
			t.Fatalf("call %d: %s, %v", n, result.Data, err)
		}
	}
	close(finish)
	if result, err := ann.Await(ctx, slow); err != nil || string(result.Data) != `"done"` {
		t.Errorf("the call that was under way ended with %s, %v", result.Data, err)
	}
	if len(runs) != 40 || len(began) > 0 {
		t.Errorf("40 calls were carried out %d times, and the slow one %d times more", len(runs), len(began))
	}
}

func TestAgainstAHubAStoreOfAnotherScopeIsReadAnew(t *testing.T) {
	l := newLab(t)
	ann := l.connect("ann")
	ctx := t.Context()
	ui := ann.Store("ui")
	must[uint64](t)(ann.Set(ctx, "ui", map[string]any{"mine": 1}))
	l.eventually("the value", func() bool { return len(ui.Values()) == 1 })
	l.putInForce(2, func(r *channels.Rules) {
		r.Channels["ui"] = channels.ChannelRules{Kind: channels.KindStore, Write: []channels.Right{"member"}, Default: map[string]json.RawMessage{"all": []byte("2")}}
	})
	l.eventually("what belongs to all", func() bool {
		_, mine := ui.Get("mine")
		all, _ := ui.Get("all")
		return !mine && string(all.Data) == "2"
	})
}

func TestAgainstAHubACommandThatOtherRulesTakeAwayTakesNoOtherWithIt(t *testing.T) {
	l := newLab(t)
	ann, service := l.connect("ann"), l.connect("service")
	handler := func(context.Context, *client.Invocation) (any, error) { return "done", nil }
	if err := service.Serve(t.Context(), map[string]client.Handler{"motor.move": handler, "slow": handler}); err != nil {
		t.Fatal(err)
	}
	served := func(command string) func() bool {
		return func() bool {
			_, err := ann.Call(t.Context(), command, nil, 0)
			return err == nil
		}
	}
	l.eventually("both are served", func() bool { return served("motor.move")() && served("slow")() })
	l.putInForce(2, func(r *channels.Rules) { delete(r.Commands, "motor.move") })
	l.eventually("the other is still served", served("slow"))
	l.putInForce(3, func(*channels.Rules) {})
	l.eventually("it is served again when it is back", served("motor.move"))
}
