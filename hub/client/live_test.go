package client

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeletedLiveKeysAreForgottenInTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		go func() {
			for {
				if _, _, err := p.socket.Read(context.Background()); err != nil {
					return
				}
			}
		}()
		kept := func() int {
			synctest.Wait()
			c.mu.Lock()
			defer c.mu.Unlock()
			return len(c.live["live"].values) + len(c.live["live"].last)
		}
		for i := range 2_000 {
			key := fmt.Sprint("sample-", i)
			if err := errors.Join(c.Send("live", map[string]any{key: 1}), c.Send("live", nil, Delete(key))); err != nil {
				t.Fatal(err)
			}
			if i%50 == 0 {
				synctest.Wait()
			}
		}
		if kept() < 2_000 {
			t.Error("a deletion is forgotten at once, so that it is lost with the connection")
		}
		time.Sleep(goneLife / 2)
		if err := errors.Join(c.Send("live", map[string]any{"sample-1": 1}), c.Send("live", nil, Delete("sample-1"))); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(goneLife/2 + pingEvery)
		if n := kept(); n != 2 {
			t.Errorf("%d things are kept of keys that are all gone, want the one that was deleted again half a minute ago", n)
		}
		time.Sleep(goneLife)
		if n := kept(); n != 0 {
			t.Errorf("%d keys that are all gone are kept, and sent again after every reconnect", n)
		}
	})
}
