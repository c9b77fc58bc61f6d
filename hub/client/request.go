package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// maxUnanswered is how many changes may wait for their answer. The hub remembers the last 64 operations of a client, so
// a change that is sent again is always among them.
const maxUnanswered = 32

// A request is a change that waits for its answer.
type request struct {
	// Set at construction.
	id     uint64
	frame  wire.Request
	data   []byte           // the same, as it is sent first
	answer chan wire.Answer // has room for it

	// Guarded by Client.mu.
	sent bool // on this connection
	ever bool // on any
}

// ask makes a change and returns the hub's answer to it. frame makes the request under an operation id; it is sent
// again until its outcome is known, or ctx or the client ends.
func ask[A wire.Answer](ctx context.Context, c *Client, frame func(op string) wire.Request) (answer A, err error) {
	a, err := c.answerTo(ctx, frame)
	if err != nil {
		return answer, err
	}
	answer, ok := a.(A)
	if !ok {
		return answer, fmt.Errorf("perhaps done, the hub gave a %s frame for an answer", a.FrameType())
	}
	return answer, nil
}

func (c *Client) answerTo(ctx context.Context, frame func(op string) wire.Request) (wire.Answer, error) {
	select {
	case c.turns <- struct{}{}:
		defer func() { <-c.turns }()
	case <-ctx.Done():
		return nil, fmt.Errorf("not sent: %w", context.Cause(ctx))
	case <-c.ctx.Done():
		return nil, c.Err()
	}
	if ctx.Err() != nil { // both were so, and select tosses a coin
		return nil, fmt.Errorf("not sent: %w", context.Cause(ctx))
	}
	r, err := c.enqueue(frame)
	if err != nil {
		return nil, err
	}
	select {
	case answer := <-r.answer:
		if refusal, ok := answer.(*wire.Error); ok {
			return nil, errorOf(refusal)
		}
		return answer, nil
	case <-ctx.Done():
		if c.forget(r) {
			return nil, fmt.Errorf("perhaps done, the hub did not answer in time: %w", context.Cause(ctx))
		}
		return nil, fmt.Errorf("not sent: %w", context.Cause(ctx))
	case <-c.ctx.Done():
		return nil, c.Err()
	}
}

func (c *Client) enqueue(frame func(op string) wire.Request) (*request, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ops++
	f := frame(fmt.Sprintf("%s.%d", c.id, c.ops))
	*f.Header() = wire.Head{ID: c.nextIDLocked(), Seen: c.seen}
	data, err := c.encodeLocked(f)
	if err != nil {
		return nil, err
	}
	r := &request{id: f.Header().ID, frame: f, data: data, answer: make(chan wire.Answer, 1)}
	c.unanswered = append(c.unanswered, r)
	c.rouse()
	return r, nil
}

// encodeLocked encodes a frame, if the hub will read it: it would refuse a message for one bad frame, and with it what
// others wait for.
func (c *Client) encodeLocked(f wire.Request) ([]byte, error) {
	data := wire.AppendFrame(nil, f)
	message := wire.JoinFrames([][]byte{data})
	if limit := c.hub.Limits.Message; limit > 0 && len(message)+len(`,"again":true`) > limit {
		return nil, &Error{Code: "too_large", Detail: fmt.Sprintf("%d bytes in one request, the hub takes %d: make it smaller", len(message), limit)}
	}
	if _, err := wire.DecodeRequests(message); err != nil {
		detail := err.Error()
		if bad, ok := errors.AsType[*wire.BadFrame](err); ok {
			detail = bad.Detail
		}
		return nil, &Error{Code: wire.CodeBadFrame, Detail: detail}
	}
	return data, nil
}

// forget gives a request up. It reports whether it may have reached the hub.
func (c *Client) forget(r *request) (sent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unanswered = slices.DeleteFunc(c.unanswered, func(x *request) bool { return x == r })
	return r.ever
}

// answeredLocked takes a change off the list; nil if it is not on it.
func (c *Client) answeredLocked(id uint64) *request {
	for i, r := range c.unanswered {
		if r.id == id {
			c.unanswered = slices.Delete(c.unanswered, i, i+1)
			return r
		}
	}
	return nil
}

// patienceLocked lets everything wait a while: the hub could not decide something now.
func (c *Client) patienceLocked() {
	if time.Until(c.pause) > 0 {
		return // the answers to one message count once
	}
	c.pause = time.Now().Add(backoff(c.refusals))
	c.refusals++
	c.rouse()
}

// A batch is a message in the making.
type batch struct {
	frames [][]byte
	size   int // of the message
	limit  int // of its size
}

// add adds a frame if there is room for it.
func (b *batch) add(data []byte) bool {
	if len(b.frames) == wire.MaxFrames || len(b.frames) > 0 && b.size+len(data)+2 > b.limit {
		return false
	}
	b.frames = append(b.frames, data)
	b.size += len(data) + 1
	return true
}

// collect returns the next message to send, nil if there is none; wait is how long to wait for patience then.
func (c *Client) collect() (message []byte, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if wait := time.Until(c.pause); wait > 0 {
		return nil, wait
	}
	b := &batch{limit: c.hub.Limits.Message}
	if b.limit <= 0 {
		b.limit = 64 << 10
	}
	_ = c.collectJoinsLocked(b) && c.collectServeLocked(b) && c.collectChangesLocked(b) && c.collectSignalsLocked(b) &&
		c.collectLiveLocked(b)
	if len(b.frames) == 0 {
		return nil, 0
	}
	return wire.JoinFrames(b.frames), 0
}

func (c *Client) collectChangesLocked(b *batch) (room bool) {
	for _, r := range c.unanswered {
		if r.sent {
			continue
		}
		data := r.data
		if r.ever { // on another connection it may be on its way still
			r.frame.Header().Again = true
			data = wire.AppendFrame(nil, r.frame)
		}
		if !b.add(data) {
			return false
		}
		r.sent, r.ever = true, true
	}
	return true
}
