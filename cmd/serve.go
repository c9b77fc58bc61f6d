package cmd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/frontend"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/session"
)

// The time limits of a node.
const (
	startTime = 30 * time.Second // to reach the log and the session store
	closeTime = 3 * time.Second  // of the time to stop in, for what is left when everybody should be gone
)

// A node is one hub with everything that it stands on.
type node struct {
	options serveOptions
	own     Options
	began   *site                // what it runs that a restart is needed for
	site    atomic.Pointer[site] // what it goes by
	logger  *slog.Logger
	store   *natslog.Store
	logins  *session.Logins
	hub     *hub.Hub
	jobs    *jobs
	local   atomic.Pointer[http.Handler] // what the socket in the data directory serves, once there is a hub
	closing []func()
}

// serve runs a hub node until ctx ends, then drains it.
func serve(ctx context.Context, o serveOptions, s *site, logger *slog.Logger, out streams) error {
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	defer signal.Stop(again)
	n := &node{options: o, own: out.own, began: s, logger: logger, jobs: newJobs(out.err, logger)}
	n.jobs.wait = time.Second // most spaces are open by then
	n.site.Store(s)
	defer n.close()
	if err := n.start(ctx); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listening on --listen: %w", err)
	}
	server := &http.Server{
		Handler: n.hub, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 2)
	go func() { failed <- server.Serve(listener) }()
	stopAdmin, err := n.serveAdmin(failed)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	n.closing = append(n.closing, stopAdmin)
	url := "http://" + listener.Addr().String()
	stopDemo := func() {}
	if o.Dev && o.Demo {
		if stopDemo, err = n.startDemo(ctx, url); err != nil {
			return errors.Join(err, server.Close())
		}
	}
	if o.Dev {
		token, err := n.devToken(ctx, listener.Addr())
		if err != nil { // the node serves on, and says at /readyz what is missing
			logger.Warn("there is no token to develop with", "error", err)
		}
		greet(out, url, token)
	}
	logger.Info("serving", "url", url, "spaces", strings.Join(slices.Sorted(maps.Keys(s.Spaces)), " "))
	for running := true; running; {
		select {
		case <-again:
			n.reload(ctx)
		case err = <-failed:
			running = false
		case <-ctx.Done():
			logger.Info("leaving")
			err, running = nil, false
		}
	}
	stopDemo()
	return errors.Join(err, n.drain(server))
}

// drain lets go of everybody, in order and in time: it says that it is not ready, serves on until that is noticed, accepts
// no more, answers what is under way, and sends the connections to other nodes.
func (n *node) drain(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), n.options.Drain)
	defer cancel()
	n.hub.Unready()
	select {
	case <-time.After(n.options.DrainDelay):
	case <-ctx.Done():
	}
	moving, stop := context.WithTimeout(ctx, n.options.Drain-n.options.DrainDelay-closeTime)
	defer stop()
	n.hub.Leave()
	down := make(chan error, 1)
	go func() { down <- server.Shutdown(ctx) }() // it does not know of WebSockets
	n.hub.Drain(moving)
	err := <-down
	closed := make(chan struct{})
	go func() { defer close(closed); n.hub.Close() }()
	select {
	case <-closed:
		return err
	case <-ctx.Done():
		return errors.Join(err, errors.New("the connections did not end in time"))
	}
}

// close ends what start began, last first.
func (n *node) close() {
	for _, end := range slices.Backward(n.closing) {
		end()
	}
}

// start reaches the log and the session store, and makes the hub.
func (n *node) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	store, err := n.openStore(ctx)
	if err != nil {
		return err
	}
	n.store = store
	n.closing = append(n.closing, store.Close)
	if err := n.prepareStore(ctx); err != nil {
		return err
	}
	if err := n.openLogins(ctx); err != nil {
		return err
	}
	settings, err := n.settings(n.began)
	if err != nil {
		return err
	}
	live, err := store.Live(ctx)
	if err != nil {
		return fmt.Errorf("opening the live values: %w", err)
	}
	ticks, err := store.Ticks(ctx)
	if err != nil {
		return fmt.Errorf("opening the schedules: %w", err)
	}
	options := hub.Options{
		Node: nodeName(), Version: thisBuild().Version, Title: settings.Title, Origins: settings.Origins, Open: n.openSpace, Authority: session.Authority{},
		Live: live, Ticks: ticks, Relay: store.Relay(), Signals: store.Signals(), Logins: n.logins, Sign: settings.Sign, UI: frontend.Handler(), Logger: n.logger,
		Limits: n.began.Limits.limits(), NoDocs: n.options.NoDocs, TLS: !n.options.Dev, // the cookie is for https only, so a proxy in front ends that
	}
	if err := errors.Join(n.addTasks(&options), n.addGuards(ctx, &options)); err != nil {
		return err
	}
	options.Roles, options.Proxies, options.Outside, options.Redirects = settings.Roles, settings.Proxies, settings.Outside, settings.Redirects
	options.Job = func(name, space string) hub.Job { return n.jobs.begin(name, space) }
	options.DevUsers = settings.DevUsers
	for _, name := range slices.Sorted(maps.Keys(n.began.Spaces)) {
		from := n.began.Spaces[name]
		options.Spaces = append(options.Spaces, hub.Site{
			Name: name, Title: settings.Titles[name], Unlisted: from.unlisted(), Admit: from.Admit,
		})
	}
	if options.Tracer, err = n.startTracing(ctx, options.Node); err != nil {
		return err
	}
	if n.hub, err = hub.New(options); err != nil {
		return err
	}
	local := n.hub.Local()
	n.local.Store(&local)
	return nil
}

// openStore reaches NATS: the one in this process, or one elsewhere.
func (n *node) openStore(ctx context.Context) (*natslog.Store, error) {
	if n.options.NATS != "" {
		store, err := natslog.Connect(ctx, natslog.ConnectOptions{URL: n.options.NATS, Replicas: n.options.Copies, Logger: n.logger})
		if err != nil {
			return nil, fmt.Errorf("connecting to %s: %w", redacted(n.options.NATS), err)
		}
		return store, nil
	}
	store, err := natslog.Embed(ctx, natslog.EmbedOptions{
		Dir: filepath.Join(n.options.Data, "nats"), SyncInterval: n.options.Sync, Logger: n.logger,
	})
	if err != nil {
		return nil, fmt.Errorf("starting the embedded server in %s: %w", n.options.Data, err)
	}
	return store, nil
}

// openSpace brings up the replica of a space.
func (n *node) openSpace(ctx context.Context, name string, w channels.Watcher) (*channels.Space, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	log, err := n.store.Log(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", name, err)
	}
	snapshots, err := n.store.Snapshots(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("opening the snapshots of %s: %w", name, err)
	}
	rules, err := n.site.Load().rules(name)
	if err != nil {
		return nil, err
	}
	reading := n.jobs.begin("open", name)
	space, err := channels.Open(ctx, channels.Options{
		Name: name, Log: log, Snapshots: snapshots, Authority: session.Authority{}, Rules: &rules, Watcher: w, Logger: n.logger,
		Progress: reading.Moved,
	})
	reading.Ended(err)
	return space, err
}

// nodeName names this process among the nodes: the machine's name, and something random, because a node that is
// replaced and its successor may run at the same time.
func nodeName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	host, _, _ = strings.Cut(host, ".")
	return host + "-" + strings.ToLower(rand.Text()[:6])
}
