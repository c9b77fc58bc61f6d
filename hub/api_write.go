package hub

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// OpHeader is the operation id of a request that changes something.
type OpHeader struct {
	Op string `header:"Baton-Op" doc:"An operation id, client.n: a random client id, and a number that grows. The same request under the same id is done once, however often and to whichever node it is sent."`

	Again bool `header:"Baton-Again" doc:"The request was sent before, under this operation id, and may be on its way still: if it is refused now, no node does it later."`
}

type writeInput struct {
	ChannelPath
	OpHeader
	Body writeBody
}

// writeBody is a change of one channel.
type writeBody struct {
	Set    map[string]json.RawMessage `json:"set,omitempty" doc:"Of a store: values by key."`
	Delete []string                   `json:"delete,omitempty" doc:"Of a store: keys."`
	Patch  map[string]json.RawMessage `json:"patch,omitempty" doc:"Of a store: JSON Merge Patches (RFC 7396) by key, of what is there when it is decided."`
	If     map[string]uint64          `json:"if,omitempty" doc:"Refuse unless each key was last changed at this position; 0: it does not exist."`
	Since  string                     `json:"since,omitempty" doc:"A cursor: refuse if anybody else changed anything in the store after it."`
	Unseen string                     `json:"unseen,omitempty" doc:"A cursor: refuse if anybody else changed a key of this write after it."`
	Owner  string                     `json:"owner,omitempty" doc:"Of a store with a scope: whose values. Default: one's own."`
	Data   json.RawMessage            `json:"data,omitempty" doc:"Of a log: the message. Of a signal: what is sent."`
	Term   uint64                     `json:"term,omitempty" doc:"The term one acts under, where only the operator may write."`
	Held   map[string]uint64          `json:"held,omitempty" doc:"Refuse unless the client of the operation id holds these locks: name and token."`
	Op     string                     `json:"op,omitempty" doc:"As the header Baton-Op."`
}

type writtenOutput struct {
	Body writtenAnswer
}

type writtenAnswer struct {
	Position uint64   `json:"position,omitempty" doc:"Of the change in the log of the space. Live values have none."`
	Cursor   string   `json:"cursor,omitempty" doc:"A reader at this cursor has seen the change."`
	Calls    []string `json:"calls,omitempty" doc:"The ids of the calls of a transaction, in order."`
}

type transactInput struct {
	SpacePath
	OpHeader
	Body transactBody
}

// transactBody is a transaction: all of it happens, or nothing.
type transactBody struct {
	Writes  []wire.TransactWrite  `json:"writes,omitempty"`
	Appends []wire.TransactAppend `json:"appends,omitempty"`
	Calls   []wire.TransactCall   `json:"calls,omitempty"`
	Term    uint64                `json:"term,omitempty" doc:"The term one acts under, for all parts."`
	Held    map[string]uint64     `json:"held,omitempty" doc:"Refuse unless the client of the operation id holds these locks: name and token."`
	Op      string                `json:"op,omitempty" doc:"As the header Baton-Op."`
}

// decisionErrors are the statuses of decisions that refuse.
var decisionErrors = []int{http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}

func writeOperations(a *api) {
	member(a, huma.Operation{
		OperationID: "write-channel", Method: http.MethodPost, Path: "/api/v1/spaces/{space}/channels/{channel}", Tags: []string{"channels"},
		Summary: "Change keys of a store, add a message to a log, or send live values or a signal",
		Description: "A store takes set, delete and patch, all of it or nothing; a log takes data. A live store takes set and delete from its services. " +
			"A signal takes data: it goes to everybody who listens now, a few times a second, and whether it came is not known. " +
			"With since the write is refused (409) if there are changes that the writer has not seen; the problem shows what is there. " +
			"Whoever writes several times gives the cursor of the answer before, or operation ids of one client: without these, " +
			"every request is of a client of its own.",
		Errors: decisionErrors,
	}, writeChannel)
	member(a, huma.Operation{
		OperationID: "transact", Method: http.MethodPost, Path: "/api/v1/spaces/{space}/transactions", Tags: []string{"channels"},
		Summary:     "Change several stores and logs and call commands, all or nothing",
		Description: "Everybody sees it as one change. A refusal names the part that it is about, as writes/0.",
		Errors:      decisionErrors,
	}, transact)
}

func writeChannel(v *visit, in *writeInput) (*writtenOutput, error) {
	b := in.Body
	op, err := oneOp(in.OpHeader, b.Op)
	if err != nil {
		return nil, err
	}
	kind := channels.KindStore
	if len(b.Data) > 0 {
		kind = channels.KindLog
	}
	rules, err := v.rulesUnder(op, in.Channel, kind)
	storeOnly := len(b.Patch)+len(b.If)+len(b.Held) > 0 || b.Since != "" || b.Unseen != "" || b.Owner != ""
	values := len(b.Set)+len(b.Delete) > 0 || storeOnly
	switch {
	case err != nil:
		return nil, err
	case rules.Kind == channels.KindSignal:
		if storeOnly {
			return nil, invalid("%s is a signal: give data, and nothing of a store", in.Channel)
		}
		return &writtenOutput{}, v.postSignal(op, in.Channel, b)
	case rules.Kind == channels.KindLog && values:
		return nil, invalid("%s is a log: give data, and nothing of a store", in.Channel)
	case rules.Kind == channels.KindLog:
		b.Op = ""
		return v.written(v.decide(op, "append", in.Channel, b))
	case len(b.Data) > 0:
		return nil, invalid("%s is a store: give set, delete or patch", in.Channel)
	case rules.Live && (storeOnly || b.Term != 0 || !op.unnamed):
		return nil, invalid("%s is a live store: give set or delete, and nothing else", in.Channel)
	case rules.Live:
		return &writtenOutput{}, v.room.sendValues(v.r.Context(), v.who, in.Channel, b.Set, b.Delete)
	}
	b.Op = ""
	return v.written(v.decide(op, "write", in.Channel, b))
}

// decision returns the decision of a change of a store.
func (b writeBody) decision(channel string) (channels.Decide, error) {
	seen, err := channels.ParseCursor(b.Since)
	if err != nil {
		return nil, invalid("since: %v", err)
	}
	unseen, err := channels.ParseCursor(b.Unseen)
	if err != nil {
		return nil, invalid("unseen: %v", err)
	}
	w := channels.Write{
		Channel: channel, Owner: b.Owner, Set: b.Set, Delete: b.Delete, Patch: b.Patch, If: b.If, Term: b.Term, Held: b.Held,
	}
	return func(d *channels.Draft) (any, error) {
		w := w
		w.Since, w.Unseen = since(d, seen), since(d, unseen)
		return w.Decide(d)
	}, nil
}

// decision returns the decision of a transaction.
func (b transactBody) decision(r *room) (channels.Decide, error) {
	return r.transacting(&wire.Transact{Term: b.Term, Held: b.Held, Writes: b.Writes, Appends: b.Appends, Calls: b.Calls})
}

// rulesUnder is rules for a request under an operation id. What became of it may be in the log although the channel is gone:
// then it is decided there, as what it was for a channel of that kind.
func (v *visit) rulesUnder(op operation, channel string, kind channels.Kind) (channels.ChannelRules, error) {
	rules, err := v.rules(channel)
	if err != nil && !op.unnamed {
		return channels.ChannelRules{Kind: kind}, nil
	}
	return rules, err
}

// rules finds the rules of a channel that clients may know.
func (v *visit) rules(channel string) (rules channels.ChannelRules, err error) {
	v.room.replica().Read(func(state *channels.State) {
		var ok bool
		if rules, ok = state.Rules().Channels[channel]; !ok {
			err = unknownChannel(channel)
		}
	})
	return rules, err
}

func transact(v *visit, in *transactInput) (*writtenOutput, error) {
	b := in.Body
	op, err := oneOp(in.OpHeader, b.Op)
	if err != nil {
		return nil, err
	}
	b.Op = ""
	o := v.decide(op, "transact", b)
	out, err := v.written(o)
	if err == nil && len(o.Answer) > 0 {
		var done channels.TransactAnswer
		err = json.Unmarshal(o.Answer, &done)
		out.Body.Calls = done.Calls
	}
	return out, err
}

// oneOp reads the operation id of a request: of its header, or of its body, or a new one, which nobody else knows, so the
// request cannot be sent again under it.
func oneOp(header OpHeader, body string) (operation, error) {
	if header.Op != "" && body != "" && header.Op != body {
		return operation{}, invalid("the header Baton-Op and op in the body differ: give one of them")
	}
	id := cmp.Or(header.Op, body)
	if id == "" {
		return operation{Op: channels.Op{Client: "http-" + rand.Text()[:20], N: 1}, unnamed: true}, nil
	}
	op, err := channels.ParseOp(id)
	return operation{Op: op, again: header.Again}, err
}

// An operation is the id under which a change is decided.
type operation struct {
	channels.Op
	unnamed bool // the client did not give it, and is not told
	again   bool // it was sent before
}

// decide has a change decided. What was asked, all of it, is what the operation id is bound to; see asking for what that
// may be.
func (v *visit) decide(op operation, asked ...any) channels.Outcome {
	request, err := verbatim(asked)
	if err != nil {
		return channels.Outcome{Err: invalid("the body cannot be read")}
	}
	p, err := v.room.proposalAsked(request)
	if err != nil {
		return channels.Outcome{Err: err}
	}
	v.room.mu.Lock()
	v.room.touchLocked(v.who.ID, true)
	p.Urgent = v.room.seat.Operator != nil && v.room.seat.Operator.Session == v.who.ID
	v.room.mu.Unlock()
	p.Op, p.Unnamed, p.Again, p.Actor, p.User, p.Trace = op.Op, op.unnamed, op.again, v.who.ID, v.who.User, v.span.Parent()
	if !op.unnamed {
		v.span.Set("baton.op", op.String())
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), decideTime)
	defer cancel()
	o := channels.Await(ctx, p, func(p channels.Proposal) { v.room.forwarder.propose(p, request) })
	var uncertain *channels.Uncertain
	if op.unnamed && errors.As(o.Err, &uncertain) && uncertain.Code == channels.CodeUnknown { // its id is not remembered
		o.Err = &channels.Uncertain{Code: channels.CodeUnknown, Detail: "this was perhaps done: look before you send it again"}
	}
	if code := refusedWith(o.Err); code == channels.CodeForbidden || code == channels.CodeNotOperator || code == channels.CodeOldTerm {
		traced(v.hub.logger, v.span).Info("refused", "space", v.room.name, "user", v.who.User, "session", v.who.ID, "code", code, "op", op)
	}
	return o
}

// decideTime is longer than any decision may take.
const decideTime = time.Minute

// written answers a change.
func (v *visit) written(o channels.Outcome) (*writtenOutput, error) {
	if o.Err != nil {
		return nil, o.Err
	}
	return &writtenOutput{writtenAnswer{Position: o.Position, Cursor: v.cursor(o.Position)}}, nil
}

// cursor is a position as clients carry it.
func (v *visit) cursor(position uint64) string {
	return channels.Cursor{Epoch: v.room.epochNow(), Position: position}.String()
}

// refusedWith is the code of a refusal, "" if err is none.
func refusedWith(err error) channels.Code {
	if err == nil {
		return ""
	}
	return channels.Code(errorFrame(err).Code)
}
