package hub

// The bounds of a ring: a connection that is further behind gets present values instead.
const (
	ringEntries = 4096
	ringBytes   = 4 << 20
)

// A feed is what a connection can be subscribed to: a channel, and in a scoped store whose values.
type feed struct {
	channel, owner string
	foreign        bool // read by somebody else, who is told the owner
}

// A ring holds the last entries of a space's log as frames, encoded once, by position. Connections read it from their
// own cursors; it knows nothing of them. It is not safe for concurrent use.
type ring struct {
	slots []slot // slots[i] is position first+i
	first uint64 // the oldest position held; slots may be empty
	bytes int
}

// A slot is one entry: its frames by feed, in the order of the log.
type slot struct{ frames []framed }

type framed struct {
	topic *topic
	data  []byte
}

// reset empties the ring: the next entry has the given position.
func (r *ring) reset(next uint64) { *r = ring{first: next} }

// next is the position that the next entry must have.
func (r *ring) next() uint64 { return r.first + uint64(len(r.slots)) }

// head is the newest position held, or the one before the first.
func (r *ring) head() uint64 { return r.next() - 1 }

// add appends the entry at next and forgets the oldest ones beyond the bounds.
func (r *ring) add(s slot) {
	r.slots = append(r.slots, s)
	r.bytes += s.size()
	for len(r.slots) > ringEntries || r.bytes > ringBytes && len(r.slots) > 1 {
		r.bytes -= r.slots[0].size()
		r.slots[0] = slot{} // the array lives on until the slice is grown again
		r.slots = r.slots[1:]
		r.first++
	}
}

func (s slot) size() (n int) {
	for _, f := range s.frames {
		n += len(f.data)
	}
	return n
}

// after returns the entries after a position, and false if some of them are forgotten.
func (r *ring) after(position uint64) ([]slot, bool) {
	if position+1 < r.first {
		return nil, false
	}
	return r.slots[min(position+1-r.first, uint64(len(r.slots))):], true
}
