package check

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sort"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/mergepatch"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/tools/faults/history"
)

// delivery is G6: at the end of each message, what a client has of each channel that it joined is what L makes of it up to
// the position that the message brings it to. So nothing is missing, comes twice or too late, or was never there; each
// entry is whole; and whoever comes back with a cursor gets what it has missed and no more.
func delivery(h *history.History, l *Ledger) []Violation { return replay(h, l).found }

// A replayed history has every socket as its client has seen it.
type replayed struct {
	sockets []*socket // by their first message
	found   []Violation
}

// A socket is one connection, followed message by message.
type socket struct {
	client, conn string
	ledger       *Ledger
	joins        map[uint64]history.Join
	feeds        map[store]*feed
	position     uint64 // everything up to here has been shown
	control      wire.ControlState
	welcomed     bool
	found        []Violation
	closed       int64 // when; 0 = never
}

// A feed is a channel that was joined.
type feed struct {
	store
	log      bool
	position uint64                     // it is as of here
	values   map[string]json.RawMessage // of a store
	heard    []message                  // of a log, in this message
	touched  map[string]bool            // keys, in this message
	steps    []step                     // how it has come there
}

type step struct {
	at       int64
	position uint64
}

// replay follows all sockets, and what each client says that it has seen when it opens the next.
func replay(h *history.History, l *Ledger) *replayed {
	r := &replayed{}
	byConn := map[string]*socket{}
	type place struct{ client, channel, owner string }
	brought := map[place]uint64{} // how far each client was, by any of its sockets
	joins := slices.SortedFunc(slices.Values(h.Joins), func(a, b history.Join) int { return cmp.Compare(a.At, b.At) })
	socketOf := func(client, conn string) *socket {
		s := byConn[conn]
		if s == nil {
			s = &socket{client: client, conn: conn, ledger: l, joins: map[uint64]history.Join{}, feeds: map[store]*feed{}}
			byConn[conn] = s
			r.sockets = append(r.sockets, s)
		}
		return s
	}
	for _, m := range h.Messages {
		for len(joins) > 0 && joins[0].At <= m.At {
			j := joins[0]
			joins = joins[1:]
			s := socketOf(j.Client, j.Conn)
			s.joins[j.ID] = j
			if has, was := history.PositionOf(j.Cursor), brought[place{j.Client, j.Channel, j.Owner}]; has > was {
				s.tell(j.At, 0, nil, "its client says of %s that it has seen %d, and it was shown %d at most", j.Channel, has, was)
			}
		}
		s := socketOf(m.Client, m.Conn)
		s.message(m)
		for at, f := range s.feeds {
			here := place{m.Client, at.channel, at.owner}
			brought[here] = max(brought[here], f.position)
		}
	}
	for _, c := range h.Closes {
		if s := byConn[c.Conn]; s != nil {
			s.closed = c.At
		}
	}
	for _, s := range r.sockets {
		r.found = append(r.found, s.found...)
	}
	return r
}

func (s *socket) tell(at int64, position uint64, evidence json.RawMessage, format string, args ...any) {
	v := Violation{Promise: "G6", What: fmt.Sprintf(format, args...), Client: s.client, Conn: s.conn, At: at, Position: position}
	if evidence != nil {
		v.Evidence = []string{fmt.Sprintf("%.1000s", evidence)}
	}
	s.found = append(s.found, v)
}

// message applies one message as a whole, and compares.
func (s *socket) message(m history.Message) {
	frames, err := wire.DecodeFrames(m.Data)
	if err != nil {
		s.tell(m.At, 0, m.Data, "a message cannot be read: %v", err)
		return
	}
	before := s.position
	for _, f := range frames {
		if wrong := s.frame(f); wrong != "" {
			s.tell(m.At, positionOf(f), wire.AppendFrame(nil, f), "%s", wrong)
		}
	}
	for _, f := range s.feeds {
		for _, wrong := range f.settle(s.ledger, s.position, m.At) {
			s.tell(m.At, f.position, m.Data, "%s", wrong)
		}
	}
	if wrong := s.seat(before); wrong != "" {
		s.tell(m.At, s.position, m.Data, "%s", wrong)
	}
}

// frame applies one frame; it returns what is wrong with it.
func (s *socket) frame(f wire.Frame) (wrong string) {
	switch f := f.(type) {
	case *wire.Welcome: // on a socket that was welcomed before, all channels are left
		s.feeds, s.control, s.welcomed = map[store]*feed{}, f.Control, true
		s.shows(f.Cursor)
	case *wire.Left:
		return "" // which channel is in the request, which histories do not have
	case *wire.Joined:
		return s.joined(f)
	case *wire.Change:
		if f.Position == 0 {
			return "" // of a live store
		}
		s.shows(f.Cursor)
		return s.change(f)
	case *wire.Message:
		s.shows(f.Cursor)
		feed := s.feeds[store{f.Channel, ""}]
		if feed == nil {
			return f.Channel + " was not joined"
		}
		feed.heard = append(feed.heard, message{f.Position, f.By, f.Op, f.Data})
	case *wire.ControlState:
		s.control = *f
		s.shows(f.Cursor)
	default:
		if p := positionOf(f); p > 0 {
			s.position = max(s.position, p)
		}
	}
	return ""
}

// shows notes a cursor of the whole connection.
func (s *socket) shows(cursor string) { s.position = max(s.position, history.PositionOf(cursor)) }

// positionOf is the position that a frame speaks of, if everything up to there comes before it.
func positionOf(f wire.Frame) uint64 {
	switch f := f.(type) {
	case *wire.Change:
		return f.Position
	case *wire.Message:
		return f.Position
	case *wire.Written:
		return f.Position
	case *wire.Appended:
		return f.Position
	case *wire.Called:
		return f.Position
	case *wire.Controlled:
		return f.Position
	case *wire.Locked:
		return f.Position
	case *wire.Pong:
		return history.PositionOf(f.Cursor)
	case *wire.Values:
		return history.PositionOf(f.Cursor)
	case *wire.CallState:
		return history.PositionOf(f.Cursor)
	}
	return 0
}

// joined begins a feed, or moves it on where its client was too slow for the single changes.
func (s *socket) joined(f *wire.Joined) string {
	rules, known := s.ledger.rulesAt(len(s.ledger.txs)).Channels[f.Channel]
	if rules.Live || rules.Kind == channels.KindSignal {
		return ""
	}
	at := store{f.Channel, f.Owner}
	if f.Owner == "" && (rules.Scope == channels.ScopeUser || rules.Scope == channels.ScopeGroup) {
		return "" // whose values they are is not in the history
	}
	from := uint64(0)
	fd := s.feeds[at]
	j, asked := s.joins[f.ID]
	switch {
	case f.ID != 0 && !asked:
		return f.Channel + " was not asked for"
	case f.ID == 0 && fd == nil:
		return f.Channel + " was not joined"
	case f.ID == 0: // it moves on, and with it the connection
		from = fd.position
		s.shows(f.Cursor)
	default:
		from = history.PositionOf(j.Cursor)
		fd = &feed{store: at, log: rules.Kind == channels.KindLog || !known && f.Channel == channels.ControlLog, position: from}
		if fd.values = map[string]json.RawMessage{}; f.Mode == wire.Delta {
			for key, v := range s.ledger.values(at, from) {
				fd.values[key] = v.data
			}
		}
		s.feeds[at] = fd
	}
	to := history.PositionOf(f.Cursor)
	if f.Mode == wire.Snapshot {
		from = 0
	}
	if to < from {
		return fmt.Sprintf("%s is brought from %d back to %d", f.Channel, from, to)
	}
	if fd.log {
		return fd.take(s.ledger, f, from, to, j.Last, rules)
	}
	return fd.apply(s.ledger, f, to)
}

// apply takes the values of a Joined, and compares the whole store: what comes later is compared by what changes.
func (f *feed) apply(l *Ledger, j *wire.Joined, to uint64) string {
	if j.Mode == wire.Snapshot {
		f.values = map[string]json.RawMessage{}
	}
	wrong := ""
	for key, v := range j.Values {
		f.values[key] = v.Value
		if at := l.at(channels.Ref{Channel: f.channel, Owner: f.owner, Key: key}, to); at.position != v.Position {
			wrong = fmt.Sprintf("%s of %s is said to be of %d, it is of %d", key, f.channel, v.Position, at.position)
		}
	}
	for _, key := range j.Removed {
		delete(f.values, key)
	}
	f.position, f.touched = to, nil
	want := map[string]json.RawMessage{}
	for key, v := range l.values(f.store, to) {
		if want[key] = v.data; !same(f.values[key], v.data) {
			wrong = fmt.Sprintf("%s: %s of %s is %s after it has come to %d, it should be %s", j.Mode, key, f.channel, text(f.values[key]), to, text(v.data))
		}
	}
	for key := range f.values {
		if _, there := want[key]; !there {
			wrong = fmt.Sprintf("%s: %s of %s is there after it has come to %d, it should not", j.Mode, key, f.channel, to)
		}
	}
	f.values = want // one mistake is told once
	return wrong
}

// take compares the messages of a Joined with those that are after a position and up to another.
func (f *feed) take(l *Ledger, j *wire.Joined, from, to uint64, last *int, rules channels.ChannelRules) string {
	f.position = to
	want := l.messages(f.channel, from, to)
	missing := len(want) - len(j.Messages)
	keep := cmp.Or(rules.Keep, channels.DefaultKeep)
	switch {
	case missing < 0:
		return fmt.Sprintf("%s has %d messages from %d to %d, and %d came", f.channel, len(want), from, to, len(j.Messages))
	case missing > 0 && last != nil && len(j.Messages) == *last:
	case missing > 0 && len(want) > keep && len(j.Messages) >= keep && (j.Gap || j.Mode == wire.Snapshot): // they are forgotten, and it is said
	case missing > 0 && rules.KeepFor > 0 && (j.Gap || j.Mode == wire.Snapshot):
	case missing > 0:
		return fmt.Sprintf("%s has %d messages from %d to %d, and %d came", f.channel, len(want), from, to, len(j.Messages))
	}
	for i, m := range j.Messages {
		w := want[missing+i]
		if m.Position != w.position || m.By != w.by || !same(m.Data, w.data) {
			return fmt.Sprintf("%s: message %d of %d is %s at %d, it should be %s at %d", f.channel, i+1, len(j.Messages), m.Data, m.Position, w.data, w.position)
		}
	}
	return ""
}

// change applies a change of a store.
func (s *socket) change(c *wire.Change) string {
	f := s.feeds[store{c.Channel, c.Owner}]
	switch rules := s.ledger.rulesAt(len(s.ledger.txs)).Channels[c.Channel]; {
	case f == nil && (rules.Scope == channels.ScopeUser || rules.Scope == channels.ScopeGroup):
		return ""
	case f == nil:
		return c.Channel + " was not joined"
	case c.Position <= f.position:
		return fmt.Sprintf("a change of %s comes after its client was brought to %d", c.Channel, f.position)
	}
	if f.touched == nil {
		f.touched = map[string]bool{}
	}
	for key, value := range c.Set {
		f.values[key], f.touched[key] = value, true
	}
	for key, patch := range c.Patch {
		patched, err := mergepatch.Apply(f.values[key], patch)
		if err != nil {
			return fmt.Sprintf("the patch of %s of %s cannot be applied to %s: %v", key, c.Channel, text(f.values[key]), err)
		}
		f.values[key], f.touched[key] = patched, true
	}
	for _, key := range c.Delete {
		delete(f.values, key)
		f.touched[key] = true
	}
	return ""
}

// settle compares a feed after a message that brings its connection to a position.
func (f *feed) settle(l *Ledger, position uint64, at int64) (wrong []string) {
	from := f.position
	f.position = max(from, position)
	if len(f.steps) == 0 || f.position > f.steps[len(f.steps)-1].position {
		f.steps = append(f.steps, step{at, f.position})
	}
	if f.log {
		wrong = f.compareMessages(l.messages(f.channel, from, f.position))
		f.heard = nil
		return wrong
	}
	keys := f.touched
	f.touched = nil
	for _, key := range l.changed(f.store, from, f.position) {
		if keys == nil {
			keys = map[string]bool{}
		}
		keys[key] = true
	}
	for key := range keys {
		v := l.at(channels.Ref{Channel: f.channel, Owner: f.owner, Key: key}, f.position)
		if have := f.values[key]; !same(have, v.data) {
			wrong = append(wrong, fmt.Sprintf("%s of %s is %s after a message that brings its client from %d to %d, it should be %s, of %d",
				key, f.channel, text(have), from, f.position, text(v.data), v.position))
			if f.values[key] = v.data; v.data == nil { // one mistake is told once
				delete(f.values, key)
			}
		}
	}
	return wrong
}

func (f *feed) compareMessages(want []message) []string {
	for i, m := range f.heard {
		if i >= len(want) || m.position != want[i].position || m.op != want[i].op || m.by != want[i].by || !same(m.data, want[i].data) {
			next := "nothing"
			if i < len(want) {
				next = fmt.Sprintf("%s at %d", want[i].data, want[i].position)
			}
			return []string{fmt.Sprintf("message %s of %s at %d comes where %s should", m.data, f.channel, m.position, next)}
		}
	}
	if len(f.heard) < len(want) {
		m := want[len(f.heard)]
		return []string{fmt.Sprintf("message %s of %s at %d is left out of what brings its client to %d", m.data, f.channel, m.position, f.position)}
	}
	return nil
}

// seat compares the operator that the client is shown.
func (s *socket) seat(before uint64) string {
	if !s.welcomed || s.position == before {
		return ""
	}
	want := s.ledger.seatAt(s.position)
	have := ""
	if s.control.Operator != nil {
		have = s.control.Operator.Session
	}
	if s.control.Term != want.term || have != want.operator {
		return fmt.Sprintf("its client is shown %q in control under term %d as of %d, it is %q under term %d", have, s.control.Term, s.position, want.operator, want.term)
	}
	return ""
}

func text(data json.RawMessage) string {
	if data == nil {
		return "nothing"
	}
	return fmt.Sprintf("%.200s", data)
}

// changed returns the keys of a store that change after a position and up to another.
func (l *Ledger) changed(s store, after, upTo uint64) (keys []string) {
	all := l.trails[s]
	from := sort.Search(len(all), func(i int) bool { return all[i].position > after })
	for _, c := range all[from:] {
		if c.position > upTo {
			break
		}
		keys = append(keys, c.key)
	}
	return keys
}

// seatAt returns the seat as of a position.
func (l *Ledger) seatAt(position uint64) seat {
	i := sort.Search(len(l.seats), func(i int) bool { return l.seats[i].position > position })
	if i == 0 {
		return seat{}
	}
	return l.seats[i-1]
}
