package hub

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// controlFeed is what every connection is subscribed to; the calls of a user are a feed of callsFeed.
var controlFeed = feed{channel: channels.ControlStore}

// sessionFeed is of the requests of a login session or token that wait: whether it goes on, and with which rights.
func sessionFeed(id string) feed { return feed{channel: "~session", owner: id} }

func callsFeed(user string) feed { return feed{channel: channels.CallsStore, owner: user} }

// A room is a space as this node shows it to its connections: the replica, the ring of its last entries as frames, the
// live values, and who is subscribed to what. It watches the replica: inside Space.Read, ring and state are at the same
// position.
type room struct {
	// Set at construction.
	hub   *Hub
	name  string
	board *board
	calls *desk
	stops *stopJournal

	forwarder *forwarder

	counts *counts

	space   atomic.Pointer[channels.Space]
	trouble atomic.Pointer[string] // why the replica could not be brought up when that was last tried

	checkpointing atomic.Bool // this node makes one

	epoch  atomic.Value // string: of the ring's head
	policy atomic.Pointer[session.Policy]

	// Guarded by mu. Lock order: the space's state, mu, a connection's mu.
	mu       sync.Mutex
	ring     ring
	conns    map[*conn]struct{}
	crowding crowding            // of conns
	moved    map[*conn]attendant // that have gone to another node, which may not have said so yet
	topics   map[feed]*topic     // that are read here, or have changed

	topicNumbers uint64

	floor     uint64       // before this position, any feed may have changed
	seat      session.Seat // as of the ring's head
	lostAt    time.Time    // when this replica applied that the operator's link is lost
	absent    time.Time    // since when the operator has no connection on any node; zero = has one, or nobody is
	stale     time.Time    // since when the log is out of reach; zero = it is not
	back      time.Time    // when it was within reach again
	news      uint64       // grows with stale
	rules     int          // version of those in force
	channels  map[string]channels.ChannelRules
	applied   time.Time // when the ring's head came
	flushing  flushing  // spans that end with a flush
	opening   *opening  // of the replica, the last; nil = none, or it failed
	presence  presence
	shown     shown     // of the presence, to the connections here
	shelf     shelf     // of what several clients are sent
	refresher refresher // of clients that the ring has left behind
	announced pace      // the presence, to the other nodes
	roll      rollCall
	watch     watch                // of login sessions: when they were in use
	fresh     map[string]freshness // since when this node knows that somebody has entered the password
	stir      stir                 // of the board
}

func newRoom(h *Hub, name string) *room {
	r := &room{
		hub: h, name: name, board: newBoard(), counts: h.figures.of(name), conns: map[*conn]struct{}{}, crowding: newCrowding(), moved: map[*conn]attendant{},
		topics: map[feed]*topic{}, presence: newPresence(h.options.Node), watch: watch{}, fresh: map[string]freshness{},
	}
	r.calls, r.stops, r.forwarder = newDesk(r), newStopJournal(r.journalStop), &forwarder{room: r, under: map[uint64]bool{}}
	r.stir.room, r.roll.question = r, rand.Text()
	r.ring.reset(1)
	r.shown.members = wire.ShareMembers(nil)
	return r
}

// Applied takes one more entry into the ring and wakes those whom it concerns. It is called from the replica's
// goroutine; nothing here waits for a client.
func (r *room) Applied(state *channels.State, c channels.Change) {
	r.forwarder.unnamed.note(c)
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.epochNow()
	r.epoch.Store(state.Epoch())
	r.applied = time.Now()
	if c.Reset {
		r.resetLocked(state, c, was)
		return
	}
	e := encoder{room: r, state: state, change: c}
	r.ring.add(e.entry())
	for _, t := range e.touched {
		r.wakeLocked(t)
	}
	if r.hub.options.Tracer != nil {
		r.traceFanOutLocked(c, e.touched)
	}
	if e.rules {
		r.policy.Store(session.PolicyOf(state))
		r.changeRulesLocked(state)
	}
	for _, id := range e.people {
		if t := r.topics[sessionFeed(id)]; t != nil {
			r.wakeLocked(t)
		}
	}
	if len(e.people) > 0 {
		for conn := range r.conns {
			if slices.Contains(e.people, conn.who.ID) {
				conn.recheckLocked(state)
			}
		}
	}
	r.calls.offerLocked(e.waiting)
	r.calls.handOverLocked(c.Position, e.taken, state)
	r.calls.stopLocked(c.Position, e.ending, state)
}

// resetLocked takes note that the state was replaced. By a later one of the same history: the connections catch up from
// it. By another history, or one that has lost its end: what they show may never have happened, so they come again and
// get everything.
func (r *room) resetLocked(state *channels.State, c channels.Change, was string) {
	lost := c.Position < r.ring.head() || was != "" && was != state.Epoch()
	r.ring.reset(c.Position + 1)
	r.floor = c.Position
	for _, t := range r.topics {
		t.touched = min(t.touched, c.Position)
	}
	r.policy.Store(session.PolicyOf(state))
	r.changeRulesLocked(state)
	r.calls.resetLocked(state)
	r.noteSeatLocked(state)
	for conn := range r.conns {
		if lost {
			conn.end(closing{code: wire.CloseLeaving, reason: "the log was replaced"})
			continue
		}
		conn.recheckLocked(state)
		conn.rouse()
	}
	if !lost { // what was taken and what waits, among what was not seen one by one
		taken := channels.Calls(state, func(c channels.Call) bool { return c.State == channels.CallTaken })
		r.calls.handOverLocked(c.Position, taken, state)
		r.calls.stopLocked(c.Position, taken, state)
		r.calls.offerLocked(channels.Calls(state, func(c channels.Call) bool { return c.State == channels.CallWaiting }))
	}
}

// Freshness tells everybody when the log goes away and when it comes back.
func (r *room) Freshness(staleSince time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stale = staleSince
	r.back = time.Now()
	r.news++
	for conn := range r.conns {
		conn.rouse()
	}
}

// noteSeatLocked reads the seat anew.
func (r *room) noteSeatLocked(state *channels.State) {
	was := r.seat.Lost
	r.seat = session.ReadSeat(state)
	switch {
	case r.seat.Lost == nil:
		r.lostAt = time.Time{}
	case was == nil || was.Position != r.seat.Lost.Position:
		r.lostAt = time.Now()
	}
	r.noteAbsenceLocked()
}

// controlFrameLocked is the seat as clients see it now.
func (r *room) controlFrameLocked() *wire.ControlState {
	s := r.seat
	f := &wire.ControlState{Term: s.Term, Since: s.Since}
	if s.Operator != nil {
		f.Operator = &wire.Person{Session: s.Operator.Session, User: s.Operator.User, Name: s.Operator.Name}
	}
	if s.Lost != nil {
		remaining := r.policyNow().Grace - time.Since(r.lostAt)
		f.Lost = &wire.Lost{RemainingMS: max(0, remaining.Milliseconds())}
	}
	for _, q := range s.Requests {
		f.Requests = append(f.Requests, wire.ControlRequest{
			ID: q.ID, User: q.Party.User, Name: q.Party.Name, Session: q.Party.Session, Message: q.Message, Since: q.Since,
		})
	}
	return f
}

// An encoder turns one entry into frames, for the feeds that somebody reads here.
type encoder struct {
	room    *room
	state   *channels.State
	change  channels.Change
	frames  []framed
	touched []*topic
	people  []string        // login sessions and tokens that have changed
	rules   bool            // have changed
	waiting []channels.Call // that a service should take
	taken   []channels.Call // that a service has taken
	ending  []channels.Call // that their service should stop, or that have ended without it
}

// entry encodes the change; the caller holds the room's mu.
func (e *encoder) entry() slot {
	control := false
	for i := range e.change.Entry.Transactions {
		tx := &e.change.Entry.Transactions[i]
		stores := map[feed]*wire.Change{}
		var order []feed
		for _, effect := range tx.Effects {
			f := feed{channel: effect.Channel, owner: effect.Owner}
			switch {
			case effect.Appends():
				e.message(tx, effect)
			case effect.Channel == channels.ControlStore:
				control = true
			case effect.Channel == channels.SessionsStore, effect.Channel == channels.TokensStore:
				e.people = append(e.people, effect.Key)
			case effect.Channel == channels.SiteStore:
				e.rules = true
			case effect.Channel == channels.CallsStore:
				e.call(effect)
			case !channels.Reserved(effect.Channel):
				if stores[f] == nil {
					stores[f] = e.storeChange(tx, effect.Channel)
					order = append(order, f)
				}
				e.note(stores[f], effect)
			}
		}
		for _, f := range order {
			change := stores[f]
			e.add(f, change)
			if f.owner != "" {
				f.foreign, change.Owner = true, f.owner
				e.add(f, change)
			}
		}
	}
	if control {
		e.room.noteSeatLocked(e.state)
		frame := e.room.controlFrameLocked()
		frame.Cursor = e.cursor()
		e.add(controlFeed, frame)
	}
	return slot{e.frames}
}

// add encodes a frame if anybody here reads the feed.
func (e *encoder) add(f feed, frame wire.Frame) {
	t := e.room.topicLocked(f)
	if t.touched != e.change.Position {
		t.touched = e.change.Position
		e.touched = append(e.touched, t)
	}
	if t.readers > 0 {
		e.frames = append(e.frames, framed{t, wire.AppendFrame(nil, frame)})
	}
}

func (e *encoder) cursor() string { return e.state.CursorAt(e.change.Position).String() }

func (e *encoder) message(tx *channels.Transaction, effect channels.Effect) {
	e.add(feed{channel: effect.Channel}, &wire.Message{
		Channel: effect.Channel, Position: e.change.Position, Cursor: e.cursor(), At: e.change.Time,
		By: tx.By.User, Data: effect.Value, Op: tx.Op.String(),
	})
}

func (e *encoder) storeChange(tx *channels.Transaction, channel string) *wire.Change {
	return &wire.Change{
		Channel: channel, Position: e.change.Position, Cursor: e.cursor(), At: e.change.Time,
		Set: map[string]json.RawMessage{}, By: tx.By.User, Op: tx.Op.String(),
	}
}

// note adds an effect to what its transaction changes in a store. A patch travels as the patch: whoever gets it has what
// was there before.
func (e *encoder) note(c *wire.Change, effect channels.Effect) {
	key := effect.Key
	_, set := c.Set[key]
	_, patched := c.Patch[key]
	switch {
	case effect.Deletes():
		delete(c.Set, key)
		delete(c.Patch, key)
		c.Delete = append(c.Delete, key)
		return
	case len(effect.Patch) > 0 && !set && !patched:
		if c.Patch == nil {
			c.Patch = map[string]json.RawMessage{}
		}
		c.Patch[key] = effect.Patch
		return
	case len(effect.Patch) > 0: // of what the transaction itself has changed
		v, _ := e.state.Get(effect.Ref())
		effect.Value = v.Data
	}
	delete(c.Patch, key)
	c.Set[key] = effect.Value
	c.Delete = slices.DeleteFunc(c.Delete, func(k string) bool { return k == key })
}

func (e *encoder) call(effect channels.Effect) {
	var call channels.Call
	if effect.Deletes() || json.Unmarshal(effect.Value, &call) != nil {
		return
	}
	switch {
	case call.State == channels.CallWaiting:
		e.waiting = append(e.waiting, call)
	case call.Cancel || call.State == channels.CallUnknown:
		e.ending = append(e.ending, call)
	case call.State == channels.CallTaken && call.Progress == nil:
		e.taken = append(e.taken, call)
	}
	frame := e.room.calls.frameLocked(call, e.state)
	frame.Cursor = e.cursor()
	if call.Ended() {
		delete(e.room.calls.known, call.ID)
	}
	e.add(callsFeed(call.By.User), frame)
}
