package hub

import (
	"slices"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// readValues answers a Read, at or after everything that the client has been sent.
func (c *conn) readValues(f *wire.Read) {
	c.room.replica().Read(func(state *channels.State) {
		frame, err := c.room.valuesFrame(state, c.who, f)
		if err != nil {
			c.refuse(f.ID, "", state.Position(), err)
			return
		}
		c.reply(state.Position(), frame)
	})
}

func (r *room) valuesFrame(state *channels.State, who channels.Who, f *wire.Read) (*wire.Values, error) {
	rules := state.Rules().Channels[f.Channel]
	answer := &wire.Values{ID: f.ID, Channel: f.Channel, Cursor: state.Cursor().String()}
	if f.All {
		return answer, allValues(state, who, f, answer)
	}
	_, from, err := readable(state, who, f.Channel, f.Owner)
	switch {
	case err != nil:
		return nil, err
	case rules.Kind != channels.KindStore:
		return nil, channels.Refuse(channels.CodeInvalid, "%s is not a store: join it", f.Channel)
	case rules.Live:
		values, _ := r.board.all(from)
		answer.Values = liveFrame(rules, values).Values
	default:
		answer.Values = valuesOf(state.All(f.Channel, from.owner).Values)
	}
	answer.Defaults = rules.Default
	keep(answer.Values, f.Keys)
	return answer, nil
}

// allValues reads everybody's values of a scoped store.
func allValues(state *channels.State, who channels.Who, f *wire.Read, answer *wire.Values) error {
	rules, ok := state.Rules().Channels[f.Channel]
	switch {
	case !ok:
		return unknownChannel(f.Channel)
	case rules.Scope != channels.ScopeUser && rules.Scope != channels.ScopeGroup:
		return channels.Refuse(channels.CodeInvalid, "%s is the same for everybody: read it without all", f.Channel)
	case f.Owner != "":
		return channels.Refuse(channels.CodeInvalid, "give owner or all, not both")
	case !channels.Permits(rules.ReadersOfAll(), who):
		return channels.Refuse(channels.CodeForbidden, "you may not read everybody's values of %s: it is for %s", f.Channel, rules.ReadersOfAll())
	}
	answer.Owners = map[string]map[string]wire.Value{}
	for _, owner := range state.Owners(f.Channel) {
		values := valuesOf(state.All(f.Channel, owner).Values)
		if keep(values, f.Keys); len(values) > 0 {
			answer.Owners[owner] = values
		}
	}
	return nil
}

// keep leaves the named keys only, all if none is named.
func keep(values map[string]wire.Value, keys []string) {
	for key := range values {
		if len(keys) > 0 && !slices.Contains(keys, key) {
			delete(values, key)
		}
	}
}
