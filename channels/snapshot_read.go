package channels

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// snapshotChunk is nearly how many bytes of a snapshot are decoded at once.
const snapshotChunk = 64 << 10

// ReadSnapshot reads what WriteSnapshot wrote, to the end of r. A part of it is an error, and so is what this version
// does not know.
func ReadSnapshot(r io.Reader) (*State, error) {
	restoring := restoring{state: NewState(), names: map[string]string{}}
	decoding := startInOrder(decodeLines, restoring.take)
	err := readLines(r, decoding.give)
	if failed := decoding.finish(); failed != nil {
		err = failed
	}
	switch {
	case err != nil:
		return nil, err
	case !restoring.ended:
		return nil, fmt.Errorf("it ends after line %d: %w", restoring.lines, io.ErrUnexpectedEOF)
	}
	return restoring.state, restoring.state.restoreFacts()
}

// readLines reads to the end and gives whole lines, many at a time, which may be kept.
func readLines(r io.Reader, give func([]byte) error) error {
	var rest []byte // of a line
	for {
		chunk := make([]byte, 2*len(rest)+snapshotChunk)
		n := copy(chunk, rest)
		more, err := io.ReadFull(r, chunk[n:])
		chunk = chunk[:n+more]
		atEnd := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !atEnd {
			return err
		}
		whole := len(chunk)
		if !atEnd {
			whole = bytes.LastIndexByte(chunk, '\n') + 1
		}
		if whole > 0 {
			if err := give(chunk[:whole]); err != nil {
				return err
			}
		}
		if atEnd {
			return nil
		}
		rest = chunk[whole:]
	}
}

// decodedLines are some lines of a snapshot, up to one that could not be decoded.
type decodedLines struct {
	lines []snapshotLine
	err   error
}

func decodeLines(chunk []byte) (d decodedLines) {
	d.lines = make([]snapshotLine, 0, bytes.Count(chunk, []byte("\n"))+1)
	in := json.NewDecoder(bytes.NewReader(chunk)) // one for many lines spares most of the allocations
	for end := 0; end < len(chunk); end++ {
		var l snapshotLine
		if d.err = in.Decode(&l); d.err != nil {
			return d
		}
		if end = int(in.InputOffset()); end < len(chunk) && chunk[end] != '\n' {
			d.err = errors.New("more than one thing is in it")
			return d
		}
		d.lines = append(d.lines, l)
	}
	return d
}

// A restoring is a state that is put together from the lines of a snapshot.
type restoring struct {
	state *State
	lines int               // so far
	ended bool              // the last line has come
	names map[string]string // of users and clients: each is in memory once
}

func (r *restoring) take(d decodedLines) error {
	for _, l := range d.lines {
		if err := r.line(l); err != nil {
			return fmt.Errorf("line %d: %w", r.lines+1, err)
		}
		r.lines++
	}
	if d.err != nil {
		return fmt.Errorf("line %d: %w", r.lines+1, d.err)
	}
	return nil
}

func (r *restoring) line(l snapshotLine) error {
	s := r.state
	switch {
	case r.ended:
		return errors.New("the snapshot goes on after its end")
	case l.Head != nil:
		if l.Head.Version != EntryVersion {
			return fmt.Errorf("the snapshot has format %d and this version of Baton reads format %d: upgrade this node", l.Head.Version, EntryVersion)
		}
		s.position, s.time = l.Head.Position, l.Head.Time
	case r.lines == 0:
		return errors.New("it is not the head of a snapshot")
	case l.Floor != nil && l.Floor.Log:
		s.history(l.Floor.Channel).floor = l.Floor.Floor
	case l.Floor != nil:
		r.store(l.Floor)
	case l.Value != nil:
		return r.value(l.Value)
	case l.Message != nil:
		m := l.Message
		h := s.history(m.Channel)
		m.Op.Client = r.name(m.Op.Client)
		h.add(Message{Position: m.Position, At: m.At, By: r.name(m.By), Op: m.Op, Data: m.Data}, len(h.messages)+1)
	case l.Client != nil:
		ops := &l.Client.clientOps
		ops.name, ops.User = r.name(l.Client.ID), r.name(ops.User)
		s.remember(ops)
	case l.End != r.lines:
		return fmt.Errorf("it has %d lines and should have %d", r.lines, l.End)
	default:
		r.ended = true
		for _, st := range s.stores {
			st.sortTrail()
		}
	}
	return nil
}

func (r *restoring) store(l *savedFloor) {
	st := newStore()
	st.floor, st.touched = l.Floor, touch{l.Touched, r.name(l.Client), l.Other}
	r.state.stores[storeID{l.Channel, l.Owner}] = st
}

func (r *restoring) value(l *savedValue) error {
	v := Value{l.Value, l.Position, l.At, r.name(l.By), r.name(l.Client), l.Other}
	st := r.state.store(l.Ref())
	switch {
	case st == nil:
		return fmt.Errorf("a value of %s comes before its store", l.Channel)
	case l.Deletes():
		st.follow(l.Key, v.Position)
		st.bury(l.Key, v)
	default:
		st.set(l.Key, v)
		r.state.size += cost(l.Key, v)
	}
	return nil
}

// name returns the one string in memory for a name.
func (r *restoring) name(name string) string {
	known, ok := r.names[name]
	if !ok {
		r.names[name] = name
		known = name
	}
	return known
}

// restoreFacts decodes what State keeps decoded.
func (s *State) restoreFacts() error {
	epoch, _ := s.Get(Ref{Channel: SpaceStore, Key: epochKey})
	s.epoch = text(epoch.Data)
	saved, ok := s.Get(Ref{Channel: SiteStore, Key: rulesKey})
	if !ok {
		return nil
	}
	rules, err := readRules(saved.Data)
	if err == nil {
		s.rules = *rules
	}
	return err
}
