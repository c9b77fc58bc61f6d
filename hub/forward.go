package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"runtime"
	"sync"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// Any node may commit, and none is needed for it. But while several nodes commit to one log, each entry of one makes those
// of the others be decided again. So a node hands its transactions to the home of the space, one of the nodes that show
// it, which they all work out for themselves. Who believes in another home, or in none, costs retries and nothing else: an
// operation is applied once, whoever brings it, and decided on the log, whoever does that.

// A forwarder hands the transactions of connections and requests to the space's home, those of each connection in their
// order: in few messages at a time, each with all that wait, so that some are with the home whenever it begins an entry. What
// does not come back in time is committed here. Its goroutines, one for a message, run while something waits.
type forwarder struct {
	room    *room
	unnamed unnamed // that are handed over

	mu       sync.Mutex
	waiting  []handed
	messages int                  // under way
	under    map[uint64]bool      // sources whose transactions are in them: what else they want waits
	shunned  map[string]time.Time // nodes that did not answer, until when they are not asked
}

// handed is what is handed over: a proposal, and the request that it was made of.
type handed struct {
	channels.Proposal
	request json.RawMessage
}

const (
	homeTime     = time.Second     // for the home to answer
	homeWithin   = homeTime / 2    // for it to decide: later nobody waits for it, and the node that asked does it itself
	shunTime     = 5 * time.Second // for a home that did not
	forwardItems = 256             // of one message
	forwardBytes = 256 << 10
	forwardMost  = 4 // messages under way
)

// A forwarded transaction is the request that it was asked with, and by whom: a frame, which has the operation id in it, or
// what was asked over HTTP, see asking.
type forwarded struct {
	Op      string          `json:"op,omitempty"`
	Unnamed bool            `json:"unnamed,omitempty"`
	Actor   string          `json:"actor"`
	User    string          `json:"user"`
	Source  uint64          `json:"source"`
	Again   bool            `json:"again,omitempty"`
	Urgent  bool            `json:"urgent,omitempty"`
	At      uint64          `json:"at,omitempty"` // where the node was that hands it over: its client may go by what was there
	Trace   string          `json:"trace,omitempty"`
	Request json.RawMessage `json:"request"`
}

// A homeAnswer is what came of it. The zero one is none: nobody knows.
type homeAnswer struct {
	Position uint64            `json:"position,omitempty"`
	Answer   json.RawMessage   `json:"answer,omitempty"`
	Refused  *channels.Refusal `json:"refused,omitempty"`
}

func homeSubject(space, node string) string { return "home." + space + "." + node }

// home is the node that every node takes for the home of the space: the first by rendezvous hashing of those that show it.
func home(space string, nodes []string) (first string) {
	var best uint64
	for _, node := range nodes {
		h := fnv.New64a()
		_, _ = h.Write([]byte(space + "\x00" + node)) // it never fails
		if sum := h.Sum64(); first == "" || sum > best || sum == best && node < first {
			first, best = node, sum
		}
	}
	return first
}

// homeNow is the node to hand transactions to; "" = commit here.
func (w *forwarder) homeNow() string {
	here, others := w.room.hub.options.Node, w.room.otherNodes()
	if len(others) == 0 {
		return ""
	}
	node := home(w.room.name, append(others, here))
	w.mu.Lock()
	defer w.mu.Unlock()
	until, shunned := w.shunned[node]
	if shunned && time.Now().After(until) {
		delete(w.shunned, node)
		shunned = false
	}
	if node == here || shunned {
		return ""
	}
	return node
}

// propose is the Propose of the space, through its home, which makes the same of the request.
func (w *forwarder) propose(p channels.Proposal, request json.RawMessage) {
	w.mu.Lock()
	idle := w.messages == 0 && len(w.waiting) == 0
	w.mu.Unlock()
	if idle && w.homeNow() == "" { // nothing of the same connection is under way, and what others ask for has no order
		w.room.commit(p)
		return
	}
	w.mu.Lock()
	w.waiting = append(w.waiting, handed{p, request})
	start := w.messages < forwardMost && !w.under[p.Source] // else there is one that looks again
	if start {
		w.messages++
	}
	w.mu.Unlock()
	if start {
		w.room.hub.running.Go(w.run)
	}
}

// run hands over what waits until nothing does, but for what has to wait for another message.
func (w *forwarder) run() {
	runtime.Gosched() // who has just been answered may have more: it shares the message
	var batch []handed
	for {
		w.mu.Lock()
		for _, p := range batch {
			delete(w.under, p.Source)
		}
		batch = w.takeLocked()
		if len(batch) == 0 {
			w.messages--
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
		node := w.homeNow()
		if node == "" {
			for _, p := range batch {
				w.room.commit(p.Proposal)
			}
		} else if !w.hand(node, batch) {
			for _, p := range batch {
				w.room.commit(atLarge(p.Proposal))
			}
		}
	}
}

// takeLocked takes what fits into one message, of sources that have nothing in another one.
func (w *forwarder) takeLocked() (batch []handed) {
	size, kept := 0, w.waiting[:0]
	for i, p := range w.waiting {
		if w.under[p.Source] {
			kept = append(kept, p)
			continue
		}
		if size += len(p.request); len(batch) > 0 && (len(batch) >= forwardItems || size > forwardBytes) {
			kept = append(kept, w.waiting[i:]...)
			break
		}
		batch = append(batch, p)
	}
	clear(w.waiting[len(kept):])
	w.waiting = kept
	for _, p := range batch {
		if p.Source != 0 {
			w.under[p.Source] = true
		}
	}
	return batch
}

// hand gives a batch to a node. It is false if that did not answer; then everything is still to be answered. What the home
// does not know the outcome of is proposed here: the operation id sees to it that it is applied once.
func (w *forwarder) hand(node string, batch []handed) bool {
	var at uint64
	w.room.replica().Read(func(state *channels.State) { at = state.Position() })
	items := make([]forwarded, len(batch))
	for i, p := range batch {
		items[i] = forwarded{Actor: p.Actor, User: p.User, Source: p.Source, Again: p.Again, Urgent: p.Urgent, At: at, Request: p.request}
		if p.request[0] == '[' {
			items[i].Op, items[i].Unnamed = p.Op.String(), p.Unnamed
		}
		if p.Unnamed {
			batch[i].Proposal = w.unnamed.watch(p.Proposal)
		}
	}
	handing := w.room.traceHanding(node, batch, items)
	data, err := verbatim(items)
	if err != nil {
		panic(err) // it is made of what was decoded before
	}
	ctx, cancel := context.WithTimeout(w.room.hub.ctx, homeTime)
	defer cancel()
	reply, err := w.room.hub.options.Relay.Ask(ctx, homeSubject(w.room.name, node), data)
	var answers []homeAnswer
	if err == nil {
		err = json.Unmarshal(reply, &answers)
	}
	handing.answered(err == nil && len(answers) == len(batch))
	if err != nil || len(answers) != len(batch) {
		w.room.counts.silent.Add(float64(len(batch)))
		w.shun(node)
		return false
	}
	w.room.counts.answered.Add(float64(len(batch)))
	for i, a := range answers {
		if o, known := a.outcome(); known && w.shown(ctx, batch[i].Proposal, o) {
			batch[i].Done(o)
		} else {
			w.room.commit(atLarge(batch[i].Proposal))
		}
	}
	return true
}

// atLarge is a proposal that another node was handed, and has not answered for: it may have committed it, or be about to. The
// operation id sees to it that it is done once, and the log that it is not done at all if it is refused here. Of what comes to
// neither here, nobody knows.
func atLarge(p channels.Proposal) channels.Proposal {
	answer := p.Done
	p.Again, p.Done = true, func(o channels.Outcome) {
		var refused *channels.Refusal
		if o.Err != nil && (!errors.As(o.Err, &refused) || refused.Code == channels.CodeOverloaded) {
			o.Err = &channels.Uncertain{
				Code: channels.CodeUnknown, Op: p.Op,
				Detail: "another node was handed this and does not answer, it was perhaps done: send the same operation again",
			}
		}
		answer(o)
	}
	return p
}

// shown reports whether the log has what the home says. Its word alone that something was committed is not enough.
func (w *forwarder) shown(ctx context.Context, p channels.Proposal, o channels.Outcome) bool {
	if w.room.replica().WaitFor(ctx, o.Position) != nil {
		return false
	}
	if o.Err != nil {
		return true
	}
	at, watched := w.unnamed.at(p.Op)
	if !watched {
		w.room.replica().Read(func(state *channels.State) { at = state.CommittedAt(p.Op) })
	}
	return at == o.Position
}

// shun keeps a node from being asked for a while.
func (w *forwarder) shun(node string) {
	w.room.hub.logger.Debug("the home of a space does not answer", "space", w.room.name, "home", node)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shunned == nil {
		w.shunned = map[string]time.Time{}
	}
	w.shunned[node] = time.Now().Add(shunTime)
}

func (a homeAnswer) outcome() (o channels.Outcome, known bool) {
	o = channels.Outcome{Position: a.Position, Answer: a.Answer}
	if a.Refused != nil {
		o.Err = a.Refused
	}
	return o, a.Position > 0
}

// answerHome commits what other nodes hand to this one, whether it takes itself for the home or not.
func (r *room) answerHome(data []byte) []byte {
	var items []forwarded
	if json.Unmarshal(data, &items) != nil {
		return nil
	}
	if len(items) > 0 && r.replica().WaitFor(r.hub.ctx, items[0].At) != nil {
		return nil // the node that asks knows more than this one: it does it itself
	}
	answers := make([]homeAnswer, len(items))
	var answered sync.WaitGroup
	for i, item := range items {
		p, err := r.proposalOf(item)
		if err != nil {
			continue // of another version: the node that asks does it itself
		}
		answered.Add(1)
		p.Within = homeWithin
		p.Done = func(o channels.Outcome) {
			answers[i] = answerOf(o)
			answered.Done()
		}
		r.commit(p)
	}
	answered.Wait() // not for long: a proposal is answered within the replica's patience
	reply, err := verbatim(answers)
	if err != nil {
		r.hub.logger.Error("an answer to another node cannot be encoded", "space", r.name, "error", err)
		return nil
	}
	return reply
}

// verbatim encodes what nodes send each other. What clients sent stays as it is, to the byte: operation ids are bound to it,
// on whichever node it is decided.
func verbatim(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// proposalOf makes again what another node has made of a request.
func (r *room) proposalOf(item forwarded) (p channels.Proposal, err error) {
	op := item.Op
	switch {
	case len(item.Request) < 2:
		return p, errors.New("there is no request")
	case item.Request[0] == '[':
		p, err = r.proposalAsked(item.Request)
	default:
		op, p.Decide, err = r.decisionIn(item.Request)
		p.Body = item.Request
	}
	if err != nil {
		return p, err
	}
	p.Op, err = channels.ParseOp(op)
	p.Unnamed, p.Actor, p.User, p.Source, p.Trace = item.Unnamed, item.Actor, item.User, item.Source, item.Trace
	p.Again, p.Urgent = item.Again, item.Urgent
	return p, err
}

// decisionIn reads a frame without its head.
func (r *room) decisionIn(request json.RawMessage) (op string, decide channels.Decide, err error) {
	requests, err := wire.DecodeRequests(append([]byte(`[{"id":1,`), append(request[1:len(request):len(request)], ']')...))
	if err != nil || len(requests) != 1 {
		return "", nil, errors.Join(err, errors.New("it is not one request"))
	}
	d, err := r.decisionOf(requests[0])
	if err != nil || d == nil {
		return "", nil, errors.Join(err, errors.New("it changes nothing"))
	}
	return d.op, d.decide, nil
}

func answerOf(o channels.Outcome) homeAnswer {
	var refused *channels.Refusal
	switch {
	case errors.As(o.Err, &refused):
		return homeAnswer{Position: o.Position, Refused: refused}
	case o.Err != nil:
		return homeAnswer{}
	}
	return homeAnswer{Position: o.Position, Answer: o.Answer}
}
