package check_test

import (
	"encoding/json"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/tools/faults/check"
	"github.com/baton-hub/baton/tools/faults/history"
)

func TestAnAcknowledgedOperationMustBeInTheLogAsItWasAsked(t *testing.T) {
	good := func(r *run) {
		r.commit(tx("c1ab.1", "alice", set("notes", "a", "1"), set("notes", "b", "2")), tx("c2ab.1", "bob", say("chat", `"hi"`)))
		r.commit(tx("c1ab.2", "alice", del("notes", "a"), patch("notes", "b", `{"x":1}`)))
		r.commit(tx("c1ab.3", "alice")) // to delete what is not there changes nothing
		r.commit(tx("c1ab.4", "alice", effect(channels.Effect{Channel: "ui", Owner: "alice", Key: "k", Value: json.RawMessage("1")})))
	}
	for name, c := range map[string]struct {
		o     history.Operation
		finds []string
	}{
		"it is there":          {write("c1ab.1", "alice", "notes", "a", "1", 2), nil},
		"it is there, whole":   {appended("c2ab.1", "bob", "chat", `"hi"`, 2), nil},
		"a value of one's own": {write("c1ab.4", "alice", "ui", "k", "1", 5), nil},
		"a delete and a patch": {history.Operation{
			Op: "c1ab.2", User: "alice", Verb: "write", Outcome: history.OK, Position: 3,
			Writes: []history.Write{{Channel: "notes", Delete: []string{"a"}, Patch: map[string]json.RawMessage{"b": json.RawMessage(`{"x":1}`)}}},
		}, nil},
		"a delete of nothing": {history.Operation{
			Op: "c1ab.3", User: "alice", Verb: "write", Outcome: history.OK, Position: 4, Writes: []history.Write{{Channel: "notes", Delete: []string{"a"}}},
		}, nil},
		"nobody knows": {as(write("c1ab.9", "alice", "notes", "a", "1", 0), func(o *history.Operation) { o.Outcome = history.Unknown }), nil},

		"not there at all": {write("c1ab.9", "alice", "notes", "a", "1", 2), []string{"is not in L"}},
		"after the end":    {write("c1ab.9", "alice", "notes", "a", "1", 70), []string{"L ends at 5"}},
		"somewhere else":   {write("c1ab.1", "alice", "notes", "a", "1", 3), []string{"L has it at [2]"}},
		"another value":    {write("c1ab.1", "alice", "notes", "a", "7", 2), []string{"a of notes is not set to 7"}},
		"another key":      {write("c1ab.1", "alice", "notes", "c", "1", 2), []string{"c of notes is not set"}},
		"somebody else's":  {write("c1ab.1", "bob", "notes", "a", "1", 2), []string{`it is by "alice"`}},
		"somebody's own":   {write("c1ab.4", "alice", "ui", "k", "2", 5), []string{"k of ui is not set to 2"}},
		"another message":  {appended("c2ab.1", "bob", "chat", `"no"`, 2), []string{`no message "no" in chat`}},
		"without an id":    {write("", "bob", "notes", "a", "1", 2), []string{"give it one"}},
		"it was not deleted": {history.Operation{
			Op: "c1ab.3", User: "alice", Verb: "write", Outcome: history.OK, Position: 4, Writes: []history.Write{{Channel: "notes", Delete: []string{"b"}}},
		}, []string{"b of notes is not deleted"}},
		"it was not patched": {history.Operation{
			Op: "c1ab.3", User: "alice", Verb: "write", Outcome: history.OK, Position: 4,
			Writes: []history.Write{{Channel: "notes", Patch: map[string]json.RawMessage{"b": json.RawMessage(`{"x":1}`)}}},
		}, []string{"b of notes is not patched"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			good(r)
			r.did(c.o)
			r.find("G1", c.finds...)
		})
	}
}

func TestAnOperationMustBeAppliedOnceAndAnsweredAlike(t *testing.T) {
	first := write("c1ab.1", "alice", "notes", "a", "1", 2)
	lost := as(first, func(o *history.Operation) { o.Outcome, o.Position = history.Unknown, 0 })
	refused := as(lost, func(o *history.Operation) { o.Outcome, o.Code = history.Refused, "conflict" })
	again := as(refused, func(o *history.Operation) { o.Again = true })
	for name, c := range map[string]struct {
		twice bool
		tries []history.Operation
		finds []string
	}{
		"once":                           {false, []history.Operation{first}, nil},
		"lost, and sent again":           {false, []history.Operation{lost, first, first}, nil},
		"refused, and then done":         {false, []history.Operation{refused, first}, nil},
		"another request is refused":     {false, []history.Operation{first, as(refused, func(o *history.Operation) { o.Writes, o.Code = nil, "op_reused" })}, nil},
		"again, where the log is away":   {false, []history.Operation{first, as(refused, func(o *history.Operation) { o.Code = "unavailable" })}, nil},
		"the id of the request differs":  {false, []history.Operation{first, as(first, func(o *history.Operation) { o.Answer = json.RawMessage(`{"id":70,"cursor":"e-5","position":2}`) })}, nil},
		"refused while it was under way": {false, []history.Operation{as(refused, func(o *history.Operation) { o.Begin, o.End = 1, 90 }), as(first, func(o *history.Operation) { o.Begin, o.End = 2, 50 })}, nil},

		"applied twice":                   {true, []history.Operation{first}, []string{"applied 2 times, at [2 3]"}},
		"answered with another position":  {false, []history.Operation{first, as(first, func(o *history.Operation) { o.Position = 3 })}, []string{"answered otherwise"}},
		"answered otherwise":              {false, []history.Operation{first, as(first, func(o *history.Operation) { o.Answer = json.RawMessage(`{"position":2,"term":3}`) })}, []string{"answered otherwise"}},
		"refused after it was done":       {false, []history.Operation{first, refused}, []string{"refused when it was sent again"}},
		"another request is answered yes": {false, []history.Operation{first, as(first, func(o *history.Operation) { o.Writes = nil })}, []string{"another request under its id"}},
		"refused, and applied":            {false, []history.Operation{refused}, []string{"refused each time, and was applied"}},
		"refused again, and applied":      {false, []history.Operation{lost, again}, []string{"refused when it was sent again, and was applied"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			r.commit(tx("c1ab.1", "alice", set("notes", "a", "1")))
			if c.twice {
				r.commit(tx("c1ab.1", "alice", set("notes", "a", "1")))
			}
			for _, o := range c.tries {
				r.did(o)
			}
			r.find("G2", c.finds...)
		})
	}
}

func TestARefusalThatIsInTheLogIsTheLastWordAndChangesNothing(t *testing.T) {
	lost := as(write("c1ab.1", "alice", "notes", "a", "1", 0), func(o *history.Operation) { o.Outcome = history.Unknown })
	refused := as(lost, func(o *history.Operation) { o.Outcome, o.Code, o.Again = history.Refused, "conflict", true })
	r := newRun(t)
	r.commit(tx("c1ab.1", "alice", no("conflict")))
	r.did(lost)
	r.did(refused)
	r.find("G2")
	r.commit(tx("c1ab.1", "alice", set("notes", "a", "1")))
	r.find("G2", "refused when it was sent again, and was applied")
	r = newRun(t)
	r.commit(tx("c1ab.1", "alice", no("conflict"), set("notes", "a", "1")))
	r.find("G2", "it was refused, and changes something")
}

func call(id, user, state string, term uint64) change {
	data, _ := json.Marshal(channels.Call{ID: id, Command: "go", By: channels.Who{ID: "s-" + user, User: user}, Term: term, State: state})
	return set(channels.CallsStore, id, string(data))
}

func TestNothingOfAFormerTermMayBeInTheLog(t *testing.T) {
	for name, c := range map[string]struct {
		more  []channels.Transaction
		finds []string
	}{
		"the operator writes":       {[]channels.Transaction{tx("c1ab.2", "alice", under(1), set("queue", "a", "1"))}, nil},
		"a member writes":           {[]channels.Transaction{tx("c2ab.1", "bob", set("notes", "a", "1"))}, nil},
		"the hub itself":            {[]channels.Transaction{tx("hub-1.2", "", set("queue", "a", "1"))}, nil},
		"hands over, and bob calls": {[]channels.Transaction{tx("c1ab.2", "alice", seat(2, "bob")), tx("c2ab.1", "bob", under(2), call("c2ab.1", "bob", "waiting", 2)), tx("c3ab.1", "service/x", call("c2ab.1", "bob", "taken", 2))}, nil},

		"hands over, and alice writes on": {[]channels.Transaction{tx("c1ab.2", "alice", seat(2, "bob")), tx("c1ab.3", "alice", under(1), set("queue", "a", "1"))}, []string{"under term 1, and is committed under 2"}},
		"a term that is to come":          {[]channels.Transaction{tx("c1ab.2", "alice", under(3), set("queue", "a", "1"))}, []string{"under term 3, and is committed under 1"}},
		"under somebody else's term":      {[]channels.Transaction{tx("c2ab.1", "bob", under(1), set("queue", "a", "1"))}, []string{`whose operator is "s-alice"`}},
		"under no term":                   {[]channels.Transaction{tx("c2ab.1", "bob", set("queue", "a", "1"))}, []string{"queue, which is the operator's, under no term"}},
		"a call is taken too late":        {[]channels.Transaction{tx("c1ab.2", "alice", under(1), call("c1ab.2", "alice", "waiting", 1)), tx("c1ab.3", "alice", seat(2, "bob")), tx("c3ab.1", "service/x", call("c1ab.2", "alice", "taken", 1))}, []string{"c1ab.2 of term 1 was given to its service under term 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, apart := range []bool{true, false} { // in an entry each, or all in one
				r := newRun(t)
				r.commit(takes("c1ab.1", "alice", 1))
				if !apart {
					r.commit(c.more...)
				} else {
					for _, one := range c.more {
						r.commit(one)
					}
				}
				r.find("G4", c.finds...)
			}
		})
	}
}

func TestALogThatIsNotWholeCannotBeJudged(t *testing.T) {
	r := newRun(t)
	r.commit(tx("c1ab.1", "alice", set("notes", "a", "1")))
	r.Log = r.Log[1:]
	if _, err := check.All(&r.History); err == nil {
		t.Error("it is judged")
	}
}

func TestWhatWasDecidedInAnEpochThatIsOverDoesNotCount(t *testing.T) {
	r := newRun(t)
	r.commit(tx("hub-2.1", "", set(channels.SpaceStore, "epoch", `"e2"`)))
	r.commit(tx("c1ab.1", "alice", set("notes", "a", "1"))) // of e1
	r.did(write("c1ab.1", "alice", "notes", "a", "1", 3))
	r.find("G1", "is not in L")
}
