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
