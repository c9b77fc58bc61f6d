package crowd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/baton-hub/baton/hub/client"
	"github.com/baton-hub/baton/tools/faults/history"
)

// A program is one that uses the Go client, which sends again by itself what had no answer. It has a token.
type program struct {
	site   *Site
	name   string
	random *rand.Rand
	client *client.Client
	id     string // of the client: its operation ids begin with it
	n      int    // changes that it has made
}

// idOf notes the id under which a client connects: it is in the address of its handshake.
type idOf struct {
	base http.RoundTripper
	mu   sync.Mutex
	id   string
}

// RoundTrip goes on to base.
func (t *idOf) RoundTrip(r *http.Request) (*http.Response, error) {
	t.mu.Lock()
	t.id = r.URL.Query().Get("client")
	t.mu.Unlock()
	return t.base.RoundTrip(r)
}

// program starts one, through the proxy.
func (s *Site) program(ctx context.Context, name, token string) (*program, error) {
	transport := &idOf{base: &http.Transport{}}
	c, err := client.Connect(ctx, client.Options{
		URL: "http://" + s.Front.Addr, Token: token, HTTPClient: &http.Client{Transport: transport}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	transport.mu.Lock()
	defer transport.mu.Unlock()
	return &program{site: s, name: name, random: s.source(name), client: c, id: transport.id}, nil
}

// run writes and appends until over is closed.
func (p *program) run(ctx context.Context, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		default:
		}
		p.change(ctx)
		if !pause(ctx, between(p.random, 100*time.Millisecond, 500*time.Millisecond)) {
			return
		}
	}
}

func (p *program) change(ctx context.Context) {
	p.n++
	op := fmt.Sprintf("%s.%d", p.id, p.n)
	o := history.Operation{Client: p.id, User: "service/" + p.name, Op: op, Begin: p.site.Record.Now()}
	var err error
	if p.random.IntN(2) == 0 {
		o.Verb = "append"
		o.Appends = []history.Append{{Channel: Chat, Data: value(op)}}
		o.Position, err = p.client.Append(ctx, Chat, value(op))
	} else {
		o.Verb = "write"
		key := fmt.Sprint("k", p.random.IntN(notes))
		o.Writes = []history.Write{{Channel: Notes, Set: map[string]json.RawMessage{key: value(op)}}}
		o.Position, err = p.client.Set(ctx, Notes, map[string]any{key: value(op)})
	}
	o.End, o.Outcome = p.site.Record.Now(), history.OK
	if refusal, ok := errors.AsType[*client.Error](err); ok {
		o.Outcome, o.Code = history.Refused, refusal.Code
	} else if err != nil {
		o.Outcome = history.Unknown
	}
	p.site.attempted(o)
}

// A workshop is the programs that serve a command. A call is for one of them, once.
type workshop struct {
	mu    sync.Mutex
	taken map[string][]string // by call: who has had it. Guarded by mu
}

// serve has a program serve Job.
func (w *workshop) serve(ctx context.Context, p *program) error {
	return p.client.Serve(ctx, map[string]client.Handler{Job: func(ctx context.Context, i *client.Invocation) (any, error) {
		w.mu.Lock()
		w.taken[i.Call] = append(w.taken[i.Call], p.name)
		w.mu.Unlock()
		p.site.tally.add("calls served", 1)
		if !pause(ctx, 50*time.Millisecond) {
			return nil, context.Cause(ctx)
		}
		return i.Args, nil
	}})
}

// twice returns the calls that were handed out more than once.
func (w *workshop) twice() (calls []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for call, who := range w.taken {
		if len(who) > 1 {
			calls = append(calls, fmt.Sprintf("call %s was handed to %v", call, who))
		}
	}
	return calls
}
