package natslog_test

import (
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/channelstest"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
)

// open opens the log of a space.
func open(t *testing.T, s *natslog.Store, space string) channels.Log {
	t.Helper()
	log, err := s.Log(t.Context(), space)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func TestLogEmbedded(t *testing.T) {
	channelstest.TestLog(t, func(t *testing.T) channelstest.LogHarness {
		dir := t.TempDir()
		store := natstest.EmbeddedIn(t, dir)
		return channelstest.LogHarness{
			Open: func(t *testing.T, space string) channels.Log { return open(t, store, space) },
			Restart: func(t *testing.T) {
				store.Close()
				store = natstest.EmbeddedIn(t, dir)
			},
		}
	})
}

// TestLogExternal has a connection for every handle, as nodes have, and kills the server to restart it.
func TestLogExternal(t *testing.T) {
	channelstest.TestLog(t, func(t *testing.T) channelstest.LogHarness {
		server := natstest.External(t)
		return channelstest.LogHarness{
			Open: func(t *testing.T, space string) channels.Log {
				return open(t, natstest.Connect(t, server.URL), space)
			},
			Restart: func(*testing.T) {
				server.Kill()
				server.Start()
			},
		}
	})
}

func TestSnapshots(t *testing.T) {
	channelstest.TestSnapshots(t, func(t *testing.T) channelstest.SnapshotsHarness {
		dir := t.TempDir()
		store := natstest.EmbeddedIn(t, dir)
		return channelstest.SnapshotsHarness{
			Open: func(t *testing.T, space string) channels.Snapshots {
				s, err := store.Snapshots(t.Context(), space)
				if err != nil {
					t.Fatal(err)
				}
				return s
			},
			Restart: func(t *testing.T) {
				store.Close()
				store = natstest.EmbeddedIn(t, dir)
			},
		}
	})
}

func TestLive(t *testing.T) {
	channelstest.TestLive(t, func(t *testing.T) func(*testing.T) channels.Live {
		server := natstest.External(t)
		return func(t *testing.T) channels.Live {
			l, err := natstest.Connect(t, server.URL).Live(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
	})
}

func TestTicks(t *testing.T) {
	channelstest.TestTicks(t, func(t *testing.T) func(*testing.T) channels.Ticks {
		server := natstest.External(t)
		return func(t *testing.T) channels.Ticks {
			ticks, err := natstest.Connect(t, server.URL).Ticks(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return ticks
		}
	})
}

func TestRelay(t *testing.T) {
	t.Parallel()
	channelstest.TestRelay(t, func(t *testing.T) func(*testing.T) channels.Relay {
		server := natstest.External(t)
		return func(t *testing.T) channels.Relay { return natstest.Connect(t, server.URL).Relay() }
	})
}

func TestSignals(t *testing.T) {
	channelstest.TestSignals(t, func(t *testing.T) func(*testing.T) channels.Signals {
		server := natstest.External(t)
		return func(t *testing.T) channels.Signals { return natstest.Connect(t, server.URL).Signals() }
	})
}

func TestSignalsEmbedded(t *testing.T) {
	channelstest.TestSignals(t, func(t *testing.T) func(*testing.T) channels.Signals {
		store := natstest.Embedded(t)
		return func(*testing.T) channels.Signals { return store.Signals() }
	})
}
