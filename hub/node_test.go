package hub_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// rules are those of the space that the tests use.
func rules(policy session.Policy) *channels.Rules {
	if policy.SameUser == "" {
		policy.SameUser = session.Join // for tests of other things, with people at several computers
	}
	return &channels.Rules{
		Version: 1, Title: "Lab", Policy: policy.JSON(),
		Channels: map[string]channels.ChannelRules{
			"queue":  {Kind: channels.KindStore, Write: []channels.Right{"operator", "service"}},
			"notes":  {Kind: channels.KindStore, Write: []channels.Right{"member"}},
			"ui":     {Kind: channels.KindStore, Scope: channels.ScopeUser, Write: []channels.Right{"owner"}},
			"motors": {Kind: channels.KindStore, Live: true, Write: []channels.Right{"service"}},
			"chat":   {Kind: channels.KindLog, Write: []channels.Right{"member"}},
			"secret": {Kind: channels.KindStore, Write: []channels.Right{"staff"}, Read: []channels.Right{"staff"}},

			"plan":     {Kind: channels.KindStore, Scope: channels.ScopeGroup, Write: []channels.Right{"member"}},
			"results":  {Kind: channels.KindStore, Scope: channels.ScopeGroup, Write: []channels.Right{"service"}},
			"settings": {Kind: channels.KindStore, Write: []channels.Right{"member"}, Default: map[string]json.RawMessage{"beam": json.RawMessage(`{"size":50}`)}},
			"cursors":  {Kind: channels.KindSignal, Write: []channels.Right{"member"}},
			"whispers": {Kind: channels.KindSignal, Write: []channels.Right{"staff"}, Read: []channels.Right{"staff"}},
		},
		Commands: map[string]channels.CommandRules{
			"move": {Call: []channels.Right{"operator"}},
			"look": {Call: []channels.Right{"member"}},
			"wait": {Call: []channels.Right{"member"}},
			"stop": {Call: []channels.Right{"member"}, Stop: true},
		},
	}
}

// node is a hub with its server.
type node struct {
	*hub.Hub
	url   string
	close func()
}

// nodeOptions say how a test wants a node.
type nodeOptions struct {
	name   string
	policy session.Policy
	limits hub.Limits
	store  *natslog.Store                  // default: an embedded one
	logins session.Store                   // default: in the bucket of store
	log    func(channels.Log) channels.Log // how the node sees the log
	open   func()                          // called when the node opens its space
	more   func(*hub.Options)              // what else the node is made of
	rules  func(*channels.Rules)           // makes the node's rules other than those of rules
	buffer int                             // bytes that the system keeps for a client that does not read; default its own

	patience time.Duration // of the space; default its own
}

func newNode(t testing.TB, o nodeOptions) *node {
	t.Helper()
	if o.store == nil {
		o.store = natstest.Embedded(t)
	}
	if o.name == "" {
		o.name = "one"
	}
	ctx, cancel := context.WithTimeout(t.Context(), hubtest.Patience)
	defer cancel()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	if o.logins == nil {
		bucket, err := o.store.KV(ctx, "sessions")
		must(err)
		o.logins = session.NewKVStore(bucket, natslog.ErrNotFound, natslog.ErrRevision)
	}
	live, err := o.store.Live(ctx)
	must(err)
	ticks, err := o.store.Ticks(ctx)
	must(err)
	options := hub.Options{
		Node: o.name, Version: "test", Title: "Site", Spaces: []hub.Site{{Name: "lab", Title: "Lab"}},
		Authority: session.Authority{}, Live: live, Ticks: ticks, Relay: o.store.Relay(), Signals: o.store.Signals(), Sign: session.Dev{},
		UI:     http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("the page")) }),
		Logins: session.NewLogins(session.LoginOptions{Store: o.logins}), Limits: o.limits, Logger: natstest.Logger(t),
		Open: o.openSpace(t),
	}
	if o.more != nil {
		o.more(&options)
	}
	h, err := hub.New(options)
	must(err)
	return serve(t, h, o.buffer)
}

// openSpace brings up the replica of a space.
func (o nodeOptions) openSpace(t testing.TB) func(context.Context, string, channels.Watcher) (*channels.Space, error) {
	inForce := rules(o.policy)
	if o.rules != nil {
		o.rules(inForce)
	}
	return func(ctx context.Context, name string, w channels.Watcher) (*channels.Space, error) {
		log, err := o.store.Log(ctx, name)
		if err != nil {
			return nil, err
		}
		if o.log != nil {
			log = o.log(log)
		}
		if o.open != nil {
			o.open()
		}
		snapshots, err := o.store.Snapshots(ctx, name)
		if err != nil {
			return nil, err
		}
		return channels.Open(ctx, channels.Options{
			Name: name, Log: log, Snapshots: snapshots, Authority: session.Authority{}, Rules: inForce, Watcher: w,
			Logger: natstest.Logger(t), Patience: o.patience,
		})
	}
}

func serve(t testing.TB, h *hub.Hub, buffer int) *node {
	server := httptest.NewUnstartedServer(h)
	server.Listener = smallBuffers{server.Listener, buffer}
	server.Start()
	closed := false
	n := &node{h, server.URL, func() {
		if !closed {
			closed = true
			h.Close()
			server.Close()
		}
	}}
	t.Cleanup(n.close)
	return n
}

// smallBuffers makes the system keep little for clients that do not read.
type smallBuffers struct {
	net.Listener
	bytes int // 0: as usual
}

func (l smallBuffers) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok && l.bytes > 0 {
		err = tcp.SetWriteBuffer(l.bytes)
	}
	return conn, err
}

// token mints a service token.
func (n *node) token(t testing.TB, name string) string {
	t.Helper()
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	token := session.Token{Space: "lab", ID: name, Secret: "secret"}
	if o := space.House(t.Context(), session.Mint(token, name, []string{"service"})); o.Err != nil {
		t.Fatal(o.Err)
	}
	return token.String()
}

// open signs a user in with a browser of their own and opens a tab.
func (n *node) open(t *testing.T, user string) (*hubtest.Browser, *hubtest.Tab) {
	t.Helper()
	b := hubtest.NewBrowser(t)
	b.SignIn(n.url, "lab", user)
	return b, b.Open(n.url, user+"-tab")
}

// waitForTabs waits until a user has at most so many tabs open on the node, as bob sees it.
func (n *node) waitForTabs(t *testing.T, user string, most int) {
	t.Helper()
	_, bob := n.open(t, "bob")
	presence := wire.Presence{Members: bob.Welcome.Presence}
	for slices.ContainsFunc(presence.Members, func(m wire.Member) bool { return m.User == user && m.Connections > most }) {
		bob.Expect("presence", &presence)
	}
}

func (n *node) position(t *testing.T) (position uint64) {
	t.Helper()
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	space.Read(func(s *channels.State) { position = s.Position() })
	return position
}

type frame = map[string]any

func join(channel string) frame { return frame{"type": "join", "channel": channel} }

func write(channel, key string, value any) frame {
	return frame{"type": "write", "channel": channel, "set": frame{key: value}}
}

func with(f frame, key string, value any) frame {
	f[key] = value
	return f
}
