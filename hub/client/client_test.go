package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/hub/wire"
)

func TestAMessageIsAppliedAsAWhole(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		queue, run := c.Store("queue"), c.Store("run")
		joins := p.message()
		for len(joins) < 2 { // the writer may have been quicker than the second Store
			joins = append(joins, p.message()...)
		}
		p.send(&wire.Joined{ID: joins[0].Header().ID, Channel: "queue", Cursor: "e1-1", Mode: wire.Snapshot},
			&wire.Joined{ID: joins[1].Header().ID, Channel: "run", Cursor: "e1-1", Mode: wire.Snapshot})
		if err := errors.Join(queue.Ready(t.Context()), run.Ready(t.Context())); err != nil {
			t.Fatal(err)
		}
		seen := make(chan map[string]Value, 10)
		stop := queue.Watch(func(changed map[string]Value) {
			if _, ok := run.Get("queue"); !ok {
				t.Error("the second change of the message is not there yet")
			}
			seen <- changed
		})
		at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		p.send(
			&wire.Change{Channel: "queue", Position: 2, Cursor: "e1-2", At: at, Set: map[string]json.RawMessage{"a": []byte(`1`), "b": []byte(`2`)}, By: "alice"},
			&wire.Change{Channel: "queue", Position: 3, Cursor: "e1-3", At: at, Set: map[string]json.RawMessage{"a": []byte(`null`)}, Delete: []string{"b"}, By: "alice"},
			&wire.Change{Channel: "run", Position: 3, Cursor: "e1-3", At: at, Set: map[string]json.RawMessage{"queue": []byte(`{}`)}},
		)
		want := map[string]Value{"a": {Data: []byte(`null`), Position: 3, By: "alice", At: at}, "b": {}}
		if got := <-seen; !reflect.DeepEqual(got, want) {
			t.Errorf("watched %v, want %v", got, want)
		}
		delete(want, "b")
		if got := queue.Values(); !reflect.DeepEqual(got, want) {
			t.Errorf("values %v, want %v", got, want)
		}
		stop()
		p.send(&wire.Change{Channel: "queue", Position: 4, Cursor: "e1-4", Set: map[string]json.RawMessage{"c": []byte(`1`)}})
		synctest.Wait()
		if len(seen) != 0 {
			t.Errorf("watched %v after stop", <-seen)
		}
	})
}

func TestASnapshotReplacesAndADeltaAdds(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		queue := c.Store("queue")
		changes := make(chan map[string]Value, 10)
		queue.Watch(func(changed map[string]Value) { changes <- changed })
		join := expect[*wire.Join](p)
		one := func(position uint64, data string) wire.Value {
			return wire.Value{Value: []byte(data), Position: position}
		}
		for i, step := range []struct {
			joined *wire.Joined
			want   map[string]Value
		}{
			{
				&wire.Joined{ID: join.ID, Mode: wire.Snapshot, Values: map[string]wire.Value{"a": one(1, `1`), "b": one(1, `1`)}},
				map[string]Value{"a": {Data: []byte(`1`), Position: 1}, "b": {Data: []byte(`1`), Position: 1}},
			},
			{
				&wire.Joined{Mode: wire.Delta, Values: map[string]wire.Value{"a": one(2, `2`)}, Removed: []string{"b", "x"}},
				map[string]Value{"a": {Data: []byte(`2`), Position: 2}, "b": {}},
			},
			{
				&wire.Joined{Mode: wire.Snapshot, Values: map[string]wire.Value{"c": one(3, `3`)}},
				map[string]Value{"a": {}, "c": {Data: []byte(`3`), Position: 3}},
			},
		} {
			step.joined.Channel, step.joined.Cursor = "queue", "e1-5"
			p.send(step.joined)
			if got := <-changes; !reflect.DeepEqual(got, step.want) {
				t.Errorf("step %d: watched %v, want %v", i, got, step.want)
			}
		}
		if got := queue.Values(); len(got) != 1 || got["c"].Position != 3 {
			t.Errorf("values %v", got)
		}
	})
}

func TestAStoreThatIsRefusedSaysSo(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		store := c.Store("secret")
		p.send(&wire.Error{ID: expect[*wire.Join](p).ID, Code: "forbidden", Detail: "it is for staff"})
		if err := store.Ready(t.Context()); !IsCode(err, "forbidden") {
			t.Errorf("Ready returned %v", err)
		}
	})
}

func TestWhatWasNotDecidedIsSentAgainAndARefusalIsReturned(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		done := later(func() error {
			_, err := c.Set(t.Context(), "queue", map[string]any{"k": 1}, If("k", 0), Delete("l"), Term(4))
			return err
		})
		first := expect[*wire.Write](p)
		if first.Again {
			t.Error("it says of what it sends first that it was sent before")
		}
		first.Again = true
		for i, code := range []string{"unavailable", "unknown", "stale", "overloaded", "rate", "unanswered"} {
			start := time.Now()
			p.send(&wire.Error{ID: first.ID, Code: code, Op: first.Op})
			if again := expect[*wire.Write](p); !reflect.DeepEqual(again, first) {
				t.Fatalf("after %s it sent %+v, want %+v", code, again, first)
			}
			if d := time.Since(start); d <= 0 || d > firstDelay<<i {
				t.Errorf("after %s it waited %v, want at most %v", code, d, firstDelay<<i)
			}
		}
		p.send(&wire.Error{
			ID: first.ID, Code: "conflict", Detail: "changed", Op: first.Op, More: map[string]any{"term": 4.0},
			Current: map[string]json.RawMessage{"k": []byte(`{"value":7,"position":3,"by":"bob"}`), "l": []byte(`null`)},
		})
		want := &Error{
			Code: "conflict", Detail: "changed", More: map[string]any{"term": 4.0},
			Current: map[string]Value{"k": {Data: []byte(`7`), Position: 3, By: "bob"}, "l": {}},
		}
		if err := <-done; !reflect.DeepEqual(err, error(want)) {
			t.Errorf("Set returned %+v, want %+v", err, want)
		}
	})
}

func TestAtMost32ChangesWaitForAnAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		results := make(chan error, 40)
		ctx := within(t.Context(), 20*time.Second)
		for range 40 {
			go func() {
				_, err := c.Append(ctx, "log", "x")
				results <- err
			}()
		}
		synctest.Wait()
		var sent []wire.Request
		for len(sent) < maxUnanswered {
			sent = append(sent, p.message()...)
		}
		synctest.Wait()
		if len(sent) != maxUnanswered {
			t.Errorf("%d are waiting", len(sent))
		}
		p.send(&wire.Appended{ID: sent[5].Header().ID, Position: 2, Cursor: "e1-2"})
		if err := <-results; err != nil {
			t.Error(err)
		}
		expect[*wire.Append](p) // one answered, one more
		notSent, perhaps := 0, 0
		for range 39 {
			switch err := <-results; {
			case err == nil || !errors.Is(err, context.DeadlineExceeded):
				t.Errorf("Append returned %v", err)
			case strings.HasPrefix(err.Error(), "not sent"):
				notSent++
			case strings.HasPrefix(err.Error(), "perhaps done"):
				perhaps++
			}
		}
		if notSent != 7 || perhaps != 32 {
			t.Errorf("%d not sent, %d perhaps done; want 7 and 32", notSent, perhaps)
		}
	})
}

func TestAValueThatTheHubWouldNotReadHurtsNobodyElse(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		deep := json.RawMessage(strings.Repeat("[", 40) + strings.Repeat("]", 40))
		if _, err := c.Set(t.Context(), "queue", map[string]any{"k": deep}); !IsCode(err, wire.CodeBadFrame) {
			t.Errorf("Set returned %v", err)
		}
		large := make([]string, 10)
		for i := range large {
			large[i] = strings.Repeat("x", 10_000)
		}
		if _, err := c.Set(t.Context(), "queue", map[string]any{"k": large}); !IsCode(err, "too_large") {
			t.Errorf("Set returned %v", err)
		}
		if err := c.Send("motors", map[string]any{"omega": deep}); !IsCode(err, wire.CodeBadFrame) {
			t.Errorf("Send returned %v", err)
		}
		if _, err := c.Set(t.Context(), "queue", map[string]any{"k": func() {}}); err == nil {
			t.Error("Set took a function")
		}
		p.quiet(time.Minute)
	})
}

func TestTheHubEndsTheClient(t *testing.T) {
	for _, test := range []struct {
		code int
		want error
	}{{wire.CloseSignedOut, ErrSignedOut}, {wire.CloseForbidden, ErrForbidden}, {wire.CloseReplaced, ErrReplaced}} {
		t.Run(test.want.Error(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *script) {
				c, p := s.connect()
				write := later(func() error { _, err := c.Set(t.Context(), "queue", map[string]any{"k": 1}); return err })
				expect[*wire.Write](p)
				p.send(&wire.Bye{Code: test.code, Reason: "because"})
				go func() { _ = p.socket.Close(websocket.StatusCode(test.code), "because") }()
				if err := <-write; !errors.Is(err, test.want) {
					t.Errorf("Set returned %v", err)
				}
				<-c.Done()
				if err := c.Err(); !errors.Is(err, test.want) || c.Status() != Ended || !strings.Contains(err.Error(), "because") {
					t.Errorf("ended with %v, %s", err, c.Status())
				}
				if err := c.Send("motors", map[string]any{"omega": 1}); !errors.Is(err, test.want) {
					t.Errorf("Send returned %v", err)
				}
			})
		})
	}
}

func TestConnectFailsAtOnceWithoutAGoodToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := servePipe(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"detail":"this token has expired"}`))
		}))
		start := time.Now()
		_, err := Connect(t.Context(), options)
		if !errors.Is(err, ErrSignedOut) || !strings.Contains(err.Error(), "expired") || time.Since(start) != 0 {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestConnectSaysWhatWentWrongLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := servePipe(t, http.NotFoundHandler())
		_, err := Connect(within(t.Context(), time.Minute), options)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "404") {
			t.Error(err)
		}
	})
	for _, address := range []string{"", "hub:8080", "ftp://hub", "http://"} {
		if _, err := Connect(t.Context(), Options{URL: address}); err == nil {
			t.Errorf("%q was taken", address)
		}
	}
}

func TestStaleAndFreshAreShown(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		for _, step := range []struct {
			frame wire.Frame
			want  Status
		}{{&wire.Stale{}, Stale}, {&wire.Fresh{}, Live}} {
			p.send(step.frame)
			synctest.Wait()
			if c.Status() != step.want {
				t.Errorf("%s after %s", c.Status(), step.frame.FrameType())
			}
		}
		p.cut()
		synctest.Wait()
		if c.Status() != Connecting {
			t.Errorf("%s after the connection was cut", c.Status())
		}
	})
}

// Whatever frames come, the client stays up: each golden frame of a hub is sent to it.
func TestEveryFrameOfAHubIsTaken(t *testing.T) {
	paths, err := filepath.Glob("../wire/testdata/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatal("no golden files", err)
	}
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		c.Store("queue")
		expect[*wire.Join](p)
		sent := 0
		for _, path := range paths {
			var cases []struct {
				Direction string
				Frame     json.RawMessage
			}
			data, err := os.ReadFile(path)
			if err == nil {
				err = json.Unmarshal(data, &cases)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range cases {
				// After these two the client leaves or connects anew, as it should.
				if g.Direction != "server" || strings.Contains(string(g.Frame), `"bye"`) || strings.Contains(string(g.Frame), wire.CodeBadFrame) {
					continue
				}
				if err := p.socket.Write(t.Context(), websocket.MessageText, wire.JoinFrames([][]byte{g.Frame})); err != nil {
					t.Fatalf("%s: %v", g.Frame, err)
				}
				sent++
			}
		}
		p.send(&wire.Fresh{})
		synctest.Wait()
		if c.Status() != Live || sent < 30 {
			t.Errorf("%s after %d frames", c.Status(), sent)
		}
		if _, ok := c.Store("queue").Get("q1"); !ok {
			t.Error("the golden joined frames left no value")
		}
	})
}
