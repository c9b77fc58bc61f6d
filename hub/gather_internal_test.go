package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

func openRoom(t testing.TB) *room {
	t.Helper()
	h := &Hub{figures: newFigures(), rooms: map[string]*room{}, news: make(chan *room, 64), started: time.Now().Add(-time.Hour)}
	h.options.Authority = session.Authority{}
	h.options.Node = "one"
	h.options.Limits = h.options.Limits.Filled()
	r := newRoom(h, "lab")
	s, err := channels.Open(t.Context(), channels.Options{
		Name: "lab", Log: channels.NewMemoryLog(), Authority: session.Authority{}, Watcher: r,
		Rules: &channels.Rules{Version: 1, Channels: map[string]channels.ChannelRules{
			"a": {Kind: channels.KindStore, Write: []channels.Right{"member"}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	r.space.Store(s)
	return r
}

func (r *room) put(t *testing.T, key, value string) (position uint64) {
	t.Helper()
	o := r.replica().House(t.Context(), func(d *channels.Draft) (any, error) {
		d.Set(channels.Ref{Channel: "a", Key: key}, json.RawMessage(value))
		return nil, nil
	})
	if o.Err != nil {
		t.Fatal(o.Err)
	}
	return o.Position
}

// gathered is the next message of a connection, in one piece.
func (c *conn) gathered() (message []byte, more bool) {
	p := &parcel{}
	more = c.gatherAll(p)
	message, tails := p.close()
	return bytes.Join(append([][]byte{message}, tails...), nil), more
}

// TestASlowClientIsNeverShownAnOlderValueLast lets a client join while an answer waits, and then fall off the ring.
func TestASlowClientIsNeverShownAnOlderValueLast(t *testing.T) {
	r := openRoom(t)
	c := &conn{
		room: r, who: channels.Who{ID: "x", User: "x"}, wake: make(chan struct{}, 1), taken: make(chan struct{}, 1),
		ctx: t.Context(),
	}
	r.replica().Read(func(s *channels.State) { c.cursor = s.Position() })
	p := r.put(t, "k", `"old"`)
	c.reply(p, &wire.Written{ID: 1, Position: p})
	c.join([]*wire.Join{{Head: wire.Head{ID: 2}, Channel: "a"}})
	r.put(t, "k", `"new"`)
	for i := range 100 { // more than the ring holds
		r.put(t, fmt.Sprint("big", i), `"`+strings.Repeat("x", 60<<10)+`"`)
	}
	message, _ := c.gathered()
	var frames []struct {
		Type   string
		Mode   string
		Values map[string]wire.Value
	}
	if err := json.Unmarshal(message, &frames); err != nil {
		t.Fatal(err)
	}
	shown, written := "", false
	for _, f := range frames { // as a client applies them
		if v, ok := f.Values["k"]; ok || f.Mode == wire.Snapshot {
			shown = string(v.Value)
		}
		written = written || f.Type == "written"
	}
	if shown != `"new"` || !written {
		t.Errorf("the client is up to date and shows %s; its write was answered: %v", shown, written)
	}
}

func TestTheGraceOfAServiceCountsFromItsGoing(t *testing.T) {
	p := newPresence("one")
	now := time.Now()
	service := []attendant{{Session: "s", User: "s", Client: "service-1", Serves: []string{"look"}}}
	p.hear("two", service, now)
	later := now.Add(time.Hour) // without anybody looking
	p.hear("two", nil, later)
	if len(p.clients(later.Add(callGrace-1), callGrace)) != 1 {
		t.Error("its calls are given up before the grace is over")
	}
	if len(p.clients(later.Add(callGrace), callGrace)) != 0 {
		t.Error("its calls are never given up")
	}
}

func TestACallThatNobodyTakesIsGivenUpInTheEnd(t *testing.T) {
	d := newDesk(openRoom(t))
	calls := []channels.Call{{ID: "a.1", Command: "look", State: channels.CallWaiting}}
	d.room.replica().Read(func(s *channels.State) {
		d.room.mu.Lock()
		defer d.room.mu.Unlock()
		if overdue := d.overdueLocked(calls, s, time.Now()); len(overdue) > 0 {
			t.Error("given up at once")
		}
		if overdue := d.overdueLocked(calls, s, time.Now().Add(callGrace)); len(overdue) != 1 {
			t.Error("never given up")
		}
	})
}

// TestAnotherHistoryMakesTheTabsComeAgain replaces the state of a room by one of another epoch that is no shorter.
func TestAnotherHistoryMakesTheTabsComeAgain(t *testing.T) {
	for name, end := range map[string]func(*channels.State, *room) bool{
		"another":  func(s *channels.State, r *room) bool { r.epoch.Store("another"); return true },
		"the same": func(*channels.State, *room) bool { return false },
	} {
		t.Run(name, func(t *testing.T) {
			r := openRoom(t)
			c := &conn{room: r, proof: func(channels.View) error { return nil }, wake: make(chan struct{}, 1)}
			c.ctx, c.cancel = context.WithCancelCause(t.Context())
			r.conns[c] = struct{}{}
			r.replica().Read(func(s *channels.State) {
				want := end(s, r)
				r.Applied(s, channels.Change{Position: s.Position(), Reset: true})
				var cause closing
				if again := errors.As(context.Cause(c.ctx), &cause) && cause.reason == "the log was replaced"; again != want {
					t.Errorf("the connection ended with %v", context.Cause(c.ctx))
				}
			})
		})
	}
}

func TestACallThatWasTakenInAGapReachesItsService(t *testing.T) {
	r := openRoom(t)
	call := channels.Call{ID: "a.1", Command: "look", State: channels.CallTaken, Taken: "service-1"}
	o := r.replica().House(t.Context(), func(d *channels.Draft) (any, error) {
		d.Set(channels.Ref{Channel: channels.CallsStore, Key: call.ID}, call)
		return nil, nil
	})
	if o.Err != nil {
		t.Fatal(o.Err)
	}
	c := &conn{room: r, client: "service-1", wake: make(chan struct{}, 1)}
	r.mu.Lock()
	r.calls.servesLocked(c, []string{"look"})
	r.mu.Unlock()
	r.replica().Read(func(s *channels.State) { r.Applied(s, channels.Change{Position: s.Position(), Reset: true}) })
	if len(c.answers) != 1 {
		t.Errorf("it was told %d things", len(c.answers))
	}
}

// TestWhatGoneClientsHadIsLostAndNothingElse sweeps a space in which two clients have calls and locks.
func TestWhatGoneClientsHadIsLostAndNothingElse(t *testing.T) {
	r := openRoom(t)
	o := r.replica().House(t.Context(), func(d *channels.Draft) (any, error) {
		for _, client := range []string{"here", "gone"} {
			call := channels.Call{ID: client + ".1", Command: "look", State: channels.CallTaken, Taken: client}
			d.Set(channels.Ref{Channel: channels.CallsStore, Key: call.ID}, call)
			d.Set(channels.Ref{Channel: channels.LocksStore, Key: "lock-of-" + client}, channels.LockRecord{Client: client})
		}
		return nil, nil
	})
	if o.Err != nil {
		t.Fatal(o.Err)
	}
	sweep := func(alive []string) (lost []channels.Call, locks map[string]channels.LockRecord) {
		t.Helper()
		if err := r.sweepCalls(t.Context(), r.replica(), alive); err != nil {
			t.Fatal(err)
		}
		r.replica().Read(func(s *channels.State) {
			lost = channels.Calls(s, func(c channels.Call) bool { return c.State == channels.CallUnknown })
			locks = channels.Locks(s)
		})
		return lost, locks
	}
	here := []string{"here"}
	for _, alive := range [][]string{nil, here, {"gone", "here"}, here, here} { // nil: it cannot be said yet
		if lost, locks := sweep(alive); len(lost) != 0 || len(locks) != 2 {
			t.Errorf("while %v are there, and one is missed for a moment, the calls %v are lost and the locks are %v", alive, lost, locks)
		}
	}
	r.mu.Lock()
	r.calls.missed["gone"] = time.Now().Add(-missedGrace)
	r.mu.Unlock()
	if lost, locks := sweep(here); len(lost) != 1 || lost[0].ID != "gone.1" || len(locks) != 1 || locks["lock-of-here"].Client != "here" {
		t.Errorf("when one is gone, the calls %v are lost and the locks are %v", lost, locks)
	}
}

// TestWhatIsOlderThanItsWindowIsForgottenByTheTimeOfTheLog deletes a key and lets time pass in which nothing is written.
func TestWhatIsOlderThanItsWindowIsForgottenByTheTimeOfTheLog(t *testing.T) {
	synctest.Test(t, forgetsByTheTimeOfTheLog)
}

func forgetsByTheTimeOfTheLog(t *testing.T) {
	r := openRoom(t)
	before := r.put(t, "k", "1")
	o := r.replica().House(t.Context(), func(d *channels.Draft) (any, error) {
		d.Delete(channels.Ref{Channel: "a", Key: "k"})
		return nil, nil
	})
	if o.Err != nil {
		t.Fatal(o.Err)
	}
	known := func() (known bool) {
		if err := r.sweepCalls(t.Context(), r.replica(), nil); err != nil {
			t.Fatal(err)
		}
		r.replica().Read(func(s *channels.State) { _, known = s.Since("a", "", before) })
		return known
	}
	if !known() {
		t.Error("a tombstone is forgotten at once")
	}
	time.Sleep(2 * channels.KeptFor)
	if known() {
		t.Error("a tombstone is kept for ever")
	}
}

// TestADeadlineCountsByTheClockOfTheLogBeforeThisNodeLooked looks at a call that was made long before.
func TestADeadlineCountsByTheClockOfTheLogBeforeThisNodeLooked(t *testing.T) {
	r := openRoom(t)
	r.replica().Read(func(s *channels.State) {
		r.mu.Lock()
		defer r.mu.Unlock()
		calls := []channels.Call{
			{ID: "old.1", State: channels.CallTaken, Deadline: 60_000, Called: s.Time().Add(-time.Hour)},
			{ID: "new.1", State: channels.CallTaken, Deadline: 60_000, Called: s.Time()},
			{ID: "any.1", State: channels.CallTaken, Called: s.Time().Add(-time.Hour)},
		}
		if late := r.calls.lateLocked(calls, s, time.Now()); len(late) != 1 || late[0] != "old.1" {
			t.Errorf("late are %v", late)
		}
		if late := r.calls.lateLocked(calls, s, time.Now().Add(time.Minute)); len(late) != 2 {
			t.Errorf("after a minute late are %v", late)
		}
	})
}

func TestADeadlineOfAnyLengthIsOne(t *testing.T) {
	for ms, want := range map[int64]time.Duration{0: 0, 1: time.Millisecond, 1 << 53: math.MaxInt64 / time.Millisecond * time.Millisecond} {
		if got := milliseconds(ms); got != want {
			t.Errorf("%d ms are %v", ms, got)
		}
	}
}

func TestWhoJoinsALiveStoreGetsItOnceAndKeepsItsDefaults(t *testing.T) {
	r := openRoom(t)
	f, other := feed{channel: "motors"}, feed{channel: "other"}
	forget := func() { r.board.prune(time.Now().Add(2*goneLife), func(string) bool { return false }) }
	r.board.set(f, "x", wire.Value{Value: []byte("1")})
	r.board.set(f, "y", wire.Value{Value: []byte("1")})
	r.board.set(f, "x", wire.Value{})
	forget()
	c := &conn{room: r, wake: make(chan struct{}, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.channels = map[string]channels.ChannelRules{
		"motors": {Kind: channels.KindStore, Live: true, Default: map[string]json.RawMessage{"speed": json.RawMessage("3")}},
	}
	c.joinLiveLocked(f, channels.ChannelRules{}) // this goes out as joined
	next := func() (frames []wire.Joined) {
		p := &parcel{}
		c.gatherLiveLocked(p)
		if len(p.data) > 0 {
			if err := json.Unmarshal(append(p.data, ']'), &frames); err != nil {
				t.Fatal(err)
			}
		}
		return frames
	}
	if frames := next(); len(frames) > 0 {
		t.Errorf("all of it goes out again: %+v", frames)
	}
	c.joinLiveLocked(other, channels.ChannelRules{})
	r.board.set(f, "y", wire.Value{})
	forget()
	if frames := next(); len(frames) != 1 || frames[0].Channel != "motors" || len(frames[0].Values) != 0 || string(frames[0].Defaults["speed"]) != "3" {
		t.Errorf("who missed that the last key went gets %+v", frames)
	}
	if frames := next(); len(frames) > 0 {
		t.Errorf("all of it goes out again: %+v", frames)
	}
}

// Many fall off the ring, and others go on writing while they are brought up to date.
func TestWhoFallsOffTheRingSharesWhatIsEncodedOnce(t *testing.T) {
	synctest.Test(t, fallOffTheRing) // what is shared is forgotten after a second
}

func fallOffTheRing(t *testing.T) {
	r := openRoom(t)
	const clients = 20
	var all []*conn
	for range clients {
		c := &conn{room: r, who: channels.Who{ID: "x", User: "x"}, wake: make(chan struct{}, 1), taken: make(chan struct{}, 1), ctx: t.Context()}
		r.replica().Read(func(s *channels.State) { c.cursor = s.Position() })
		c.join([]*wire.Join{{Head: wire.Head{ID: 1}, Channel: "a"}})
		c.gathered()
		all = append(all, c)
	}
	for i := range 100 { // more than the ring holds
		r.put(t, fmt.Sprint("big", i), `"`+strings.Repeat("x", 60<<10)+`"`)
	}
	var tail *byte
	for i, c := range all {
		last := fmt.Sprintf(`"%d"`, i)
		r.put(t, "last", last)
		p := &parcel{}
		for c.gatherAll(p) {
		}
		message, tails := p.close()
		if len(message) > partBytes || len(tails) == 0 || tail != nil && &tails[0][0] != tail {
			t.Fatalf("client %d has %d bytes of its own, and what is large is not the very same", i, len(message))
		}
		tail = &tails[0][0]
		whole := bytes.Join(append([][]byte{message}, tails...), nil)
		var frames []struct {
			Values map[string]wire.Value
			Set    map[string]json.RawMessage
		}
		if err := json.Unmarshal(whole, &frames); err != nil {
			t.Fatal(err)
		}
		values := map[string]string{} // as a client applies them
		for _, f := range frames {
			for key, v := range f.Values {
				values[key] = string(v.Value)
			}
			for key, v := range f.Set {
				values[key] = string(v)
			}
		}
		if len(values) != 101 || values["last"] != last {
			t.Errorf("client %d has %d values, the last is %s, want %s", i, len(values), values["last"], last)
		}
	}
}

func TestWhatIsMadeForWhoCatchesUpDoesNotGoOutWhenItMayNotReadOrHasLeft(t *testing.T) {
	for what, change := range map[string]func(c *conn){
		"other rights": func(c *conn) {
			c.room.replica().Read(func(s *channels.State) {
				c.room.mu.Lock()
				defer c.room.mu.Unlock()
				c.renewLocked(s, "your rights have changed", time.Hour)
			})
		},
		"other rights, and welcomed again": func(c *conn) { c.renewals.Add(1) },
		"left":                             func(c *conn) { c.leave(&wire.Leave{Channel: "a"}) },
		"nothing":                          func(*conn) {},
	} {
		r := openRoom(t)
		c := &conn{room: r, who: channels.Who{ID: "x", User: "x"}, wake: make(chan struct{}, 1), taken: make(chan struct{}, 1), ctx: t.Context()}
		r.replica().Read(func(s *channels.State) { c.cursor = s.Position() })
		c.join([]*wire.Join{{Head: wire.Head{ID: 1}, Channel: "a"}})
		c.gathered()
		for i := range 100 { // more than the ring holds
			r.put(t, fmt.Sprint("big", i), `"`+strings.Repeat("x", 60<<10)+`"`)
		}
		made := c.missed()
		change(c)
		p := &parcel{}
		c.relieve(p, made)
		message, tails := p.close()
		whole := bytes.Join(append([][]byte{message}, tails...), nil)
		if shown := bytes.Contains(whole, []byte("xxxx")); shown != (what == "nothing") {
			t.Errorf("%s: it is sent %d bytes", what, len(whole))
		}
	}
}
