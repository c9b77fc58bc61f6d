package natslog_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
)

// A server that goes down, or a balancer in front of one that is down, takes a connection and closes it.
func TestConnectGoesOnWhenConnectionsAreClosedBeforeTheyAreMade(t *testing.T) {
	server := natstest.External(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for n := 0; ; n++ {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				if n < 3 {
					if n > 0 { // not at once, and with half a greeting
						_, _ = io.WriteString(client, `INFO {"server_id":`)
					}
					return
				}
				behind, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "nats://"))
				if err != nil {
					return
				}
				defer behind.Close()
				go func() { _, _ = io.Copy(behind, client) }()
				_, _ = io.Copy(client, behind)
			}()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	store, err := natslog.Connect(ctx, natslog.ConnectOptions{URL: "nats://" + listener.Addr().String(), Logger: natstest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if !store.Connected() {
		t.Error("it is not connected")
	}
}

func TestConnectDoesNotWaitForCredentialsThatAreNotThere(t *testing.T) {
	server := natstest.External(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := natslog.Connect(ctx, natslog.ConnectOptions{URL: server.URL, Credentials: "no-such-file.creds", Logger: natstest.Logger(t)})
	if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "no-such-file.creds") {
		t.Errorf("%v: %v", ctx.Err(), err)
	}
}
