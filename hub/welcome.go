package hub

import (
	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// welcomeLocked is the first frame of a connection.
func (r *room) welcomeLocked(c *conn, state *channels.State) *wire.Welcome {
	w := r.introductionLocked(c, state)
	w.Presence, w.Channels, w.Commands = r.presence.members(), channelsOf(state.Rules(), c.who), commandsOf(state.Rules(), c.who)
	return w
}

// introductionLocked is a welcome without what many connections have in common: who is here, and the rules.
func (r *room) introductionLocked(c *conn, state *channels.State) *wire.Welcome {
	o := r.hub.options
	rules, limiter := state.Rules(), o.Limits.limiter(c.who)
	w := &wire.Welcome{
		Conn: c.id, Session: c.who.ID, Space: r.name, Title: rules.Title, Epoch: state.Epoch(), Cursor: state.Cursor().String(),
		You:     you(c.who),
		Control: *r.controlFrameLocked(),
		GraceMS: r.policyNow().Grace.Milliseconds(),
		Limits: wire.Limits{
			Message: o.Limits.Message, Unanswered: o.Limits.Unanswered, Joined: o.Limits.Joined,
			Rate: int(limiter.Limit()), Burst: limiter.Burst(), Signals: o.Limits.Signals,
		},
		Version: o.Version, Node: o.Node,
	}
	for _, call := range r.callsLocked(state, c.who.User) {
		w.Calls = append(w.Calls, *call)
	}
	return w
}

// channelsOf are the channels that are somebody's business, with their rules.
func channelsOf(rules *channels.Rules, who channels.Who) map[string]wire.ChannelRules {
	found := map[string]wire.ChannelRules{}
	if who.Reads(channels.ControlLog) {
		found[channels.ControlLog] = wire.ChannelRules{Kind: string(channels.KindLog), Keep: channels.DefaultKeep}
	}
	for name, c := range rules.Channels {
		if c.Of(who, name) {
			found[name] = wire.ChannelRules{
				Kind: string(c.Kind), Scope: string(c.Scope), Live: c.Live, Write: words(c.Write), Read: words(c.Read), ReadAll: words(c.ReadAll),
				Keep: c.Keep, KeepMS: c.KeepFor, Default: c.Default, Schema: c.Schema,
			}
		}
	}
	return found
}

// commandsOf are the commands that are somebody's business, with their rules.
func commandsOf(rules *channels.Rules, who channels.Who) map[string]wire.CommandRules {
	found := map[string]wire.CommandRules{}
	for name, c := range rules.Commands {
		if c.Of(who, name) {
			found[name] = wire.CommandRules{
				Call: words(c.Call), Serve: words(c.Serve), Stop: c.Stop, Args: c.Args, Progress: c.Progress, Result: c.Result,
				DeadlineMS: c.Deadline,
			}
		}
	}
	return found
}

// you is who a client is to the hub.
func you(who channels.Who) wire.You {
	return wire.You{User: who.User, Name: who.Name, Roles: who.Roles, Session: who.ID, Proposal: who.Proposal}
}

func words(rights []channels.Right) (words []string) {
	for _, r := range rights {
		words = append(words, string(r))
	}
	return words
}
