package main

import (
	"context"
	"errors"
	"log/slog"
)

// serve runs a hub node until ctx ends, then drains it.
func serve(ctx context.Context, o serveOptions, s *site, logger *slog.Logger, out streams) error {
	return errors.New("serve is not wired yet")
}
