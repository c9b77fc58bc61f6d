package channels

import "slices"

// A Page is a part of what a store or a log channel has after a cursor, in the order in which it last changed.
type Page struct {
	Values   map[string]Value // of a store
	Removed  []string         // keys of a store that are gone, sorted
	Messages []Message        // of a log channel
	Gap      bool             // messages before these are missing, for good
	Next     Cursor           // the cursor after this page
	More     bool             // there is more after it now
}

// Page returns what a store or a log channel has after a cursor of this epoch, or from the beginning: about limit values
// and deletions, or messages, but always all that were last changed at one position, so that Next can say where the page
// ends. Whoever follows Next until there is no more has what the channel has at Next. ok is false when that cannot be
// told from the cursor, because deletions since then were forgotten: then the reader begins anew.
func (s *State) Page(channel, owner string, from Cursor, limit int) (p Page, ok bool) {
	p.Next = s.Cursor()
	if s.rules.Channels[channel].Kind == KindLog || channel == ControlLog {
		p.Messages, p.Gap = s.Messages(channel, from.Position)
		if i := wholePosition(p.Messages, limit, func(m Message) uint64 { return m.Position }); i < len(p.Messages) {
			p.Messages, p.More = p.Messages[:i], true
			p.Next = s.CursorAt(p.Messages[i-1].Position)
		}
		return p, true
	}
	p.Values = map[string]Value{}
	st := s.stores[storeID{channel, owner}]
	if st == nil {
		return p, true
	}
	base := from.Base // of a first reading: what was deleted before it began, the reader never saw
	switch {
	case from.Position == 0 && base == 0:
		base = s.position
	case max(base, from.Position) < st.floor:
		return Page{}, false
	}
	var changes []change
	for key, v := range st.after(from.Position) {
		there := len(v.Data) > 0
		if !there && v.Position <= base {
			continue
		}
		changes = append(changes, change{v.Position, key, there})
		if limit > 0 && len(changes) > limit && v.Position > changes[0].position {
			break // that there is more is all one needs to know
		}
	}
	if i := wholePosition(changes, limit, func(c change) uint64 { return c.position }); i < len(changes) {
		p.More, changes = true, changes[:i]
		p.Next = Cursor{s.epoch, changes[i-1].position, base}
	}
	for _, c := range changes {
		if c.there {
			p.Values[c.key] = st.values[c.key]
		} else {
			p.Removed = append(p.Removed, c.key)
		}
	}
	slices.Sort(p.Removed)
	return p, true
}

// A change is the last one of a key.
type change struct {
	position uint64
	key      string
	there    bool // it has a value now; else it was deleted
}

// wholePosition returns how many of the items to take so that there are about limit, at least one, and all of a position.
func wholePosition[T any](items []T, limit int, position func(T) uint64) int {
	if limit <= 0 || len(items) <= limit {
		return len(items)
	}
	n := limit
	for n > 0 && position(items[n-1]) == position(items[n]) {
		n--
	}
	if n > 0 {
		return n
	}
	for n = limit; n < len(items) && position(items[n]) == position(items[0]); n++ {
	}
	return n
}
