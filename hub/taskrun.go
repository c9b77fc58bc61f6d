package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/baton-hub/baton/channels"
)

const (
	recordTime = 5 * time.Second        // to record what came of a run, when the node is already leaving
	askAgain   = 300 * time.Millisecond // after nobody answered for a node: perhaps its word had no way yet
	callLook   = 200 * time.Millisecond // how often a task looks how its call goes on
)

// runTask runs a task for a tick, if that was not done before, and records what came of it. An error means that the tick
// has to come again.
func (h *Hub) runTask(ctx context.Context, j *job, t channels.Tick) error {
	space, err := j.room.whenOpen(ctx)
	if err != nil {
		return err
	}
	run := TaskRun{Life: t.Life, Sequence: t.Sequence, At: time.Now().UTC().Round(time.Millisecond), Node: h.options.Node}
	answer, err := h.claimTick(ctx, space, j, run)
	if err != nil || answer != claimed {
		return err
	}
	defer h.atHand.Delete(question{Task: j.schedule.Name, Life: t.Life, Sequence: t.Sequence})
	began := time.Now()
	detail, err := j.run(ctx, space, t)
	if ctx.Err() != nil && j.again && err != nil {
		return err // this node is leaving: another takes the tick up
	}
	run.State, run.Detail, run.TookMS = RunOK, detail, time.Since(began).Milliseconds()
	if err != nil {
		run.State, run.Detail = RunFailed, explain(err)
		h.logger.Warn("a task failed", "space", j.room.name, "task", j.name, "error", err)
	}
	run.Detail = clip(run.Detail)
	record, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	return house(record, space, endRun{j.name, run}.Decide)
}

// claimTick makes a tick this node's. While the task runs elsewhere the tick has to come again; a node that does not answer
// for the run that the log says it has at hand is gone. So a node answers for a run from before it has it.
func (h *Hub) claimTick(ctx context.Context, space *channels.Space, j *job, run TaskRun) (answer string, err error) {
	mine := question{Task: j.schedule.Name, Life: run.Life, Sequence: run.Sequence}
	if _, there := h.atHand.LoadOrStore(mine, true); there {
		return "", channels.ErrElsewhere
	}
	defer func() {
		if answer != claimed {
			h.atHand.Delete(mine)
		}
	}()
	var gone []string
	for {
		o := space.House(ctx, beginRun{j.name, run, j.again, gone}.Decide)
		var refused *channels.Refusal
		if !errors.As(o.Err, &refused) {
			_ = json.Unmarshal(o.Answer, &answer)
			return answer, o.Err
		}
		other, ok := refused.More[runOpKey].(TaskRun)
		if !ok || len(gone) > keptRuns {
			return "", o.Err
		}
		if other.Node == run.Node && other.Life == run.Life && other.Sequence == run.Sequence {
			gone = append(gone, other.Node) // it was this node's, which could not record its end
			continue
		}
		there, err := h.askNode(ctx, other.Node, question{Task: j.schedule.Name, Life: other.Life, Sequence: other.Sequence})
		switch {
		case err != nil:
			return "", err
		case there:
			return "", channels.ErrElsewhere
		}
		gone = append(gone, other.Node)
	}
}

// A question is what one node asks another: whether it has a run, or a duty, at hand. It is a key of Hub.atHand.
type question struct {
	Task     string `json:"task,omitempty"`
	Life     string `json:"life,omitempty"`
	Sequence uint64 `json:"sequence,omitempty"`
	Duty     string `json:"duty,omitempty"`
}

func nodeSubject(node string) string { return "node." + node }

// answerNodes answers the questions of the other nodes.
func (h *Hub) answerNodes(data []byte) []byte {
	var q question
	if json.Unmarshal(data, &q) != nil {
		return nil
	}
	_, there := h.atHand.Load(q)
	return fmt.Append(nil, there)
}

// askNode reports whether a node is there and has something at hand. An error means that nobody knows.
func (h *Hub) askNode(ctx context.Context, node string, q question) (there bool, err error) {
	if node == h.options.Node {
		_, there := h.atHand.Load(q)
		return there, nil
	}
	data, err := json.Marshal(q)
	if err != nil {
		return false, err
	}
	for range 2 {
		answer, err := h.options.Relay.Ask(ctx, nodeSubject(node), data)
		switch {
		case err == nil:
			return string(answer) == "true", nil
		case !errors.Is(err, channels.ErrNobody):
			return false, err
		}
		if !sleep(ctx, askAgain) {
			return false, context.Cause(ctx)
		}
	}
	return false, nil
}

// callTask calls the command of a task and waits until the call has ended. The operation is bound to the tick, so
// whoever does this for it once more finds the same call.
func (r *room) callTask(ctx context.Context, space *channels.Space, t Task, tick channels.Tick) (detail string, err error) {
	user := "task/" + t.Name
	command := channels.CallCommand{
		Command: t.Call, Args: t.Args, As: &channels.Who{ID: user, User: user, Name: t.Name, Roles: []string{channels.RoleService}},
	}
	p := channels.Proposal{
		Op: taskOp(r.name, t.Name, tick), User: user, Body: append([]byte(t.Call+" "), t.Args...),
		Decide: func(d *channels.Draft) (any, error) {
			if !r.served(t.Call) {
				return nil, noService(t.Call)
			}
			return command.Decide(d)
		},
	}
	var o channels.Outcome
	for range 3 { // the same operation, so it is called once
		o = space.Do(ctx, p)
		var uncertain *channels.Uncertain
		if !errors.As(o.Err, &uncertain) || ctx.Err() != nil {
			break
		}
	}
	if o.Err != nil {
		return "", o.Err
	}
	var id string
	if err := json.Unmarshal(o.Answer, &id); err != nil {
		return "", fmt.Errorf("reading the id of the call: %w", err)
	}
	return awaitCall(ctx, space, id)
}

// taskOp is the operation of a tick. The tick's sequence grows, as an operation's number has to, within a life.
func taskOp(space, task string, tick channels.Tick) channels.Op {
	sum := sha256.Sum256([]byte(space + "/" + task + "/" + tick.Life))
	return channels.Op{Client: "task-" + hex.EncodeToString(sum[:10]), N: tick.Sequence}
}

// awaitCall waits until a call has ended; its deadline, if it has one, is kept by the sweep.
func awaitCall(ctx context.Context, space *channels.Space, id string) (detail string, err error) {
	for {
		var found []channels.Call
		space.Read(func(state *channels.State) {
			if v, ok := state.Get(channels.Ref{Channel: channels.CallsStore, Key: id}); ok {
				var c channels.Call
				if json.Unmarshal(v.Data, &c) == nil {
					found = append(found, c)
				}
			}
		})
		switch {
		case len(found) == 0:
			return "", fmt.Errorf("the call %s is not known any more", id)
		case found[0].State == channels.CallDone:
			return "call " + id + " " + clip(string(found[0].Result)), nil
		case found[0].Ended():
			return "", fmt.Errorf("the call %s is %s: %s", id, found[0].State, found[0].Error)
		}
		if !sleep(ctx, callLook) {
			return "", context.Cause(ctx)
		}
	}
}

// explain is what people are told of an error.
func explain(err error) string {
	var refused *channels.Refusal
	if errors.As(err, &refused) {
		return refused.Detail
	}
	return err.Error()
}

func clip(text string) string {
	if len(text) <= maxDetail {
		return text
	}
	return fmt.Sprintf("%.*s…", maxDetail/4, text) // counted in letters, which have up to four bytes
}

// sleep waits; it returns false when ctx ends before that.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
