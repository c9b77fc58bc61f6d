package hub

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// callGrace is how long the calls of a service that lost its connection wait for it to come back.
const callGrace = 15 * time.Second

// stopPrefix marks the ids of stop commands: they are not in the log, so neither is what is reported on them.
const stopPrefix = "stop-"

// A desk gives the calls of a space to the services that are connected to this node. It is guarded by the room's mu.
type desk struct {
	room   *room
	serves map[string][]*conn   // by command, the newest first
	known  map[string]*known    // calls that have not ended, by id
	missed map[string]time.Time // clients that have something in the log and are not here, since when, see loseLocked
}

// known is what this node knows of a call by its own clock, which nobody can set.
type known struct {
	since  time.Time // when it heard of it
	called time.Time // when it was called, or later
	told   bool      // its service was told to stop it
}

func newDesk(r *room) *desk {
	return &desk{room: r, serves: map[string][]*conn{}, known: map[string]*known{}}
}

// knownLocked notes a call that has not ended. Of one that was called before this node looked, the log tells how long ago
// that was at least.
func (d *desk) knownLocked(call channels.Call, state *channels.State) *known {
	k := d.known[call.ID]
	if k == nil {
		now := time.Now()
		k = &known{since: now, called: now}
		if at := call.CalledAt(); !at.IsZero() {
			k.called = now.Add(-max(0, state.Time().Sub(at)))
		}
		d.known[call.ID] = k
	}
	return k
}

// resetLocked looks at all calls of a state that was read anew.
func (d *desk) resetLocked(state *channels.State) {
	open := map[string]*known{}
	for _, call := range channels.Calls(state, func(c channels.Call) bool { return !c.Ended() }) {
		open[call.ID] = d.knownLocked(call, state)
	}
	d.known = open
}

// frameLocked is a call as clients see it.
func (d *desk) frameLocked(call channels.Call, state *channels.State) *wire.CallState {
	f := &wire.CallState{
		Call: call.ID, Command: call.Command, Args: call.Args, By: call.By.User, Term: call.Term, State: call.State,
		Progress: call.Progress, Result: call.Result, Error: call.Error,
	}
	if call.Ended() {
		return f
	}
	f.Cancelling, f.DeadlineMS = call.Cancel, d.remainingLocked(call, state)
	return f
}

// remainingLocked is what is left of the time that a call may take, in milliseconds; 0 if it may take any time.
func (d *desk) remainingLocked(call channels.Call, state *channels.State) int64 {
	k := d.knownLocked(call, state)
	if call.Deadline == 0 {
		return 0
	}
	return max(1, call.Deadline-time.Since(k.called).Milliseconds())
}

// lateLocked lists the calls whose deadline has passed.
func (d *desk) lateLocked(open []channels.Call, state *channels.State, now time.Time) (late []string) {
	for _, call := range open {
		if call.Deadline > 0 && now.Sub(d.knownLocked(call, state).called) >= time.Duration(call.Deadline)*time.Millisecond {
			late = append(late, call.ID)
		}
	}
	return late
}

// stopLocked tells services to stop the calls that they have taken: those that somebody has cancelled, and those that
// were given up. Each is told once.
func (d *desk) stopLocked(position uint64, calls []channels.Call, state *channels.State) {
	for _, call := range calls {
		cancelled := call.Cancel && call.State == channels.CallTaken
		if call.Taken == "" || !cancelled && call.State != channels.CallUnknown {
			continue
		}
		if cancelled {
			k := d.knownLocked(call, state)
			if k.told {
				continue
			}
			k.told = true
		}
		for _, c := range d.serves[call.Command] {
			if c.client == call.Taken {
				c.reply(position, &wire.Cancelled{Call: call.ID})
			}
		}
	}
}

// servesLocked notes what a connection serves from now on. A client that has come back serves here only: its older
// WebSocket, of which it knows no more, would take calls and lose them. An event stream of it takes none, and goes on.
func (d *desk) servesLocked(c *conn, commands []string) {
	for command, conns := range d.serves {
		d.serves[command] = slices.DeleteFunc(conns, func(x *conn) bool { return x == c })
	}
	c.commands = commands
	for _, command := range commands {
		d.serves[command] = append([]*conn{c}, d.serves[command]...)
	}
	if len(commands) == 0 {
		return
	}
	for old := range d.room.conns {
		if old != c && !old.follows && old.client == c.client && old.who.ID == c.who.ID {
			old.end(closing{code: wire.CloseLeaving, reason: "this client has come back on another connection"})
			d.servesLocked(old, nil)
		}
	}
}

// offerLocked lets services take the calls that wait. A call is taken in the log before its service hears of it, so
// when two nodes offer the same one, one of them succeeds. The service hears of it when the log says so, on whichever
// node it is connected by then.
func (d *desk) offerLocked(waiting []channels.Call) {
	for _, call := range waiting {
		if conns := d.serves[call.Command]; len(conns) > 0 {
			take := channels.TakeCall{ID: call.ID, Client: conns[0].client}
			d.room.replica().ProposeOwn(conns[0].who.ID, take.Decide, func(channels.Outcome) {})
		}
	}
}

// handOverLocked gives calls to the client that has taken them, if that is connected here.
func (d *desk) handOverLocked(position uint64, taken []channels.Call, state *channels.State) {
	for _, call := range taken {
		for _, c := range d.serves[call.Command] {
			if c.client == call.Taken {
				d.invokeLocked(c, position, call, state)
			}
		}
	}
}

func invocation(call channels.Call) *wire.Invoke {
	args := call.Args
	if args == nil {
		args = json.RawMessage("null")
	}
	return &wire.Invoke{Call: call.ID, Command: call.Command, Args: args, By: person(call.By), Term: call.Term}
}

// invokeLocked hands a call to a service that has taken it.
func (d *desk) invokeLocked(c *conn, position uint64, call channels.Call, state *channels.State) {
	f := invocation(call)
	f.DeadlineMS, f.Cursor = d.remainingLocked(call, state), state.CursorAt(position).String()
	c.reply(position, f)
}

func person(w channels.Who) wire.Person {
	return wire.Person{Session: w.ID, User: w.User, Name: w.Name}
}

// aliveLocked lists the clients that may still report on calls; nil if this node has not watched long enough to say.
func (d *desk) aliveLocked(now time.Time) []string {
	if now.Sub(d.room.hub.started) < callGrace || !d.room.watchedLocked(now) {
		return nil
	}
	return d.room.presence.clients(now, callGrace)
}

// overdueLocked offers the calls that wait once more, in case an offer came to nothing, and lists those that have waited
// too long for a service: whoever called has other plans by now.
func (d *desk) overdueLocked(waiting []channels.Call, state *channels.State, now time.Time) (overdue []string) {
	for _, call := range waiting {
		if now.Sub(d.knownLocked(call, state).since) >= callGrace {
			overdue = append(overdue, call.ID)
		}
	}
	if len(overdue) == 0 {
		d.offerLocked(waiting)
	}
	return overdue
}

// serve answers a Serve: the calls that this very client has taken before are given to it again, in case they were
// lost on the way (it knows which it has), it is told of those that were given up, and those that wait are offered.
func (c *conn) serve(f *wire.Serve) {
	r := c.room
	commands := make([]string, 0, len(f.Commands)) // each once
	for _, command := range f.Commands {
		if !slices.Contains(commands, command) {
			commands = append(commands, command)
		}
	}
	r.replica().Read(func(state *channels.State) {
		rules := state.Rules()
		for _, command := range commands {
			if err := mayServe(rules, command, c.who); err != nil {
				c.refuse(f.ID, "", state.Position(), err)
				return
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls.servesLocked(c, commands)
		c.reply(state.Position(), &wire.Serving{ID: f.ID, Commands: commands})
		r.attendLocked()
		mine := func(call channels.Call) bool { return slices.Contains(commands, call.Command) }
		for _, call := range channels.Calls(state, mine) {
			switch {
			case call.State == channels.CallTaken && call.Taken == c.client:
				r.calls.invokeLocked(c, state.Position(), call, state)
				if call.Cancel {
					c.reply(state.Position(), &wire.Cancelled{Call: call.ID})
				}
			case call.State == channels.CallUnknown && call.Taken == c.client: // given up while it was away
				c.reply(state.Position(), &wire.Cancelled{Call: call.ID})
			case call.State == channels.CallWaiting:
				r.calls.offerLocked([]channels.Call{call})
			}
		}
	})
}

// mayServe refuses a command that a client cannot serve; More names it.
func mayServe(rules *channels.Rules, command string, who channels.Who) error {
	r, ok := rules.Commands[command]
	err := who.MayUse("serve", command)
	switch {
	case !ok:
		err = channels.Refuse(channels.CodeUnknownName, "this space has no command %q: its site file names those it has", command)
	case err == nil && !channels.Permits(r.Servers(), who):
		err = channels.Refuse(channels.CodeForbidden, "you may not serve %s: it is for %s", command, r.Servers())
	}
	var refused *channels.Refusal
	if errors.As(err, &refused) {
		refused.More = map[string]any{"command": command}
	}
	return err
}

// calling returns a decision that refuses, too, if nobody on any node serves the command now. Whoever may not call it, or
// not like this, hears that first.
func (r *room) calling(command channels.CallCommand, decide channels.Decide) channels.Decide {
	if r.served(command.Command) {
		return decide
	}
	return func(d *channels.Draft) (any, error) {
		who, err := d.Who()
		if err != nil {
			return nil, err
		}
		if err := command.Allowed(d, who); err != nil {
			return nil, err
		}
		return nil, noService(command.Command)
	}
}

// milliseconds is a duration that a client gave, as long as there can be.
func milliseconds(ms int64) time.Duration {
	return time.Duration(min(ms, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
}

func noService(command string) *channels.Refusal {
	return channels.Refuse(channels.CodeNoService, "nothing that serves %s is connected: start its service, then call again", command)
}

// served reports whether a service of the command is connected to any node.
func (r *room) served(command string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.presence.any(func(a attendant) bool { return slices.Contains(a.Serves, command) })
}

// stops reports whether a request is a call of a stop command.
func (c *conn) stops(request wire.Request) (call *wire.Call, stop bool) {
	call, ok := request.(*wire.Call)
	if ok {
		c.room.replica().Read(func(state *channels.State) { stop = state.Rules().Commands[call.Command].Stop })
	}
	return call, stop
}

// stop sends a stop command to its service at once.
func (c *conn) stop(f *wire.Call) {
	c.room.stop(c.rights(), f.Command, f.Args, func(call string, err error) {
		if err != nil {
			c.refuse(f.ID, f.Op, 0, err)
			return
		}
		c.reply(0, &wire.Called{ID: f.ID, Call: call})
	})
}

// stop sends a stop command to its service at once: it needs neither control nor the log, and is journaled when the log
// can. A service on another node is asked through the relay. done gets the id of the call, once.
func (r *room) stop(who channels.Who, command string, args json.RawMessage, done func(call string, err error)) {
	var refusal error
	r.replica().Read(func(state *channels.State) {
		switch refusal = who.MayUse("call", command); {
		case refusal != nil:
		case !channels.Permits(state.Rules().Commands[command].Call, who):
			refusal = channels.Refuse(channels.CodeForbidden, "you may not call %s", command)
		default:
			refusal = state.Rules().CheckArgs(command, args)
		}
	})
	if refusal != nil {
		done("", refusal)
		return
	}
	invoke := invocation(channels.Call{ID: stopPrefix + rand.Text()[:12], Command: command, Args: args, By: who})
	invoke.Stop = true
	delivered := r.deliver(invoke)
	if delivered {
		r.stopped(who, invoke)
		done(invoke.Call, nil)
	}
	// The other nodes too: the service may be there by now. A client does the same stop once.
	r.hub.running.Go(func() {
		ctx, cancel := context.WithTimeout(r.hub.ctx, 2*time.Second)
		defer cancel()
		data, err := json.Marshal(invoke)
		if err == nil {
			_, err = r.hub.options.Relay.Ask(ctx, stopSubject(r.name), data)
		}
		switch {
		case delivered:
		case err != nil:
			done("", noService(command))
		default:
			r.stopped(who, invoke)
			done(invoke.Call, nil)
		}
	})
}

func stopSubject(space string) string { return "stop." + space }

// deliver gives an invocation to all services of its command on this node; it reports whether there is one.
func (r *room) deliver(invoke *wire.Invoke) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls.serves[invoke.Command] {
		c.reply(0, invoke)
	}
	return len(r.calls.serves[invoke.Command]) > 0
}

// answerStops takes stop commands from other nodes.
func (r *room) answerStops(data []byte) []byte {
	var invoke wire.Invoke
	if json.Unmarshal(data, &invoke) != nil || !r.deliver(&invoke) {
		return nil
	}
	return []byte("delivered")
}
