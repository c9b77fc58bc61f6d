package main

import (
	"context"
	"errors"
	"log/slog"
)

// demo runs the demo beamline against a hub until ctx ends.
func demo(ctx context.Context, o demoOptions, logger *slog.Logger) error {
	return errors.New("demo is not wired yet")
}
