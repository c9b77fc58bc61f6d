package channels

import (
	"errors"
	"time"
)

// A Meter is told what a replica does, for figures. A Watcher that is one gets it. Its methods must not block, and may be
// called from any goroutine.
type Meter interface {
	// Answered is called when a proposal is answered: with the code that it got, "" if it was done, and how long it took.
	Answered(code Code, took time.Duration)
	// Committed is called when an entry of this replica's own has come back from the log, with how long that took. Of all
	// replicas one is told of an entry.
	Committed(c Change, took time.Duration)
	// Checkpointed is called when a checkpoint was made, or was not.
	Checkpointed(err error)
}

// noMeter is told of what nobody counts.
type noMeter struct{}

func (noMeter) Answered(Code, time.Duration)    {}
func (noMeter) Committed(Change, time.Duration) {}
func (noMeter) Checkpointed(error)              {}

func meterOf(w Watcher) Meter {
	if m, ok := w.(Meter); ok {
		return m
	}
	return noMeter{}
}

// CodeOf returns the code of an error that answers a proposal, "" if there is no error.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var refused *Refusal
	var uncertain *Uncertain
	switch {
	case errors.As(err, &refused):
		return refused.Code
	case errors.As(err, &uncertain):
		return uncertain.Code
	}
	return CodeUnavailable
}

// SinceCheckpoint returns nearly how many bytes the log has after the last checkpoint.
func (s *State) SinceCheckpoint() int { return s.grown }
