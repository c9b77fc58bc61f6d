package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/trace"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// Options say what a Hub is made of.
type Options struct {
	Node    string // Required. The name of this node, unique among the nodes that run now.
	Version string // Optional. For the welcome.
	Title   string // Optional. Of the site, for the sign-in page.

	Spaces    []Site                                                                               // Required. The spaces that it serves.
	Open      func(ctx context.Context, space string, w channels.Watcher) (*channels.Space, error) // Required. Brings up a replica.
	Authority channels.Authority                                                                   // Required.
	Live      channels.Live                                                                        // Required.
	Ticks     channels.Ticks                                                                       // Required.
	Relay     channels.Relay                                                                       // Required.
	Signals   channels.Signals                                                                     // Required.
	Logins    *session.Logins                                                                      // Required. Finds login sessions by cookie.
	Sign      session.Authenticator                                                                // Required. Checks passwords.

	Redirects []session.Redirector // Optional. Other sites that sign people in.
	Seal      *session.Seal        // Required with Redirects. The same on all nodes.

	Throttle *session.Throttle // Optional. Slows down who guesses passwords; see session.Guard for what it is without.
	Roles    []string          // Optional. The roles of the site's own that people can have. nil: any.
	Proxies  []netip.Prefix    // Optional. Whose X-Forwarded-For is believed.

	Outside  Outside      // Optional. Verifies JWTs of other issuers.
	UI       http.Handler // Optional. What is served at /.
	DevUsers []string     // Optional. Shown on the sign-in page, only with --dev.
	Origins  []string     // Optional. Further origins (scheme://host:port) that may connect with a cookie.
	NoDocs   bool         // Optional. Serve neither the documents of the API nor the page that shows them.
	TLS      bool         // Optional. Clients reach this node over https, though a proxy in front of it ends that.
	Limits   Limits       // Optional.

	Tasks        []Task   // Optional. What one node does at a time, of which the log keeps a history.
	Duties       []Duty   // Optional. What one node does all the time.
	TasksVersion int      // Optional. Of the site file that Tasks are from: the highest one's are in force.
	Labels       []string // Optional. Of this node: it takes tasks and duties that are for one of them, and those for any.

	// Optional. No wrong password is answered sooner, so that the time does not tell whose it was. Default: at once.
	RefuseAfter time.Duration

	Job func(name, space string) Job // Optional. Told of exports and imports, and how far they are.

	Tracer *trace.Tracer // Optional. Traces what is asked, across nodes.

	Logger *slog.Logger // Optional. Default: silent.
}

// A Site is a space as the sign-in page lists it.
type Site struct {
	Name  string `json:"name"`
	Title string `json:"title"`

	// Until its rules are known here, which say so themselves (session.Policy): whether it is kept from who is not signed
	// in, and whom it admits.
	Unlisted bool     `json:"-"`
	Admit    []string `json:"-"`
}

// Limits bound what one client may take; see RELIABILITY for where the defaults come from.
type Limits struct {
	Message    int // bytes of one message in; default 64 KiB
	Unanswered int // changing requests without an answer; default 32
	Joined     int // channels of one connection; default 128
	PerSession int // connections of one login session; default 10
	PerUser    int // connections of one user; default 20
	PerAddress int // connections to this node from one address; default 100
	PerNode    int // connections of this node; default 15,000
	Rate       int // messages per second of one connection; default 20
	Burst      int // messages at once; default 100
	Services   int // messages per second, and at once, of one connection of a service; default 5,000
	Signals    int // signals per second of one connection on one channel, beside those; default 30
	Page       int // of what is listed, spaces, channels, tokens, at once; default 100
}

// Filled returns the limits with the default for each that is 0.
func (l Limits) Filled() Limits {
	for field, standard := range map[*int]int{
		&l.Message: 64 << 10, &l.Unanswered: 32, &l.Joined: 128, &l.PerSession: 10, &l.PerUser: 20, &l.PerAddress: 100, &l.PerNode: 15_000,
		&l.Rate: 20, &l.Burst: 100, &l.Services: 5000, &l.Signals: 30, &l.Page: 100,
	} {
		if *field == 0 {
			*field = standard
		}
	}
	return l
}

// A Hub is one node: an http.Handler for browsers, programs and their WebSockets. It holds no state that is not in the
// log, in the store of login sessions, or about to be gone with its connections.
type Hub struct {
	// Set at construction.
	options Options
	logger  *slog.Logger
	rooms   map[string]*room
	mux     *http.ServeMux
	started time.Time
	ctx     context.Context
	cancel  context.CancelCauseFunc
	staying context.Context // ends with ctx, or before: when nobody gets in any more
	leave   context.CancelFunc
	running sync.WaitGroup
	news    chan *room // its presence has changed
	figures *figures
	jobs    map[string]*job
	duties  []*duty
	atHand  sync.Map       // question → true: runs and duties that this node has
	tasking sync.WaitGroup // what needs the spaces to its end

	setup        atomic.Pointer[setup]
	addresses    addresses // of the connections
	unknownProxy sync.Once // that there is one has been said

	planTrouble atomic.Pointer[string] // why this node's tasks may never run

	shards    []*shard
	listeners chan *conn // that are heard from
	spare     atomic.Int32
	allServed chan struct{} // closed when there are no connections any more, and no more come

	stage       atomic.Int32 // see stage
	connNumbers atomic.Uint64
	connections atomic.Int64
}

// New makes a hub and starts what it does by itself: following live values, telling who is here, handling ticks.
func New(o Options) (*Hub, error) {
	o.Limits = o.Limits.Filled()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Hub{
		options: o, logger: o.Logger, figures: newFigures(), rooms: map[string]*room{}, started: time.Now(), news: make(chan *room, 64),
		allServed: make(chan struct{}), listeners: make(chan *conn),
	}
	h.ctx, h.cancel = context.WithCancelCause(context.Background())
	h.staying, h.leave = context.WithCancel(h.ctx)
	for _, s := range o.Spaces {
		if err := channels.CheckName(s.Name); err != nil {
			return nil, fmt.Errorf("space %s: %w", s.Name, err)
		}
		h.rooms[s.Name] = newRoom(h, s.Name)
	}
	if err := errors.Join(h.Change(o.settings()), h.setTasks(), h.setDuties()); err != nil {
		return nil, err
	}
	h.mux = h.routes()
	for range runtime.GOMAXPROCS(0) {
		s := newShard(len(h.shards))
		h.shards = append(h.shards, s)
		go s.run(h.allServed)
	}
	h.running.Go(h.pingAll)
	h.keep("following live values", func(ctx context.Context) error { return o.Live.Follow(ctx, h.liveFollower()) })
	h.keep("following signals", func(ctx context.Context) error { return o.Signals.Follow(ctx, h.hearSignal) })
	h.keep("answering who has signed somebody out", func(ctx context.Context) error {
		return o.Relay.Answer(ctx, farewellSubject(o.Node), h.hearFarewell)
	})
	h.keep("telling other nodes how this one is", func(ctx context.Context) error {
		return o.Relay.Answer(ctx, surveySubject(o.Node), h.answerSurvey)
	})
	h.running.Go(h.announce)
	h.startTasks()
	return h, nil
}

// keep runs something until the hub closes, again a second after it fails.
func (h *Hub) keep(what string, run func(context.Context) error) {
	h.running.Go(func() { h.keepUp(what, run) })
}

func (h *Hub) keepUp(what string, run func(context.Context) error) {
	for h.ctx.Err() == nil {
		if err := run(h.ctx); err != nil && h.ctx.Err() == nil {
			h.logger.Warn(what+" was interrupted", "error", err)
		}
		sleep(h.ctx, time.Second)
	}
}

// ServeHTTP serves the API, the WebSockets and the UI.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The answer before this one on the same connection had a deadline, for its last bytes, too.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // not every server has one
	if h.at() == emptying {
		w.Header().Set("Connection", "close") // the next request goes to another node
	}
	h.mux.ServeHTTP(w, r)
}

// Close ends the hub: every connection is told to come back to another node, and closed; the other nodes are told that
// nobody is here any more; then the replicas are closed. The caller has stopped accepting requests before. See Drain for how
// to do it so that nobody notices.
func (h *Hub) Close() {
	h.cancel(errors.New("the hub is closed"))
	for _, r := range h.rooms {
		r.sendAllAway()
		r.empty()
	}
	h.tasking.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, r := range h.rooms {
		h.announceRoom(ctx, r)
		if space := r.replica(); space != nil {
			space.Close()
		}
	}
	h.running.Wait()
	close(h.allServed)
}

// liveFollower takes the live values of all spaces.
func (h *Hub) liveFollower() channels.LiveFollower {
	each := func(note func(*board)) func() {
		return func() {
			for _, r := range h.rooms {
				note(r.board)
			}
		}
	}
	begin := each((*board).followed)
	return channels.LiveFollower{Begin: func() {
		begin()
		for _, r := range h.rooms {
			r.ask()
		}
	}, Deliver: h.hear, Current: each((*board).current)}
}

// hear takes one live value from the nodes and services.
func (h *Hub) hear(v channels.LiveValue) {
	r := h.rooms[v.Space]
	switch {
	case r == nil:
	case v.Channel == presenceChannel:
		r.hearNode(v.Key, v.Data)
	default:
		r.hearLive(v)
	}
}

// hearLive puts a live value on the board and wakes those who watch it.
func (r *room) hearLive(v channels.LiveValue) {
	if len(v.Data) > 0 && !json.Valid(v.Data) {
		r.hub.logger.Warn("a live value is not JSON", "space", v.Space, "channel", v.Channel, "key", v.Key)
		return
	}
	r.counts.live.Inc()
	f := feed{channel: v.Channel}
	r.board.set(f, v.Key, wire.Value{Value: v.Data, By: v.By, At: v.At})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stir.upLocked(f)
}

// announceSoon makes this node tell the others who is connected to it.
func (h *Hub) announceSoon(r *room) {
	select {
	case h.news <- r:
	default: // the next renewal tells
	}
}

// announce tells the other nodes who is connected to this one, at each change and regularly.
func (h *Hub) announce() {
	ticker := time.NewTicker(presenceRenew)
	defer ticker.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case r := <-h.news:
			h.announceRoom(h.ctx, r)
		case <-ticker.C:
			for _, r := range h.rooms {
				r.pruneBoard()
				r.warnIdle(time.Now())
				h.announceRoom(h.ctx, r)
			}
		}
	}
}

func (h *Hub) announceRoom(ctx context.Context, r *room) {
	if r.replica() == nil {
		return // it is not shown here
	}
	word := channels.LiveValue{LiveKey: channels.LiveKey{Space: r.name, Channel: presenceChannel, Key: h.options.Node}}
	if h.ctx.Err() == nil {
		word.Data = r.announcement()
	}
	if err := h.options.Live.Publish(ctx, word, presenceLife); err != nil && ctx.Err() == nil {
		h.logger.Warn("the other nodes could not be told who is here", "space", r.name, "error", err)
	}
}

// Space brings up the replica of a space, for what the hub's owner does by itself: minting tokens, exporting.
func (h *Hub) Space(ctx context.Context, name string) (*channels.Space, error) {
	r := h.rooms[name]
	if r == nil {
		return nil, channels.Refuse(channels.CodeUnknownName, "there is no space %.128q here", name)
	}
	return r.whenOpen(ctx)
}
