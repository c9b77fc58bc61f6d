package natslog_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/channels/porttest"
)

func TestTheConfigurationsForNATSWriteBeforeTheyAcknowledge(t *testing.T) {
	t.Setenv("NATS_NAME", "nats-1")
	for _, file := range []string{"nats.conf", "nats-cluster.conf"} {
		o, err := server.ProcessConfigFile("../../deploy/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if !o.JetStream || !o.SyncAlways || o.StoreDir == "" {
			t.Errorf("%s: JetStream %v, sync always %v, store %q", file, o.JetStream, o.SyncAlways, o.StoreDir)
		}
		if int(o.MaxPayload) < 2*channels.MaxEntryBytes {
			t.Errorf("%s: a message has at most %d bytes", file, o.MaxPayload)
		}
	}
}

func TestThreeServersOfTheClusterFileKeepALogThreeTimesAndGoOnWithoutOne(t *testing.T) {
	var servers []*server.Server
	var options []*server.Options
	for i := range 3 {
		t.Setenv("NATS_NAME", fmt.Sprintf("nats-%d", i+1))
		o, err := server.ProcessConfigFile("../../deploy/nats-cluster.conf")
		if err != nil {
			t.Fatal(err)
		}
		if o.Cluster.Name == "" || len(o.Routes) != 3 || o.ServerName != os.Getenv("NATS_NAME") {
			t.Fatalf("%s is in the cluster %q with routes to %v", o.ServerName, o.Cluster.Name, o.Routes)
		}
		o.Host, o.Port, o.HTTPPort, o.StoreDir, o.NoSigs, o.NoLog = "127.0.0.1", porttest.Free(t), 0, t.TempDir(), true, true
		o.Cluster.Host, o.Cluster.Port = "127.0.0.1", porttest.Free(t)
		options = append(options, o)
	}
	for _, o := range options {
		o.Routes = nil
		for _, other := range options {
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", other.Cluster.Port)})
		}
		s, err := server.NewServer(o)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		servers = append(servers, s)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	store, err := natslog.Connect(ctx, natslog.ConnectOptions{URL: servers[0].ClientURL() + "," + servers[1].ClientURL(), Replicas: 3, Logger: natstest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	log, err := store.Log(ctx, "lab")
	for ; err != nil && ctx.Err() == nil; log, err = store.Log(ctx, "lab") { // they have to agree on who leads first
		continue
	}
	if err != nil {
		t.Fatal(err)
	}
	commit := func(after uint64, with string) {
		for {
			err := log.Append(ctx, after, []byte(`{"v":1}`))
			if err == nil || errors.Is(err, channels.ErrMoved) { // by an attempt before, which got no answer
				return
			}
			if ctx.Err() != nil {
				t.Fatalf("with %s: %v", with, err)
			}
		}
	}
	commit(0, "three") // the log may be without a leader yet
	servers[2].Shutdown()
	servers[2].WaitForShutdown()
	commit(1, "two of three")
}
