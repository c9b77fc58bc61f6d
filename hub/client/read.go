package client

import (
	"context"
	"slices"

	"github.com/baton-hub/baton/hub/wire"
)

// Read returns the values of a store as they are now, of some keys or of all, without joining it. A key that nobody has
// set has its default, if the store has one for it; else it is missing. What this client has written before is in it.
func (c *Client) Read(ctx context.Context, channel string, keys ...string) (map[string]Value, error) {
	return c.ReadOf(ctx, channel, "", keys...)
}

// ReadOf returns somebody else's values of a store with a scope, for who may read everybody's.
func (c *Client) ReadOf(ctx context.Context, channel, owner string, keys ...string) (map[string]Value, error) {
	answer, err := ask[*wire.Values](ctx, c, func(string) wire.Request {
		return &wire.Read{Channel: channel, Owner: owner, Keys: keys}
	})
	if err != nil {
		return nil, err
	}
	values := valuesOf(answer.Values, answer.Defaults)
	for key := range values {
		if len(keys) > 0 && !slices.Contains(keys, key) {
			delete(values, key) // a default that was not asked for
		}
	}
	return values, nil
}

// ReadAll returns everybody's values of a store with a scope, by owner and key, for who may read them. Defaults are not in
// it.
func (c *Client) ReadAll(ctx context.Context, channel string) (map[string]map[string]Value, error) {
	answer, err := ask[*wire.Values](ctx, c, func(string) wire.Request { return &wire.Read{Channel: channel, All: true} })
	if err != nil {
		return nil, err
	}
	owners := make(map[string]map[string]Value, len(answer.Owners))
	for owner, values := range answer.Owners {
		owners[owner] = valuesOf(values, nil)
	}
	return owners, nil
}
