package hub

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// How many signals of one connection are looked at, in times of what may go out on one channel. What is beyond is dropped
// without a word, as the next one would have taken its place; what is beyond floods is told off.
const (
	swarm = 10
	flood = 40
)

// An outbox lets the signals of a connection out, each channel at its pace. It holds the newest one of each channel at
// most, so nothing builds up.
type outbox struct {
	conn    *conn
	every   time.Duration // of the signals on one channel that come faster the newest goes out at the end of it
	limiter *rate.Limiter // what is beyond is dropped
	abuse   *rate.Limiter // what is beyond that is a strike

	mu       sync.Mutex
	channels map[string]*outgoing // guarded by mu
}

// outgoing is what an outbox knows of one channel.
type outgoing struct {
	due     time.Time // when the next one may go out
	pending []byte    // goes out then; nil: nothing does
}

func newOutbox(c *conn) *outbox {
	limits := c.room.hub.options.Limits
	perSecond, most := limits.Signals, limits.Signals
	if c.rights().Has(channels.RoleService) {
		most = limits.Services
	}
	limiter := func(times int) *rate.Limiter { return rate.NewLimiter(rate.Limit(most*times), most*times) }
	return &outbox{
		conn: c, every: time.Second / time.Duration(perSecond), limiter: limiter(swarm), abuse: limiter(flood),
		channels: map[string]*outgoing{},
	}
}

// takeSignals lets the signals among the requests out and returns the others. A signal does not count against the limit
// of requests.
func (c *conn) takeSignals(requests []wire.Request) (others []wire.Request, err error) {
	told := false
	for _, r := range requests {
		f, ok := r.(*wire.Send)
		if ok && c.outbox == nil {
			c.outbox = newOutbox(c)
		}
		switch {
		case !ok || len(f.Data) == 0:
			others = append(others, r)
		case c.outbox.limiter.Allow():
			if refusal := c.sendSignal(f); refusal != nil {
				c.refuse(f.ID, "", 0, refusal)
			}
		case !c.outbox.abuse.Allow() && !told:
			told = true
			c.refuse(f.ID, "", 0, &connectionError{wire.CodeRate, "far too many signals: send the newest, a few times a second"})
			err = c.strike(wire.CloseTooMany, "too many signals")
		}
	}
	return others, err
}

// sendSignal lets one signal out, or refuses it.
func (c *conn) sendSignal(f *wire.Send) (refusal error) {
	if refusal = c.room.checkSignal(c.rights(), f.Channel, f.Data); refusal == nil {
		signal := &wire.Signal{Channel: f.Channel, From: c.sender, By: c.who.User, Data: f.Data}
		c.outbox.offer(f.Channel, wire.AppendFrame(nil, signal))
	}
	return refusal
}

// checkSignal refuses a signal that somebody may not send, or that is none.
func (r *room) checkSignal(who channels.Who, channel string, data json.RawMessage) (refusal error) {
	r.replica().Read(func(state *channels.State) {
		rules, ok := state.Rules().Channels[channel]
		switch {
		case !ok:
			refusal = unknownChannel(channel)
		case rules.Kind != channels.KindSignal:
			refusal = channels.Refuse(channels.CodeInvalid, "%s is a %s: data is sent to signals only", channel, rules.Kind)
		case !who.Uses(channel):
			refusal = who.MayUse("send to", channel)
		case !channels.Permits(rules.Write, who):
			refusal = channels.Refuse(channels.CodeForbidden, "you may not send to %s: it is for %s", channel, rules.Write)
		default:
			refusal = state.Rules().CheckValue(channel, "", data)
		}
	})
	return refusal
}

// postSignal lets a signal of an HTTP request out. It is of the client of its operation id, or of the login session.
func (v *visit) postSignal(op operation, channel string, b writeBody) error {
	sender := senderOf("session " + v.who.ID)
	switch {
	case len(b.Data) == 0 || len(b.Set)+len(b.Delete) > 0 || b.Term != 0:
		return invalid("%s is a signal: give data, and nothing else", channel)
	case !op.unnamed && v.room.taken(v.who, op.Client):
		return channels.Refuse(channels.CodeInvalid, "somebody else uses the client id of this operation id: take a new random one")
	case !op.unnamed:
		sender = senderOf(op.Client)
	}
	if err := v.room.checkSignal(v.who, channel, b.Data); err != nil {
		return err
	}
	if err := v.api.meter.signal(v.who); err != nil {
		return err
	}
	frame := wire.AppendFrame(nil, &wire.Signal{Channel: channel, From: sender, By: v.who.User, Data: b.Data})
	return v.hub.options.Signals.Publish(v.r.Context(), v.room.name, frame)
}

func unknownChannel(name string) error {
	return channels.Refuse(channels.CodeUnknownName, "this space has no channel %.128q: the welcome lists those it has", name)
}

// offer lets a signal out now, or at the end of the interval if no newer one comes.
func (o *outbox) offer(channel string, signal []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := o.channels[channel]
	if out == nil {
		out = &outgoing{}
		o.channels[channel] = out
	}
	wait := time.Until(out.due)
	switch {
	case out.pending != nil:
		out.pending = signal
	case wait > 0:
		out.pending = signal
		time.AfterFunc(wait, func() { o.flush(out) })
	default:
		o.publishLocked(out, signal)
	}
}

// flush lets the pending signal of a channel out, unless its sender is gone by now.
func (o *outbox) flush(out *outgoing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	signal := out.pending
	out.pending = nil
	if o.conn.ctx.Err() == nil || o.conn.room.hub.at() == emptying { // it is on another node by now
		o.publishLocked(out, signal)
	}
}

// publishLocked passes a signal on to all nodes. If it cannot, it is lost, as signals are.
func (o *outbox) publishLocked(out *outgoing, signal []byte) {
	out.due = time.Now().Add(o.every)
	r := o.conn.room
	if err := r.hub.options.Signals.Publish(context.Background(), r.name, signal); err != nil {
		r.hub.logger.Debug("a signal is lost", "space", r.name, "error", err)
	}
}

// hearSignal takes a signal from a node.
func (h *Hub) hearSignal(space string, frame []byte) {
	r := h.rooms[space]
	if r == nil {
		return
	}
	var s wire.Signal
	if json.Unmarshal(frame, &s) != nil {
		h.logger.Warn("a signal is not JSON", "space", space)
		return
	}
	r.counts.signals.Inc()
	f := feed{channel: s.Channel}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.readLocked(f) {
		r.board.signal(f, s.By, s.From, frame)
		r.stir.upLocked(f)
	}
}

// stirEvery is how often those who watch the board are woken at most. Values come in swarms, all motors of a beamline at
// once: so they leave as one message.
const stirEvery = 5 * time.Millisecond

// A stir wakes those who watch what has changed on the board. It is guarded by the room's mu.
type stir struct {
	room  *room
	feeds map[feed]struct{} // changed since
	last  time.Time
	timed bool
}

// upLocked notes that a feed has changed.
func (s *stir) upLocked(f feed) {
	if s.feeds == nil {
		s.feeds = map[feed]struct{}{}
	}
	s.feeds[f] = struct{}{}
	switch wait := stirEvery - time.Since(s.last); {
	case s.timed:
	case wait > 0:
		s.timed = true
		time.AfterFunc(wait, func() {
			s.room.mu.Lock()
			defer s.room.mu.Unlock()
			s.timed = false
			s.wakeLocked()
		})
	default:
		s.wakeLocked()
	}
}

func (s *stir) wakeLocked() {
	s.last = time.Now()
	for f := range s.feeds {
		if t := s.room.topics[f]; t != nil {
			s.room.wakeLocked(t)
		}
	}
	clear(s.feeds)
}

// pruneBoard forgets what the board need not know any more.
func (r *room) pruneBoard() {
	now := time.Now()
	r.mu.Lock()
	gone := map[string]bool{}
	for client := range r.presence.gone(now, callGrace) {
		gone[senderOf(client)] = true
	}
	r.mu.Unlock()
	r.board.prune(now, func(sender string) bool { return gone[sender] })
	if changed := r.board.settle(now); len(changed) > 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		for f := range changed {
			r.stir.upLocked(f)
		}
	}
}
