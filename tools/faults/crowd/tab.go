package crowd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/tools/faults/history"
)

// A tab is one page load, or one process: a client id, how far it has seen each channel, and a connection at a time.
// Its methods are for one goroutine, but for what socket goroutines call.
type tab struct {
	// Set at construction.
	p        *person
	id       string
	random   *rand.Rand
	channels []string // that it joins

	n      uint64  // the last operation number
	socket *socket // the present one, or the last; nil at first

	// Guarded by mu.
	mu      sync.Mutex
	ids     uint64
	seen    string            // the newest cursor that any node has sent
	cursors map[string]string // by channel: how far it has been told
	seat    wire.ControlState
	joined  int // joins of this socket that were answered
	waiting map[uint64]chan wire.Frame
}

// retryAfter is about how long to wait before the next try.
const retryAfter = 400 * time.Millisecond

// tab opens a new page, without a connection yet. Client ids come from the random source, so two runs have the same ones.
func (p *person) tab(random *rand.Rand, join ...string) *tab {
	return &tab{
		p: p, id: fmt.Sprintf("c%016x", random.Uint64()), random: random, channels: join,
		cursors: map[string]string{}, waiting: map[uint64]chan wire.Frame{},
	}
}

// op returns the next operation id.
func (t *tab) op() string {
	t.n++
	return fmt.Sprintf("%s.%d", t.id, t.n)
}

// live reports whether there is a connection.
func (t *tab) live() bool {
	if t.socket == nil {
		return false
	}
	select {
	case <-t.socket.gone:
		return false
	default:
		return true
	}
}

// connect sees to it that there is a connection, to any node; it tries until ctx ends.
func (t *tab) connect(ctx context.Context) error {
	for !t.live() {
		err := t.open(ctx, t.p.site.anywhere(t.random), false)
		if err == nil {
			return nil
		}
		var refused refusal
		if errors.As(err, &refused) && refused.status == http.StatusUnauthorized && t.p.token == "" {
			// Redis has forgotten the cookie: the password takes the session up again.
			t.p.signIn(ctx, t.p.site.anywhere(t.random), t.p.user, true)
		}
		if !pause(ctx, between(t.random, retryAfter/4, retryAfter)) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// open connects to a node and joins its channels from where it was.
func (t *tab) open(ctx context.Context, at Node, captured bool) error {
	s, err := t.p.dial(ctx, at, t.id, captured, t.take)
	if err != nil {
		return err
	}
	t.socket = s
	t.mu.Lock()
	t.joined = 0
	requests := t.joinsLocked()
	t.mu.Unlock()
	if len(requests) == 0 {
		return nil
	}
	return t.socket.send(ctx, requests...)
}

// joinsLocked are the requests for all channels, noted in the history.
func (t *tab) joinsLocked() (requests []wire.Request) {
	for _, channel := range t.channels {
		t.ids++
		f := &wire.Join{Head: wire.Head{ID: t.ids, Seen: t.seen}, Channel: channel, Cursor: t.cursors[channel]}
		t.p.site.Record.Join(history.Join{
			Client: t.id, Conn: t.socket.name, At: t.p.site.Record.Now(), ID: f.ID, Channel: channel, Cursor: f.Cursor,
		})
		requests = append(requests, f)
	}
	return requests
}

// leave lets the connection go.
func (t *tab) leave() {
	if t.socket != nil {
		t.socket.close()
	}
}

// take follows what the hub says.
func (t *tab) take(s *socket, frames []wire.Frame) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range frames {
		switch f := f.(type) {
		case *wire.Welcome:
			t.seat = f.Control
		case *wire.ControlState:
			t.seat = *f
		case *wire.Joined:
			t.toldLocked(f.Channel, f.Cursor)
			t.joined++
		case *wire.Change:
			t.toldLocked(f.Channel, f.Cursor)
		case *wire.Message:
			t.toldLocked(f.Channel, f.Cursor)
		case *wire.Error:
			if t.waiting[f.ID] == nil { // of a join: this node cannot show it now
				go s.close()
			}
		}
		if a, ok := f.(wire.Answer); ok {
			if waits := t.waiting[a.AnswerTo()]; waits != nil {
				delete(t.waiting, a.AnswerTo())
				waits <- f
			}
		}
	}
}

func (t *tab) toldLocked(channel, cursor string) {
	if cursor != "" {
		t.cursors[channel], t.seen = cursor, cursor
	}
}

// ask sends a request over the present connection and waits for its answer, once. nil is none: nobody knows. The attempt
// is in the history.
func (t *tab) ask(ctx context.Context, r wire.Request) wire.Frame {
	if !t.live() {
		return nil
	}
	answers := make(chan wire.Frame, 1)
	t.mu.Lock()
	t.ids++
	id, seen := t.ids, t.seen
	t.waiting[id] = answers
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.waiting, id)
	}()
	*r.Header() = wire.Head{ID: id, Seen: seen, Again: r.Header().Again}
	o := history.Asked(r, t.p.site.Record.Now())
	session, _ := t.p.id()
	o.Client, o.User, o.Session, o.Node, o.Conn = t.id, t.p.user, session, t.socket.node.Name, t.socket.name
	answer := t.exchange(ctx, t.socket, r, answers)
	if answer == nil {
		o.End = t.p.site.Record.Now()
	} else {
		o.Answered(answer, t.p.site.Record.Now())
	}
	t.p.site.attempted(o)
	return answer
}

func (t *tab) exchange(ctx context.Context, s *socket, r wire.Request, answers <-chan wire.Frame) wire.Frame {
	if s.send(ctx, r) != nil {
		return nil
	}
	late := time.NewTimer(answerTime)
	defer late.Stop()
	select {
	case answer := <-answers:
		return answer
	case <-s.gone:
		select {
		case answer := <-answers: // it came with the last words
			return answer
		default:
			return nil
		}
	case <-late.C:
		s.close()
		return nil
	case <-ctx.Done():
		return nil
	}
}

func (s *Site) attempted(o history.Operation) {
	if o.Verb == "ping" {
		return // it is in the messages
	}
	s.Record.Operation(o)
	what := o.Outcome
	if o.Outcome == history.Refused {
		what += " " + o.Code
	}
	s.tally.add(o.Verb+" "+what, 1)
}

// settled reports whether an answer says what became of a request.
func settled(f wire.Frame) bool {
	e, ok := f.(*wire.Error)
	if f == nil || !ok {
		return f != nil
	}
	switch e.Code {
	case wire.CodeRate, wire.CodeUnanswered, string(channels.CodeUnknown), string(channels.CodeUnavailable), string(channels.CodeStale),
		string(channels.CodeOverloaded), string(channels.CodeStorage):
		return false
	}
	return true
}

// insist asks once more, until it is known what became of the request, over one connection after the other, or until ctx ends (nil).
func (t *tab) insist(ctx context.Context, r wire.Request) wire.Frame {
	r.Header().Again = true
	for t.connect(ctx) == nil {
		answer := t.ask(ctx, r)
		if settled(answer) {
			return answer
		}
		if t.random.IntN(3) == 0 {
			t.leave() // the next one may be another node
		}
		if !pause(ctx, between(t.random, retryAfter/4, retryAfter)) {
			break
		}
	}
	return nil
}
