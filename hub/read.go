package hub

import (
	"maps"

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
		c.push(answer{position: state.Position(), data: wire.AppendFrame(nil, frame), shows: f.ID})
	})
}

func (r *room) valuesFrame(state *channels.State, who channels.Who, f *wire.Read) (*wire.Values, error) {
	rules := state.Rules().Channels[f.Channel]
	answer := &wire.Values{ID: f.ID, Channel: f.Channel, Cursor: state.Cursor().String()}
	if f.All {
		_, more, err := allValues(state, who, f, "", maxAll, answer)
		if more {
			err = channels.Refuse(channels.CodeTooLarge,
				"everybody's values of %s are more than %d MiB: read them owner by owner, or over HTTP, where they come in pages", f.Channel, maxAll>>20)
		}
		return answer, err
	}
	_, from, err := readable(state, who, f.Channel, f.Owner)
	switch {
	case err != nil:
		return nil, err
	case rules.Kind != channels.KindStore:
		return nil, channels.Refuse(channels.CodeInvalid, "%s is not a store: join it", f.Channel)
	case rules.Live:
		answer.Values, _ = r.board.all(from)
		setOf(f.Keys).keep(answer.Values)
	case len(f.Keys) > 0:
		answer.Values = valuesOf(named(state, channels.Ref{Channel: f.Channel, Owner: from.owner}, f.Keys))
	default:
		answer.Values = valuesOf(state.All(f.Channel, from.owner).Values)
	}
	answer.Defaults = rules.Default
	return answer, nil
}

// maxAll is how many bytes of everybody's values a frame has, about.
const maxAll = 16 << 20

// allValues reads everybody's values of a scoped store into the answer: of the owners after one, in their order, as many
// as have most bytes together, about, at least one. more says that there are others after those.
func allValues(state *channels.State, who channels.Who, f *wire.Read, after string, most int, answer *wire.Values) (last string, more bool, err error) {
	rules, ok := state.Rules().Channels[f.Channel]
	switch {
	case !ok:
		return "", false, unknownChannel(f.Channel)
	case rules.Scope != channels.ScopeUser && rules.Scope != channels.ScopeGroup:
		return "", false, channels.Refuse(channels.CodeInvalid, "%s is the same for everybody: read it without all", f.Channel)
	case f.Owner != "":
		return "", false, channels.Refuse(channels.CodeInvalid, "give owner or all, not both")
	case rules.MayRead(who, "read", f.Channel) != nil:
		return "", false, rules.MayRead(who, "read", f.Channel)
	case !channels.Permits(rules.ReadersOfAll(), who):
		return "", false, channels.Refuse(channels.CodeForbidden, "you may not read everybody's values of %s: it is for %s", f.Channel, rules.ReadersOfAll())
	}
	answer.Owners = map[string]map[string]wire.Value{}
	keys, bytes := setOf(f.Keys), 0
	for _, owner := range state.Owners(f.Channel) {
		if owner <= after {
			continue
		}
		values := valuesOf(state.All(f.Channel, owner).Values)
		keys.keep(values)
		if bytes += sizeOf(values); bytes > most && last != "" {
			return last, true, nil
		}
		if last = owner; len(values) > 0 {
			answer.Owners[owner] = values
		}
	}
	return last, false, nil
}

// named are the values of some keys of a store, which is ref without a key. It does not look at the others: the state is
// locked, and there may be very many.
func named(state *channels.State, ref channels.Ref, keys []string) map[string]channels.Value {
	values := make(map[string]channels.Value, len(keys))
	for _, ref.Key = range keys {
		if v, ok := state.Get(ref); ok {
			values[ref.Key] = v
		}
	}
	return values
}

// keySet is the keys that somebody asked for; nil: all.
type keySet map[string]struct{}

func setOf(keys []string) keySet {
	if len(keys) == 0 {
		return nil
	}
	set := make(keySet, len(keys))
	for _, key := range keys {
		set[key] = struct{}{}
	}
	return set
}

// keep leaves the values of these keys.
func (s keySet) keep(values map[string]wire.Value) {
	if s == nil {
		return
	}
	maps.DeleteFunc(values, func(key string, _ wire.Value) bool {
		_, asked := s[key]
		return !asked
	})
}
