package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// A hall is a space with its log in memory, for what session decides on it.
type hall struct {
	*channels.Space
	t     *testing.T
	log   *channels.MemoryLog
	rules *channels.Rules
	ops   map[string]uint64 // by login session
	users map[string]string // by login session, also those that ended
}

func openHall(t *testing.T, other session.OtherUser) *hall {
	t.Helper()
	return openHallUnder(t, session.Policy{OtherUser: other, SameUser: session.Join})
}

func openHallUnder(t *testing.T, policy session.Policy) *hall {
	t.Helper()
	h := &hall{t: t, log: channels.NewMemoryLog(), ops: map[string]uint64{}, users: map[string]string{}, rules: &channels.Rules{
		Version: 1,
		Channels: map[string]channels.ChannelRules{
			"queue": {Kind: channels.KindStore, Write: []channels.Right{channels.RightOperator, "service"}},
		},
		Commands: map[string]channels.CommandRules{"queue.stop": {Call: []channels.Right{channels.RightMember}, Stop: true}},
		Policy:   policy.JSON(),
	}}
	h.Space = h.replica()
	return h
}

// replica opens another node's view of the hall.
func (h *hall) replica() *channels.Space {
	h.t.Helper()
	s, err := channels.Open(h.t.Context(), channels.Options{
		Name: "hall", Log: h.log, Authority: session.Authority{}, Rules: h.rules,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(s.Close)
	return s
}

var names = map[string]string{"alice": "Alice", "bob": "Bob", "carol": "Carol", "sam": "Sam"}

// entering is the sign-in of a user at a new login session; sam is staff.
func entering(user, id string) session.SignIn {
	roles := []string{"user"}
	if user == "sam" {
		roles = append(roles, "staff")
	}
	return session.SignIn{Session: id, Record: session.Record{
		User: user, Name: names[user], Roles: roles, From: "10.0.0.7", Agent: "test", Hash: "hash of " + id,
	}}
}

// enter signs a user in, who must be let in.
func (h *hall) enter(user, id string) channels.Outcome {
	h.t.Helper()
	return h.must(h.House(h.t.Context(), entering(user, id).Decide))
}

// try makes a move at a login session.
func (h *hall) try(id string, m session.Move) channels.Outcome { return h.as(id, m.Decide) }

// does makes a move that must be allowed, and returns the answer.
func (h *hall) does(id string, m session.Move) (moved session.Moved) {
	h.t.Helper()
	o := h.must(h.try(id, m))
	if err := json.Unmarshal(o.Answer, &moved); err != nil {
		h.t.Fatal(err)
	}
	return moved
}

// write changes a key of the operator's store.
func (h *hall) write(id, value string, term uint64) channels.Outcome {
	data, _ := json.Marshal(value)
	return h.as(id, channels.Write{Channel: "queue", Set: map[string]json.RawMessage{"k": data}, Term: term}.Decide)
}

func (h *hall) as(id string, decide channels.Decide) channels.Outcome {
	h.ops[id]++
	if user := h.userOf(id); user != "" {
		h.users[id] = user
	}
	return h.Do(h.t.Context(), channels.Proposal{
		Op: channels.Op{Client: id + "-tab", N: h.ops[id]}, Actor: id, User: h.users[id], Decide: decide,
	})
}

func (h *hall) userOf(id string) (user string) {
	h.Read(func(s *channels.State) {
		found, _ := session.Find(s, id)
		user = found.User
	})
	return user
}

func (h *hall) must(o channels.Outcome) channels.Outcome {
	h.t.Helper()
	if o.Err != nil {
		h.t.Fatal(o.Err)
	}
	return o
}

// refused expects a refusal, and that nothing was stored because of it.
func (h *hall) refused(code channels.Code, f func() channels.Outcome) *channels.Refusal {
	h.t.Helper()
	before := h.position()
	o := f()
	var r *channels.Refusal
	if !errors.As(o.Err, &r) || r.Code != code {
		h.t.Fatalf("got %+v, want a refusal with code %s", o, code)
	}
	if after := h.position(); after != before {
		h.t.Errorf("a refusal moved the log from %d to %d", before, after)
	}
	return r
}

func (h *hall) position() (p uint64) {
	h.Read(func(s *channels.State) { p = s.Position() })
	return p
}

func (h *hall) seat() (seat session.Seat) {
	h.Read(func(s *channels.State) { seat = session.ReadSeat(s) })
	return seat
}

func (h *hall) present() (ids []string) {
	h.Read(func(s *channels.State) {
		for _, one := range session.All(s) {
			ids = append(ids, one.ID)
		}
	})
	return ids
}

// journal returns the messages of the control log.
func (h *hall) journal() (records []map[string]any) {
	h.t.Helper()
	h.Read(func(s *channels.State) {
		messages, _ := s.Messages(channels.ControlLog, 0)
		for _, m := range messages {
			var r map[string]any
			if err := json.Unmarshal(m.Data, &r); err != nil {
				h.t.Fatal(err)
			}
			records = append(records, r)
		}
	})
	return records
}

// transactionsAt returns what the entry at a position holds.
func (h *hall) transactionsAt(position uint64) (txs []channels.Transaction) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	defer cancel()
	err := h.log.Follow(ctx, position-1, func(r channels.Record) {
		if r.Position != position {
			return
		}
		entry, err := channels.DecodeEntry(r.Data)
		if err != nil {
			h.t.Error(err)
			return
		}
		txs = entry.Transactions
		cancel()
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return txs
}

// answer reads the answer of a decision.
func answer[T any](t *testing.T, o channels.Outcome) (a T) {
	t.Helper()
	if err := json.Unmarshal(o.Answer, &a); err != nil {
		t.Fatal(err)
	}
	return a
}
