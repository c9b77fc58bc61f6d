package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// homeRelay spoils the way of transactions to the home of the space: by a word, or not at all.
type homeRelay struct {
	channels.Relay
	how   *atomic.Value // string
	asked *atomic.Int64
	pass  <-chan struct{}
}

func (r homeRelay) Ask(ctx context.Context, subject string, data []byte) ([]byte, error) {
	how, _ := r.how.Load().(string)
	if !strings.HasPrefix(subject, "home.") {
		return r.Relay.Ask(ctx, subject, data)
	}
	r.asked.Add(1)
	switch how {
	case "nobody answers":
		<-ctx.Done()
		return nil, context.Cause(ctx)
	case "the answer is lost":
		_, _ = r.Relay.Ask(ctx, subject, data)
		return nil, errors.New("lost")
	case "held": // the first, until it may pass
		r.how.Store("")
		<-r.pass
		return r.Relay.Ask(context.Background(), subject, data)
	case "kept": // until it may pass, and nobody waits for it
		go func() {
			<-r.pass
			_, _ = r.Relay.Ask(context.Background(), subject, data)
			r.asked.Add(1)
		}()
		return nil, errors.New("no answer")
	case "late":
		<-ctx.Done()
		go func() {
			_, _ = r.Relay.Ask(context.Background(), subject, data)
			r.asked.Add(1)
		}()
		return nil, context.Cause(ctx)
	case "nonsense":
		return []byte(`[{"position":1},{"posi`), nil
	case "a lie":
		var items []any
		if err := json.Unmarshal(data, &items); err != nil {
			return nil, err
		}
		return []byte("[" + strings.TrimSuffix(strings.Repeat(`{"position":1},`, len(items)), ",") + "]"), nil
	}
	return r.Relay.Ask(ctx, subject, data)
}

// A timedRelay counts what was not answered soon.
type timedRelay struct {
	channels.Relay
	late *atomic.Int64
}

func (r timedRelay) Ask(ctx context.Context, subject string, data []byte) ([]byte, error) {
	began := time.Now()
	answer, err := r.Relay.Ask(ctx, subject, data)
	if time.Since(began) > 300*time.Millisecond { // of the half a second that a home has
		r.late.Add(1)
	}
	return answer, err
}

// A neighbour is one of two nodes on one log, with a tab of its own.
type neighbour struct {
	*node
	tab       *hubtest.Tab
	committed atomic.Int64 // entries
	asked     atomic.Int64 // messages to the home
	late      atomic.Int64 // of those, what the home may have been too slow for: then the node does it itself
	how       atomic.Value
	pass      chan struct{} // lets go of what is held
	lost      atomic.Bool   // its log
}

// A countedLog counts the entries that are given to a log.
type countedLog struct {
	channels.Log
	committed *atomic.Int64
}

// A lostLog is out of reach while it is lost, and a part of what it has did not come.
type lostLog struct {
	channels.Log
	lost *atomic.Bool
}

func (l lostLog) Follow(ctx context.Context, after uint64, deliver func(channels.Record)) error {
	missed := false
	return l.Log.Follow(ctx, after, func(r channels.Record) {
		if missed || !l.lost.Load() {
			deliver(r)
		}
		missed = missed || l.lost.Load()
	})
}

func (l lostLog) Bounds(ctx context.Context) (first, last uint64, err error) {
	if l.lost.Load() {
		return 0, 0, errors.New("out of reach")
	}
	return l.Log.Bounds(ctx)
}

func (l countedLog) Append(ctx context.Context, after uint64, data []byte) error {
	l.committed.Add(1)
	return l.Log.Append(ctx, after, data)
}

// neighbours returns the home of the space, and the other node, which know of each other.
func neighbours(t *testing.T, more ...func(*hub.Options)) (home, away *neighbour) {
	t.Helper()
	return neighboursWithin(t, 0, more...)
}

// neighboursWithin is neighbours whose replicas wait as long for the log.
func neighboursWithin(t *testing.T, patience time.Duration, more ...func(*hub.Options)) (home, away *neighbour) {
	t.Helper()
	store := natstest.Embedded(t)
	two := []*neighbour{{pass: make(chan struct{})}, {pass: make(chan struct{})}}
	for i, user := range []string{"alice", "bob"} {
		n := two[i]
		n.node = newNode(t, nodeOptions{
			name: fmt.Sprint("node", i), store: store, policy: session.Policy{},
			limits:   hub.Limits{Rate: 1e6, Burst: 1e6},
			log:      func(l channels.Log) channels.Log { return countedLog{lostLog{l, &n.lost}, &n.committed} },
			patience: patience,
			more: func(o *hub.Options) {
				o.Relay = homeRelay{timedRelay{o.Relay, &n.late}, &n.how, &n.asked, n.pass}
				for _, f := range more {
					f(o)
				}
			},
		})
		_, n.tab = n.open(t, user)
	}
	for _, n := range two {
		presence := wire.Presence{Members: n.tab.Welcome.Presence}
		for len(presence.Members) < 2 {
			n.tab.Expect("presence", &presence)
		}
	}
	for _, n := range two {
		n.tab.Do(write("notes", "who", 1), "written", nil)
	}
	if two[0].asked.Load() > 0 == (two[1].asked.Load() > 0) {
		t.Fatalf("the nodes have asked %d and %d times: one of them is the home", two[0].asked.Load(), two[1].asked.Load())
	}
	if two[0].asked.Load() > 0 {
		return two[1], two[0]
	}
	return two[0], two[1]
}

// say appends messages, no more than a client has unanswered, all at once, and wants each to be there once and in order.
func (n *neighbour) say(t *testing.T, from, to int) {
	t.Helper()
	var frames []any
	for i := from; i < to; i++ {
		frames = append(frames, frame{"type": "append", "id": 1000 + i, "channel": "chat", "data": i, "op": fmt.Sprintf("%s.%d", n.tab.Client, 1000+i)})
	}
	n.tab.Send(frames...)
	for i := from; i < to; i++ {
		if f := n.tab.Answer(uint64(1000 + i)); f.Type != "appended" {
			t.Fatalf("message %d was answered %s", i, f.Data)
		}
	}
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	space.Read(func(state *channels.State) {
		messages, _ := state.Messages("chat", 0)
		for i, m := range messages {
			if string(m.Data) != fmt.Sprint(i) {
				t.Fatalf("message %d is %s", i, m.Data)
			}
		}
		if len(messages) != to {
			t.Errorf("there are %d messages, not %d", len(messages), to)
		}
	})
}

func TestTheHomeOfASpaceCommitsForAllNodesInTheirOrder(t *testing.T) {
	home, away := neighbours(t)
	home.tab.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	r := away.tab.Refused(with(write("queue", "k", 1), "term", 1), "not_operator") // a refusal keeps what it tells
	if r.More["holder"] == nil || r.Detail == "" {
		t.Errorf("refused with %+v", r)
	}
	var written wire.Written
	away.tab.Do(write("notes", "k", 1), "written", &written)
	conflict := away.tab.Refused(with(write("notes", "k", 2), "if", frame{"k": written.Position + 1}), "conflict")
	var current wire.Value
	if json.Unmarshal(conflict.Current["k"], &current) != nil || string(current.Value) != "1" {
		t.Errorf("refused with %+v", conflict)
	}

	const times = 5
	for try := range times {
		before, late := away.committed.Load(), away.late.Load()
		for i := range 10 {
			away.say(t, 300*try+30*i, 300*try+30*i+30)
		}
		more := away.committed.Load() - before
		if more == 0 {
			return
		}
		if away.late.Load() == late || try == times-1 {
			t.Fatalf("the other node has committed %d entries", more)
		}
		<-time.After(6 * time.Second) // a busy machine has held up the home; then it is asked again
	}
}

func TestWhatIsWithTheHomeHoldsUpItsOwnConnectionAndNoOther(t *testing.T) {
	_, away := neighbours(t)
	_, other := away.open(t, "ada")
	say := func(i int) {
		away.tab.Send(frame{"type": "append", "id": 1000 + i, "channel": "chat", "data": i, "op": fmt.Sprintf("%s.%d", away.tab.Client, 1000+i)})
	}
	before, pass := away.asked.Load(), sync.OnceFunc(func() { close(away.pass) })
	defer pass()
	away.how.Store("held")
	say(0)
	for late := time.After(time.Minute); away.asked.Load() == before; {
		select {
		case <-late:
			t.Fatal("the first message was not handed over")
		case <-time.After(time.Millisecond):
		}
	}
	say(1)
	away.tab.Do(frame{"type": "ping"}, "pong", nil) // by now the node has it
	other.Do(write("notes", "k", 1), "written", nil)
	pass()
	for i := range 2 {
		if f := away.tab.Answer(uint64(1000 + i)); f.Type != "appended" {
			t.Fatalf("message %d was answered %s", i, f.Data)
		}
	}
	away.say(t, 2, 2)
	if asked := away.asked.Load() - before; asked < 2 {
		t.Errorf("the home was handed %d messages", asked)
	}
}

// An operation id is bound to its request, so a retry that is decided elsewhere has to be of the same bytes.
func TestWhatTheHomeCommitsIsWhatTheClientSentToTheByte(t *testing.T) {
	home, away := neighbours(t)
	send := func(id uint64) (w wire.Written) {
		t.Helper()
		away.tab.SendRaw(fmt.Sprintf(`[{"type":"write","id":%d,"channel":"notes","op":"%s.77","set":{"k":"<a> & b"}}]`, id, away.tab.Client))
		away.tab.Decode(away.tab.Answer(id), &w)
		return w
	}
	first := send(901)
	away.how.Store("nobody answers")
	if again := send(902); again.Position != first.Position {
		t.Errorf("it was written at %d, and then at %d", first.Position, again.Position)
	}
	if a := home.user(t, "alice").Request("GET", home.channel("notes")+"/k", ""); a.Body != "\"<a> & b\"\n" {
		t.Errorf("the value is %q", a.Body)
	}
}

func TestWrongBeliefsAboutTheHomeCostTimeAndNeverAWrongResult(t *testing.T) {
	for _, how := range []string{"nobody answers", "the answer is lost", "nonsense"} {
		t.Run(how, func(t *testing.T) {
			_, away := neighbours(t)
			away.how.Store(how)
			began := time.Now()
			away.say(t, 0, 30)
			took := time.Since(began)
			if took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			for said := 30; ; said += 30 {
				asked, began := away.asked.Load(), time.Now()
				away.say(t, said, said+30) // meanwhile it is left alone, for five seconds
				more := away.asked.Load() - asked
				if more == 0 {
					break
				}
				if took < 3*time.Second || said > 300 { // else they may be over
					t.Fatalf("a home that does not answer was asked %d times more within %v", more, took)
				}
				took = time.Since(began)
			}
		})
	}
}

// What was handed to the home, and not answered, comes there when it has been refused here and might be done.
func TestWhatIsRefusedWhileTheHomeMayHaveItIsRefusedForGood(t *testing.T) {
	home, away := neighbours(t)
	away.how.Store("kept")
	n := away.asked.Load()
	change := frame{"type": "write", "channel": "notes", "set": frame{"who": 2}, "if": frame{"who": 0}, "op": away.tab.Client + ".901"}
	away.tab.Refused(change, "conflict") // it is there
	home.tab.Do(frame{"type": "write", "channel": "notes", "delete": []string{"who"}, "op": home.tab.Client + ".901"}, "written", nil)
	close(away.pass)
	until(t, "the home has had it, and decided", func() bool { return away.asked.Load() == n+2 })
	change["again"] = true
	away.tab.Refused(change, "conflict")
	space, err := home.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	space.Read(func(state *channels.State) {
		if v, there := state.Get(channels.Ref{Channel: "notes", Key: "who"}); there {
			t.Errorf("it was refused, and is %s", v.Data)
		}
	})
}

func TestWhatTheHomeHasDoneIsNotRefusedHere(t *testing.T) {
	_, away := neighbours(t)
	away.how.Store("the answer is lost")
	away.tab.Do(frame{"type": "write", "channel": "notes", "set": frame{"new": 1}, "if": frame{"new": 0}, "op": away.tab.Client + ".901"}, "written", nil)
}

// A node that loses its way to the log and to the home at once cannot say that nothing was changed.
func TestWhatTheHomeHasPerhapsDoneIsNotSaidToBeUndoneWhenTheLogIsOutOfReach(t *testing.T) {
	home, away := neighboursWithin(t, 4*time.Second)
	ada := away.user(t, "ada")
	space, err := away.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	away.lost.Store(true)
	for i := range 2 {
		home.tab.Do(write("notes", "k", i), "written", nil)
	}
	until(t, "the other node has lost the log", func() bool { return space.Problem() != nil })
	away.how.Store("the answer is lost")
	p := ada.Request("POST", away.channel("chat"), `{"data":1}`).Problem(503, "unknown")
	if op, told := p["op"]; told {
		t.Errorf("it is to be sent again as %v, which the log does not remember when the home has done it", op)
	}
	if a := home.user(t, "bob").Request("GET", home.channel("chat"), ""); !strings.Contains(a.Body, `"data":1`) {
		t.Logf("the home was too slow for it: %s", a.Body)
	}
}

func TestAHomeIsBelievedOnlyAsFarAsTheLogShows(t *testing.T) {
	_, away := neighbours(t)
	away.how.Store("a lie")
	away.say(t, 0, 30)
	away.how.Store("")
	away.say(t, 30, 60)
}

// A node may have shown its client what the home has yet to hear of.
func TestTheHomeDecidesNothingBeforeItIsWhereTheOtherNodeWas(t *testing.T) {
	store := natstest.Embedded(t)
	n := newNode(t, nodeOptions{name: "home", store: store})
	n.token(t, "robot")
	hand := func(number int, at uint64, patience time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		answer, err := store.Relay().Ask(ctx, "home.lab.home", fmt.Appendf(nil,
			`[{"actor":"robot","user":"service/robot","at":%d,"request":{"type":"append","channel":"chat","data":1,"op":"robot-1.%d"}}]`, at, number))
		if err == nil && !strings.Contains(string(answer), "position") {
			err = fmt.Errorf("it answers %q", answer)
		}
		return err
	}
	if err := hand(1, n.position(t), hubtest.Patience); err != nil {
		t.Error(err)
	}
	if hand(2, n.position(t)+1, 500*time.Millisecond) == nil {
		t.Error("it decided though it was behind")
	}
}
