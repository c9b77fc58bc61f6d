package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/baton-hub/baton/cmd/baton/beamline"
	"github.com/baton-hub/baton/hub/client"
)

// demo runs the demo beamline against a hub until ctx ends, which is no error, or the hub does not want it any more.
func demo(ctx context.Context, o demoOptions, logger *slog.Logger) (err error) {
	c, err := client.Connect(ctx, client.Options{URL: o.URL, Token: o.Token, Logger: logger})
	if err != nil {
		return quiet(ctx, fmt.Errorf("connecting to %s: %w", o.URL, err))
	}
	running, end := context.WithCancelCause(ctx)
	defer end(nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-c.Done()
		end(c.Err())
	}()
	defer func() {
		err = errors.Join(err, c.Close())
		<-ended
	}()
	return quiet(ctx, beamline.Run(running, beamline.Over(c), beamline.Options{Logger: logger}))
}

// quiet returns nil for an error that is only the end of ctx.
func quiet(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
