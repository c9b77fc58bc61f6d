package check

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session/control"
	"github.com/baton-hub/baton/tools/faults/history"
)

// A chair is who is operator, and under which term.
type chair struct {
	session string
	term    uint64
}

// linearSeat checks the operator's seat: what clients did to it by what they were answered, and what the hub did by itself at
// any time, because nobody outside knows when.
func linearSeat(l *Ledger, done []commitment) []Violation {
	var moves []move[chair]
	turns := map[int]int{} // by transaction
	for i, s := range l.seats {
		turns[s.tx] = i + 1
	}
	known := map[int]bool{}
	for _, c := range done {
		if c.Control == nil {
			continue
		}
		if m, ok := seatMove(c, l); ok {
			known[c.tx] = true
			m.turn = turns[c.tx]
			moves = append(moves, m)
		}
	}
	for i, s := range l.seats {
		if known[s.tx] {
			continue
		}
		moves = append(moves, move[chair]{0, endOfTheWorld, i + 1, "the hub", fmt.Sprintf("term %d for %q", s.term, s.operator), func(chair) (bool, chair) {
			return true, chair{s.operator, s.term}
		}})
	}
	return linear("the operator's seat", chair{}, moves)
}

// seatMove is a move on the seat, by what was asked and answered.
func seatMove(c commitment, l *Ledger) (m move[chair], ok bool) {
	answer := struct {
		Term    uint64
		Request string
	}{}
	raw := c.Answer
	if c.Outcome != history.OK {
		raw = l.txs[c.tx].Answer // nobody got it
	}
	if json.Unmarshal(raw, &answer) != nil {
		return m, false
	}
	me, next := c.Session, ""
	does := control.Verb(c.Control.Do)
	switch does {
	case control.DoRequest, control.DoTake:
		next = me
	case control.DoGive:
		next = c.Control.Session
	case control.DoGrant:
		var asked struct{ Session string }
		v := l.before(channels.Ref{Channel: channels.ControlStore, Key: "request/" + c.Control.Request}, c.tx)
		_ = json.Unmarshal(v.data, &asked) // one that does not stand is nobody's
		next = asked.Session
	}
	stays := does == control.DoCancel || does == control.DoDeny || does == control.DoRequest && answer.Request != ""
	says := fmt.Sprintf("%s by %s, term %d %s (%s)", does, me, answer.Term, answer.Request, c.Op)
	return move[chair]{c.begin, c.end, 0, c.Client, says, func(s chair) (bool, chair) {
		mine := s.session == me && me != ""
		switch {
		case stays:
			return s.term == answer.Term && (does != control.DoDeny || mine) && (does != control.DoRequest || s.session != "" && !mine), s
		case does == control.DoRequest && s.session != "", does == control.DoTake && mine:
			return false, s
		case does != control.DoRequest && does != control.DoTake && !mine:
			return false, s
		}
		return s.term+1 == answer.Term, chair{next, answer.Term}
	}}, true
}

// linearPlaces checks the place of the one person who is let in, in each space where it is so.
func linearPlaces(h *history.History, l *Ledger) (found []Violation) {
	spaces, one := map[string][]history.Visit{}, map[string]bool{}
	for _, v := range h.Visits {
		spaces[v.Space] = append(spaces[v.Space], v)
		one[v.Space] = one[v.Space] || v.Policy == "one"
	}
	for space, visits := range spaces {
		if !one[space] {
			continue
		}
		ledger := l
		if space != h.Run.Space {
			var err error
			if ledger, err = NewLedger(h.Others[space]); err != nil || len(h.Others[space]) == 0 {
				found = append(found, Violation{Promise: "G3", What: fmt.Sprintf("who was let into %q cannot be checked without its log: %v", space, err)})
				continue
			}
		}
		found = append(found, linearPlace(space, visits, ledger)...)
	}
	return found
}

// linearPlace checks one space: sign-ins that worked, or were refused because the place was taken, and sign-outs, by their
// answers; what else L has, at any time.
func linearPlace(space string, visits []history.Visit, l *Ledger) []Violation {
	var moves []move[string]
	in, out := map[string]history.Visit{}, map[string]history.Visit{} // by session
	for _, v := range visits {
		switch {
		case v.What == history.SignIn && v.Status == 200:
			if _, before := in[v.Session]; !before {
				in[v.Session] = v
			}
		case signedOut(v):
			if _, before := out[v.Session]; !before {
				out[v.Session] = v
			}
		case v.What == history.SignIn && v.Code == string(channels.CodeSeatTaken):
			// It holds at a position after what who asks had seen, and that is nothing.
			moves = append(moves, move[string]{0, v.End, 0, v.User, "does not get in", func(holder string) (bool, string) {
				return holder != "" && userOf(holder) != v.User, holder
			}})
		}
	}
	for turn, e := range l.logins() {
		v, known := in[e.session]
		says := fmt.Sprintf("gets in, at %d", e.position)
		step := func(holder string) (bool, string) {
			return holder == "" || userOf(holder) == e.user, e.user + " " + e.session
		}
		if e.ends {
			v, known = out[e.session]
			says, step = fmt.Sprintf("is out, at %d", e.position), leaves(e.session)
		}
		m := move[string]{0, endOfTheWorld, turn + 1, e.user, says, step}
		if known {
			m.from, m.to = v.Begin, v.End
		}
		moves = append(moves, m)
	}
	return linear("the place of one person in "+space, "", moves)
}

func userOf(holder string) string {
	user, _, _ := strings.Cut(holder, " ")
	return user
}

func leaves(session string) func(string) (bool, string) {
	return func(holder string) (bool, string) {
		if strings.HasSuffix(holder, " "+session) {
			return true, ""
		}
		return true, holder // another session of theirs has taken its place
	}
}

// A login is the begin, or the end, of a login session.
type login struct {
	session, user string
	ends          bool
	position      uint64
	tx, part      int
}

// logins are all of L, in their order. Within a transaction what ends does so first.
func (l *Ledger) logins() (all []login) {
	for _, key := range l.stores[store{channels.SessionsStore, ""}] {
		if strings.Contains(key, "/") {
			continue // a fact about one
		}
		var record struct{ User string }
		there := false
		for _, v := range l.keys[channels.Ref{Channel: channels.SessionsStore, Key: key}] {
			if is := v.data != nil; is != there {
				there = is
				_ = json.Unmarshal(v.data, &record) // an end has none, and keeps the user
				part := 0
				if is {
					part = 1
				}
				all = append(all, login{key, record.User, !is, v.position, v.tx, part})
			}
		}
	}
	slices.SortFunc(all, func(a, b login) int { return cmp.Or(cmp.Compare(a.tx, b.tx), cmp.Compare(a.part, b.part)) })
	return all
}
