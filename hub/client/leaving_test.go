package client

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/hub/wire"
)

func TestWhenTheNodeIsLeavingTheClientMovesWithoutBeingAway(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, old := s.connect()
		queue := c.Store("queue")
		join := expect[*wire.Join](old)
		old.send(&wire.Joined{ID: join.ID, Channel: "queue", Cursor: "e1-1", Mode: wire.Snapshot})
		if err := queue.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		done := later(func() error { _, err := c.Set(t.Context(), "queue", map[string]any{"k": 1}); return err })
		asked := expect[*wire.Write](old)
		old.send(&wire.Leaving{WithinMS: 5000})
		next := <-s.conns
		old.send(&wire.Change{Channel: "queue", Position: 2, Cursor: "e1-2", Set: map[string]json.RawMessage{"a": []byte(`1`)}})
		synctest.Wait()
		if _, there := queue.Get("a"); !there || c.Status() != Live {
			t.Errorf("until the next welcome the old connection does not count, %s", c.Status())
		}
		if next.client != old.client {
			t.Errorf("it comes back as %s, not %s", next.client, old.client)
		}
		next.send(welcome("e1-2"))
		again := next.message()
		for len(again) < 2 {
			again = append(again, next.message()...)
		}
		rejoin, sent := again[0].(*wire.Join), again[1].(*wire.Write)
		if rejoin.Cursor != "e1-2" || sent.Op != asked.Op || asked.Again || !sent.Again {
			t.Errorf("it joins at %q and asks %q again, as one that was sent before: %t", rejoin.Cursor, sent.Op, sent.Again)
		}
		// What the old one says now is not applied: it is told again over the new one.
		old.send(&wire.Change{Channel: "queue", Position: 3, Cursor: "e1-3", Set: map[string]json.RawMessage{"b": []byte(`1`)}})
		synctest.Wait()
		if _, there := queue.Get("b"); there || c.Status() != Live {
			t.Errorf("the old connection still counts, or it is %s", c.Status())
		}
		next.send(
			&wire.Joined{ID: rejoin.ID, Channel: "queue", Cursor: "e1-3", Mode: wire.Delta, Values: map[string]wire.Value{"b": {Value: []byte(`1`), Position: 3}}},
			&wire.Written{ID: sent.ID, Position: 3, Cursor: "e1-3"},
		)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, _, err := old.socket.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
			t.Errorf("the old connection ended with %v", err)
		}
		if _, there := queue.Get("b"); !there || c.Status() != Live {
			t.Errorf("after the move it is %s", c.Status())
		}
		next.cut()
	})
}

func TestAServiceHearsOfCallsOverBothConnectionsUntilItServesOverTheNext(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, old := s.connect()
		calls := make(chan string, 10)
		serving := later(func() error {
			return c.Serve(t.Context(), map[string]Handler{"look": func(_ context.Context, i *Invocation) (any, error) {
				calls <- i.Call
				return nil, errors.New("too dark")
			}})
		})
		old.send(&wire.Serving{ID: expect[*wire.Serve](old).ID, Commands: []string{"look"}})
		if err := <-serving; err != nil {
			t.Fatal(err)
		}
		old.send(&wire.Leaving{WithinMS: 5000})
		next := s.accept()
		serve := expect[*wire.Serve](next)
		for _, p := range []*peer{old, next} {
			p.send(&wire.Invoke{Call: "stop-1", Command: "look", Args: []byte("null"), Stop: true})
		}
		old.send(&wire.Invoke{Call: "stop-2", Command: "look", Args: []byte("null"), Stop: true})
		if a, b := <-calls, <-calls; a+b != "stop-1stop-2" && a+b != "stop-2stop-1" {
			t.Errorf("the calls were %s and %s", a, b)
		}
		reports := next.message()
		for len(reports) < 2 {
			reports = append(reports, next.message()...)
		}
		for _, r := range reports {
			next.send(&wire.Written{ID: r.Header().ID})
		}
		next.send(&wire.Serving{ID: serve.ID, Commands: []string{"look"}})
		if _, _, err := old.socket.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
			t.Errorf("the old connection ended with %v", err)
		}
		if len(calls) != 0 {
			t.Errorf("once more: %s", <-calls)
		}
		next.cut()
	})
}

func TestWhileNoOtherNodeTakesItTheClientStaysAndTriesAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, old := s.connect()
		old.send(&wire.Leaving{WithinMS: 5000})
		for range 3 {
			p := <-s.conns
			p.send(&wire.Bye{Code: int(wire.CloseLeaving), Reason: "this node is leaving, too"})
			p.cut()
			done := later(func() error { _, err := c.Set(t.Context(), "queue", map[string]any{"k": 1}); return err })
			old.send(&wire.Written{ID: expect[*wire.Write](old).ID, Position: 1, Cursor: "e1-1"})
			if err := <-done; err != nil || c.Status() != Live {
				t.Errorf("over the old connection: %v, %s", err, c.Status())
			}
		}
		start := time.Now()
		next := s.accept()
		if d := time.Since(start); d > firstDelay<<2 {
			t.Errorf("it waited %v", d)
		}
		if _, _, err := old.socket.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
			t.Errorf("the old connection ended with %v", err)
		}
		next.cut()
	})
}
