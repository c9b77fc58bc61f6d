package check_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/tools/faults/history"
)

func at(position uint64) string { return channels.Cursor{Epoch: "e1", Position: position}.String() }

// gets adds a message of a socket.
func (r *run) gets(conn string, frames ...wire.Frame) {
	r.now++
	r.Messages = append(r.Messages, history.Message{Client: "c9ab", Conn: conn, At: r.now, Data: wire.Encode(frames...)})
}

// joins asks for a channel.
func (r *run) joins(conn string, id uint64, channel, cursor string) {
	r.now++
	r.Joins = append(r.Joins, history.Join{Client: "c9ab", Conn: conn, At: r.now, ID: id, Channel: channel, Cursor: cursor})
}

func value(data string, position uint64) wire.Value {
	return wire.Value{Value: json.RawMessage(data), Position: position}
}

func notes(position uint64, key, data string) *wire.Change {
	return &wire.Change{Channel: "notes", Position: position, Cursor: at(position), Set: map[string]json.RawMessage{key: json.RawMessage(data)}}
}

func chat(position uint64, op, data string) *wire.Message {
	return &wire.Message{Channel: "chat", Position: position, Cursor: at(position), By: "alice", Op: op, Data: json.RawMessage(data)}
}

func heard(position uint64, data string) wire.LogMessage {
	return wire.LogMessage{Position: position, By: "alice", Data: json.RawMessage(data)}
}

// told is a history whose log is written, and a client that has joined notes and chat at 3.
func told(t *testing.T) *run {
	r := newRun(t)
	r.commit(tx("c1ab.1", "alice", set("notes", "a", "1")))                                                                      // 2
	r.commit(tx("c1ab.2", "alice", set("notes", "b", "1"), say("chat", `"one"`)))                                                // 3
	r.commit(tx("c1ab.3", "alice", set("notes", "a", `{"x":1}`)), tx("c1ab.4", "alice", say("chat", `"two"`)))                   // 4
	r.commit(tx("c1ab.5", "alice", patch("notes", "a", `{"y":2}`), del("notes", "b"), say("chat", `"three"`)))                   // 5
	r.commit(tx("c1ab.6", "alice", seat(1, "alice")))                                                                            // 6
	r.commit(tx("c1ab.7", "alice", say("chat", `"four"`)), tx("c1ab.8", "alice", say("chat", `"five"`), set("queue", "q", "1"))) // 7
	r.gets("s1", &wire.Welcome{Cursor: at(3)})
	r.joins("s1", 1, "notes", "")
	r.joins("s1", 2, "chat", "")
	r.gets("s1", both()...)
	return r
}

// both are the answers to the joins of a new client.
func both() []wire.Frame {
	return []wire.Frame{
		&wire.Joined{ID: 1, Channel: "notes", Cursor: at(3), Mode: wire.Snapshot, Values: map[string]wire.Value{"a": value("1", 2), "b": value("1", 3)}},
		&wire.Joined{ID: 2, Channel: "chat", Cursor: at(3), Mode: wire.Snapshot, Messages: []wire.LogMessage{heard(3, `"one"`)}},
	}
}

// Good parts of what comes after.
var (
	four  = []wire.Frame{notes(4, "a", `{"x":1}`), chat(4, "c1ab.4", `"two"`)}
	fives = []wire.Frame{
		&wire.Change{Channel: "notes", Position: 5, Cursor: at(5), Patch: map[string]json.RawMessage{"a": json.RawMessage(`{"y":2}`)}, Delete: []string{"b"}},
		chat(5, "c1ab.5", `"three"`),
	}
	six   = []wire.Frame{&wire.ControlState{Cursor: at(6), Term: 1, Operator: &wire.Person{Session: "s-alice", User: "alice"}}}
	seven = []wire.Frame{chat(7, "c1ab.7", `"four"`), chat(7, "c1ab.8", `"five"`)}
)

func all(parts ...[]wire.Frame) (frames []wire.Frame) {
	for _, p := range parts {
		frames = append(frames, p...)
	}
	return frames
}

func TestWhatASocketBringsMustBeWhatTheLogHas(t *testing.T) {
	pong := []wire.Frame{&wire.Pong{ID: 9, Cursor: at(7)}}
	for name, c := range map[string]struct {
		messages [][]wire.Frame
		finds    []string
	}{
		"one by one":      {[][]wire.Frame{four, fives, six, seven, pong}, nil},
		"several at once": {[][]wire.Frame{all(four, fives), all(six, seven)}, nil},
		"nothing yet":     {nil, nil},
		"too slow, present": {[][]wire.Frame{all([]wire.Frame{
			&wire.Joined{Channel: "notes", Cursor: at(7), Mode: wire.Delta, Values: map[string]wire.Value{"a": value(`{"x":1,"y":2}`, 5)}, Removed: []string{"b"}},
			&wire.Joined{Channel: "chat", Cursor: at(7), Mode: wire.Delta, Messages: []wire.LogMessage{heard(4, `"two"`), heard(5, `"three"`), heard(7, `"four"`), heard(7, `"five"`)}},
		}, six)}, nil},

		"a change is left out":             {[][]wire.Frame{four[1:], fives}, []string{`a of notes is 1 after a message that brings its client from 3 to 4, it should be {"x":1}`}},
		"a message is left out":            {[][]wire.Frame{four[:1], fives}, []string{`message "two" of chat at 4 is left out`}},
		"an entry is left out":             {[][]wire.Frame{fives}, []string{`message "three" of chat at 5 comes where "two" at 4 should`, "a of notes is"}},
		"the last is left out, and a pong": {[][]wire.Frame{four, fives, six, seven[:1], pong}, []string{`message "five" of chat at 7 is left out`}},
		"a message comes twice":            {[][]wire.Frame{all(four, four[1:]), fives}, []string{`message "two" of chat at 4 comes where nothing should`}},
		"an entry comes again":             {[][]wire.Frame{four, four[:1], fives}, []string{"a change of notes comes after its client was brought to 4"}},
		"out of order":                     {[][]wire.Frame{all(fives, four)}, []string{`comes where "two" at 4 should`, "a of notes is"}},
		"an entry is torn":                 {[][]wire.Frame{four[:1], four[1:], fives}, []string{`message "two" of chat at 4 is left out`, `message "two" of chat at 4 comes where nothing should`}},
		"another value":                    {[][]wire.Frame{{notes(4, "a", "7"), four[1]}}, []string{"a of notes is 7"}},
		"a key that nobody wrote":          {[][]wire.Frame{all(four, []wire.Frame{notes(4, "z", "7")})}, []string{"z of notes is 7"}},
		"a key is not removed":             {[][]wire.Frame{four, {&wire.Change{Channel: "notes", Position: 5, Cursor: at(5), Patch: map[string]json.RawMessage{"a": json.RawMessage(`{"y":2}`)}}, fives[1]}}, []string{"b of notes is 1"}},
		"a message of somebody else":       {[][]wire.Frame{{four[0], chat(4, "c7ab.1", `"two"`)}}, []string{`message "two" of chat at 4 comes where "two" at 4 should`}},
		"the seat is not shown":            {[][]wire.Frame{four, fives, seven}, []string{`shown "" in control under term 0 as of 7`}},
		"somebody else in control":         {[][]wire.Frame{four, fives, {&wire.ControlState{Cursor: at(6), Term: 1, Operator: &wire.Person{Session: "s-bob"}}}}, []string{`shown "s-bob" in control`}},
		"a channel that was not joined":    {[][]wire.Frame{all(four, []wire.Frame{&wire.Change{Channel: "queue", Position: 4, Cursor: at(4)}})}, []string{"queue was not joined"}},
		"a jump without what changed": {[][]wire.Frame{{
			&wire.Joined{Channel: "notes", Cursor: at(7), Mode: wire.Delta, Values: map[string]wire.Value{"a": value(`{"x":1,"y":2}`, 5)}, Removed: []string{"b"}},
			six[0],
		}}, []string{`message "two" of chat at 4 is left out`}},
	} {
		t.Run(name, func(t *testing.T) {
			r := told(t)
			for _, m := range c.messages {
				r.gets("s1", m...)
			}
			r.find("G6", c.finds...)
		})
	}
}

func TestWhoeverComesBackMustGetWhatIsMissingAndNoMore(t *testing.T) {
	delta := &wire.Joined{ID: 1, Channel: "notes", Cursor: at(7), Mode: wire.Delta, Values: map[string]wire.Value{"a": value(`{"x":1,"y":2}`, 5)}, Removed: []string{"b"}}
	since := &wire.Joined{ID: 2, Channel: "chat", Cursor: at(7), Mode: wire.Delta, Messages: []wire.LogMessage{heard(5, `"three"`), heard(7, `"four"`), heard(7, `"five"`)}}
	whole := &wire.Joined{ID: 1, Channel: "notes", Cursor: at(7), Mode: wire.Snapshot, Values: map[string]wire.Value{"a": value(`{"x":1,"y":2}`, 5)}}
	for name, c := range map[string]struct {
		cursor string
		frames []wire.Frame
		finds  []string
	}{
		"the difference":   {at(4), []wire.Frame{delta, since}, nil},
		"all of the store": {at(4), []wire.Frame{whole, since}, nil},

		"a message is missing":        {at(4), []wire.Frame{delta, &wire.Joined{ID: 2, Channel: "chat", Cursor: at(7), Mode: wire.Delta, Messages: since.Messages[1:]}}, []string{"chat has 3 messages from 4 to 7, and 2 came"}},
		"a message again":             {at(4), []wire.Frame{delta, &wire.Joined{ID: 2, Channel: "chat", Cursor: at(7), Mode: wire.Delta, Messages: append([]wire.LogMessage{heard(4, `"two"`)}, since.Messages...)}}, []string{"chat has 3 messages from 4 to 7, and 4 came"}},
		"another message":             {at(4), []wire.Frame{delta, &wire.Joined{ID: 2, Channel: "chat", Cursor: at(7), Mode: wire.Delta, Messages: append([]wire.LogMessage{heard(5, `"no"`)}, since.Messages[1:]...)}}, []string{`message 1 of 3 is "no" at 5`}},
		"a gap for no reason":         {at(4), []wire.Frame{delta, &wire.Joined{ID: 2, Channel: "chat", Cursor: at(7), Mode: wire.Delta, Gap: true, Messages: since.Messages[2:]}}, []string{"chat has 3 messages from 4 to 7, and 1 came"}},
		"a key is missing":            {at(4), []wire.Frame{&wire.Joined{ID: 1, Channel: "notes", Cursor: at(7), Mode: wire.Delta, Removed: []string{"b"}}, since}, []string{`a of notes is {"x":1} after it has come to 7`}},
		"a key is not removed":        {at(4), []wire.Frame{&wire.Joined{ID: 1, Channel: "notes", Cursor: at(7), Mode: wire.Delta, Values: delta.Values}, since}, []string{"b of notes is there"}},
		"a snapshot, not whole":       {at(4), []wire.Frame{&wire.Joined{ID: 1, Channel: "notes", Cursor: at(7), Mode: wire.Snapshot}, since}, []string{"a of notes is nothing"}},
		"a value of another position": {at(4), []wire.Frame{&wire.Joined{ID: 1, Channel: "notes", Cursor: at(7), Mode: wire.Delta, Values: map[string]wire.Value{"a": value(`{"x":1,"y":2}`, 4)}, Removed: []string{"b"}}, since}, []string{"a of notes is said to be of 4, it is of 5"}},
		"brought back":                {at(4), []wire.Frame{&wire.Joined{ID: 1, Channel: "notes", Cursor: at(3), Mode: wire.Delta}, since}, []string{"notes is brought from 4 back to 3", "a of notes is", "b of notes is"}},
		"it claims too much":          {at(6), []wire.Frame{whole, &wire.Joined{ID: 2, Channel: "chat", Cursor: at(7), Mode: wire.Delta, Messages: since.Messages[1:]}}, []string{"notes that it has seen 6, and it was shown 4", "chat that it has seen 6, and it was shown 4"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := told(t)
			r.gets("s1", four...)
			r.gets("s2", &wire.Welcome{Cursor: at(7), Control: wire.ControlState{Term: 1, Operator: &wire.Person{Session: "s-alice"}}})
			r.joins("s2", 1, "notes", c.cursor)
			r.joins("s2", 2, "chat", c.cursor)
			r.gets("s2", c.frames...)
			r.find("G6", c.finds...)
		})
	}
}

func TestAChannelMayForgetWhatItDoesNotKeepIfItSaysSo(t *testing.T) {
	for name, c := range map[string]struct {
		came  []wire.LogMessage
		gap   bool
		last  int
		finds []string
	}{
		"said":           {[]wire.LogMessage{heard(3, "2"), heard(4, "3")}, true, 0, nil},
		"asked for less": {[]wire.LogMessage{heard(4, "3")}, true, 1, nil},

		"not said":           {[]wire.LogMessage{heard(3, "2"), heard(4, "3")}, false, 0, []string{"chat has 3 messages from 1 to 4, and 2 came"}},
		"more than it needs": {[]wire.LogMessage{heard(4, "3")}, true, 0, []string{"chat has 3 messages from 1 to 4, and 1 came"}},
	} {
		t.Run(name, func(t *testing.T) {
			was := rules.Channels["chat"]
			defer func() { rules.Channels["chat"] = was }()
			rules.Channels["chat"] = channels.ChannelRules{Kind: channels.KindLog, Write: was.Write, Keep: 2}
			r := newRun(t)
			for n, data := range []string{"1", "2", "3"} {
				r.commit(tx("c1ab."+string(rune('1'+n)), "alice", say("chat", data)))
			}
			r.joins("s1", 1, "chat", "")
			r.gets("s1", &wire.Welcome{Cursor: at(1)}, &wire.Joined{ID: 1, Channel: "chat", Cursor: at(1), Mode: wire.Snapshot})
			r.gets("s2", &wire.Welcome{Cursor: at(4)})
			r.joins("s2", 1, "chat", at(1))
			if c.last > 0 {
				r.Joins[1].Last = &c.last
			}
			r.gets("s2", &wire.Joined{ID: 1, Channel: "chat", Cursor: at(4), Mode: wire.Delta, Messages: c.came, Gap: c.gap})
			r.find("G6", c.finds...)
		})
	}
}

func TestEverybodyWhoIsThereMustHaveEverythingInTheEnd(t *testing.T) {
	second := int64(time.Second)
	for name, c := range map[string]struct {
		takes int64 // after the fault was over, until the last message came
		last  bool  // it came
		over  int64
		gone  bool
		finds []string
	}{
		"soon":         {2 * second, true, 20 * second, false, nil},
		"who is gone":  {2 * second, false, 20 * second, true, nil},
		"late":         {11 * second, true, 20 * second, false, []string{"chat came to 7 11s after"}},
		"never":        {2 * second, false, 20 * second, false, []string{"chat has not come from 6 to 7"}},
		"nobody knows": {2 * second, false, 5 * second, false, []string{"listen longer"}},
		"without end":  {2 * second, true, 0, false, []string{"nowhere that it is over"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := told(t)
			r.gets("s1", all(four, fives, six)...)
			r.Events = []history.Event{{At: second, What: history.Healed}, {At: 0, What: history.Fault}}
			r.now = second + c.takes - 1
			if c.last {
				r.gets("s1", seven...)
			}
			if c.gone {
				r.Closes = []history.Closed{{Client: "c9ab", Conn: "s1", At: 3 * second}}
			}
			if c.over > 0 {
				r.Events = append(r.Events, history.Event{At: c.over, What: history.Over})
			}
			r.find("G7", c.finds...)
		})
	}
}
