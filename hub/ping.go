package hub

import (
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// pingAll looks after connections that say nothing: each is pinged now and then, and ended if the client does not answer.
// After many have come it gives back what their coming has left.
func (h *Hub) pingAll() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var l lull
	for {
		select {
		case now := <-tick.C:
			if l.over(h.connNumbers.Load()) {
				go debug.FreeOSMemory() // a collection, which takes its time beside everything else
			}
			for _, c := range h.silent(now) {
				h.running.Go(c.ping)
			}
		case <-h.ctx.Done():
			return
		}
	}
}

// silent are the connections whose time it is.
func (h *Hub) silent(now time.Time) (due []*conn) {
	for _, r := range h.rooms {
		r.mu.Lock()
		for c := range r.conns {
			if now.After(c.pingAt) {
				c.pingAt = now.Add(pingEvery)
				due = append(due, c)
			}
		}
		r.mu.Unlock()
	}
	return due
}

// firstPing spreads those who came together.
func firstPing(now time.Time) time.Time { return now.Add(pingEvery/2 + rand.N(pingEvery/2)) }

// ping ends the connection when the client does not answer any more. One that is at work on what was written before takes
// longer to answer, and may.
func (c *conn) ping() {
	if c.pinging.Swap(true) {
		return
	}
	defer c.pinging.Store(false)
	began := time.Now()
	if c.socket.Ping(pongTime) != nil {
		c.end(closing{code: wire.CloseTooSlow, reason: "no answer to a ping"})
	} else if !c.follows { // an event stream has no way back
		c.pinged.Store(int64(time.Since(began)))
	}
}
