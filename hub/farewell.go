package hub

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// A farewell tells the other nodes that login sessions have ended, at a position of the log of a space. They see that by
// themselves, when the entry comes to them; the farewell is how who has ended them hears that they have.
type farewell struct {
	Space    string   `json:"space"`
	Position uint64   `json:"position"`
	Sessions []string `json:"sessions"`
}

func farewellSubject(node string) string { return "farewell." + node }

// farewell returns when no node sends anything to connections of the login sessions any more. A node that cannot be reached
// counts as gone when its word that it is there has lapsed, after which it cannot reach the log either and is mute.
func (h *Hub) farewell(ctx context.Context, r *room, position uint64, sessions []string) {
	ctx, cancel := context.WithTimeout(ctx, presenceLife+2*time.Second)
	defer cancel()
	data, err := json.Marshal(farewell{r.name, position, sessions})
	if err != nil {
		panic(err) // it is made of strings and a number
	}
	var asked sync.WaitGroup
	asked.Go(func() {
		r.hearOthers(ctx)
		for _, node := range r.otherNodes() {
			asked.Go(func() { h.tell(ctx, r, node, data) })
		}
	})
	r.hangUp(sessions)
	asked.Wait()
}

// tell asks a node until it has answered or is gone.
func (h *Hub) tell(ctx context.Context, r *room, node string, data []byte) {
	for ctx.Err() == nil && r.hasNode(node) {
		if _, err := h.options.Relay.Ask(ctx, farewellSubject(node), data); err == nil {
			return
		}
		sleep(ctx, askAgain)
	}
}

// hearFarewell answers when it is so here. If it does not come to that in time it stays silent, and is asked again.
func (h *Hub) hearFarewell(data []byte) []byte {
	var f farewell
	if json.Unmarshal(data, &f) != nil {
		return nil
	}
	r := h.rooms[f.Space]
	if r == nil || r.replica() == nil {
		return []byte("nobody is here")
	}
	ctx, cancel := context.WithTimeout(h.ctx, 2*time.Second)
	defer cancel()
	if r.replica().WaitFor(ctx, f.Position) != nil && !r.mute() { // which lets nobody in and passes nothing on
		return nil
	}
	r.hangUp(f.Sessions)
	return []byte("they are gone")
}

// hangUp closes the connections of login sessions on this node, if the log has not yet, and waits until nothing more goes
// out to them.
func (r *room) hangUp(sessions []string) {
	gone := map[string]bool{}
	for _, id := range sessions {
		gone[id] = true
	}
	r.mu.Lock()
	var ending []*conn
	for c := range r.conns {
		if gone[c.who.ID] {
			c.end(closing{code: wire.CloseSignedOut, reason: "signed out"})
			ending = append(ending, c)
		}
	}
	r.mu.Unlock()
	cut := time.AfterFunc(time.Second, func() { // those that take nothing
		for _, c := range ending {
			_ = c.socket.CloseNow()
		}
	})
	defer cut.Stop()
	for _, c := range ending {
		<-c.gone
	}
}

// endOf is why a connection of a login session that has ended is closed.
func endOf(state *channels.State, id string) closing {
	how, ok := session.HowEnded(state, id)
	if !ok {
		return closing{code: wire.CloseSignedOut, reason: "signed out"}
	}
	end := closing{code: wire.CloseSignedOut, reason: trimmed(how.Sentence(), maxReason)}
	if how.How == session.Replaced {
		end.code = wire.CloseReplaced
	}
	return end
}

// maxReason is the longest reason of a close frame, in bytes: 125 with the code (RFC 6455, section 5.5).
const maxReason = 123

// position is how far the replica is.
func (r *room) position() (at uint64) {
	r.replica().Read(func(state *channels.State) { at = state.Position() })
	return at
}
