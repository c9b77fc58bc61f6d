package channels_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
)

// people is an Authority for tests: who is signed in, and the seat, are plain keys of reserved stores.
type people struct{}

func (people) Identify(v channels.View, id string) (channels.Who, error) {
	value, ok := v.Get(channels.Ref{Channel: channels.SessionsStore, Key: id})
	if !ok {
		return channels.Who{}, channels.Refuse(channels.CodeSignedOut, "signed out")
	}
	var who channels.Who
	return who, json.Unmarshal(value.Data, &who)
}

type seat struct {
	Holder string
	Term   uint64
}

func (people) Fence(v channels.View, who channels.Who, term uint64) error {
	value, _ := v.Get(channels.Ref{Channel: channels.ControlStore, Key: "seat"})
	var s seat
	_ = json.Unmarshal(value.Data, &s)
	switch {
	case term == 0:
		return channels.Refuse(channels.CodeNoTerm, "send the term")
	case s.Holder != who.ID:
		return channels.Refuse(channels.CodeNotOperator, "%s is the operator", s.Holder)
	case s.Term != term:
		return channels.Refuse(channels.CodeOldTerm, "the term is %d", s.Term)
	}
	return nil
}

var testRules = &channels.Rules{
	Version: 1,
	Channels: map[string]channels.ChannelRules{
		"queue":  {Kind: channels.KindStore, Write: []channels.Right{"operator", "service"}},
		"open":   {Kind: channels.KindStore, Write: []channels.Right{"member"}},
		"ui":     {Kind: channels.KindStore, Scope: channels.ScopeUser, Write: []channels.Right{"owner"}},
		"motors": {Kind: channels.KindStore, Live: true, Write: []channels.Right{"service"}},
		"log":    {Kind: channels.KindLog, Write: []channels.Right{"member"}, Keep: 5},
	},
	Commands: map[string]channels.CommandRules{
		"go":   {Call: []channels.Right{"operator"}},
		"look": {Call: []channels.Right{"member"}},
		"halt": {Call: []channels.Right{"member"}, Stop: true},
	},
}

// bench is a log with some replicas of its space.
type bench struct {
	t         *testing.T
	log       *channels.MemoryLog
	snapshots *channels.MemorySnapshots
	wrap      func(*channels.MemoryLog) channels.Log // how the replicas see the log
}

func newBench(t *testing.T) *bench {
	return &bench{
		t: t, log: channels.NewMemoryLog(), snapshots: &channels.MemorySnapshots{},
		wrap: func(l *channels.MemoryLog) channels.Log { return l },
	}
}

func (b *bench) open() *channels.Space { return b.openWith(channels.Options{}) }

func (b *bench) openWith(o channels.Options) *channels.Space {
	b.t.Helper()
	o.Name, o.Log, o.Snapshots, o.Authority = "lab", b.wrap(b.log), b.snapshots, people{}
	if o.Rules == nil {
		o.Rules = testRules
	}
	s, err := channels.Open(b.t.Context(), o)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(s.Close)
	return s
}

// admit signs people in and gives the seat to the first, under term 1.
func admit(t *testing.T, s *channels.Space, users ...string) {
	t.Helper()
	o := s.House(t.Context(), func(d *channels.Draft) (any, error) {
		for _, u := range users {
			who := channels.Who{ID: u, User: u}
			if u == "service" || u == "admin" || u == "staff" {
				who.Roles = []string{u}
			}
			d.Set(channels.Ref{Channel: channels.SessionsStore, Key: u}, who)
		}
		d.Set(channels.Ref{Channel: channels.ControlStore, Key: "seat"}, seat{users[0], 1})
		return nil, nil
	})
	if o.Err != nil {
		t.Fatal(o.Err)
	}
}

func passSeat(t *testing.T, s *channels.Space, to string, term uint64) {
	t.Helper()
	o := s.House(t.Context(), func(d *channels.Draft) (any, error) {
		d.Set(channels.Ref{Channel: channels.ControlStore, Key: "seat"}, seat{to, term})
		return nil, nil
	})
	if o.Err != nil {
		t.Fatal(o.Err)
	}
}

func op(client string, n int) channels.Op { return channels.Op{Client: client, N: uint64(n)} }

// set proposes a write of one key by a user whose client id is the user's name and "-tab".
func set(user string, n int, channel, key, value string, more ...func(*channels.Write)) channels.Proposal {
	w := channels.Write{Channel: channel, Set: map[string]json.RawMessage{key: json.RawMessage(value)}}
	for _, f := range more {
		f(&w)
	}
	body, _ := json.Marshal(w)
	return channels.Proposal{Op: op(user+"-tab", n), Actor: user, User: user, Body: body, Decide: w.Decide}
}

func ifAt(key string, position uint64) func(*channels.Write) {
	return func(w *channels.Write) { w.If = map[string]uint64{key: position} }
}

func unseen(position uint64) func(*channels.Write) {
	return func(w *channels.Write) { w.Unseen = &position }
}

func term(term uint64) func(*channels.Write) { return func(w *channels.Write) { w.Term = term } }

func mustDo(t *testing.T, s *channels.Space, p channels.Proposal) channels.Outcome {
	t.Helper()
	o := s.Do(t.Context(), p)
	if o.Err != nil {
		t.Fatalf("operation %s: %v", p.Op, o.Err)
	}
	return o
}

func wantCode(t *testing.T, o channels.Outcome, code channels.Code) {
	t.Helper()
	if !channels.IsCode(o.Err, code) {
		t.Fatalf("got %+v, want a refusal with code %s", o, code)
	}
}

// get reads a key of a space-scoped store, "" if there is none.
func get(s *channels.Space, channel, key string) (value string) {
	s.Read(func(state *channels.State) {
		v, _ := state.Get(channels.Ref{Channel: channel, Key: key})
		value = string(v.Data)
	})
	return value
}

func position(s *channels.Space) (p uint64) {
	s.Read(func(state *channels.State) { p = state.Position() })
	return p
}

// appliedTimes counts an operation in the log.
func (b *bench) appliedTimes(o channels.Op) (times int) {
	for _, e := range b.entries() {
		for _, tx := range e.Transactions {
			if tx.Op == o {
				times++
			}
		}
	}
	return times
}

func (b *bench) entries() (entries []*channels.Entry) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	_, last, err := b.log.Bounds(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	err = b.log.Follow(ctx, 0, func(r channels.Record) {
		e, err := channels.DecodeEntry(r.Data)
		if err != nil {
			b.t.Error(err)
		}
		entries = append(entries, e)
		if r.Position == last {
			cancel()
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return entries
}

func TestAWriteIsSeenOnEveryReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		one, two := b.open(), b.open()
		admit(t, one, "ann")
		o := mustDo(t, one, set("ann", 1, "open", "k", `"v"`))
		if err := two.WaitFor(t.Context(), o.Position); err != nil {
			t.Fatal(err)
		}
		if got := get(two, "open", "k"); got != `"v"` {
			t.Errorf("the other replica has %s", got)
		}
	})
}

func TestARetryOfACompareAndSetGetsItsFirstAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		create := set("ann", 1, "open", "k", `1`, ifAt("k", 0))
		first := mustDo(t, s, create)
		if again := mustDo(t, s, create); again.Position != first.Position {
			t.Errorf("first answer %d, again %d", first.Position, again.Position)
		}
		wantCode(t, s.Do(t.Context(), set("ann", 2, "open", "k", `1`, ifAt("k", 0))), channels.CodeConflict)
		wantCode(t, s.Do(t.Context(), set("ann", 1, "open", "k", `2`)), channels.CodeOpReused)
		stolen := set("ann", 1, "open", "k", `1`, ifAt("k", 0))
		stolen.User = "bob"
		wantCode(t, s.Do(t.Context(), stolen), channels.CodeOpReused)
		if n := b.appliedTimes(op("ann-tab", 1)); n != 1 {
			t.Errorf("it is in the log %d times", n)
		}
	})
}

func TestTheOperationIsLookedUpBeforeTheSessionIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann")
		write := set("ann", 1, "open", "k", `1`)
		first := mustDo(t, s, write)
		o := s.House(t.Context(), func(d *channels.Draft) (any, error) {
			d.Delete(channels.Ref{Channel: channels.SessionsStore, Key: "ann"})
			return nil, nil
		})
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		if again := mustDo(t, s, write); again.Position != first.Position {
			t.Errorf("first answer %d, again %d", first.Position, again.Position)
		}
		wantCode(t, s.Do(t.Context(), set("ann", 2, "open", "k", `1`)), channels.CodeSignedOut)
	})
}

func TestNoWriteOfAnEarlierTermIsEverInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		one, two := b.open(), b.open()
		admit(t, one, "ann", "bob")
		mustDo(t, one, set("ann", 1, "queue", "k", `"ann's"`, term(1)))
		wantCode(t, one.Do(t.Context(), set("ann", 2, "queue", "k", `1`)), channels.CodeNoTerm)
		wantCode(t, one.Do(t.Context(), set("bob", 1, "queue", "k", `1`, term(1))), channels.CodeNotOperator)

		// Ann's write is decided on replica one while the seat passes on replica two: it reaches the log late.
		var passed bool
		b.log.SetFault(func(uint64, []byte) channels.Fault {
			if passed {
				return ""
			}
			passed = true
			return channels.FaultLost
		})
		done := make(chan channels.Outcome, 1)
		late := set("ann", 3, "queue", "k", `"late"`, term(1))
		late.Done = func(o channels.Outcome) { done <- o }
		one.Propose(late)
		synctest.Wait()
		passSeat(t, two, "bob", 2)
		wantCode(t, <-done, channels.CodeNotOperator)
		wantCode(t, two.Do(t.Context(), set("bob", 2, "queue", "k", `1`, term(1))), channels.CodeOldTerm)
		mustDo(t, two, set("bob", 3, "queue", "k", `"bob's"`, term(2)))
		if n := b.appliedTimes(late.Op); n != 0 {
			t.Errorf("the late write is in the log")
		}
		for _, e := range b.entries() {
			for _, tx := range e.Transactions {
				if tx.By.User == "ann" && tx.Term != 1 || tx.By.User == "bob" && tx.Term != 2 {
					t.Errorf("%s wrote under term %d", tx.By.User, tx.Term)
				}
			}
		}
	})
}

func TestUnseenRefusesWhatOthersChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann", "bob")
		seen := mustDo(t, s, set("ann", 1, "open", "k", `1`)).Position
		mustDo(t, s, set("ann", 2, "open", "k", `2`, unseen(seen)))
		mustDo(t, s, set("ann", 3, "open", "k", `3`, unseen(seen))) // its own change in between is no surprise
		o := s.Do(t.Context(), set("bob", 1, "open", "k", `4`, unseen(seen)))
		wantCode(t, o, channels.CodeConflict)
		r := o.Err.(*channels.Refusal)
		var current channels.CurrentValue
		if err := json.Unmarshal(r.Current["k"], &current); err != nil || string(current.Value) != "3" || current.By != "ann" {
			t.Errorf("the refusal shows %s, %v", r.Current["k"], err)
		}
		mustDo(t, s, set("bob", 2, "open", "other", `4`, unseen(seen)))

		del := channels.Write{Channel: "open", Delete: []string{"k"}}
		mustDo(t, s, channels.Proposal{Op: op("ann-tab", 4), Actor: "ann", User: "ann", Decide: del.Decide})
		wantCode(t, s.Do(t.Context(), set("bob", 3, "open", "k", `5`, unseen(seen))), channels.CodeConflict)
	})
}

func TestTwoClientsNeverShareAPositionOnAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann", "bob")
		outcomes := make(chan channels.Outcome, 2)
		for _, p := range []channels.Proposal{set("ann", 1, "open", "k", `"a"`), set("bob", 1, "open", "k", `"b"`)} {
			p.Done = func(o channels.Outcome) { outcomes <- o }
			s.Propose(p)
		}
		if x, y := <-outcomes, <-outcomes; x.Err != nil || y.Err != nil || x.Position == y.Position {
			t.Errorf("positions %d and %d, errors %v and %v: a compare-and-set could not tell the values apart",
				x.Position, y.Position, x.Err, y.Err)
		}
	})
}

func TestManyProposalsShareAnEntryAndKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		start := position(s)
		const n = 500
		var proposals []channels.Proposal
		for i := 1; i <= n; i++ {
			proposals = append(proposals, set("ann", i, "open", "k", fmt.Sprint(i)))
		}
		for _, o := range together(s, proposals...) {
			if o.Err != nil {
				t.Fatal(o.Err)
			}
		}
		if got := get(s, "open", "k"); got != fmt.Sprint(n) {
			t.Errorf("the value is %s", got)
		}
		if entries := position(s) - start; entries > 1 {
			t.Errorf("%d operations took %d entries", n, entries)
		}
	})
}

func TestUserScopedValuesAreOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann", "bob")
		mustDo(t, s, set("ann", 1, "ui", "tab", `"queue"`))
		mustDo(t, s, set("bob", 1, "ui", "tab", `"log"`))
		s.Read(func(state *channels.State) {
			ann, _ := state.Get(channels.Ref{Channel: "ui", Owner: "ann", Key: "tab"})
			bob, _ := state.Get(channels.Ref{Channel: "ui", Owner: "bob", Key: "tab"})
			if string(ann.Data) != `"queue"` || string(bob.Data) != `"log"` {
				t.Errorf("ann has %s, bob has %s", ann.Data, bob.Data)
			}
		})
	})
}

func TestBadWritesAreRefusedWithTheirCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann", "bob")
		before := position(s)
		big := json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)
		take := channels.TakeCall{ID: "x"}
		for _, c := range []struct {
			code     channels.Code
			proposal channels.Proposal
		}{
			{channels.CodeUnknownName, set("bob", 1, "nowhere", "k", `1`)},
			{channels.CodeInvalid, set("bob", 2, "motors", "k", `1`)},
			{channels.CodeInvalid, set("bob", 3, "log", "k", `1`)},
			{channels.CodeInvalid, set("bob", 4, "open", "", `1`)},
			{channels.CodeTooLarge, set("bob", 5, "open", "k", string(big))},
			{channels.CodeUnknownName, channels.Proposal{Op: op("bob-tab", 6), Actor: "bob", User: "bob", Decide: take.Decide}},
			{channels.CodeSignedOut, set("eve", 1, "open", "k", `1`)},
		} {
			wantCode(t, s.Do(t.Context(), c.proposal), c.code)
		}
		if position(s) != before {
			t.Errorf("refusals went into the log")
		}
	})
}

func TestEveryProposalIsAnsweredInTimeWhenTheLogIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		b.log.SetDown(true)
		start := time.Now()
		inFlight := make(chan channels.Outcome, 1)
		p := set("ann", 1, "open", "k", `1`)
		p.Done = func(o channels.Outcome) { inFlight <- o }
		s.Propose(p)
		synctest.Wait()
		queued := s.Do(t.Context(), set("ann", 2, "open", "k", `2`))
		if u, ok := queued.Err.(*channels.Uncertain); !ok || u.Code != channels.CodeUnavailable {
			t.Errorf("what never left is answered %v", queued.Err)
		}
		if u, ok := (<-inFlight).Err.(*channels.Uncertain); !ok || u.Code != channels.CodeUnknown {
			t.Errorf("what was in flight is answered %v", u)
		}
		if waited := time.Since(start); waited > 15*time.Second {
			t.Errorf("it took %v", waited)
		}
		if s.Stale().IsZero() {
			t.Error("the space does not say that it is stale")
		}
		b.log.SetDown(false)
		mustDo(t, s, set("ann", 1, "open", "k", `1`))
		mustDo(t, s, set("ann", 2, "open", "k", `2`))
		if !s.Stale().IsZero() || get(s, "open", "k") != "2" {
			t.Errorf("stale since %v, value %s", s.Stale(), get(s, "open", "k"))
		}
	})
}
