package pace

import (
	"bytes"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A raw is NATS by itself: a client of each server, a stream like that of a space, and somebody who answers.
type raw struct {
	clients []*nats.Conn
	streams []jetstream.JetStream
}

// record is as long as an entry with a write of one key.
var record = bytes.Repeat([]byte("x"), 250)

func openRaw(tb testing.TB, l *lab) *raw {
	tb.Helper()
	r := &raw{}
	for _, server := range l.NATS {
		client, err := nats.Connect("nats://"+server.Address, nats.DontRandomize(), nats.IgnoreDiscoveredServers())
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(client.Close)
		js, err := jetstream.New(client)
		if err != nil {
			tb.Fatal(err)
		}
		r.clients, r.streams = append(r.clients, client), append(r.streams, js)
		_, err = client.Subscribe("echo."+server.Name, func(m *nats.Msg) {
			if err := m.Respond(m.Data); err != nil {
				tb.Error(err)
			}
		})
		if err == nil {
			err = client.Flush()
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	_, err := r.streams[0].CreateOrUpdateStream(tb.Context(), jetstream.StreamConfig{
		Name: "RAW", Subjects: []string{"raw"}, Storage: jetstream.FileStorage, Replicas: len(l.NATS), DenyDelete: true,
	})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range r.clients { // everybody has heard of everybody, and the stream has a leader
		r.publish(tb, i)
	}
	return r
}

// publish stores a record through a server, on the disks of most of them, and waits until it is.
func (r *raw) publish(tb testing.TB, server int) {
	if _, err := r.streams[server].Publish(tb.Context(), "raw", record); err != nil {
		tb.Fatal(err)
	}
}

// echo asks a client of the next server, and waits for its answer.
func (r *raw) echo(tb testing.TB, l *lab, server int) {
	next := l.NATS[(server+1)%len(l.NATS)].Name
	if _, err := r.clients[server].Request("echo."+next, record, patience); err != nil {
		tb.Fatal(err)
	}
}
