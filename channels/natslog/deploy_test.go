package natslog_test

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/baton-hub/baton/channels"
)

func TestTheConfigurationForNATSWritesBeforeItAcknowledges(t *testing.T) {
	o, err := server.ProcessConfigFile("../../deploy/nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	if !o.JetStream || !o.SyncAlways || o.StoreDir == "" {
		t.Errorf("JetStream %v, sync always %v, store %q", o.JetStream, o.SyncAlways, o.StoreDir)
	}
	if int(o.MaxPayload) < 2*channels.MaxEntryBytes {
		t.Errorf("a message has at most %d bytes", o.MaxPayload)
	}
}
