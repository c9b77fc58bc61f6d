package hub

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
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
	room    *room
	serves  map[string][]*conn   // by command, the newest first
	waiting map[string]time.Time // since when this node has known that a call waits
}

func newDesk(r *room) *desk {
	return &desk{room: r, serves: map[string][]*conn{}, waiting: map[string]time.Time{}}
}

// servesLocked notes what a connection serves from now on. A client that has come back serves here only: its older
// connection, of which it knows no more, would take calls and lose them.
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
		if old != c && old.client == c.client && old.who.ID == c.who.ID {
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
func (d *desk) handOverLocked(position uint64, taken []channels.Call) {
	for _, call := range taken {
		for _, c := range d.serves[call.Command] {
			if c.client == call.Taken {
				c.reply(position, invocation(call))
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
func (d *desk) overdueLocked(waiting []channels.Call, now time.Time) (overdue []string) {
	since := map[string]time.Time{}
	for _, call := range waiting {
		at, known := d.waiting[call.ID]
		if !known {
			at = now
		}
		since[call.ID] = at
		if now.Sub(at) >= callGrace {
			overdue = append(overdue, call.ID)
		}
	}
	d.waiting = since
	if len(overdue) == 0 {
		d.offerLocked(waiting)
	}
	return overdue
}

// serve answers a Serve: the calls that this very client has taken before are given to it again, in case they were
// lost on the way (it knows which it has), and those that wait are offered.
func (c *conn) serve(f *wire.Serve) {
	r := c.room
	r.replica().Read(func(state *channels.State) {
		rules := state.Rules()
		for _, command := range f.Commands {
			if err := mayServe(rules, command, c.who); err != nil {
				c.refuse(f.ID, "", state.Position(), err)
				return
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls.servesLocked(c, f.Commands)
		c.reply(state.Position(), &wire.Serving{ID: f.ID, Commands: f.Commands})
		r.attendLocked()
		mine := func(call channels.Call) bool { return slices.Contains(f.Commands, call.Command) }
		for _, call := range channels.Calls(state, mine) {
			switch {
			case call.State == channels.CallTaken && call.Taken == c.client:
				c.reply(state.Position(), invocation(call))
			case call.State == channels.CallWaiting:
				r.calls.offerLocked([]channels.Call{call})
			}
		}
	})
}

func mayServe(rules *channels.Rules, command string, who channels.Who) error {
	r, ok := rules.Commands[command]
	if !ok {
		return channels.Refuse(channels.CodeUnknownName, "this space has no command %q: its site file names those it has", command)
	}
	if !channels.Permits(r.Servers(), who) {
		return channels.Refuse(channels.CodeForbidden, "you may not serve %s: it is for %s", command, r.Servers())
	}
	return nil
}

// call answers a Call: it is committed, then taken by a service, wherever that is connected.
func (c *conn) call(f *wire.Call) {
	served := c.room.served(f.Command)
	command := channels.CallCommand{Command: f.Command, Args: f.Args, Term: f.Term}
	decide := func(d *channels.Draft) (any, error) {
		who, err := d.Who()
		if err != nil {
			return nil, err
		}
		if err := command.Allowed(d, who); err != nil {
			return nil, err
		}
		if !served {
			return nil, noService(f.Command)
		}
		return command.Decide(d)
	}
	c.propose(f, f.Op, decide, func(o channels.Outcome, cursor string) wire.Frame {
		var id string
		_ = json.Unmarshal(o.Answer, &id)
		return &wire.Called{ID: f.ID, Call: id, Position: o.Position, Cursor: cursor}
	})
}

func noService(command string) error {
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

// stop sends a stop command to its service at once: it needs neither control nor the log, and is journaled when the log
// can. A service on another node is asked through the relay.
func (c *conn) stop(f *wire.Call) {
	r := c.room
	var refusal error
	r.replica().Read(func(state *channels.State) {
		if !channels.Permits(state.Rules().Commands[f.Command].Call, c.who) {
			refusal = channels.Refuse(channels.CodeForbidden, "you may not call %s", f.Command)
		}
	})
	if refusal != nil {
		c.refuse(f.ID, f.Op, 0, refusal)
		return
	}
	invoke := invocation(channels.Call{ID: stopPrefix + rand.Text()[:12], Command: f.Command, Args: f.Args, By: c.who})
	invoke.Stop = true
	delivered := r.deliver(invoke)
	if delivered {
		c.stopped(f, invoke)
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
			c.refuse(f.ID, f.Op, 0, noService(f.Command))
		default:
			c.stopped(f, invoke)
		}
	})
}

func stopSubject(space string) string { return "stop." + space }

func (c *conn) stopped(f *wire.Call, invoke *wire.Invoke) {
	c.reply(0, &wire.Called{ID: f.ID, Call: invoke.Call})
	c.room.hub.logger.Info("stop", "space", c.room.name, "command", f.Command, "user", c.who.User, "session", c.who.ID)
	journal := channels.JournalStop{Command: f.Command, By: c.who, Result: "delivered"}
	c.room.replica().ProposeOwn("", journal.Decide, func(channels.Outcome) {})
}

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

// report answers Progress, Done and Failed.
func (c *conn) report(f wire.Request, op, call string, report channels.ReportCall) {
	if strings.HasPrefix(call, stopPrefix) {
		c.reply(0, &wire.Written{ID: f.Header().ID})
		return
	}
	report.ID = call
	c.propose(f, op, report.Decide, func(o channels.Outcome, cursor string) wire.Frame {
		return &wire.Written{ID: f.Header().ID, Position: o.Position, Cursor: cursor}
	})
}
