package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// After a reconnect one message has everything, in order: the joins from where they were, the commands, the changes
// without an answer under their old operation ids, and the last live values.
func TestEverythingIsSentAgainInOneMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		queue, motors := c.Store("queue"), c.Store("motors")
		synctest.Wait()
		for n := 0; n < 2; {
			for _, r := range p.message() {
				j := r.(*wire.Join)
				p.send(&wire.Joined{ID: j.ID, Channel: j.Channel, Cursor: "e1-1", Mode: wire.Snapshot})
				n++
			}
		}
		if err := errors.Join(queue.Ready(t.Context()), motors.Ready(t.Context())); err != nil {
			t.Fatal(err)
		}
		p.send(&wire.Change{Channel: "queue", Position: 7, Cursor: "e1-7", Set: map[string]json.RawMessage{"a": []byte(`1`)}})
		serving := later(func() error { return c.Serve(t.Context(), map[string]Handler{"abort": nil, "motor.move": nil}) })
		f := expect[*wire.Serve](p)
		p.send(&wire.Serving{ID: f.ID, Commands: f.Commands})
		if err := <-serving; err != nil {
			t.Fatal(err)
		}
		if err := c.Send("motors", map[string]any{"omega": 1, "kappa": 2}); err != nil {
			t.Fatal(err)
		}
		expect[*wire.Send](p)
		var ops []string
		for i := range 3 {
			go func() { _, _ = c.Set(t.Context(), "queue", map[string]any{"k": i}) }()
			ops = append(ops, expect[*wire.Write](p).Op)
		}
		p.cut()
		synctest.Wait()
		if c.Status() != Connecting {
			t.Errorf("%s without a connection", c.Status())
		}
		if err := c.Send("motors", map[string]any{"omega": 3}); err != nil {
			t.Fatal(err)
		}

		p2 := s.accept()
		if p2.client != p.client {
			t.Error("it came back as another client")
		}
		var got []any
		for _, r := range p2.message() {
			*r.Header() = wire.Head{}
			got = append(got, r)
		}
		want := []any{
			&wire.Join{Channel: "queue", Cursor: "e1-7"},
			&wire.Join{Channel: "motors"},
			&wire.Serve{Commands: []string{"abort", "motor.move"}},
		}
		for i, op := range ops {
			want = append(want, &wire.Write{Channel: "queue", Set: map[string]json.RawMessage{"k": raw(i)}, Op: op})
		}
		want = append(want, &wire.Send{Channel: "motors", Set: map[string]json.RawMessage{"omega": raw(3), "kappa": raw(2)}})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("sent\n%s\nwant\n%s", show(got), show(want))
		}
	})
}

func raw(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func show(frames []any) (text string) {
	for _, f := range frames {
		text += string(wire.AppendFrame(nil, f.(wire.Frame))) + "\n"
	}
	return text
}

// A node that is behind the last one must decide at or after what the program has seen, so the cursor does not go back
// before the new node has answered something.
func TestTheCursorDoesNotGoBackOnAnotherNode(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		write := func(p *peer, position uint64, cursor string) (seen string) {
			done := later(func() error { _, err := c.Set(t.Context(), "queue", map[string]any{"k": 1}); return err })
			w := expect[*wire.Write](p)
			p.send(&wire.Written{ID: w.ID, Position: position, Cursor: cursor})
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			return w.Seen
		}
		write(p, 20, "e1-k")
		p.cut()
		p2 := s.accept() // its welcome says e1-1
		p2.send(&wire.ControlState{Cursor: "e1-2"})
		synctest.Wait()
		if seen := write(p2, 21, "e1-l"); seen != "e1-k" {
			t.Errorf("asked at or after %s, want e1-k", seen)
		}
		p2.send(&wire.ControlState{Cursor: "e1-m"})
		synctest.Wait()
		if seen := write(p2, 23, "e1-n"); seen != "e1-m" {
			t.Errorf("asked at or after %s, want e1-m", seen)
		}
	})
}

func TestReconnectsComeWithFullJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := make(chan time.Time, 100)
		options := servePipe(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			attempts <- time.Now()
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		_, err := Connect(within(t.Context(), 15*time.Minute), options)
		if err == nil {
			t.Fatal("connected")
		}
		close(attempts)
		last, n := <-attempts, 0
		var longest time.Duration
		for at := range attempts {
			most := min(firstDelay<<min(n, 10), lastDelay)
			if delay := at.Sub(last); delay <= 0 || delay > most {
				t.Errorf("attempt %d came after %v, want at most %v", n, delay, most)
			}
			longest = max(longest, at.Sub(last))
			last, n = at, n+1
		}
		if n < 30 || longest < lastDelay/2 {
			t.Errorf("%d attempts in 15 minutes, the longest wait %v", n, longest)
		}
	})
}

func TestTheHubSaysWhenToComeBack(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		_, p := s.connect()
		p.send(&wire.Bye{Code: wire.CloseLeaving, Reason: "this node is leaving", ReconnectAfter: 61_000})
		p.cut()
		start := time.Now()
		s.accept()
		if after := time.Since(start); after != 61*time.Second {
			t.Errorf("came back after %v", after)
		}
	})
}

// A connection that is cut somewhere far away gives no error: only a ping shows it.
func TestAHubThatDoesNotAnswerIsLeft(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		s.connect() // and nobody reads at the other end
		start := time.Now()
		s.accept()
		if after := time.Since(start); after < pingEvery || after > pingEvery+pongTime+firstDelay {
			t.Errorf("came back after %v", after)
		}
	})
}

func TestOfLiveValuesTheNewestWins(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		for i := range 1000 {
			if err := c.Send("motors", map[string]any{"omega": i}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait() // the writer waits for the pipe, or has nothing to do
		frames := 0
		for {
			f := expect[*wire.Send](p)
			frames++
			if string(f.Set["omega"]) == "999" {
				p.send(&wire.Error{ID: f.ID, Code: "unavailable"})
				break
			}
		}
		if frames > 3 {
			t.Errorf("%d frames were sent to a hub that did not read", frames)
		}
		if f := expect[*wire.Send](p); string(f.Set["omega"]) != "999" {
			t.Errorf("after the hub could not take it, %s came", f.Set["omega"])
		}
	})
}

func TestManyLiveValuesAreSplitOverFramesAndMessages(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		set := make(map[string]any)
		for i := range 500 {
			set[time.Duration(i).String()] = make([]byte, 500)
		}
		if err := c.Send("motors", set); err != nil {
			t.Fatal(err)
		}
		got := 0
		for got < len(set) {
			for _, r := range p.message() {
				got += len(r.(*wire.Send).Set)
			}
		}
		if got != len(set) {
			t.Errorf("%d values came of %d", got, len(set))
		}
	})
}

// If the hub cannot read a message, nothing in it counted: what was with the bad frame is sent again.
func TestAMessageThatTheHubCannotReadIsSentAgainWithoutTheCulprit(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		set := func(k string) <-chan error {
			return later(func() error { _, err := c.Set(t.Context(), "queue", map[string]any{k: 1}); return err })
		}
		bad := set("bad")
		culprit := expect[*wire.Write](p)
		good := set("good")
		innocent := expect[*wire.Write](p)
		p.send(&wire.Error{ID: culprit.ID, Code: wire.CodeBadFrame, Detail: "no"})
		if err := <-bad; !IsCode(err, wire.CodeBadFrame) {
			t.Errorf("Set returned %v", err)
		}
		p2 := s.accept()
		w := expect[*wire.Write](p2)
		if w.Op != innocent.Op {
			t.Errorf("sent %s again, want %s", w.Op, innocent.Op)
		}
		p2.send(&wire.Written{ID: w.ID, Position: 2, Cursor: "e1-2"})
		if err := <-good; err != nil {
			t.Error(err)
		}
	})
}
