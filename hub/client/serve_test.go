package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// serving has a client serve and returns the hub's end.
func serving(t *testing.T, s *script, handlers map[string]Handler) (*Client, *peer) {
	t.Helper()
	c, p := s.connect()
	served := later(func() error { return c.Serve(t.Context(), handlers) })
	f := expect[*wire.Serve](p)
	p.send(&wire.Serving{ID: f.ID, Commands: f.Commands})
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	return c, p
}

func invoke(call, command string) *wire.Invoke {
	return &wire.Invoke{Call: call, Command: command, Args: json.RawMessage(`{"n":2}`), By: wire.Person{User: "alice"}, Term: 4}
}

func TestACallIsHandledAndReportedOn(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		_, p := serving(t, s, map[string]Handler{
			"double": func(ctx context.Context, i *Invocation) (any, error) {
				var args struct{ N int }
				if err := json.Unmarshal(i.Args, &args); err != nil {
					return nil, err
				}
				if err := i.Progress(ctx, "half way"); err != nil {
					return nil, err
				}
				return args.N * 2, nil
			},
			"nothing": func(context.Context, *Invocation) (any, error) { return nil, nil },
			"fail":    func(context.Context, *Invocation) (any, error) { return nil, errors.New("at the limit \xff") },
		})
		p.send(invoke("k1", "double"))
		progress := expect[*wire.Progress](p)
		if progress.Call != "k1" || string(progress.Progress) != `"half way"` {
			t.Errorf("progress %+v", progress)
		}
		p.send(&wire.Written{ID: progress.ID, Position: 2, Cursor: "e1-2"})
		if done := expect[*wire.Done](p); done.Call != "k1" || string(done.Result) != "4" || done.Op == progress.Op {
			t.Errorf("done %+v", done)
		}
		p.send(invoke("k2", "nothing"))
		if done := expect[*wire.Done](p); done.Call != "k2" || done.Result != nil {
			t.Errorf("done %+v", done)
		}
		p.send(invoke("k3", "fail"))
		if failed := expect[*wire.Failed](p); failed.Call != "k3" || failed.Error != "at the limit �" {
			t.Errorf("failed %+v", failed)
		}
	})
}

// The hub hands a call over again after a reconnect, if it does not know how it ended. That must not move the motor
// twice, neither while it moves nor when the hub has yet to be told.
func TestACallIsHandledOnceHoweverOftenItIsHandedOver(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		began, finish := make(chan string, 10), make(chan struct{})
		_, p := serving(t, s, map[string]Handler{"move": func(_ context.Context, i *Invocation) (any, error) {
			began <- i.Call
			<-finish
			return nil, nil
		}})
		p.send(invoke("k1", "move"), invoke("k1", "move"))
		synctest.Wait()
		p.cut()
		p2 := s.accept()
		f := expect[*wire.Serve](p2)
		p2.send(&wire.Serving{ID: f.ID, Commands: f.Commands}, invoke("k1", "move"))
		synctest.Wait()
		close(finish)
		done := expect[*wire.Done](p2)
		p2.cut() // the hub has not been told
		p3 := s.accept()
		requests := p3.message()
		p3.send(invoke("k1", "move"))
		if again, ok := requests[1].(*wire.Done); !ok || again.Op != done.Op {
			t.Errorf("sent %+v again, want %s", requests[1], done.Op)
		}
		p3.send(&wire.Written{ID: requests[1].Header().ID, Position: 3, Cursor: "e1-3"})
		synctest.Wait()
		if len(began) != 1 {
			t.Errorf("handled %d times", len(began))
		}
	})
}

func TestAStopCommandIsHandledWhileAnotherRuns(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		stop := make(chan struct{})
		_, p := serving(t, s, map[string]Handler{
			"move":  func(context.Context, *Invocation) (any, error) { <-stop; return "stopped", nil },
			"abort": func(_ context.Context, i *Invocation) (any, error) { close(stop); return i.Stop, nil },
		})
		p.send(invoke("k1", "move"))
		p.send(&wire.Invoke{Call: "k2", Command: "abort", Stop: true})
		results := make(map[string]string)
		for len(results) < 2 {
			for _, r := range p.message() {
				done := r.(*wire.Done)
				results[done.Call] = string(done.Result)
			}
		}
		if want := map[string]string{"k1": `"stopped"`, "k2": "true"}; !reflect.DeepEqual(results, want) {
			t.Errorf("results %v, want %v", results, want)
		}
	})
}

// Close ends the context of the handlers, waits for them, and tells the hub how they ended if it listens.
func TestCloseWaitsForHandlers(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		returned := false
		c, p := serving(t, s, map[string]Handler{"move": func(ctx context.Context, _ *Invocation) (any, error) {
			<-ctx.Done()
			<-time.After(time.Minute) // the motor slows down
			returned = true
			return nil, ctx.Err()
		}})
		p.send(invoke("k1", "move"))
		synctest.Wait()
		closed := later(c.Close)
		synctest.Wait()
		p.send(invoke("k2", "move")) // comes too late
		failed := expect[*wire.Failed](p)
		if !returned || failed.Call != "k1" || !strings.Contains(failed.Error, "canceled") {
			t.Errorf("returned %v, reported %+v", returned, failed)
		}
		p.send(&wire.Written{ID: failed.ID, Position: 2, Cursor: "e1-2"})
		if _, _, err := p.socket.Read(t.Context()); err == nil {
			t.Error("something else came")
		}
		if err := <-closed; err != nil || !errors.Is(c.Err(), ErrClosed) {
			t.Errorf("closed with %v, %v", err, c.Err())
		}
		if _, err := c.Set(t.Context(), "queue", nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Set returned %v", err)
		}
	})
}

func TestACommandThatIsRefusedSaysSo(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		served := later(func() error { return c.Serve(t.Context(), map[string]Handler{"launch": nil}) })
		f := expect[*wire.Serve](p)
		p.send(&wire.Error{ID: f.ID, Code: "overloaded"})
		f = expect[*wire.Serve](p)
		p.send(&wire.Error{ID: f.ID, Code: "unknown_name", Detail: "no such command"})
		if err := <-served; !IsCode(err, "unknown_name") {
			t.Errorf("Serve returned %v", err)
		}
		served = later(func() error { return c.Serve(t.Context(), map[string]Handler{"launch": nil}) })
		p.send(&wire.Serving{ID: expect[*wire.Serve](p).ID})
		if err := <-served; err != nil {
			t.Errorf("when the hub has it, Serve returned %v", err)
		}
		if err := c.Serve(t.Context(), map[string]Handler{"launch": nil}); err == nil {
			t.Error("launch was taken twice")
		}
	})
}

func TestARefusalToServeIsOfTheCommandThatItNames(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		serve := func(command string) <-chan error {
			return later(func() error { return c.Serve(t.Context(), map[string]Handler{command: nil}) })
		}
		refuse := func(id uint64, command string) {
			p.send(&wire.Error{ID: id, Code: "unknown_name", More: map[string]any{"command": command}})
		}
		one := serve("one")
		expect[*wire.Serve](p) // its answer is late
		two := serve("two")
		f := expect[*wire.Serve](p)
		refuse(f.ID, "two")
		if err := <-two; !IsCode(err, "unknown_name") {
			t.Errorf("serving two: %v", err)
		}
		if f = expect[*wire.Serve](p); !slices.Equal(f.Commands, []string{"one"}) {
			t.Errorf("then it asked for %v", f.Commands)
		}
		p.send(&wire.Serving{ID: f.ID})
		if err := <-one; err != nil {
			t.Errorf("serving one: %v", err)
		}
		three := serve("three")
		p.send(&wire.Serving{ID: expect[*wire.Serve](p).ID})
		if err := <-three; err != nil {
			t.Error(err)
		}

		// Other rules: what the hub has agreed to is asked for on each connection, and refused alone.
		for range 2 {
			p.cut()
			p = s.accept()
			if f = expect[*wire.Serve](p); !slices.Equal(f.Commands, []string{"one", "three"}) {
				t.Errorf("after a reconnect it asked for %v", f.Commands)
			}
			refuse(f.ID, "one")
			if f = expect[*wire.Serve](p); !slices.Equal(f.Commands, []string{"three"}) {
				t.Errorf("without the one it asked for %v", f.Commands)
			}
			p.send(&wire.Serving{ID: f.ID})
		}
	})
}

func TestACallReturnsWhatCameOfIt(t *testing.T) {
	for _, test := range []struct {
		name  string
		end   *wire.CallState
		data  string
		wrong string
	}{
		{"done", &wire.CallState{State: "done", Result: json.RawMessage(`90`)}, "90", ""},
		{"failed", &wire.CallState{State: "failed", Error: "at the limit"}, "", CodeFailed},
		{"its service was lost", &wire.CallState{State: "unknown"}, "", "unknown"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *script) {
				c, p := s.connect()
				var result *Result
				called := later(func() (err error) {
					result, err = c.Call(t.Context(), "motor.move", map[string]any{"motor": "omega"}, 4)
					return err
				})
				f := expect[*wire.Call](p)
				if f.Command != "motor.move" || f.Term != 4 || string(f.Args) != `{"motor":"omega"}` {
					t.Errorf("called %+v", f)
				}
				p.send(&wire.CallState{Call: "k1", State: "waiting"}, &wire.Called{ID: f.ID, Call: "k1", Position: 5, Cursor: "e1-5"})
				p.send(&wire.CallState{Call: "k1", State: "taken"}, &wire.CallState{Call: "k2", State: "done"})
				synctest.Wait()
				select {
				case err := <-called:
					t.Fatalf("returned early: %v, %v", result, err)
				default:
				}
				test.end.Call = "k1"
				p.cut() // it ends meanwhile: the next welcome says so
				p2 := <-s.conns
				hello := welcome("e1-9")
				hello.Calls = []wire.CallState{*test.end}
				p2.send(hello)
				t.Cleanup(p2.cut)
				err := <-called
				if test.wrong != "" && !IsCode(err, test.wrong) || test.wrong == "" && (err != nil || string(result.Data) != test.data) {
					t.Errorf("returned %v, %v", result, err)
				}
			})
		})
	}
}

func TestAStopCommandReturnsWhenItIsDelivered(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		called := later(func() error { _, err := c.Call(t.Context(), "abort", nil, 0); return err })
		f := expect[*wire.Call](p)
		if f.Args != nil || f.Term != 0 {
			t.Errorf("called %+v", f)
		}
		p.send(&wire.Called{ID: f.ID, Call: "stop-1"})
		if err := <-called; err != nil {
			t.Error(err)
		}
	})
}

func TestControlMovesTheSeat(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		var moved *wire.Controlled
		done := later(func() (err error) {
			moved, err = c.Control(t.Context(), Move{Do: "request", Message: "hello"})
			return err
		})
		f := expect[*wire.Control](p)
		if f.Do != "request" || f.Message != "hello" {
			t.Errorf("asked %+v", f)
		}
		p.send(&wire.ControlState{Term: 5, Operator: &wire.Person{User: "demo"}}, &wire.Controlled{ID: f.ID, Term: 5, Position: 3, Cursor: "e1-3"})
		if err := <-done; err != nil || moved.Term != 5 || c.Seat().Term != 5 || c.Seat().Operator.User != "demo" {
			t.Errorf("moved %+v, %v; the seat is %+v", moved, err, c.Seat())
		}
	})
}

// What the hub refuses of a result, no repetition changes: the call ends as failed, and says why.
func TestACallWhoseResultIsRefusedFails(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		_, p := serving(t, s, map[string]Handler{
			"look":   func(context.Context, *Invocation) (any, error) { return "not what the schema says", nil },
			"gather": func(context.Context, *Invocation) (any, error) { return strings.Repeat("x", 70<<10), nil },
			"dream":  func(context.Context, *Invocation) (any, error) { return func() {}, nil },
		})
		p.send(invoke("k1", "look"))
		done := expect[*wire.Done](p)
		p.send(&wire.Error{ID: done.ID, Code: "schema", Detail: "the result of look does not fit its schema"})
		failed := expect[*wire.Failed](p)
		if failed.Call != "k1" || failed.Op == done.Op || !strings.Contains(failed.Error, "does not fit its schema") {
			t.Errorf("it said %+v", failed)
		}
		p.send(&wire.Written{ID: failed.ID, Position: 2, Cursor: "e1-2"})
		for call, command := range map[string]string{"k2": "gather", "k3": "dream"} { // what does not get as far as the hub
			p.send(invoke(call, command))
			failed := expect[*wire.Failed](p)
			if failed.Call != call || failed.Error == "" {
				t.Errorf("it said %+v", failed)
			}
			p.send(&wire.Written{ID: failed.ID, Position: 3, Cursor: "e1-3"})
		}
	})
}

func TestACallThatIsHandledLeavesNothingBehind(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := serving(t, s, map[string]Handler{"nothing": func(context.Context, *Invocation) (any, error) { return nil, nil }})
		for i := range 100 {
			p.send(invoke(fmt.Sprint("k", i), "nothing"))
			done := expect[*wire.Done](p)
			p.send(&wire.Written{ID: done.ID, Position: 2, Cursor: "e1-2"})
		}
		synctest.Wait()
		if n := reflect.ValueOf(c.handling).Elem().FieldByName("children").Len(); n > 10 {
			t.Errorf("after 100 calls the client holds on to %d contexts", n)
		}
	})
}
