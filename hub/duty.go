package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/baton-hub/baton/channels"
)

// A Duty is something that exactly one node does all the time, such as keeping a file in step with a store. The node
// that has it is recorded in the log; when that does not answer any more, another takes it over. What a duty commits
// passes its fence, so nothing of a node lands that has lost it.
type Duty struct {
	Space string                            // Required.
	Name  string                            // Required. Unique in the space, also among its tasks.
	On    string                            // Optional. Only nodes with this label have it.
	While func(*channels.State) bool        // Optional. Whether there is anything to do, such as: the rules in force want it.
	Run   func(context.Context, Turn) error // Required. Ends when ctx does. An error is reported, and it is run again.
}

// A Turn is a node's time with a duty.
type Turn struct {
	Space  *channels.Space
	Fence  func(*channels.Draft) error      // refuses once another node has the duty: for what Run commits
	Report func(failed bool, detail string) // keeps a line in the duty's history; what it said last is not repeated
}

// How often a node looks whether a duty is free, whether it still has it, and when it tries one again that failed.
const (
	dutyLook  = time.Second
	dutyRetry = 5 * time.Second
)

// duty is a Duty on this node.
type duty struct {
	Duty
	room *room
}

func dutyRef(name string) channels.Ref { return channels.Ref{Channel: tasksStore, Key: "duty/" + name} }

// holder returns the node that has a duty, "" if none, and since which position.
func holder(v channels.View, name string) (node string, position uint64) {
	value, ok := v.Get(dutyRef(name))
	if !ok {
		return "", 0
	}
	_ = json.Unmarshal(value.Data, &node) // written as a string
	return node, value.Position
}

// setDuties checks the duties of the options. Those for other nodes are kept to be shown.
func (h *Hub) setDuties() error {
	seen := map[string]bool{}
	for _, d := range h.options.Duties {
		r := h.rooms[d.Space]
		switch {
		case r == nil:
			return fmt.Errorf("duty %s: there is no space %q", d.Name, d.Space)
		case seen[jobName(d.Space, d.Name)] || h.jobs[jobName(d.Space, d.Name)] != nil:
			return fmt.Errorf("there are two tasks %s in %s", d.Name, d.Space)
		}
		seen[jobName(d.Space, d.Name)] = true
		h.duties = append(h.duties, &duty{d, r})
	}
	return nil
}

// attend waits until the duty is this node's, does it as long as it is, and gives it back.
func (d *duty) attend(ctx context.Context) error {
	space, err := d.room.whenOpen(ctx)
	if err != nil {
		return err
	}
	h := d.room.hub
	q := question{Duty: jobName(d.Space, d.Name)}
	defer h.atHand.Delete(q)
	for {
		got, err := d.obtain(ctx, space)
		if err != nil {
			return err
		}
		if got {
			break
		}
		h.atHand.Delete(q)
		if !sleep(ctx, dutyLook) {
			return nil
		}
	}
	h.logger.Info("this node has a duty now", "space", d.Space, "duty", d.Name)
	err = d.do(ctx, space)
	if err != nil && ctx.Err() == nil {
		d.report(space, true, explain(err))
		sleep(ctx, dutyRetry)
	}
	d.release(ctx, space)
	return nil
}

// obtain takes the duty if nobody has it, or who has it does not answer for it.
func (d *duty) obtain(ctx context.Context, space *channels.Space) (got bool, err error) {
	var node string
	var position uint64
	wanted := false
	space.Read(func(state *channels.State) {
		node, position = holder(state, d.Name)
		wanted = d.While == nil || d.While(state)
	})
	me := d.room.hub.options.Node
	if !wanted {
		return false, nil
	}
	if node != "" && node != me {
		there, err := d.room.hub.askNode(ctx, node, question{Duty: jobName(d.Space, d.Name)})
		if err != nil || there {
			return false, err
		}
	}
	d.room.hub.atHand.Store(question{Duty: jobName(d.Space, d.Name)}, true) // before another node can ask for it
	err = space.House(ctx, func(draft *channels.Draft) (any, error) {
		if _, now := holder(draft, d.Name); now != position {
			return nil, channels.Refuse(channels.CodeConflict, "another node was faster")
		}
		draft.Set(dutyRef(d.Name), me)
		return nil, nil
	}).Err
	if channels.IsCode(err, channels.CodeConflict) {
		return false, nil
	}
	return err == nil, err
}

// do runs the duty until ctx ends, another node has it, or there is nothing to do any more.
func (d *duty) do(ctx context.Context, space *channels.Space) error {
	turn, end := context.WithCancel(ctx)
	defer end()
	ended := make(chan error, 1)
	go func() {
		ended <- d.Run(turn, Turn{Space: space, Fence: d.fence, Report: func(failed bool, detail string) {
			d.report(space, failed, detail)
		}})
	}()
	look := time.NewTicker(dutyLook)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			if turn.Err() != nil {
				return nil
			}
			return err
		case <-look.C:
			space.Read(func(state *channels.State) {
				if node, _ := holder(state, d.Name); node != d.room.hub.options.Node || d.While != nil && !d.While(state) {
					end()
				}
			})
		}
	}
}

func (d *duty) fence(draft *channels.Draft) error {
	if node, _ := holder(draft, d.Name); node != d.room.hub.options.Node {
		return channels.Refuse(channels.CodeForbidden, "%s is with the node %s now", d.Name, node)
	}
	return nil
}

// release gives the duty back, so that another node need not find out.
func (d *duty) release(ctx context.Context, space *channels.Space) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	err := house(ctx, space, func(draft *channels.Draft) (any, error) {
		if err := d.fence(draft); err != nil {
			return nil, err
		}
		draft.Delete(dutyRef(d.Name))
		return nil, nil
	})
	if err != nil {
		d.room.hub.logger.Warn("a duty was not given back", "space", d.Space, "duty", d.Name, "error", err)
	}
}

// report puts a line into the history of the duty, without waiting for it.
func (d *duty) report(space *channels.Space, failed bool, detail string) {
	logger := d.room.hub.logger.With("space", d.Space, "duty", d.Name, "detail", detail)
	run := TaskRun{At: time.Now().UTC().Round(time.Millisecond), Node: d.room.hub.options.Node, State: RunOK, Detail: clip(detail)}
	if failed {
		run.State = RunFailed
		logger.Warn("a duty reports a problem")
	}
	space.ProposeOwn("", report{d.Name, run}.Decide, func(o channels.Outcome) {
		if o.Err != nil && !channels.IsCode(o.Err, channels.CodeConflict) {
			logger.Warn("the report was not recorded", "error", o.Err)
		}
	})
}
