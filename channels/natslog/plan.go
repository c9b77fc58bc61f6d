package natslog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// planSubject holds the plan in force. Which one that is, is decided by a compare-and-set on it; making the schedules
// what it says may be done by any node, again and again.
const planSubject = "tick.plan"

// Plan puts a plan in force if it is newer, and makes the schedules what the plan in force says.
func (t *ticks) Plan(ctx context.Context, p channels.Plan) error {
	p.Schedules = slices.Clone(p.Schedules)
	slices.SortFunc(p.Schedules, func(a, b channels.Schedule) int { return strings.Compare(a.Name, b.Name) })
	if _, err := scheduleMessages(p); err != nil {
		return err
	}
	wanted, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encoding the plan: %w", err)
	}
	for {
		present, sequence, err := t.plan(ctx)
		if err != nil {
			return err
		}
		if sequence > 0 && present.Version >= p.Version {
			return t.follow(ctx, present, sequence, p)
		}
		m := nats.NewMsg(planSubject)
		m.Data = wanted
		if _, err := t.replace(ctx, m, sequence); err != nil {
			return fmt.Errorf("putting the plan in force: %w", err)
		}
	}
}

// follow makes the schedules what a plan says that is in force, until no newer one is. It returns ErrPlan if that is not
// the plan that was asked for.
func (t *ticks) follow(ctx context.Context, p channels.Plan, sequence uint64, asked channels.Plan) error {
	for {
		messages, err := scheduleMessages(p)
		if err != nil {
			return err
		}
		if err := t.make(ctx, messages); err != nil {
			return err
		}
		newer, last, err := t.plan(ctx)
		if err != nil {
			return err
		}
		if last == sequence {
			break
		}
		p, sequence = newer, last
	}
	switch {
	case p.Version > asked.Version:
		return fmt.Errorf("%w: a newer one, version %d, and this one has version %d", channels.ErrPlan, p.Version, asked.Version)
	case !samePlan(p, asked):
		return fmt.Errorf("%w: another one with the same version %d", channels.ErrPlan, p.Version)
	}
	return nil
}

func samePlan(a, b channels.Plan) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// plan returns the plan in force; its sequence is 0 if there is none.
func (t *ticks) plan(ctx context.Context) (p channels.Plan, sequence uint64, err error) {
	m, err := t.stream.GetLastMsgForSubject(ctx, planSubject)
	switch {
	case isCode(err, codeMessageNotFound):
		return p, 0, nil
	case err != nil:
		return p, 0, fmt.Errorf("reading the plan in force: %w", cause(err))
	}
	if err := json.Unmarshal(m.Data, &p); err != nil {
		return p, 0, fmt.Errorf("reading the plan in force: %w", err)
	}
	return p, m.Sequence, nil
}

// make sets the schedules that are wanted, and removes the others and their ticks.
func (t *ticks) make(ctx context.Context, wanted map[string]*nats.Msg) error {
	keep := map[string]bool{planSubject: true}
	for subject, m := range wanted {
		keep[subject], keep[m.Header.Get(jetstream.ScheduleTargetHeader)] = true, true
		if err := t.set(ctx, m); err != nil {
			return err
		}
	}
	info, err := t.stream.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return fmt.Errorf("listing the schedules: %w", cause(err))
	}
	for subject := range info.State.Subjects {
		if keep[subject] {
			continue
		}
		if err := t.stream.Purge(ctx, jetstream.WithPurgeSubject(subject)); err != nil {
			return fmt.Errorf("removing a schedule: %w", cause(err))
		}
	}
	return nil
}

// set publishes a schedule unless it is there already.
func (t *ticks) set(ctx context.Context, m *nats.Msg) error {
	for {
		present, err := t.stream.GetLastMsgForSubject(ctx, m.Subject)
		var last uint64
		switch {
		case err == nil && sameSchedule(present, m):
			return nil
		case err == nil:
			last = present.Sequence
		case !isCode(err, codeMessageNotFound):
			return fmt.Errorf("reading the schedule %s: %w", m.Subject, cause(err))
		}
		stored, err := t.replace(ctx, m, last)
		if err != nil {
			return fmt.Errorf("setting the schedule %s: %w", m.Subject, err)
		}
		if stored {
			return nil
		}
	}
}

func sameSchedule(a *jetstream.RawStreamMsg, b *nats.Msg) bool {
	return a.Header.Get(jetstream.ScheduleHeader) == b.Header.Get(jetstream.ScheduleHeader) &&
		a.Header.Get(jetstream.ScheduleTargetHeader) == b.Header.Get(jetstream.ScheduleTargetHeader) &&
		bytes.Equal(a.Data, b.Data)
}

// replace publishes a message if the last one of its subject has that sequence. It reports whether it was stored; if not,
// it has waited a moment, so that the caller can look again.
func (t *ticks) replace(ctx context.Context, m *nats.Msg, last uint64) (stored bool, err error) {
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(last, 10))
	_, err = t.store.publish(ctx, m)
	if isCode(err, codeWrongSequence, codeSequenceBusy) {
		if !pause(ctx, 20*time.Millisecond) {
			return false, context.Cause(ctx)
		}
		return false, nil
	}
	return err == nil, err
}

// scheduleMessages returns the messages that make the server follow a plan, by their subjects.
func scheduleMessages(p channels.Plan) (map[string]*nats.Msg, error) {
	messages := map[string]*nats.Msg{}
	for _, s := range p.Schedules {
		m, err := scheduleMessage(s)
		if err != nil {
			return nil, fmt.Errorf("the schedule %q: %w", s.Name, err)
		}
		m.Data = strconv.AppendUint(nil, p.Version, 10)
		if messages[m.Subject] != nil {
			return nil, fmt.Errorf("the plan has two schedules %q", s.Name)
		}
		messages[m.Subject] = m
	}
	return messages, nil
}

func scheduleMessage(s channels.Schedule) (*nats.Msg, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	schedule, err := subject("tick.every", s.Name)
	if err != nil {
		return nil, err
	}
	due, err := subject("tick.due", s.Name)
	if s.Label != "" {
		due, err = subject("tick.at", s.Label, s.Name)
	}
	if err != nil {
		return nil, err
	}
	pattern := s.Cron
	if s.Every != 0 {
		pattern = "@every " + seconds(s.Every)
	}
	m := nats.NewMsg(schedule)
	m.Header.Set(jetstream.ScheduleHeader, pattern)
	m.Header.Set(jetstream.ScheduleTargetHeader, due)
	return m, nil
}
