package hub

import (
	"encoding/json"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// lock answers a Lock. It does not wait for a lock that somebody else has: the refusal says who, and the client asks again.
// The lock is freed when its client has been gone for callGrace, see loseGone; a client that comes back before that, on
// any node, has it still.
func (c *conn) lock(f *wire.Lock) {
	c.propose(f, f.Op, channels.Lock{Name: f.Name}.Decide, func(o channels.Outcome, cursor string) wire.Frame {
		var taken channels.LockAnswer
		_ = json.Unmarshal(o.Answer, &taken)
		return &wire.Locked{ID: f.ID, Name: f.Name, Token: taken.Token, Position: o.Position, Cursor: cursor}
	})
}

// unlock answers an Unlock.
func (c *conn) unlock(f *wire.Unlock) {
	c.propose(f, f.Op, channels.Unlock{Name: f.Name, Token: f.Token}.Decide, func(o channels.Outcome, cursor string) wire.Frame {
		return &wire.Written{ID: f.ID, Position: o.Position, Cursor: cursor}
	})
}
