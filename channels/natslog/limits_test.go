package natslog

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func TestServersThatCannotHoldAnEntryAreRefused(t *testing.T) {
	for name, change := range map[string]func(*server.Options){
		"max_payload": func(o *server.Options) { o.MaxPayload = 64 << 10 },
		"JetStream":   func(o *server.Options) { o.JetStream = false },
	} {
		options := serverOptions(EmbedOptions{Dir: t.TempDir()})
		change(options)
		srv, err := server.NewServer(options)
		if err != nil {
			t.Fatal(err)
		}
		go srv.Start()
		if !srv.ReadyForConnections(time.Minute) {
			t.Fatal("the server did not get ready")
		}
		s, err := newStore(t.Context(), "", 1, slog.New(slog.DiscardHandler), nats.InProcessServer(srv))
		if err == nil {
			s.Close()
			t.Errorf("a server without enough %s is accepted", name)
		} else if !strings.Contains(err.Error(), name) || !final(err) {
			t.Errorf("the error does not name %s, or is tried again: %v", name, err)
		}
		srv.Shutdown()
		srv.WaitForShutdown()
	}
}

func TestEmbeddedServerSyncsBeforeItAnswersUnlessTold(t *testing.T) {
	if !serverOptions(EmbedOptions{}).SyncAlways {
		t.Error("by default an acknowledged append is not on the disk")
	}
	if o := serverOptions(EmbedOptions{SyncInterval: 200 * time.Millisecond}); o.SyncAlways || o.SyncInterval != 200*time.Millisecond {
		t.Errorf("the interval is not used: %v, %v", o.SyncAlways, o.SyncInterval)
	}
}
