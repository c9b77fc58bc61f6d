package hub

import (
	"slices"
	"sync"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// The bounds of a shelf.
const (
	shelfBytes = 32 << 20    // of what is on it; one thing may be larger
	shelfLife  = time.Second // after somebody last needed any of it
	ruleBooks  = 32          // kinds of clients, by what they may know of the rules
)

// A shelf keeps what several clients of a room are sent at one position, encoded once: when the tabs of a node that is gone
// come back together, most ask for the same. It holds one position at a time and is empty when nobody has come for a
// moment. Guarded by room.mu, as the state of that position is by its own lock meanwhile.
type shelf struct {
	at     channels.Cursor
	joined map[joinedKey]joinedShare
	bytes  int
	life   life

	rules rulesInForce // of the books
	books []ruleBook
}

// A joinedKey is all that the answer to a join depends on, beside the state and the id of the request.
type joinedKey struct {
	feed   feed   // with whose values; whether somebody may read them is decided before
	since  uint64 // what the client has seen
	reason string // why it gets everything nevertheless
	last   int    // how many messages it wants at most; -1: all
	clock  uint64 // of a live store: that of the board
}

// A joinedShare is the answer without its id.
type joinedShare struct {
	got  string // for the figures
	tail []byte
}

// rulesInForce names the rules: a version is in force once in a history.
type rulesInForce struct {
	epoch   string
	version int
}

// A ruleBook is what clients with these rights may know of the rules.
type ruleBook struct {
	roles, scope []string
	data         wire.SharedRules
}

// joinedLocked returns the answer to a join, made now if nobody has asked for it at this position.
func (r *room) joinedLocked(state *channels.State, key joinedKey, make func() *wire.Joined) joinedShare {
	s := &r.shelf
	if now := state.Cursor(); s.joined == nil || s.at != now {
		s.at, s.joined, s.bytes = now, map[joinedKey]joinedShare{}, 0
	}
	s.life.use(&r.mu, func() { s.joined, s.bytes = nil, 0 })
	share, there := s.joined[key]
	if there {
		return share
	}
	frame := make()
	frame.Channel, frame.Cursor = key.feed.channel, s.at.String()
	share = joinedShare{got: got(frame), tail: wire.ShareJoined(frame)}
	r.counts.encoded.Inc()
	if s.bytes += len(share.tail); s.bytes > shelfBytes {
		clear(s.joined)
		s.bytes = len(share.tail)
	}
	s.joined[key] = share
	return share
}

// A life is how long something is kept: for shelfLife after it was last used.
type life struct {
	used    time.Time
	running bool
}

// use prolongs the life, or begins another. mu guards it, and is held, here and by end.
func (l *life) use(mu sync.Locker, end func()) {
	l.used = time.Now()
	if !l.running {
		l.running = true
		time.AfterFunc(shelfLife, func() { l.look(mu, end) })
	}
}

// look ends the life, or looks again later if there was use of it meanwhile.
func (l *life) look(mu sync.Locker, end func()) {
	mu.Lock()
	defer mu.Unlock()
	if rest := shelfLife - time.Since(l.used); rest > 0 {
		time.AfterFunc(rest, func() { l.look(mu, end) })
		return
	}
	l.running = false
	end()
}

// rulesLocked returns what somebody may know of the rules.
func (r *room) rulesLocked(state *channels.State, who channels.Who) wire.SharedRules {
	s, rules := &r.shelf, state.Rules()
	if now := (rulesInForce{state.Epoch(), rules.Version}); s.rules != now {
		s.rules, s.books = now, nil
	}
	for _, b := range s.books {
		if slices.Equal(b.roles, who.Roles) && slices.Equal(b.scope, who.Scope) {
			return b.data
		}
	}
	if len(s.books) == ruleBooks {
		s.books = nil
	}
	data := wire.ShareRules(channelsOf(rules, who), commandsOf(rules, who))
	s.books = append(s.books, ruleBook{slices.Clone(who.Roles), slices.Clone(who.Scope), data})
	return data
}
