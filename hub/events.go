package hub

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/socket"
	"github.com/baton-hub/baton/hub/wire"
)

type eventsInput struct {
	SpacePath
	Channels string `query:"channels" required:"true" doc:"What to follow: names with commas between them." example:"queue,log"`
	Since    string `query:"since" doc:"A cursor: what one has seen of these channels."`
	Last     string `header:"Last-Event-ID" doc:"As since, and instead of it: the id of the last event that came."`
	Client   string `query:"client" pattern:"^[A-Za-z0-9_-]{4,40}$" doc:"A random client id, new for every page load. Default: a new one."`
}

func eventOperations(a *api) {
	member(a, huma.Operation{
		OperationID: "follow-events", Method: http.MethodGet, Path: "/api/v1/spaces/{space}/events", Tags: []string{"channels"},
		Summary: "Follow channels as Server-Sent Events",
		Description: "For networks that block WebSockets, and for curl. The data of each event is what a WebSocket gets as one message: " +
			"a JSON array of frames (see /api/asyncapi.json), first a welcome and what the channels have. Its id is a cursor; " +
			"a client that comes back with it, to any node, gets what it missed, nothing twice and nothing torn apart. " +
			"Whoever follows counts as connected. If a channel cannot be followed, none is, and channel in the problem names it. " +
			"When other rules come into force or your rights change, the stream ends with a bye: " +
			"come back, as an EventSource does by itself, and what you may read now is decided anew.",
		Responses: map[string]*huma.Response{"200": {
			Description: "OK",
			Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
	}, followEvents)
}

// followEvents serves a connection whose socket is an event stream: the same writer brings it up to date from the same
// kind of cursor, and it counts like any other. It sends nothing but where it begins.
func followEvents(v *visit, in *eventsInput) (*huma.StreamResponse, error) {
	if err := v.hub.admits(); err != nil {
		return nil, err
	}
	if err := v.hub.checkReader(v.r); err != nil {
		return nil, err
	}
	joins, err := v.eventJoins(in)
	if err != nil {
		return nil, err
	}
	leave, err := v.room.place(v.r, v.who, in.Client)
	if err != nil {
		return nil, err
	}
	v.after = append(v.after, leave)
	if in.Client == "" {
		in.Client = "events-" + rand.Text()[:16]
	}
	stream := &eventStream{w: v.w, controller: http.NewResponseController(v.w)}
	c := v.hub.newConn(stream, v.room, v.who, v.proof, in.Client)
	c.follows = true
	return &huma.StreamResponse{Body: func(huma.Context) { v.serveEvents(c, stream, joins) }}, nil
}

// checkReader refuses pages of other sites, which may not connect though a browser lets them send the request. A page of
// this site sends no Origin with it.
func (h *Hub) checkReader(r *http.Request) error {
	site := r.Header.Get("Sec-Fetch-Site")
	if len(r.Header.Values("Origin")) > 0 || site == "cross-site" || site == "same-site" {
		return h.checkOrigin(r)
	}
	return nil
}

// eventJoins are the joins that the query of an event stream stands for.
func (v *visit) eventJoins(in *eventsInput) (joins []*wire.Join, err error) {
	since := in.Since
	if in.Last != "" {
		since = in.Last
	}
	if _, err := v.reach(since); err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(in.Channels, ",") {
		joins = append(joins, &wire.Join{Channel: strings.TrimSpace(name), Cursor: since})
	}
	return joins, nil
}

// serveEvents runs the connection until it ends.
func (v *visit) serveEvents(c *conn, stream *eventStream, joins []*wire.Join) {
	if err := v.room.enterJoined(c, joins); err != nil {
		problemOf(err).answer(v.w)
		return
	}
	v.hub.running.Add(1) // while the server still waits for this request
	c.vacate = func() {} // at the end of the request
	defer context.AfterFunc(v.hub.staying, c.sendAway)()
	stream.begin()
	if v.r.Method == http.MethodHead {
		c.end(errGone)
	}
	v.hub.connections.Add(1)
	c.begin()
	select {
	case <-v.r.Context().Done():
	case <-c.ctx.Done():
	}
	c.over(errGone)
}

// enterJoined makes the connection one of the room, with all its channels joined at the position at which it enters. So
// the first message has all of it, and its cursor stands for all of it. If a channel cannot be joined, nothing happens.
func (r *room) enterJoined(c *conn, joins []*wire.Join) (err error) {
	r.replica().Read(func(state *channels.State) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if ok, _ := c.checkLocked(state); !ok { // as of here, for the joins
			err = errSignedOut
			return
		}
		var joined []answer
		for _, j := range joins {
			var a answer
			if a, err = c.joinLocked(state, j); err != nil {
				err = ofChannel(j.Channel, err)
				break
			}
			joined = append(joined, a)
		}
		if err == nil && !r.enterLocked(c, state) {
			err = errSignedOut
		}
		if err != nil {
			r.quitLocked(c, anyFeed)
			return
		}
		for _, a := range joined {
			c.push(a)
		}
	})
	return err
}

// ofChannel says which channel a refusal is about.
func ofChannel(channel string, err error) error {
	var refused *channels.Refusal
	if errors.As(err, &refused) {
		refused.More = map[string]any{"channel": channel}
	}
	return err
}

// An eventStream is a socket that writes Server-Sent Events (WHATWG HTML, section 9.2).
type eventStream struct {
	w          http.ResponseWriter
	controller *http.ResponseController

	mu     sync.Mutex
	closed bool
}

// retry spreads those who come back: milliseconds.
func retry() int { return 1000 + mathrand.IntN(2000) }

// begin writes the head of the answer. What is between must not keep the events for itself.
func (s *eventStream) begin() {
	head := s.w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("Cache-Control", "no-store, no-transform")
	head.Set("X-Accel-Buffering", "no")
	head.Set("Connection", "close")
	s.w.WriteHeader(http.StatusOK)
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.writeLocked(pongTime, fmt.Appendf(nil, "retry: %d\n\n", retry())) // the next write fails, too
}

// Write sends a message as one event. Its data is one line: JSON without white space.
func (s *eventStream) Write(message []byte, limit time.Duration, at channels.Cursor, tails ...[]byte) error {
	event := fmt.Appendf(make([]byte, 0, len(message)+64), "id: %s\ndata: ", at)
	event = append(event, message[socket.Head:]...)
	limit += time.Duration(lengthOf(message, tails)) * time.Second / socket.Slowest
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writeLocked(limit, append(append([][]byte{event}, tails...), []byte("\n\n"))...)
}

// Ping keeps what is between from closing the stream for want of use, and finds out whether the client is gone. While
// something is written that is known already, or will be.
func (s *eventStream) Ping(limit time.Duration) error {
	if !s.mu.TryLock() {
		return nil
	}
	defer s.mu.Unlock()
	return s.writeLocked(limit, []byte(": still here\n\n"))
}

func (s *eventStream) writeLocked(limit time.Duration, parts ...[]byte) error {
	_ = s.controller.SetWriteDeadline(time.Now().Add(limit)) // not every server has one
	for _, data := range parts {
		if _, err := s.w.Write(data); err != nil {
			return err
		}
	}
	return s.controller.Flush()
}

// Close ends the stream: the last event has said why.
func (s *eventStream) Close(websocket.StatusCode, string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.controller.SetWriteDeadline(time.Now().Add(time.Second)) // for the server's last bytes
}

// CloseNow gives up what is being written.
func (s *eventStream) CloseNow() error {
	if s.mu.TryLock() {
		defer s.mu.Unlock()
		if s.closed {
			return nil
		}
	}
	return s.controller.SetWriteDeadline(time.Now())
}
