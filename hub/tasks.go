package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/baton-hub/baton/channels"
)

// A Task is something that exactly one node does, at a period or by the calendar (DESIGN §2). Each tick of its schedule
// is claimed in the log before anything is done, so it is run once or, if its node is lost meanwhile, perhaps not to
// its end: then its record says unknown. Two runs of one task are never under way at once; a tick that comes too early
// waits, and one more takes its place.
type Task struct {
	Space string        // Required.
	Name  string        // Required. Unique in the space.
	Every time.Duration // Whole seconds; either this, or Cron.
	Cron  string        // Six fields, seconds first, in UTC.
	On    string        // Optional. Only nodes with this label run it.

	// Either a command is called, with the right of a service, by the user task/<name>; the run takes as long as the
	// call. A node that takes over finds the call again, it is not made twice.
	Call string
	Args json.RawMessage
	// Or this is run. It ends when ctx does. The detail is for people.
	Run func(ctx context.Context, space *channels.Space) (detail string, err error)
}

// Check refuses a task that cannot be.
func (t Task) Check() error {
	if err := channels.CheckName(t.Name); err != nil {
		return err
	}
	if t.On != "" {
		if err := channels.CheckName(t.On); err != nil {
			return fmt.Errorf("its label: %w", err)
		}
	}
	if (t.Call == "") == (t.Run == nil) {
		return errors.New("a task calls a command (call) or runs something (run), one of them")
	}
	return t.schedule().Check()
}

func (t Task) schedule() channels.Schedule {
	return channels.Schedule{Name: jobName(t.Space, t.Name), Every: t.Every, Cron: t.Cron, Label: t.On}
}

func jobName(space, task string) string { return space + "/" + task }

// A job is what is done at the ticks of one schedule.
type job struct {
	schedule channels.Schedule
	room     *room // nil: it is of the hub as a whole, and keeps no history
	name     string
	call     string // for people: the command
	again    bool   // may be run again for the same tick
	run      func(ctx context.Context, space *channels.Space, tick channels.Tick) (detail string, err error)
}

// planVersion orders plans: by the site file first, then by what this version of the hub does by itself.
func planVersion(site int) uint64 { return uint64(max(site, 0))<<8 | 1 }

// setTasks makes the jobs of the options; the hub's own sweep is one of them.
func (h *Hub) setTasks() error {
	h.jobs = map[string]*job{sweepTick: {
		schedule: channels.Schedule{Name: sweepTick, Every: sweepPeriod},
		run: func(ctx context.Context, _ *channels.Space, _ channels.Tick) (string, error) {
			return "", h.sweep(ctx)
		},
	}}
	for _, t := range h.options.Tasks {
		if err := t.Check(); err != nil {
			return fmt.Errorf("task %s of %s: %w", t.Name, t.Space, err)
		}
		r := h.rooms[t.Space]
		s := t.schedule()
		switch {
		case r == nil:
			return fmt.Errorf("task %s: there is no space %q", t.Name, t.Space)
		case h.jobs[s.Name] != nil:
			return fmt.Errorf("there are two tasks %s in %s", t.Name, t.Space)
		}
		j := &job{schedule: s, room: r, name: t.Name, call: t.Call}
		if t.Call != "" {
			j.again = true
			j.run = func(ctx context.Context, space *channels.Space, tick channels.Tick) (string, error) {
				return r.callTask(ctx, space, t, tick)
			}
		} else {
			j.run = func(ctx context.Context, space *channels.Space, _ channels.Tick) (string, error) {
				return t.Run(ctx, space)
			}
		}
		h.jobs[s.Name] = j
	}
	return nil
}

// startTasks begins to take ticks and duties, and to answer the other nodes for them.
func (h *Hub) startTasks() {
	h.keep("answering other nodes", func(ctx context.Context) error {
		return h.options.Relay.Answer(ctx, nodeSubject(h.options.Node), h.answerNodes)
	})
	h.tasking.Go(func() { h.keepUp("handling ticks", h.handleTicks) })
	for _, d := range h.duties {
		if d.On == "" || slices.Contains(h.options.Labels, d.On) {
			h.tasking.Go(func() { h.keepUp("the duty "+d.Name+" of "+d.Space, d.attend) })
		}
	}
}

// sweep looks after all spaces.
func (h *Hub) sweep(ctx context.Context) error {
	for _, r := range h.rooms {
		if err := r.sweep(ctx); err != nil && ctx.Err() == nil {
			h.logger.Warn("looking after a space", "space", r.name, "error", err)
		}
	}
	return nil
}

// handleTicks puts the plan in force and takes its share of the ticks.
func (h *Hub) handleTicks(ctx context.Context) error {
	plan := channels.Plan{Version: planVersion(h.options.TasksVersion)}
	for _, j := range h.jobs {
		plan.Schedules = append(plan.Schedules, j.schedule)
	}
	err := h.options.Ticks.Plan(ctx, plan)
	if errors.Is(err, channels.ErrPlan) {
		trouble := "the tasks of this node's site file are not what is in force, so they may never run: raise the version of its site file"
		h.logger.Error(trouble, "error", err, "site_version", h.options.TasksVersion)
		h.planTrouble.Store(&trouble)
		err = nil
	}
	if err != nil {
		return fmt.Errorf("setting up the schedules: %w", err)
	}
	return h.options.Ticks.Follow(ctx, h.options.Labels, func(ctx context.Context, t channels.Tick) error {
		return h.handleTick(ctx, t, plan.Version)
	})
}

// handleTick does what is due. A tick of a newer plan is for a node that knows it.
func (h *Hub) handleTick(ctx context.Context, t channels.Tick, version uint64) error {
	j := h.jobs[t.Name]
	switch {
	case j == nil:
		return channels.ErrElsewhere
	case j.room == nil:
		_, err := j.run(ctx, nil, t)
		return err
	case t.Version > version:
		return channels.ErrElsewhere
	}
	return h.runTask(ctx, j, t)
}

// TaskStatus is a task, or a duty, and its last runs.
type TaskStatus struct {
	Name  string    `json:"name"`
	Every int64     `json:"every_ms,omitempty" doc:"Its period in milliseconds, if it has one."`
	Cron  string    `json:"cron,omitempty" doc:"Its calendar, if it has one: six fields, seconds first, in UTC."`
	On    string    `json:"on,omitempty" doc:"Only nodes with this label run it."`
	Call  string    `json:"call,omitempty" doc:"The command that it calls."`
	Node  string    `json:"node,omitempty" doc:"Of a duty, which goes on all the time: the node that has it now."`
	Runs  []TaskRun `json:"runs" doc:"The last ones, the newest first."`

	Trouble string `json:"trouble,omitempty" doc:"Why it may not run, such as a site file that is older than the one in force."`
}

// TaskRuns returns the tasks and duties of a space that this node knows, by name, with their last runs.
func (h *Hub) TaskRuns(ctx context.Context, space string) ([]TaskStatus, error) {
	replica, err := h.Space(ctx, space)
	if err != nil {
		return nil, err
	}
	all := []TaskStatus{}
	for _, j := range h.jobs {
		if j.room != nil && j.room.name == space {
			status := TaskStatus{
				Name: j.name, Every: j.schedule.Every.Milliseconds(), Cron: j.schedule.Cron, On: j.schedule.Label, Call: j.call,
			}
			if trouble := h.planTrouble.Load(); trouble != nil {
				status.Trouble = *trouble
			}
			all = append(all, status)
		}
	}
	for _, d := range h.duties {
		if d.room.name == space {
			all = append(all, TaskStatus{Name: d.Name, On: d.On})
		}
	}
	slices.SortFunc(all, func(a, b TaskStatus) int { return cmp.Compare(a.Name, b.Name) })
	replica.Read(func(state *channels.State) {
		for i := range all {
			all[i].Runs = append([]TaskRun{}, runsOf(state, all[i].Name)...)
			all[i].Node, _ = holder(state, all[i].Name)
		}
	})
	return all, nil
}
