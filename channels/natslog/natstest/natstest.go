// Package natstest gives tests a real NATS: inside the process, or as a process of its own that can be killed.
//
// The server process is the test binary itself, started again with an environment variable that makes the init of
// this package run nats-server and nothing else. So a test needs no other program, and tests the server version of
// go.mod.
package natstest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/natslog"
)

// Embedded starts a server inside the process, on a new directory, and stops it when the test ends.
func Embedded(t testing.TB) *natslog.Store {
	t.Helper()
	return EmbeddedIn(t, t.TempDir())
}

// EmbeddedIn does so on a directory that may hold the data of an earlier one. Close it to start another one there.
func EmbeddedIn(t testing.TB, dir string) *natslog.Store {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s, err := natslog.Embed(ctx, natslog.EmbedOptions{Dir: dir, Logger: Logger(t)})
	if err != nil {
		t.Fatalf("starting the embedded NATS: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// Connect connects to a server and disconnects when the test ends.
func Connect(t testing.TB, url string) *natslog.Store {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s, err := natslog.Connect(ctx, natslog.ConnectOptions{URL: url, Logger: Logger(t)})
	if err != nil {
		t.Fatalf("connecting to %s: %v", url, err)
	}
	t.Cleanup(s.Close)
	return s
}

// Logger writes into the output of the test.
func Logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}
