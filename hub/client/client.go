// Package client is how a Go program takes part in a space of a Baton hub: it follows stores and logs, changes them, sends
// live values and signals, calls and serves commands and holds locks, over one WebSocket connection that it keeps up by
// itself. frontend/python/baton is the same for Python, with the same names.
//
// # What it promises
//
//   - It reconnects for ever, until Close or until the hub says that it is not welcome any more: after a random time of
//     0 to 0.5 s, then to 1 s, and so on to 30 s (full jitter), or after the time that the hub asked for. It may come
//     back to another node; nobody can tell.
//   - When the hub says that its node is leaving, the client opens its next connection before this one ends, and goes over to
//     it as after a reconnect, but without having been away: its status stays. Stop commands reach it over either
//     meanwhile.
//   - A change (Set, Write, Patch, Transact, Append, Call, Cancel, Control, Lock, what a handler reports) is applied once. It has an operation id, is
//     sent again under the same one after a reconnect or when the outcome is not known, and returns when the outcome is
//     known or its context ends. When the context ends the change may have been applied or not.
//   - Changes that one goroutine makes are decided in the order it makes them. At most 32 wait for an answer; further
//     ones wait for their turn.
//   - A message of the hub is applied as a whole, so Values never shows half a transaction. A change shows in Values
//     before the call that made it returns, if the store is joined.
//   - After a reconnect all channels are joined again in one message, each from where it was, and catch up: stores have
//     the present values, logs every message once, or they say that some are missing. Then the commands are served again,
//     and the last live values sent again, which the hub may have lost.
//   - Of live values and signals the newest wins: what could not be sent before the next one came is not sent. A signal
//     that could not be sent before the connection was lost is not sent later.
//   - A call that the hub hands over is handled once by this client, however often it is handed over. Its context ends when
//     the caller wants it no more, when its time is up, or when the client is being closed.
//
// # Goroutines
//
// One goroutine owns the connection: it dials, writes everything that is written, and waits for a second one, which
// reads and applies messages; while the client goes over from one connection to the next there are two of these, and one
// that opens the next. Functions given to Watch run in the reader, so they must not wait for the client.
// Each call that is served has a goroutine of its own. Close waits for all of them.
package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// Options say where to connect and as whom.
type Options struct {
	// URL is the address of the hub, such as http://127.0.0.1:8080. Required.
	URL string
	// Token is an API token of the hub, what a person's script has got for their password (POST /api/v1/bearer), or a JWT
	// of another issuer that the site trusts. Required, but for a program that acts for a person.
	Token string
	// Space, User and Password sign a person in, once, instead of a token. Close signs them out. Space goes with a JWT,
	// too: it names none, as tokens of the hub do, so one that is good in several needs it.
	Space, User, Password string
	// Proposal is which of several the person signs in for. Optional.
	Proposal string
	// Replace ends the person's other login sessions, where the space asks before it does that.
	Replace bool
	// Logger gets a line for every connection that is made or lost. Default: slog.Default.
	Logger *slog.Logger
	// HTTPClient makes the handshake, for a proxy or certificates of one's own. Default: one without a time limit, since
	// a time limit of the HTTP client would cut the connection.
	HTTPClient *http.Client
}

// A Status is a word for how the client stands.
type Status string

// The words for how the client stands.
const (
	Connecting Status = "connecting" // no connection; values are as they were when it was lost
	Live       Status = "live"       // values are those of the hub
	Stale      Status = "stale"      // connected, but the hub itself has not heard from its log for some time
	Ended      Status = "ended"      // for good: see Err
)

// A Client is one program in one space. All methods may be called from several goroutines.
type Client struct {
	// Set at construction.
	id      string // new for every process: operation ids begin with it
	url     string
	signIn  *signIn     // of a person who is not signed in yet; owned by run
	leave   *signIn     // of a person whom the client has signed in; owned by run
	header  http.Header // owned by run
	http    *http.Client
	logger  *slog.Logger
	ctx     context.Context // ends with the client
	cancel  context.CancelFunc
	turns   chan struct{} // holds a token for each change that waits for its answer
	wake    chan struct{} // there may be something to write; holds at most one
	done    chan struct{} // closed when the client has ended and run has returned
	welcome chan struct{} // closed at the first welcome

	before   *link          // that the present connection has taken over from, as long as that is not settled; owned by run
	ending   sync.WaitGroup // connections that were let go
	applying sync.Mutex     // held while a message is applied and the watchers are told. Comes before mu

	handling     context.Context // of handlers: ends when Close begins
	stopHandling context.CancelFunc
	handlers     sync.WaitGroup // Go is guarded by mu and closing

	// Guarded by mu.
	mu         sync.Mutex
	link       *link // the present connection, or the last
	status     Status
	err        error        // why it ended
	trouble    error        // why the last attempt to connect failed
	closing    bool         // no more calls are taken
	hub        wire.Welcome // the last one
	seat       wire.ControlState
	seen       string     // the newest cursor that any node has sent
	caughtUp   bool       // this connection's node is at or after seen
	ids        uint64     // the last request id
	ops        uint64     // the last operation number
	unanswered []*request // changes without an answer, in order
	members    []member   // joined, in the order of first use
	live       map[string]*liveStore
	signals    signals
	calls      map[string]*wire.CallState // that this program's user has made, by id
	callers    map[string]chan struct{}   // who waits for the end of a call; closed at the end
	service    service
	pause      time.Time // nothing is sent before: the hub asked for patience
	refusals   int       // such answers in a row
}

// Connect returns when the hub has said welcome for the first time. Until then it tries as it does later, so a program
// may start before its hub. It fails when ctx ends, with what went wrong last, or when the hub does not know the token.
// ctx is not used afterwards.
func Connect(ctx context.Context, options Options) (*Client, error) {
	c, err := newClient(options)
	if err != nil {
		return nil, err
	}
	go c.run()
	select {
	case <-c.welcome:
		return c, nil
	case <-c.done:
		return nil, fmt.Errorf("connecting to %s: %w", options.URL, c.Err())
	case <-ctx.Done():
		c.end(ErrClosed)
		<-c.done
		c.mu.Lock()
		defer c.mu.Unlock()
		return nil, fmt.Errorf("connecting to %s: %w", options.URL, errors.Join(context.Cause(ctx), c.trouble))
	}
}

func newClient(o Options) (*Client, error) {
	address, err := url.Parse(o.URL)
	if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" {
		return nil, fmt.Errorf("%q is no address of a hub: give one like http://127.0.0.1:8080", o.URL)
	}
	if (o.Token == "") == (o.User == "" || o.Space == "") {
		return nil, errors.New("give a Token, or Space, User and Password")
	}
	id := rand.Text()[:16]
	address.Path = strings.TrimSuffix(address.Path, "/") + wire.Path
	query := url.Values{"client": {id}}
	if o.Token != "" && o.Space != "" {
		query.Set("space", o.Space)
	}
	address.RawQuery = query.Encode()
	c := &Client{
		id: id, url: address.String(), header: http.Header{"Authorization": {"Bearer " + o.Token}}, signIn: signInOf(o),
		http: o.HTTPClient, logger: o.Logger, status: Connecting,
		turns: make(chan struct{}, maxUnanswered), wake: make(chan struct{}, 1),
		done: make(chan struct{}), welcome: make(chan struct{}),
		live: map[string]*liveStore{}, calls: map[string]*wire.CallState{}, callers: map[string]chan struct{}{},
		service: service{
			handlers: map[string]Handler{}, refused: map[string]bool{}, known: map[string]bool{}, running: map[string]context.CancelCauseFunc{},
		},
		signals: signals{unsent: map[string]json.RawMessage{}, listeners: map[string][]*func(Signal){}},
	}
	if c.http == nil {
		c.http = &http.Client{}
	}
	if c.logger == nil {
		c.logger = slog.Default()
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.handling, c.stopHandling = context.WithCancel(c.ctx)
	return c, nil
}

// Close ends the client: handlers see their context end and are waited for, what they report has 2 s to reach the hub,
// and changes that still wait return ErrClosed. It returns when nothing of the client runs any more. It may be called
// twice.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.stopHandling()
	c.handlers.Wait()
	c.end(ErrClosed)
	<-c.done
	return nil
}

// end ends the client for a reason; the first one counts.
func (c *Client) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err, c.status, c.closing = err, Ended, true
	}
	c.cancel()
}

// Done returns a channel that is closed when the client has ended: after Close, or when the hub does not want it any
// more. Err says why.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err returns nil until the client has ended, then ErrClosed, ErrSignedOut, ErrForbidden or ErrReplaced, wrapped.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Status returns how the client stands.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Welcome returns what the hub said last: who the program is, which channels and commands there are.
func (c *Client) Welcome() wire.Welcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hub
}

// Seat returns who is in control, as far as the client has heard. Its term goes into writes and calls that only the
// operator may make.
func (c *Client) Seat() wire.ControlState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seat
}

// rouse makes the writer look.
func (c *Client) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// nextIDLocked returns an id for a request: never used again, so the answers of one connection cannot be taken for
// those of another.
func (c *Client) nextIDLocked() uint64 {
	c.ids++
	return c.ids
}

// marshal turns a value that the program gave into JSON.
func marshal(what string, v any) (json.RawMessage, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", what, err)
	}
	return data, nil
}
