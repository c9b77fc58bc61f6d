package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/socket"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// A sharing is a room with connections that are served together, and do what they like in between.
type sharing struct {
	t     *rapid.T
	room  *room
	conns []*conn
	asked uint64

	shared, of int // messages that were made for another connection, and all
}

var sharedChannels = []string{"a", "b", "chat", "motors", "axes", "cursors"}

func newSharing(t *rapid.T, ctx context.Context) *sharing {
	h := &Hub{figures: newFigures(), rooms: map[string]*room{}, news: make(chan *room, 64)}
	h.options.Authority, h.options.Node, h.options.Limits = session.Authority{}, "one", Limits{}.Filled()
	h.shards = []*shard{newShard(0)} // which nobody runs
	r := newRoom(h, "lab")
	member := []channels.Right{"member"}
	s, err := channels.Open(ctx, channels.Options{
		Name: "lab", Log: channels.NewMemoryLog(), Authority: session.Authority{}, Watcher: r,
		Rules: &channels.Rules{Version: 1, Channels: map[string]channels.ChannelRules{
			"a": {Kind: channels.KindStore, Write: member}, "b": {Kind: channels.KindStore, Write: member},
			"chat":   {Kind: channels.KindLog, Write: member},
			"motors": {Kind: channels.KindStore, Live: true, Write: member}, "axes": {Kind: channels.KindStore, Live: true, Write: member},
			"cursors": {Kind: channels.KindSignal, Write: member},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.space.Store(s)
	sh := &sharing{t: t, room: r}
	joined := rapid.SliceOfDistinct(rapid.SampledFrom(sharedChannels), rapid.ID).Draw(t, "joined")
	for i := range 5 {
		user := fmt.Sprint("user", i%3)
		c := h.newConn(nil, r, channels.Who{ID: user, User: user, Roles: []string{"user"}}, nil, fmt.Sprint("client", i))
		c.shard = h.shards[0]
		sh.conns = append(sh.conns, c)
		s.Read(func(state *channels.State) {
			r.mu.Lock()
			defer r.mu.Unlock()
			c.cursor = state.Position()
			r.conns[c] = struct{}{}
			c.push(answer{position: state.Position(), first: true, data: c.greetLocked(state)})
		})
		for _, channel := range joined {
			c.join([]*wire.Join{{Head: wire.Head{ID: 1}, Channel: channel}})
		}
	}
	return sh
}

// step does one thing of those that make connections differ.
func (s *sharing) step() {
	r, c := s.room, s.conns[rapid.IntRange(0, len(s.conns)-1).Draw(s.t, "conn")]
	s.asked++
	channel := rapid.SampledFrom(sharedChannels).Draw(s.t, "channel")
	value := fmt.Sprint(s.asked)
	switch rapid.SampledFrom(strings.Fields("commit commit commit commit commit commit commit post post post post join join leave answer show news big renew")).Draw(s.t, "what") {
	case "commit":
		o := r.replica().House(s.t.Context(), func(d *channels.Draft) (any, error) {
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b"}), 1, 2, rapid.ID).Draw(s.t, "stores") {
				d.Set(channels.Ref{Channel: name, Key: "k"}, json.RawMessage(value))
			}
			if rapid.Bool().Draw(s.t, "says") {
				d.Append("chat", json.RawMessage(value))
			}
			return nil, nil
		})
		if o.Err != nil {
			s.t.Fatal(o.Err)
		}
	case "big":
		o := r.replica().House(s.t.Context(), func(d *channels.Draft) (any, error) {
			d.Set(channels.Ref{Channel: "a", Key: "big"}, json.RawMessage(`"`+strings.Repeat("x", 200<<10)+`"`))
			return nil, nil
		})
		if o.Err != nil {
			s.t.Fatal(o.Err)
		}
	case "post":
		f := feed{channel: channel}
		if channel == "cursors" {
			r.board.signal(f, c.who.User, c.sender, wire.AppendFrame(nil, &wire.Signal{Channel: channel, From: c.sender, By: c.who.User, Data: json.RawMessage(value)}))
		} else {
			r.board.set(feed{channel: rapid.SampledFrom([]string{"motors", "axes"}).Draw(s.t, "live")}, rapid.SampledFrom([]string{"x", "y"}).Draw(s.t, "key"),
				wire.Value{Value: json.RawMessage(value), By: c.who.User})
		}
	case "join":
		c.join([]*wire.Join{{Head: wire.Head{ID: s.asked}, Channel: channel}})
	case "leave":
		c.leave(&wire.Leave{Head: wire.Head{ID: s.asked}, Channel: channel})
	case "answer":
		c.pong(&wire.Ping{Head: wire.Head{ID: s.asked}})
	case "show":
		r.mu.Lock()
		r.presence.version++
		r.showNowLocked(r.shown.pace.next)
		r.mu.Unlock()
	case "news":
		r.mu.Lock()
		r.news++
		r.mu.Unlock()
	case "renew":
		r.replica().Read(func(state *channels.State) {
			r.mu.Lock()
			defer r.mu.Unlock()
			c.renewLocked(state, "", 0)
		})
	}
}

// twin is the same connection once more, for its own message.
func (c *conn) twin() *conn {
	t := &conn{
		room: c.room, who: c.who, client: c.client, sender: c.sender, ctx: c.ctx, wake: make(chan struct{}, 1), taken: make(chan struct{}, 1),
		standing: c.standing, due: c.due, feeds: c.feeds, watched: c.watched,
	}
	t.answers = append(t.answers, c.answers...)
	t.moveLocked(c.place())
	return t
}

// serve serves some of the connections together, as a shard does, and compares what each gets with its own message.
func (s *sharing) serve() {
	r := s.room
	var shared shares
	seen := map[*share]bool{}
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(s.conns)-1), 3, len(s.conns), rapid.ID).Draw(s.t, "served") {
		c := s.conns[i]
		t := c.twin()
		r.mu.Lock()
		found := shared.ofLocked(c)
		r.mu.Unlock()
		s.of++
		if found == nil {
			c.gathered()
			continue
		}
		if seen[found] {
			s.shared++
		}
		seen[found] = true
		want, more := t.gathered()
		got := ""
		if found.frame != nil {
			got = string(found.message[socket.Head:])
		}
		if got != string(want) || found.more != more {
			s.t.Fatalf("it is sent\n%.2000s (more: %v)\nwith others, and by itself\n%.2000s (more: %v)", got, found.more, want, more)
		}
		if c.place() != t.place() {
			s.t.Fatalf("with others it is at %+v, and by itself at %+v", c.place(), t.place())
		}
	}
}

// TestASharedMessageIsTheOneThatEachWouldHaveGotByItself lets connections join, leave, be answered, be left behind and be
// served in any order.
func TestASharedMessageIsTheOneThatEachWouldHaveGotByItself(t *testing.T) {
	shared, of := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		s := newSharing(rt, t.Context())
		defer s.room.replica().Close()
		for range rapid.IntRange(10, 30).Draw(rt, "steps") {
			if s.step(); rapid.IntRange(0, 2).Draw(rt, "serve") == 0 {
				s.serve()
			}
		}
		shared, of = shared+s.shared, of+s.of
	})
	t.Logf("%d of %d messages were shared", shared, of)
	if shared < of/10 {
		t.Error("that is too few to tell anything")
	}
}
