package channels

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// ReadState returns what a space holds now, from its newest snapshot and its log: for a backup. No replica is brought up,
// nothing is decided, and nothing is written, so it may be done beside any number of nodes. Of the options, Name, Log,
// Snapshots and Progress count.
func ReadState(ctx context.Context, o Options) (*State, error) {
	s := &Space{options: o}
	state, err := s.rebuild(ctx)
	if errors.Is(err, errGap) { // a node has just made a snapshot
		state, err = s.rebuild(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("reading space %s: %w", o.Name, err)
	}
	return state, nil
}

// BeginEpoch ends the present epoch of a space and begins a new one: for a space that was put back as it was once. What
// clients and nodes have seen since then is not in its log, and the positions of that will be used again. So a cursor of
// the epoch before gets everything anew, and an entry that was decided in it is passed over. Of the options, Name, Log and
// Snapshots count. Before that the space is given to first, nil if there is nothing to be done: what it decides as the house
// is in force before anybody can come.
func BeginEpoch(ctx context.Context, o Options, first func(*Space) error) (epoch string, err error) {
	s, err := Open(ctx, Options{Name: o.Name, Log: o.Log, Snapshots: o.Snapshots, Authority: noAuthority{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return "", err
	}
	defer s.Close()
	if first != nil {
		if err := first(s); err != nil {
			return "", err
		}
	}
	epoch = newEpoch()
	if o := s.House(ctx, commitEpoch(s.Epoch(), epoch)); o.Err != nil {
		return "", fmt.Errorf("beginning a new epoch of %s: %w", s.Name(), o.Err)
	}
	return epoch, nil
}

// noAuthority is the Authority where nobody can ask for anything.
type noAuthority struct{}

func (noAuthority) Identify(View, string) (Who, error) {
	return Who{}, Refuse(CodeSignedOut, "nobody is here")
}

func (noAuthority) Fence(View, Who, uint64) error { return Refuse(CodeNotOperator, "nobody is here") }

// A lineCounter counts the lines that are read through it.
type lineCounter struct {
	io.Reader
	lines int
	tell  func(lines int)
}

func (c *lineCounter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.lines += bytes.Count(p[:n], []byte{'\n'})
	c.tell(c.lines)
	return n, err
}
