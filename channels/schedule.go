package channels

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// A Schedule fires ticks, at a period or by the calendar.
type Schedule struct {
	Name  string        `json:"name"`            // Required. Unique in its plan.
	Every time.Duration `json:"every,omitempty"` // Whole seconds; either this, or Cron.
	Cron  string        `json:"cron,omitempty"`  // Six fields, seconds first, in UTC: "0 30 3 * * *" is half past three.
	Label string        `json:"label,omitempty"` // Optional. Only nodes that follow this label get its ticks.
}

// calendar reads what NATS takes as a calendar: six fields, seconds first, no words such as @daily.
var calendar = cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// Check refuses a schedule that cannot be.
func (s Schedule) Check() error {
	switch {
	case s.Name == "":
		return errors.New("a schedule needs a name")
	case (s.Every == 0) == (s.Cron == ""):
		return errors.New("a schedule has a period (every) or a calendar (cron), one of them")
	case s.Every != 0 && (s.Every < time.Second || s.Every%time.Second != 0):
		return fmt.Errorf("a period is whole seconds, 1 or more, not %v", s.Every)
	case s.Every != 0:
		return nil
	}
	return checkCalendar(s.Cron)
}

func checkCalendar(spec string) error {
	const form = `a calendar is six fields, seconds first, in UTC, such as "0 30 3 * * *" for half past three`
	if n := len(strings.Fields(spec)); n != 6 || strings.ContainsAny(spec, "@=") {
		return fmt.Errorf("%s: %q has %d", form, spec, n)
	}
	times, err := calendar.Parse(spec)
	if err != nil {
		return fmt.Errorf("%s: %w", form, err)
	}
	if times.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return fmt.Errorf("the calendar %q never comes", spec)
	}
	return nil
}

// A Plan is all the schedules of the hub. Its version grows with each change, as that of the site file does.
type Plan struct {
	Version   uint64     `json:"version"`
	Schedules []Schedule `json:"schedules"`
}
