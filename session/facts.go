package session

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session/control"
)

// Facts about login sessions are keys of channels.SessionsStore beside their records, "confirmed/<id>" and "ended/<id>", so
// that each has a log time of its own.
const (
	confirmedFact = "confirmed" // the password was entered lately, see Confirm
	endedFact     = "ended"     // an Ended
)

// keptEnds is how many ends of login sessions are remembered, to tell people why they are signed out.
const keptEnds = 200

func factRef(fact, id string) channels.Ref { return sessionRef(fact + "/" + id) }

// How a login session ended.
type How string

// The ways in which login sessions end.
const (
	SignedOut How = "signed_out" // by the person
	EndedBy   How = "ended"      // by the person from another login session, or by an administrator
	Replaced  How = "replaced"   // the person signed in elsewhere
	Idle      How = "idle"       // it was not in use
	NoInput   How = "no_input"   // nobody touched anything
	OutOfTime How = "expired"    // it had lived its time
	Restored  How = "restored"   // a backup was put back
	Undone    How = "undone"     // the sign-in came to nothing
)

// Ended says how a login session ended, and by whom if not by itself.
type Ended struct {
	User   string         `json:"user"`
	How    How            `json:"how"`
	By     *control.Party `json:"by,omitempty"`
	From   string         `json:"from,omitempty"` // the address of By
	Reason string         `json:"reason,omitempty"`
	At     time.Time      `json:"-"` // log time

	forced bool // although the instrument runs
}

// HowEnded returns how a login session ended, if that is remembered.
func HowEnded(v channels.View, id string) (e Ended, ok bool) {
	value, ok := v.Get(factRef(endedFact, id))
	e.At = value.At
	return e, ok && json.Unmarshal(value.Data, &e) == nil
}

// Sentence says it to the person.
func (e Ended) Sentence() string {
	by := "somebody"
	if e.By != nil {
		by = (&Operator{*e.By}).label()
	}
	from := ""
	if e.From != "" {
		from = " (" + e.From + ")"
	}
	why := ""
	if e.Reason != "" {
		why = ": " + e.Reason
	}
	switch e.How {
	case Replaced:
		return by + " signed in on another computer" + from
	case EndedBy:
		return "ended by " + by + from + why
	case Idle:
		return "not in use for too long"
	case NoInput:
		return "nobody touched anything for too long"
	case OutOfTime:
		return "a sign-in lasts no longer: sign in again"
	case Restored:
		return "a backup was put back"
	}
	return "signed out"
}

// end ends a login session: its seat falls vacant and its request leaves the line in the same transaction, so there is no
// position at which somebody who is signed out is in control. What is remembered of it goes with the oldest.
func end(d *channels.Draft, s Session, how Ended) error {
	how.User = s.User
	m := control.Move{Do: control.DoEnded, Session: s.ID, Reason: how.Reason, Forced: how.forced}
	if how.By != nil {
		m.By, m.To = *how.By, control.Party{Session: s.ID, User: s.User, Name: s.Name}
	}
	if _, err := move(d, m); err != nil {
		return err
	}
	d.Delete(sessionRef(s.ID))
	d.Delete(factRef(confirmedFact, s.ID))
	d.Set(factRef(endedFact, s.ID), how)
	forgetEnded(d)
	return nil
}

// forgetEnded keeps the youngest ends.
func forgetEnded(d *channels.Draft) {
	type end struct {
		key      string
		position uint64
	}
	var ends []end
	d.Range(channels.SessionsStore, "", func(key string, v channels.Value) bool {
		if strings.HasPrefix(key, endedFact+"/") {
			ends = append(ends, end{key, v.Position})
		}
		return true
	})
	slices.SortFunc(ends, func(a, b end) int { return int(int64(a.position) - int64(b.position)) })
	for _, one := range ends[:max(0, len(ends)-keptEnds)] {
		d.Delete(sessionRef(one.key))
	}
}

// Confirmed reports whether what needs fresh credentials may be done at a login session or with a token: the person has
// entered the password lately, or it is a program, which shows its secret with each request. What a person's scripts have is
// no password: it may be half a day old.
func Confirmed(v channels.View, id string) bool {
	if t, ok := FindToken(v, id); ok {
		return t.Kind == ProgramToken
	}
	_, ok := v.Get(factRef(confirmedFact, id))
	return ok
}

// Confirmations are the login sessions whose person has entered the password lately, with the position of that.
func Confirmations(v channels.View) map[string]uint64 {
	all := map[string]uint64{}
	v.Range(channels.SessionsStore, "", func(key string, value channels.Value) bool {
		if id, ok := strings.CutPrefix(key, confirmedFact+"/"); ok {
			all[id] = value.Position
		}
		return true
	})
	return all
}

// Confirm is the decision of a person who has entered the password again: what needs fresh credentials may be done for a
// while, and the cookie gets a new token, with the hash, in the place of that with which they came. It refuses with
// channels.CodeConflict if that has been replaced since: of two at once one renews the token, or the browser, to which both
// answers come in any order, could be left with the one that is not good.
func Confirm(id, was, hash string) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		s, ok := Find(d, id)
		switch {
		case !ok:
			return nil, signedOut()
		case s.Hash != was:
			return nil, channels.Refuse(channels.CodeConflict, "the password was entered in another tab at the same time: do this again")
		}
		s.Hash = hash
		d.Set(sessionRef(id), s.Record)
		d.Set(factRef(confirmedFact, id), struct{}{})
		return nil, nil
	}
}

// Unconfirm is the hub's decision that the credentials entered at the position are not fresh any more.
func Unconfirm(id string, position uint64) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		v, ok := d.Get(factRef(confirmedFact, id))
		if !ok || v.Position != position {
			return nil, channels.Refuse(channels.CodeConflict, "they were entered again")
		}
		d.Delete(factRef(confirmedFact, id))
		return nil, nil
	}
}

// confirm refuses what needs fresh credentials.
func confirm(doing string) error {
	return channels.Refuse(channels.CodeConfirm, "%s needs your password again: POST /api/v1/session/confirm, then repeat it", doing)
}
