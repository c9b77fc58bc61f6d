package beamline

import (
	"context"
	"encoding/json"

	"github.com/baton-hub/baton/hub/client"
)

// Over returns the Hub that a client of it is.
func Over(c *client.Client) Hub { return clientHub{c} }

type clientHub struct{ *client.Client }

// Follow implements Hub.
func (h clientHub) Follow(ctx context.Context, store string, changed func()) (func() map[string]Stored, error) {
	s := h.Store(store)
	s.Watch(func(map[string]client.Value) { changed() })
	if err := s.Ready(ctx); err != nil {
		return nil, err
	}
	return func() map[string]Stored {
		values := map[string]Stored{}
		for key, v := range s.Values() {
			values[key] = Stored{Data: v.Data, Position: v.Position}
		}
		return values
	}, nil
}

// Write implements Hub.
func (h clientHub) Write(ctx context.Context, store string, set map[string]any, onlyIf map[string]uint64) error {
	w := client.Write{Channel: store, Set: map[string]any{}, If: onlyIf}
	for key, value := range set {
		if value == nil {
			w.Delete = append(w.Delete, key)
			continue
		}
		w.Set[key] = value
	}
	_, err := h.Client.Write(ctx, w)
	if client.IsCode(err, "conflict") {
		return ErrConflict
	}
	return err
}

// Send implements Hub.
func (h clientHub) Send(store string, set map[string]any) error { return h.Client.Send(store, set) }

// Listen implements Hub.
func (h clientHub) Listen(signal string, heard func(user string, data json.RawMessage)) {
	h.OnSignal(signal, func(s client.Signal) { heard(s.By, s.Data) })
}

// Append implements Hub.
func (h clientHub) Append(ctx context.Context, log string, message any) error {
	_, err := h.Client.Append(ctx, log, message)
	return err
}

// Serve implements Hub.
func (h clientHub) Serve(ctx context.Context, handlers map[string]Handler) error {
	serve := map[string]client.Handler{}
	for name, handle := range handlers {
		serve[name] = func(ctx context.Context, call *client.Invocation) (any, error) {
			by := call.By.Name
			if by == "" {
				by = call.By.User
			}
			return handle(ctx, Call{ID: call.Call, Args: call.Args, By: by, User: call.By.User})
		}
	}
	return h.Client.Serve(ctx, serve)
}
