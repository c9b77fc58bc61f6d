package natslog_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
)

// leaderless stands in front of a server as one of a cluster in which a stream has no leader: the first questions about
// each stream reach somebody who never answers.
func leaderless(t *testing.T, server *natstest.Server, questions int) (url string) {
	t.Helper()
	nobody, err := nats.Connect(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nobody.Close)
	if _, err := nobody.Subscribe("$JS.API.STREAM.LOST.>", func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	if err := nobody.Flush(); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				behind, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "nats://"))
				if err != nil {
					return
				}
				defer behind.Close()
				go func() { _, _ = io.Copy(client, behind) }()
				left := map[string]int{}
				buffer := make([]byte, 64<<10)
				for {
					n, err := client.Read(buffer)
					for _, stream := range []string{"OBJ_SNAPSHOTS", "TX_s"} {
						if asked := []byte("STREAM.INFO." + stream); left[stream] < questions && bytes.Contains(buffer[:n], asked) {
							left[stream]++
							copy(buffer, bytes.ReplaceAll(buffer[:n], asked, []byte("STREAM.LOST."+stream)))
						}
					}
					if _, failed := behind.Write(buffer[:n]); err != nil || failed != nil {
						return
					}
				}
			}()
		}
	}()
	return "nats://" + listener.Addr().String()
}

// After all servers were down, streams have their leaders some seconds later than the cluster answers.
func TestASpaceOpensAsSoonAsItsStreamsHaveALeader(t *testing.T) {
	server := natstest.External(t)
	open(t, natstest.Connect(t, server.URL), "s") // so that the streams are there
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
	defer cancel()
	store, err := natslog.Connect(ctx, natslog.ConnectOptions{URL: leaderless(t, server, 1), Logger: natstest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	snapshots, err := store.Snapshots(ctx, "s")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := snapshots.Newest(ctx); !errors.Is(err, channels.ErrNoSnapshot) {
		t.Error(err)
	}
	log, err := store.Log(ctx, "s")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := log.Bounds(ctx); err != nil {
		t.Error(err)
	}
}
