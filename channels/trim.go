package channels

import (
	"encoding/json"
	"time"
)

// KeptFor is how long a deleted key is remembered at least, for clients that come back with an older cursor, if there are
// not more than KeptTombstones of them.
const KeptFor = 10 * time.Minute

// A Trim forgets what is older than its window: the tombstones of all stores, and the messages of log channels whose
// rules say how long they are kept. Whoever proposes it has looked at a clock; what it forgets is in the log, so that all
// replicas forget the same.
type Trim struct {
	Tombstones uint64            `json:"tombstones,omitempty"` // up to this position
	Messages   map[string]uint64 `json:"messages,omitempty"`   // by log channel, up to this position
}

// Decide is the Decide of a Trim; it is the hub's own.
func (t Trim) Decide(d *Draft) (any, error) {
	d.Set(Ref{Channel: SpaceStore, Key: trimKey}, t)
	return nil, nil
}

// Trimmable returns what is due to be forgotten now, by the log's times, and whether that is worth an entry: it waits
// until something is older than its window by a tenth.
func (s *State) Trimmable(now time.Time) (t Trim, worth bool) {
	old := now.Add(-KeptFor)
	late := old.Add(-KeptFor / 10)
	for _, st := range s.stores {
		for _, g := range st.order {
			v, there := st.graves[g.key]
			if !there || v.Position != g.position {
				continue
			}
			if v.At.After(old) {
				break
			}
			t.Tombstones = max(t.Tombstones, g.position)
			worth = worth || v.At.Before(late)
		}
	}
	for channel, h := range s.logs {
		window := s.window(channel)
		if window <= 0 {
			continue
		}
		old, late := now.Add(-window), now.Add(-window-window/10)
		for _, m := range h.messages {
			if m.At.After(old) {
				break
			}
			if t.Messages == nil {
				t.Messages = map[string]uint64{}
			}
			t.Messages[channel] = m.Position
			worth = worth || m.At.Before(late)
		}
	}
	return t, worth
}

// window is how long the messages of a log channel are kept; 0 = any time.
func (s *State) window(channel string) time.Duration {
	return time.Duration(s.rules.Channels[channel].KeepFor) * time.Millisecond
}

// trim folds a Trim. What is younger than its window by the log's own clock stays, whatever a node's clock has said.
func (s *State) trim(data json.RawMessage) {
	var t Trim
	if json.Unmarshal(data, &t) != nil {
		return // no version of this package writes such a one
	}
	for _, st := range s.stores {
		st.dig(func(oldest Value) bool { return oldest.Position <= t.Tombstones && s.time.Sub(oldest.At) >= KeptFor })
	}
	for channel, upTo := range t.Messages {
		if h, window := s.logs[channel], s.window(channel); h != nil && window > 0 {
			h.trim(upTo, s.time.Add(-window))
		}
	}
}
