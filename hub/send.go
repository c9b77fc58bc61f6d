package hub

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// sendLive answers a Send to a live store, if it is refused.
func (c *conn) sendLive(f *wire.Send) {
	if err := c.room.sendValues(c.ctx, c.rights(), f.Channel, f.Set, f.Delete); err != nil {
		c.refuse(f.ID, "", 0, err)
	}
}

// sendValues passes values of a live store on, all or, if one of them is refused, none.
func (r *room) sendValues(ctx context.Context, who channels.Who, channel string, set map[string]json.RawMessage, gone []string) (refusal error) {
	r.replica().Read(func(state *channels.State) { refusal = mayValues(state.Rules(), who, channel, set) })
	keys := slices.Sorted(maps.Keys(set))
	for _, key := range slices.Concat(keys, gone) {
		refusal = errors.Join(refusal, ofKey(channel, key, channels.CheckKey(key)))
	}
	if refusal == nil {
		refusal = r.board.room(feed{channel: channel}, set, gone)
	}
	if refusal != nil {
		return refusal
	}
	publish := func(key string, data []byte) {
		live := channels.LiveValue{LiveKey: channels.LiveKey{Space: r.name, Channel: channel, Key: key}, Data: data, By: who.User}
		if refusal == nil && r.hub.options.Live.Publish(ctx, live, 0) != nil {
			refusal = &channels.Uncertain{Code: channels.CodeUnavailable, Detail: "live values cannot be passed on now: send the newest again"}
		}
	}
	for _, key := range keys {
		publish(key, set[key])
	}
	for _, key := range gone {
		if _, again := set[key]; !again {
			publish(key, nil)
		}
	}
	return refusal
}

// mayValues refuses what the rules do not let somebody send to a live store.
func mayValues(rules *channels.Rules, who channels.Who, channel string, set map[string]json.RawMessage) error {
	r, ok := rules.Channels[channel]
	switch {
	case !ok:
		return unknownChannel(channel)
	case r.Kind == channels.KindSignal:
		return channels.Refuse(channels.CodeInvalid, "%s is a signal: send data to it", channel)
	case r.Kind == channels.KindLog:
		return channels.Refuse(channels.CodeInvalid, "%s is a log: append to it", channel)
	case !r.Live:
		return channels.Refuse(channels.CodeInvalid, "%s is not a live store: write to it", channel)
	case !who.Uses(channel):
		return who.MayUse("send to", channel)
	case !channels.Permits(r.Write, who):
		return channels.Refuse(channels.CodeForbidden, "you may not send to %s: it is for %s", channel, r.Write)
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		if len(set[key]) > channels.MaxValue {
			return ofKey(channel, key, channels.Refuse(channels.CodeTooLarge, "the value of %q has %d bytes, the limit is %d", key, len(set[key]), channels.MaxValue))
		}
		if err := rules.CheckValue(channel, key, set[key]); err != nil {
			return err
		}
	}
	return nil
}

// ofKey says which key a refusal is about: a client sends the others by themselves then.
func ofKey(channel, key string, err error) error {
	var refused *channels.Refusal
	if errors.As(err, &refused) {
		refused.More = map[string]any{"channel": channel, "key": key}
	}
	return err
}
