package channels

import "slices"

// intake holds the proposals that wait, fairly: each source has its own line, the lines take turns, and a line whose
// first proposal is urgent goes before the others. Within a line nothing overtakes.
type intake struct {
	lines map[uint64]*line
	turns []*line    // those that hold something, the next to be served first
	front []*waiting // put back, served before all others
	held  int
	alone uint64 // names for the lines of proposals without a source
}

type line struct {
	source uint64
	items  []*waiting
}

func newIntake() *intake { return &intake{lines: map[uint64]*line{}, alone: 1 << 63} }

func (in *intake) push(w *waiting) {
	source := w.Source
	if source == 0 {
		in.alone++
		source = in.alone
	}
	l := in.lines[source]
	if l == nil {
		l = &line{source: source}
		in.lines[source] = l
		in.turns = append(in.turns, l)
	}
	l.items = append(l.items, w)
	in.held++
}

// pop takes the next proposal, nil if there is none.
func (in *intake) pop() *waiting {
	if len(in.front) > 0 {
		w := in.front[0]
		in.front = in.front[1:]
		in.held--
		return w
	}
	if len(in.turns) == 0 {
		return nil
	}
	i := 0
	for j, l := range in.turns {
		if l.items[0].Urgent {
			i = j
			break
		}
	}
	l := in.turns[i]
	w := l.items[0]
	l.items[0] = nil
	l.items = l.items[1:]
	in.turns = append(in.turns[:i], in.turns[i+1:]...)
	if len(l.items) > 0 {
		in.turns = append(in.turns, l)
	} else {
		delete(in.lines, l.source)
	}
	in.held--
	return w
}

// unpop puts back what pop gave, in the order in which it was given, before everything else.
func (in *intake) unpop(ws ...*waiting) {
	in.front = append(append([]*waiting{}, ws...), in.front...)
	in.held += len(ws)
}

// expire removes and returns the proposals for which it is too late, as the predicate tells. The others keep their turn.
func (in *intake) expire(late func(*waiting) bool) (gone []*waiting) {
	drop := func(w *waiting) bool {
		if !late(w) {
			return false
		}
		gone = append(gone, w)
		return true
	}
	in.front = slices.DeleteFunc(in.front, drop)
	in.turns = slices.DeleteFunc(in.turns, func(l *line) bool {
		l.items = slices.DeleteFunc(l.items, drop)
		if len(l.items) == 0 {
			delete(in.lines, l.source)
		}
		return len(l.items) == 0
	})
	in.held -= len(gone)
	return gone
}
