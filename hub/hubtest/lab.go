package hubtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/channels/porttest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/session"
)

// A Lab is a whole hub in this process, on an address of its own, with one space, lab: embedded NATS, real sockets, the
// users of session.Dev. It is for tests of what talks to hubs.
type Lab struct {
	URL string

	// Set at construction.
	t     testing.TB
	store *natslog.Store
	rules *channels.Rules

	hub    *hub.Hub
	server *http.Server
	served chan struct{}
}

// NewLab starts a hub whose space has these rules, and ends it with the test.
func NewLab(t testing.TB, rules *channels.Rules) *Lab {
	t.Helper()
	l := &Lab{t: t, store: natstest.Embedded(t), rules: rules}
	l.URL = fmt.Sprint("http://127.0.0.1:", porttest.Free(t)) // which is still free after a restart
	listener, err := net.Listen("tcp", l.URL[len("http://"):])
	if err != nil {
		t.Fatal(err)
	}
	l.start(listener)
	t.Cleanup(l.stop)
	return l
}

// Restart ends the hub, cutting all connections, has while run (nothing if nil), and starts another at the same address
// on the same data.
func (l *Lab) Restart(while func()) {
	l.t.Helper()
	l.stop()
	if while != nil {
		while()
	}
	listener, err := net.Listen("tcp", l.URL[len("http://"):])
	if err != nil {
		l.t.Fatal(err)
	}
	l.start(listener)
}

// Token returns a new token of a program with these roles, whose account is service/ and the name.
func (l *Lab) Token(name string, roles ...string) string {
	l.t.Helper()
	space, err := l.hub.Space(l.t.Context(), "lab")
	if err != nil {
		l.t.Fatal(err)
	}
	token := session.Token{Space: "lab", ID: name, Secret: "secret"}
	if o := space.House(l.t.Context(), session.Mint(token, name, roles)); o.Err != nil {
		l.t.Fatal(o.Err)
	}
	return token.String()
}

// Space returns the replica of the space.
func (l *Lab) Space() *channels.Space {
	l.t.Helper()
	space, err := l.hub.Space(l.t.Context(), "lab")
	if err != nil {
		l.t.Fatal(err)
	}
	return space
}

func (l *Lab) start(listener net.Listener) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), Patience)
	defer cancel()
	options, err := l.options(ctx)
	if err != nil {
		l.t.Fatal(err)
	}
	if l.hub, err = hub.New(options); err != nil {
		l.t.Fatal(err)
	}
	l.server, l.served = &http.Server{Handler: l.hub, ReadHeaderTimeout: 10 * time.Second}, make(chan struct{})
	go func(server *http.Server, served chan struct{}) {
		defer close(served)
		_ = server.Serve(listener)
	}(l.server, l.served)
}

func (l *Lab) options(ctx context.Context) (o hub.Options, err error) {
	logger := natstest.Logger(l.t)
	bucket, err := l.store.KV(ctx, "sessions")
	if err != nil {
		return o, err
	}
	live, err := l.store.Live(ctx)
	if err != nil {
		return o, err
	}
	ticks, err := l.store.Ticks(ctx)
	if err != nil {
		return o, err
	}
	return hub.Options{
		Node: "lab", Version: "test", Title: "Site", Spaces: []hub.Site{{Name: "lab", Title: "Lab"}}, Logger: logger,
		Authority: session.Authority{}, Sign: session.Dev{},
		Logins: session.NewLogins(session.LoginOptions{Store: session.NewKVStore(bucket, natslog.ErrNotFound, natslog.ErrRevision)}),
		Live:   live, Ticks: ticks, Relay: l.store.Relay(), Signals: l.store.Signals(),
		Open: func(ctx context.Context, name string, w channels.Watcher) (*channels.Space, error) {
			log, err := l.store.Log(ctx, name)
			if err != nil {
				return nil, err
			}
			snapshots, err := l.store.Snapshots(ctx, name)
			if err != nil {
				return nil, err
			}
			return channels.Open(ctx, channels.Options{
				Name: name, Log: log, Snapshots: snapshots, Authority: session.Authority{}, Rules: l.rules, Watcher: w, Logger: logger,
			})
		},
	}, nil
}

func (l *Lab) stop() {
	l.hub.Close()
	_ = l.server.Close()
	<-l.served
}
