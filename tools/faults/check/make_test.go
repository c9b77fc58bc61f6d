package check_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session/control"
	"github.com/baton-hub/baton/tools/faults/check"
	"github.com/baton-hub/baton/tools/faults/history"
)

// The rules of the space of the tests.
var rules = channels.Rules{Version: 1, Channels: map[string]channels.ChannelRules{
	"queue": {Kind: channels.KindStore, Write: []channels.Right{channels.RightOperator}},
	"notes": {Kind: channels.KindStore, Write: []channels.Right{channels.RightMember}},
	"ui":    {Kind: channels.KindStore, Scope: channels.ScopeUser, Write: []channels.Right{channels.RightOwner}},
	"chat":  {Kind: channels.KindLog, Write: []channels.Right{channels.RightMember}},
}}

// A change is a part of what makes a transaction.
type change func(*channels.Transaction)

// tx makes a transaction of a user, whose login session is s- and the user.
func tx(op, user string, changes ...change) channels.Transaction {
	id, err := channels.ParseOp(op)
	if err != nil {
		panic(err)
	}
	t := channels.Transaction{Op: id, Hash: "h", By: channels.Actor{ID: "s-" + user, User: user}}
	if user == "" {
		t.By = channels.Actor{}
	}
	for _, c := range changes {
		c(&t)
	}
	return t
}

func effect(e channels.Effect) change {
	return func(t *channels.Transaction) { t.Effects = append(t.Effects, e) }
}

func set(channel, key, value string) change {
	return effect(channels.Effect{Channel: channel, Key: key, Value: json.RawMessage(value)})
}

func patch(channel, key, value string) change {
	return effect(channels.Effect{Channel: channel, Key: key, Patch: json.RawMessage(value)})
}

func del(channel, key string) change { return effect(channels.Effect{Channel: channel, Key: key}) }

func say(channel, data string) change {
	return effect(channels.Effect{Channel: channel, Value: json.RawMessage(data)})
}

// answered is what it was answered with; no makes it a refusal.
func answered(data string) change {
	return func(t *channels.Transaction) { t.Answer = json.RawMessage(data) }
}

func no(code channels.Code) change {
	return func(t *channels.Transaction) {
		t.Refused, t.Answer = true, json.RawMessage(fmt.Sprintf(`{"code":%q,"detail":"no"}`, code))
	}
}

func under(term uint64) change { return func(t *channels.Transaction) { t.Term = term } }

// seat makes a user the operator, without a record of why; nobody if the user is "".
func seat(term uint64, user string) change {
	fact := fmt.Sprintf(`{"term":%d,"operator":null}`, term)
	if user != "" {
		fact = fmt.Sprintf(`{"term":%d,"operator":{"session":"s-%s","user":%q}}`, term, user, user)
	}
	return set(channels.ControlStore, "seat", fact)
}

// journal is the record of a move.
func journal(r control.Record) change {
	data, _ := json.Marshal(r)
	return say(channels.ControlLog, string(data))
}

// takes is what a user does who takes the vacant seat.
func takes(op, user string, term uint64) channels.Transaction {
	to := control.Party{Session: "s-" + user, User: user}
	return tx(op, user, seat(term, user), journal(control.Record{
		Do: control.DoRequest, Result: control.Seated, Session: to.Session, User: user, Term: term, To: &to,
	}))
}

// A run is a history in the making. Its log begins with the epoch and the rules, at position 1.
type run struct {
	t *testing.T
	history.History
	now int64
}

func newRun(t *testing.T) *run {
	r := &run{t: t}
	data, err := json.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	r.commit(tx("hub-1.1", "", set(channels.SpaceStore, "epoch", `"e1"`), set(channels.SiteStore, "rules", string(data))))
	return r
}

// commit adds an entry to L and returns its position.
func (r *run) commit(transactions ...channels.Transaction) uint64 {
	position := uint64(len(r.Log)) + 1
	e := channels.Entry{Version: 1, ID: fmt.Sprint("entry", position), Transactions: transactions}
	if position > 1 {
		e.Epoch = "e1"
	}
	data, err := e.Encode()
	if err != nil {
		r.t.Fatal(err)
	}
	r.Log = append(r.Log, history.Entry{Position: position, Time: "2026-01-01T00:00:00Z", Data: data})
	return position
}

// did adds an attempt: what it is, and what came of it. It takes 10 of time, and the next begins after it.
func (r *run) did(o history.Operation) *history.Operation {
	if o.Begin == 0 {
		o.Begin = r.now + 1
		o.End = r.now + 10
	}
	r.now = max(r.now, o.End)
	o.Client, _, _ = strings.Cut(o.Op, ".")
	if o.Session == "" {
		o.Session = "s-" + o.User
	}
	if o.Outcome == history.OK && o.Answer == nil {
		o.Answer = json.RawMessage(fmt.Sprintf(`{"id":%d,"position":%d}`, len(r.Operations)+1, o.Position))
	}
	r.Operations = append(r.Operations, o)
	return &r.Operations[len(r.Operations)-1]
}

// write is an attempt to set a key that was acknowledged at a position.
func write(op, user, channel, key, value string, position uint64) history.Operation {
	return history.Operation{
		Op: op, User: user, Verb: "write", Outcome: history.OK, Position: position,
		Writes: []history.Write{{Channel: channel, Set: map[string]json.RawMessage{key: json.RawMessage(value)}}},
	}
}

func appended(op, user, channel, data string, position uint64) history.Operation {
	return history.Operation{
		Op: op, User: user, Verb: "append", Outcome: history.OK, Position: position,
		Appends: []history.Append{{Channel: channel, Data: json.RawMessage(data)}},
	}
}

// as changes an operation.
func as(o history.Operation, how func(*history.Operation)) history.Operation {
	how(&o)
	return o
}

// find runs a checker and wants violations whose sentences have these texts, one each, in any order, and no others.
func (r *run) find(promise string, texts ...string) {
	r.t.Helper()
	found, err := check.Only(&r.History, promise)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, text := range texts {
		i := -1
		for n, v := range found {
			if strings.Contains(v.What, text) {
				i = n
			}
		}
		if i < 0 {
			r.t.Errorf("%s does not find %q", promise, text)
			continue
		}
		found = append(found[:i:i], found[i+1:]...)
	}
	for _, v := range found {
		r.t.Errorf("%s finds: %v", promise, v)
	}
}
