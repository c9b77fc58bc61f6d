package check_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/tools/faults/history"
)

// during gives an operation its time.
func during(begin, end int64, o history.Operation) history.Operation {
	o.Begin, o.End = begin, end
	return o
}

// when gives a write its condition.
func when(position uint64, o history.Operation) history.Operation {
	for key := range o.Writes[0].Set {
		o.Writes[0].If = map[string]uint64{key: position}
	}
	return o
}

// reads is a read of a key: what it was, of which position, as of which, by a client that had seen a position.
func reads(op string, data string, of, as, seen uint64) history.Operation {
	values := wire.Values{ID: 1, Channel: "notes", Cursor: at(as), Values: map[string]wire.Value{}}
	if data != "" {
		values.Values["a"] = value(data, of)
	}
	answer, _ := json.Marshal(values)
	return history.Operation{
		Op: op, User: "bob", Verb: "read", Read: &history.Reading{Channel: "notes", Keys: []string{"a"}}, Outcome: history.OK, Position: as,
		Seen: at(seen), Answer: answer,
	}
}

func refusedWith(code string, seen uint64, o history.Operation) history.Operation {
	o.Outcome, o.Code, o.Position, o.Seen = history.Refused, code, 0, at(seen)
	return o
}

// conflict is a refusal that tells what is there.
func conflict(data string, of, seen uint64, o history.Operation) history.Operation {
	raw := json.RawMessage("null")
	if data != "" {
		raw, _ = json.Marshal(value(data, of))
	}
	o = refusedWith("conflict", seen, o)
	o.Answer, _ = json.Marshal(wire.Error{ID: 1, Code: "conflict", Current: map[string]json.RawMessage{"a": raw}})
	return o
}

func TestWhatIsDoneMustBeInOneOrder(t *testing.T) {
	// At 2, 3 and 4 the key a is 1, 2 and nothing; at 5 alice and at 6 bob are operator.
	set1, set2 := write("c1ab.1", "alice", "notes", "a", "1", 2), when(2, write("c2ab.1", "bob", "notes", "a", "2", 3))
	late := write("c1ab.9", "alice", "queue", "q", "1", 0)
	former := refusedWith("not_operator", 7, as(late, func(o *history.Operation) { o.User = "bob" })) // bob is, from 6 on
	for name, c := range map[string]struct {
		did   []history.Operation
		finds []string
	}{
		"one after the other":         {[]history.Operation{during(1, 2, set1), during(3, 4, set2)}, nil},
		"at the same time":            {[]history.Operation{during(1, 9, set1), during(2, 8, set2)}, nil},
		"nobody was told of one":      {[]history.Operation{during(1, 2, as(set1, func(o *history.Operation) { o.Outcome = history.Unknown })), during(30, 40, set2)}, nil},
		"a read of it":                {[]history.Operation{during(1, 2, set1), during(3, 4, reads("c3ab.1", "1", 2, 2, 2))}, nil},
		"a read of what was":          {[]history.Operation{during(1, 2, set1), during(3, 4, set2), during(5, 6, reads("c3ab.1", "1", 2, 2, 2))}, nil},
		"a read of nothing":           {[]history.Operation{during(1, 2, set1), during(5, 6, reads("c3ab.1", "", 0, 4, 4))}, nil},
		"a conflict":                  {[]history.Operation{during(1, 2, set1), during(3, 4, conflict("2", 3, 2, when(2, write("c4ab.1", "bob", "notes", "a", "7", 0))))}, nil},
		"a conflict with nothing":     {[]history.Operation{during(3, 4, conflict("", 0, 3, when(2, write("c4ab.1", "bob", "notes", "a", "7", 0))))}, nil},
		"a conflict before the first": {[]history.Operation{during(3, 4, conflict("", 0, 1, when(2, write("c4ab.1", "bob", "notes", "a", "7", 0))))}, nil},
		"refused once more":           {[]history.Operation{during(3, 4, as(former, func(o *history.Operation) { o.Seen = at(5) })), during(5, 6, former)}, nil},
		"not the operator any more":   {[]history.Operation{during(3, 4, refusedWith("not_operator", 6, as(late, func(o *history.Operation) { o.Term = 1 })))}, nil},
		"a former term":               {[]history.Operation{during(3, 4, refusedWith("old_term", 6, as(late, func(o *history.Operation) { o.User, o.Term = "bob", 1 })))}, nil},

		"it has an earlier place": {[]history.Operation{during(5, 6, set1), during(1, 2, set2)}, []string{"began after c2ab.1 was done, at 3, and has an earlier place", "a of notes: there is no one order"}},
		"nobody was told, and it comes before it was asked for": {
			[]history.Operation{during(5, 6, as(set1, func(o *history.Operation) { o.Outcome = history.Unknown })), during(1, 2, set2)},
			[]string{"began after c2ab.1 was done, at 3, and has an earlier place", "a of notes: there is no one order"},
		},
		"a condition that does not hold": {[]history.Operation{during(1, 2, set1), during(3, 4, when(1, write("c2ab.1", "bob", "notes", "a", "2", 3)))}, []string{"a of notes: there is no one order"}},
		"it must not be there, and is":   {[]history.Operation{during(1, 2, set1), during(3, 4, when(0, write("c2ab.1", "bob", "notes", "a", "2", 3)))}, []string{"a of notes: there is no one order"}},
		"a read before what it had seen": {[]history.Operation{during(1, 2, set1), during(3, 4, set2), during(5, 6, reads("c3ab.1", "1", 2, 2, 3))}, []string{"what was read is as of 2; its client had seen 3"}},
		"a read of what never was":       {[]history.Operation{during(1, 2, set1), during(5, 6, reads("c3ab.1", "7", 2, 2, 2))}, []string{"read as 7 of 2", "a of notes: there is no one order"}},
		"a read that leaves it out":      {[]history.Operation{during(1, 2, set1), during(5, 6, reads("c3ab.1", "", 0, 2, 2))}, []string{"a was not there when it was read as of 2"}},
		"a conflict that is over":        {[]history.Operation{during(3, 4, conflict("1", 2, 3, when(1, write("c4ab.1", "bob", "notes", "a", "7", 0))))}, []string{"a is 1 of 2, and it is not any more; its client had seen 3"}},
		"a conflict where there is none": {[]history.Operation{during(3, 4, conflict("1", 2, 2, when(2, write("c4ab.1", "bob", "notes", "a", "7", 0))))}, []string{"refused though a is of 2"}},
		"the operator, refused":          {[]history.Operation{during(3, 4, refusedWith("not_operator", 6, as(late, func(o *history.Operation) { o.User, o.Term = "bob", 2 })))}, []string{"nobody else was; its client had seen 6"}},
		"a term that is not over":        {[]history.Operation{during(3, 4, refusedWith("old_term", 6, as(late, func(o *history.Operation) { o.User, o.Term = "bob", 2 })))}, []string{"its term 2 is over, and it was not"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			r.commit(tx("c1ab.1", "alice", set("notes", "a", "1")))
			r.commit(tx("c2ab.1", "bob", set("notes", "a", "2")))
			r.commit(tx("c5ab.1", "sam", del("notes", "a")))
			r.commit(takes("c1ab.2", "alice", 1))
			r.commit(tx("c1ab.3", "alice", seat(2, "bob")))
			for _, o := range c.did {
				r.did(o)
			}
			r.find("G3", c.finds...)
		})
	}
}

func TestWhatASocketHasShownCountsAsSeen(t *testing.T) {
	r := told(t)
	r.gets("s1", all(four, fives)...)
	o := reads("c9ab.1", `{"x":1}`, 4, 4, 0)
	o.Conn = "s1"
	r.did(o)
	r.find("G3", "what was read is as of 4; its client had seen 5")
}

func TestTooManyOperationsOfOneKeyAreNotPassedOver(t *testing.T) {
	r := newRun(t)
	for n := range 2_001 {
		op := fmt.Sprint("c1ab.", n+1)
		r.did(write(op, "alice", "notes", "a", "1", r.commit(tx(op, "alice", set("notes", "a", "1")))))
	}
	r.find("G3", "2001 operations are more than can be checked")
}

func moves(op, user, do string, term uint64, more string) history.Operation {
	return history.Operation{
		Op: op, User: user, Verb: "control", Control: &history.Control{Do: do}, Outcome: history.OK,
		Answer: json.RawMessage(fmt.Sprintf(`{"id":1,"term":%d%s}`, term, more)),
	}
}

func TestTheSeatMustHaveOneOrder(t *testing.T) {
	for name, c := range map[string]struct {
		did   []history.Operation
		finds []string
	}{
		"taken, asked for, granted": {[]history.Operation{
			moves("c1ab.1", "alice", "request", 1, ""), moves("c2ab.1", "bob", "request", 1, `,"request":"r1"`),
			as(moves("c1ab.2", "alice", "grant", 2, `,"request":"r1"`), func(o *history.Operation) { o.Control.Request = "r1" }), moves("c2ab.2", "bob", "release", 3, ""),
		}, nil},
		"what the hub does in between": {[]history.Operation{moves("c2ab.2", "bob", "release", 3, "")}, nil},

		"nobody was told of one": {[]history.Operation{
			as(moves("c1ab.1", "alice", "request", 0, ""), func(o *history.Operation) {
				o.Outcome, o.Answer = history.Unknown, json.RawMessage(`{"id":1,"code":"unknown"}`)
			}),
			moves("c2ab.1", "bob", "request", 1, `,"request":"r1"`),
		}, nil},

		"seated while another is": {[]history.Operation{moves("c1ab.1", "alice", "request", 1, ""), moves("c1ab.2", "bob", "request", 2, "")}, []string{"the operator's seat: there is no one order"}},
		"released by another":     {[]history.Operation{moves("c1ab.1", "alice", "request", 1, ""), moves("c2ab.2", "alice", "release", 3, "")}, []string{"the operator's seat: there is no one order"}},
		"told another term":       {[]history.Operation{moves("c1ab.1", "alice", "request", 2, "")}, []string{"the operator's seat: there is no one order"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			seated := takes("c1ab.1", "alice", 1)
			answered(`{"term":1}`)(&seated)
			at := map[string]uint64{
				"c1ab.1": r.commit(seated),
				"c2ab.1": r.commit(tx("c2ab.1", "bob", set(channels.ControlStore, "request/r1", `{"id":"r1","session":"s-bob","user":"bob"}`))),
				"c1ab.2": r.commit(tx("c1ab.2", "alice", seat(2, "bob"), del(channels.ControlStore, "request/r1"))),
				"c2ab.2": r.commit(tx("c2ab.2", "bob", seat(3, ""))),
			}
			for _, o := range c.did {
				o.Position = at[o.Op]
				r.did(o)
			}
			r.find("G3", c.finds...)
		})
	}
}

func TestOnePersonIsLetInAtATime(t *testing.T) {
	visit := func(what, user string, status int, begin, end int64) history.Visit {
		v := history.Visit{What: what, User: user, Session: "s-" + user, Cookie: "k-" + user, Space: "booth", Policy: "one", Status: status, Begin: begin, End: end}
		if status == 409 {
			v.Code = "seat_taken"
		}
		return v
	}
	in := func(user string) change {
		return set(channels.SessionsStore, "s-"+user, fmt.Sprintf(`{"user":%q}`, user))
	}
	out := func(user string) change { return del(channels.SessionsStore, "s-"+user) }
	for name, c := range map[string]struct {
		log    []channels.Transaction
		visits []history.Visit
		finds  []string
	}{
		"one after the other": {
			[]channels.Transaction{tx("hub-1.1", "", in("alice")), tx("hub-1.2", "", out("alice")), tx("hub-1.3", "", in("bob"))},
			[]history.Visit{visit("sign_in", "alice", 200, 1, 2), visit("sign_in", "bob", 409, 3, 4), visit("sign_out", "alice", 204, 5, 6), visit("sign_in", "bob", 200, 7, 8)},
			nil,
		},
		"the hub ends one": {
			[]channels.Transaction{tx("hub-1.1", "", in("alice")), tx("hub-1.2", "", out("alice")), tx("hub-1.3", "", in("bob"))},
			[]history.Visit{visit("sign_in", "alice", 200, 1, 2), visit("sign_in", "bob", 200, 7, 8)},
			nil,
		},
		"nobody was told": {
			[]channels.Transaction{tx("hub-1.1", "", in("alice"))},
			[]history.Visit{visit("sign_in", "bob", 409, 3, 4)},
			nil,
		},
		"both": {
			[]channels.Transaction{tx("hub-1.1", "", in("alice")), tx("hub-1.3", "", in("bob"))},
			[]history.Visit{visit("sign_in", "alice", 200, 1, 2), visit("sign_in", "bob", 200, 3, 4)},
			[]string{"the place of one person in booth: there is no one order"},
		},
		"refused though it is free": {
			nil, []history.Visit{visit("sign_in", "bob", 409, 3, 4)}, []string{"the place of one person in booth: there is no one order"},
		},
		"before it was free": {
			[]channels.Transaction{tx("hub-1.1", "", in("alice")), tx("hub-1.2", "", out("alice")), tx("hub-1.3", "", in("bob"))},
			[]history.Visit{visit("sign_in", "alice", 200, 1, 2), visit("sign_out", "alice", 204, 5, 6), visit("sign_in", "bob", 200, 3, 4)},
			[]string{"the place of one person in booth: there is no one order"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, booth := newRun(t), newRun(t)
			for _, one := range c.log {
				booth.commit(one)
			}
			r.Others = map[string][]history.Entry{"booth": booth.Log}
			r.Visits = c.visits
			r.find("G3", c.finds...)
		})
	}
	r := newRun(t)
	r.Visits = []history.Visit{visit("sign_in", "bob", 409, 3, 4)}
	r.find("G3", "cannot be checked without its log")
}
