package hub

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// A standing says whether a connection knows where it stands.
type standing int

const (
	welcomed standing = iota // it does: its welcome comes before anything else that it is sent
	renewed                  // what it may do was decided anew: it has left all its channels, and is to be welcomed again
)

// spread is how much time there is for each connection of a room whose rules have changed, and longestSpread for all of
// them. A welcome is a few kilobytes that are encoded for one client alone, and the joins that it brings about mostly find
// nothing new; but a live store is sent whole. With a thousand tabs this makes a second of it instead of one burst, with
// the bursts' memory. Nobody waits who has asked for something.
const (
	spread        = time.Millisecond
	longestSpread = 2 * time.Second
)

// changeRulesLocked has everybody begin anew, on the same connections, when other rules are in force. What they may not
// read any more stops here.
func (r *room) changeRulesLocked(state *channels.State) {
	version := state.Rules().Version
	if version == r.rules {
		return
	}
	r.rules, r.channels = version, state.Rules().Channels
	longest := min(longestSpread, time.Duration(len(r.conns))*spread)
	for c := range r.conns {
		var after time.Duration
		if !c.who.Has(channels.RoleService) { // which are there for the others
			after = rand.N(longest)
		}
		c.renewLocked(state, "the rules have changed", after)
	}
	r.attendLocked()
}

// recheckLocked looks at a connection of the room after its login session or token has changed. The caller is in the
// replica's goroutine.
func (c *conn) recheckLocked(state *channels.State) {
	if ok, changed := c.checkLocked(state); ok && changed {
		c.renewLocked(state, "your rights have changed", 0)
		c.room.attendLocked()
	}
}

// checkLocked ends the connection if its login session or token has ended or is another's by now, and takes over what
// rights it has. The caller holds the state, and room.mu.
func (c *conn) checkLocked(state *channels.State) (ok, changed bool) {
	err := c.proof(state)
	who, identified := c.room.hub.options.Authority.Identify(state, c.who.ID)
	if err != nil || identified != nil {
		c.end(endOf(state, c.who.ID))
		return false, false
	}
	changed = !slices.Equal(who.Roles, c.who.Roles) || !slices.Equal(who.Scope, c.who.Scope) || who.Proposal != c.who.Proposal
	c.who.Roles, c.who.Scope, c.who.Proposal = who.Roles, who.Scope, who.Proposal
	return true, changed
}

// rights is who the client is now.
func (c *conn) rights() channels.Who {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	return c.who
}

// renewLocked has a connection begin anew, at the position of the state: it leaves its channels and is welcomed again. What
// it has asked for is answered all the same, but not with what it could read until now. It goes on serving what it still
// may, so that no call finds nobody; a client serves again all the same, for what it may only now. An event stream ends:
// its client cannot join anything, but comes back by itself to where it was.
func (c *conn) renewLocked(state *channels.State, why string, after time.Duration) {
	if c.follows {
		c.end(closing{code: wire.CloseLeaving, reason: why, after: 100*time.Millisecond + after})
		return
	}
	c.room.quitLocked(c, anyFeed)
	c.renewals.Add(1)
	serves := slices.DeleteFunc(slices.Clone(c.commands), func(command string) bool {
		return mayServe(state.Rules(), command, c.who) != nil
	})
	if len(serves) < len(c.commands) {
		c.room.calls.servesLocked(c, serves)
	}
	c.cursor = state.Position() // what is before it went to channels that it has left
	if due := time.Now().Add(after); c.standing == welcomed || due.Before(c.due) {
		c.due = due
	}
	c.standing = renewed
	c.withdraw()
	time.AfterFunc(after, c.rouse)
}

// withdraw refuses what was read for the client and has not gone out.
func (c *conn) withdraw() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, a := range c.answers {
		if a.shows == 0 {
			continue
		}
		c.waiting -= a.size()
		c.answers[i] = answer{position: a.position, data: wire.AppendFrame(nil, &wire.Error{
			ID: a.shows, Code: string(channels.CodeUnavailable), Detail: "what you may read was decided anew: ask again",
		})}
		c.waiting += len(c.answers[i].data)
	}
}

// waitsLocked reports whether nothing goes out yet: the welcome has time, unless the client waits for something else.
func (c *conn) waitsLocked() bool {
	if c.standing == welcomed || !time.Now().Before(c.due) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.answers) == 0
}

// welcomeAgainLocked adds the welcome of a connection that begins anew. What it has joined since then, without knowing,
// stays joined.
func (c *conn) welcomeAgainLocked(p *parcel, state *channels.State) {
	if c.standing == renewed {
		c.standing = welcomed
		p.add(c.greetLocked(state))
	}
}
