package client

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

func TestATransactionIsOneRequest(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		var position uint64
		var calls []string
		lock := &Lock{Name: "changer", Token: 3}
		done := later(func() (err error) {
			position, calls, err = c.Transact(t.Context(), Transaction{
				Writes: []Write{
					{Channel: "queue", Set: map[string]any{"k": 1}, Delete: []string{"l"}, If: map[string]uint64{"k": 0}},
					{Channel: "run", Owner: "bob", Patch: map[string]any{"m": map[string]any{"n": nil}}, Unseen: "e1-1"},
				},
				Appends: []Append{{"log", "x"}}, Calls: []Call{{"motor.move", 90, 1500 * time.Millisecond}}, Term: 4, Held: []*Lock{lock},
			})
			return err
		})
		f := expect[*wire.Transact](p)
		want := &wire.Transact{
			Head: f.Head, Op: f.Op, Term: 4, Held: map[string]uint64{"changer": 3},
			Writes: []wire.TransactWrite{
				{Channel: "queue", Set: table{"k": []byte(`1`)}, Delete: []string{"l"}, If: map[string]uint64{"k": 0}},
				{Channel: "run", Owner: "bob", Patch: table{"m": []byte(`{"n":null}`)}, Unseen: "e1-1"},
			},
			Appends: []wire.TransactAppend{{Channel: "log", Data: []byte(`"x"`)}},
			Calls:   []wire.TransactCall{{Command: "motor.move", Args: []byte(`90`), DeadlineMS: 1500}},
		}
		if !reflect.DeepEqual(f, want) {
			t.Errorf("sent %+v, want %+v", f, want)
		}
		p.send(&wire.Written{ID: f.ID, Position: 7, Cursor: "e1-7", Calls: []string{"k1"}})
		if err := <-done; err != nil || position != 7 || !reflect.DeepEqual(calls, []string{"k1"}) {
			t.Errorf("returned %d, %v, %v", position, calls, err)
		}
		if _, _, err := c.Transact(t.Context(), Transaction{Writes: []Write{{Channel: "queue", Term: 4}}}); err == nil {
			t.Error("a part had a term of its own")
		}
	})
}

func TestACallCanBeCancelledAndHasADeadline(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		var progress []string
		called := later(func() error {
			_, err := c.Call(t.Context(), "motor.move", nil, 0, Deadline(time.Second), OnProgress(func(data json.RawMessage) {
				progress = append(progress, string(data))
			}))
			return err
		})
		f := expect[*wire.Call](p)
		p.send(&wire.Called{ID: f.ID, Call: "k1", Position: 5, Cursor: "e1-5"})
		for _, data := range []string{`1`, `1`, `2`} {
			p.send(&wire.CallState{Call: "k1", State: "taken", Progress: []byte(data)})
			synctest.Wait()
		}
		cancelled := later(func() error { return c.Cancel(t.Context(), "k1", 4) })
		cancel := expect[*wire.Cancel](p)
		if f.DeadlineMS != 1000 || cancel.Call != "k1" || cancel.Term != 4 || cancel.Op == f.Op {
			t.Errorf("called %+v, cancelled %+v", f, cancel)
		}
		p.send(&wire.CallState{Call: "k1", Command: "motor.move", State: "cancelled"}, &wire.Written{ID: cancel.ID, Position: 6, Cursor: "e1-6"})
		if err := <-cancelled; err != nil {
			t.Error(err)
		}
		if err := <-called; !IsCode(err, CodeCancelled) || !reflect.DeepEqual(progress, []string{"1", "2"}) {
			t.Errorf("Call returned %v, after %v", err, progress)
		}
	})
}

func TestTheContextOfAHandlerEndsWithTheCall(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(p *peer)
		want error
	}{
		"cancelled": {func(p *peer) { p.send(&wire.Cancelled{Call: "another"}, &wire.Cancelled{Call: "k1"}) }, ErrCancelled},
		"deadline":  {func(*peer) {}, ErrDeadline},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *script) {
				causes := make(chan error, 1)
				_, p := serving(t, s, map[string]Handler{"move": func(ctx context.Context, _ *Invocation) (any, error) {
					<-ctx.Done()
					causes <- context.Cause(ctx)
					return nil, ctx.Err()
				}})
				call := invoke("k1", "move")
				call.DeadlineMS = 5_000
				p.send(call)
				synctest.Wait()
				if len(causes) > 0 {
					t.Fatalf("it ended at once: %v", <-causes)
				}
				test.end(p)
				f := expect[*wire.Failed](p)
				if cause := <-causes; f.Call != "k1" || f.Error != test.want.Error() || !errors.Is(cause, test.want) {
					t.Errorf("failed %+v, because of %v", f, cause)
				}
			})
		})
	}
}

func TestALockIsWaitedForAndNamedInWrites(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		var lock *Lock
		locked := later(func() (err error) { lock, err = c.Lock(t.Context(), "changer"); return err })
		first := expect[*wire.Lock](p)
		for range 8 {
			p.send(&wire.Error{ID: first.ID, Code: "locked", Detail: "bob holds it"})
			start := time.Now()
			next := expect[*wire.Lock](p)
			if d := time.Since(start); d <= 0 || d > lockPause+firstDelay+time.Second || next.Op == first.Op || next.Name != "changer" {
				t.Errorf("after %v it asked %+v", d, next)
			}
			first = next
		}
		p.send(&wire.Locked{ID: first.ID, Name: "changer", Token: 9, Position: 9, Cursor: "e1-9"})
		if err := <-locked; err != nil || lock.Token != 9 {
			t.Fatalf("locked %+v, %v", lock, err)
		}
		written := later(func() error { _, err := c.Set(t.Context(), "queue", map[string]any{"k": 1}, Held(lock)); return err })
		f := expect[*wire.Write](p)
		if !reflect.DeepEqual(f.Held, map[string]uint64{"changer": 9}) {
			t.Errorf("wrote %+v", f)
		}
		p.send(&wire.Error{ID: f.ID, Code: "locked", Detail: "it was lost"})
		if err := <-written; !IsCode(err, "locked") {
			t.Errorf("Set returned %v", err)
		}
		unlocked := later(func() error { return lock.Unlock(t.Context()) })
		p.send(&wire.Written{ID: expect[*wire.Unlock](p).ID, Position: 10, Cursor: "e1-10"})
		if err := <-unlocked; err != nil {
			t.Error(err)
		}
		waiting := later(func() error { _, err := c.Lock(within(t.Context(), time.Minute), "changer"); return err })
		refuse := later(func() error {
			for {
				_, data, err := p.socket.Read(t.Context())
				if err != nil {
					return err
				}
				requests, err := wire.DecodeRequests(data)
				if err != nil {
					return err
				}
				p.send(&wire.Error{ID: requests[0].Header().ID, Code: "locked", Detail: "bob holds it"})
			}
		})
		if err := <-waiting; !errors.Is(err, context.DeadlineExceeded) || !IsCode(err, "locked") {
			t.Errorf("Lock returned %v", err)
		}
		p.cut()
		<-refuse
	})
}

func TestOfSignalsTheNewestIsSentAndNoneIsSentLate(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		var heard []Signal
		stop := c.OnSignal("pointers", func(signal Signal) { heard = append(heard, signal) })
		join := expect[*wire.Join](p)
		p.send(&wire.Joined{ID: join.ID, Channel: "pointers", Mode: wire.Snapshot}, &wire.Signal{Channel: "pointers", From: "tab-1", By: "bob", Data: []byte(`1`)})
		synctest.Wait()
		if want := []Signal{{"pointers", "tab-1", "bob", []byte(`1`)}}; !reflect.DeepEqual(heard, want) {
			t.Errorf("heard %v, want %v", heard, want)
		}
		stop()
		p.send(&wire.Signal{Channel: "pointers", From: "tab-1", By: "bob", Data: []byte(`2`)})
		if err := c.Signal("pointers", map[string]int{"x": 1}); err != nil {
			t.Fatal(err)
		}
		f := expect[*wire.Send](p)
		if string(f.Data) != `{"x":1}` || f.Set != nil || len(heard) != 1 {
			t.Errorf("sent %+v, heard %v", f, heard)
		}
		p.send(&wire.Error{ID: f.ID, Code: "forbidden", Detail: "no"}) // is logged, and repeated by nobody
		p.cut()
		synctest.Wait()
		if err := c.Signal("pointers", 2); err != nil { // while there is no connection
			t.Fatal(err)
		}
		p = s.accept()
		expect[*wire.Join](p)
		p.quiet(time.Minute)
	})
}
