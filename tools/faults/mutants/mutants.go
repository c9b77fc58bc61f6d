package mutants

import "github.com/baton-hub/baton/tools/overlay"

// Mutants are all of them.
var Mutants = []Mutant{
	{
		Name: "acknowledged-too-early", Promise: "G1", Fault: "what is on its way into the log is acknowledged", scene: powerCut,
		edits: []overlay.Edit{overlay.Replace("channels/loop.go",
			"\tl.flight.publish(ctx, s, l.flight.data)\n}",
			"\tl.flight.publish(ctx, s, l.flight.data)\n\tif mutant(\"acknowledged-too-early\") {\n\t\tb.answer()\n\t}\n}")},
	},
	{
		Name: "operations-forgotten", Promise: "G2", Fault: "an operation that was done is not remembered", scene: sentAgain,
		edits: []overlay.Edit{overlay.Replace("channels/ops.go",
			"if c == nil {\n\t\treturn nil, nil", "if c == nil || mutant(\"operations-forgotten\") {\n\t\treturn nil, nil")},
	},
	{
		Name: "operations-without-bodies", Promise: "G2", Fault: "an operation is remembered by its id alone", scene: sentAgain,
		edits: []overlay.Edit{overlay.Replace("channels/ops.go",
			"case found && c.Done[i].Hash != hash:", "case found && c.Done[i].Hash != hash && !mutant(\"operations-without-bodies\"):")},
	},
	{
		Name: "refusals-forgotten", Promise: "G2", Fault: "what was refused when it was sent again is done later", scene: refusedAgain,
		edits: []overlay.Edit{overlay.Replace("channels/draft.go",
			"if !d.asked.Again || d.asked.Unnamed", "if mutant(\"refusals-forgotten\") || !d.asked.Again || d.asked.Unnamed")},
	},
	{
		Name: "conditions-ignored", Promise: "G3", Fault: "a write is done whether its condition holds or not", scene: contended,
		edits: []overlay.Edit{overlay.Replace("channels/write.go",
			"if v.Position != w.If[key] {", "if v.Position != w.If[key] && !mutant(\"conditions-ignored\") {")},
	},
	{
		Name: "reads-too-early", Promise: "G3", Fault: "a read does not wait until the node has what its client has seen", scene: readElsewhere,
		edits: []overlay.Edit{
			overlay.Replace("hub/requests.go", "\tif seen == \"\" {\n", "\tif seen == \"\" || mutant(\"reads-too-early\") {\n"),
			overlay.Replace("channels/loop.go", "\tl.contact = time.Now()\n\ts.setFresh()\n\tswitch {\n\tcase r.Position <= s.state.position",
				"\tif mutant(\"reads-too-early\") && l.flight == nil {\n\t\ttime.Sleep(300 * time.Millisecond)\n\t}\n"+
					"\tl.contact = time.Now()\n\ts.setFresh()\n\tswitch {\n\tcase r.Position <= s.state.position"),
		},
	},
	{
		Name: "two-let-in", Promise: "G3", Fault: "a second person is let in where there is room for one", scene: oneAtATime, space: "booth",
		edits: []overlay.Edit{overlay.Replace("session/signin.go",
			"if policy.OtherUser != Reject {", "if policy.OtherUser != Reject || mutant(\"two-let-in\") {")},
	},
	{
		Name: "fence-off", Promise: "G4", Fault: "the operator may write under a former term", scene: handedBack,
		edits: []overlay.Edit{overlay.Replace("session/record.go",
			"case term != seat.Term:", "case term != seat.Term && !mutant(\"fence-off\"):")},
	},
	{
		Name: "seat-grabbed", Promise: "G5", Fault: "who asks for control gets it at once, whoever has it", scene: lostOperator,
		edits: []overlay.Edit{overlay.Replace("session/control/decide.go",
			"if s.Operator == nil {\n\t\treturn s.seated(m.Actor)", "if s.Operator == nil || mutant(\"seat-grabbed\") {\n\t\treturn s.seated(m.Actor)")},
	},
	{
		Name: "seat-given-by-silence", Promise: "G5", Fault: "the seat of a lost operator goes to the next in line", scene: lostOperator,
		edits: []overlay.Edit{overlay.Replace("session/control/decide.go",
			"\treturn s.vacated(), Record{Result: Emptied}, nil\n}\n\nfunc ended",
			"\tif len(s.Requests) > 0 && mutant(\"seat-given-by-silence\") {\n\t\tto := s.Requests[0].Party\n\t\treturn s.seated(to), Record{Result: Seated, To: &to}, nil\n\t}\n"+
				"\treturn s.vacated(), Record{Result: Emptied}, nil\n}\n\nfunc ended")},
	},
	{
		Name: "resume-off-by-one", Promise: "G6", Fault: "a client that comes back misses the first entry after its cursor", scene: comingsAndGoings,
		edits: []overlay.Edit{overlay.Replace("hub/join.go",
			"\treturn cursor.Position, \"\"\n", "\tif mutant(\"resume-off-by-one\") {\n\t\tcursor.Position++\n\t}\n\treturn cursor.Position, \"\"\n")},
	},
	{
		Name: "change-dropped", Promise: "G6", Fault: "one entry in ten is not sent", scene: comingsAndGoings,
		edits: []overlay.Edit{overlay.Replace("hub/gather.go",
			"c.cursor > m.from {", "c.cursor > m.from && !(mutant(\"change-dropped\") && c.cursor%10 == 0) {")},
	},
	{
		Name: "snapshot-short", Promise: "G6", Fault: "a snapshot is without the entry that it ends with", scene: comingsAndGoings,
		edits: []overlay.Edit{overlay.Replace("hub/join.go",
			"frame.Mode, frame.Reason, frame.Removed = wire.Snapshot, key.reason, nil\n",
			"frame.Mode, frame.Reason, frame.Removed = wire.Snapshot, key.reason, nil\n\t\tif mutant(\"snapshot-short\") {\n\t\t\tshorten(frame)\n\t\t}\n")},
		files: map[string]string{"hub/shorten.go": shorten},
	},
	{
		Name: "entries-torn", Promise: "G6", Fault: "the parts of an entry are sent one by one", scene: comingsAndGoings,
		edits: []overlay.Edit{overlay.Replace("hub/shard.go",
			"whole, err := c.quick.Offer(frame, tails...)\n", "whole, err := c.offerTorn(message, tails)\n")},
		files: map[string]string{"hub/torn.go": torn},
	},
	{
		Name: "entries-out-of-order", Promise: "G6", Fault: "entries that come together are sent the last one first", scene: comingsAndGoings,
		edits: []overlay.Edit{
			overlay.Replace("hub/gather.go", "\tfor _, s := range slots {\n",
				"\tif mutant(\"entries-out-of-order\") {\n\t\tslots = slices.Clone(slots)\n\t\tslices.Reverse(slots)\n\t}\n\tfor _, s := range slots {\n"),
			overlay.Replace("hub/shard.go", "\t\"sync\"\n", "\t\"sync\"\n\t\"time\"\n"),
			overlay.Replace("hub/shard.go", "\t\tcase <-s.wake:\n",
				"\t\tcase <-s.wake:\n\t\t\tif mutant(\"entries-out-of-order\") {\n\t\t\t\ttime.Sleep(20 * time.Millisecond)\n\t\t\t}\n"),
		},
	},
	{
		Name: "nobody-woken", Promise: "G7", Fault: "one entry in ten wakes nobody whom it is for", scene: lastWord,
		edits: []overlay.Edit{overlay.Replace("hub/room.go", "for _, t := range e.touched {\n\t\tr.wakeLocked(t)",
			"for _, t := range e.touched {\n\t\tif mutant(\"nobody-woken\") && c.Position%10 == 0 {\n\t\t\tcontinue\n\t\t}\n\t\tr.wakeLocked(t)")},
	},
	{
		Name: "sockets-stay-open", Promise: "G8", Fault: "a sign-out leaves the sockets on other nodes as they are", scene: signedOutElsewhere,
		edits: []overlay.Edit{
			overlay.Replace("hub/renew.go", "\t\tc.end(endOf(state, c.who.ID))\n\t\treturn false, false\n",
				"\t\tif mutant(\"sockets-stay-open\") {\n\t\t\treturn true, false\n\t\t}\n\t\tc.end(endOf(state, c.who.ID))\n\t\treturn false, false\n"),
			overlay.Replace("hub/farewell.go", "\tr.hangUp(f.Sessions)\n", "\tif !mutant(\"sockets-stay-open\") {\n\t\tr.hangUp(f.Sessions)\n\t}\n"),
		},
	},
	{
		Name: "cookie-lives-on", Promise: "G9", Fault: "a sign-out ends the sockets, and the record stays", scene: signedOutElsewhere,
		edits: []overlay.Edit{
			overlay.Replace("session/facts.go", "\td.Delete(sessionRef(s.ID))\n\td.Delete(factRef(confirmedFact, s.ID))\n",
				"\tif !mutant(\"cookie-lives-on\") {\n\t\td.Delete(sessionRef(s.ID))\n\t}\n\td.Delete(factRef(confirmedFact, s.ID))\n"),
			overlay.Replace("session/logins.go", "\tif hash == \"\" {\n\t\treturn ErrNoLogin\n", "\tif hash == \"\" || mutant(\"cookie-lives-on\") {\n\t\treturn ErrNoLogin\n"),
		},
	},
}

// Files that mutants add.
const (
	shorten = `package hub

import "github.com/baton-hub/baton/hub/wire"

func shorten(f *wire.Joined) {
	newest := uint64(0)
	for _, v := range f.Values {
		newest = max(newest, v.Position)
	}
	for key, v := range f.Values {
		if v.Position == newest {
			delete(f.Values, key)
		}
	}
	f.Messages = f.Messages[:max(0, len(f.Messages)-1)]
}
`
	torn = `package hub

import (
	"encoding/json"

	"github.com/baton-hub/baton/hub/socket"
)

func (c *conn) offerTorn(message []byte, tails [][]byte) (whole bool, err error) {
	var frames []json.RawMessage
	for _, tail := range tails {
		message = append(message, tail...)
	}
	if !mutant("entries-torn") || json.Unmarshal(message[socket.Head:], &frames) != nil {
		return c.quick.Offer(socket.Frame(message))
	}
	for _, f := range frames {
		one := append(make([]byte, socket.Head), "["+string(f)+"]"...)
		if whole, err = c.quick.Offer(socket.Frame(one)); !whole || err != nil {
			return whole, err
		}
	}
	return true, nil
}
`
)
