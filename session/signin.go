package session

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session/control"
)

// SignIn puts a login session on record, if the policy admits it. It is the hub's own decision: the credentials have
// been checked, and nobody is signed in yet. The answer is a SignedIn.
type SignIn struct {
	Session string // the id that a new login session gets
	Record  Record
	// Resume is the hash of the token of the cookie that came along, see Logins.Presented; "" if none came. If it is on
	// record as the same person's, the person takes that login session up, with a new token, instead of meeting it as a
	// stranger. The log knows, even where the store has forgotten.
	Resume string
	// Replace ends the person's other login sessions where the policy is to ask first.
	Replace bool
	// Led says that another site has led the person here, who may not have meant to sign in: where the policy is to replace,
	// they are asked first.
	Led bool
	// Stale is that of the Identity: what needs fresh credentials still does.
	Stale bool
}

// SignedIn is the answer of a SignIn.
type SignedIn struct {
	Session  string   `json:"session"`            // that the person has now
	Replaced []string `json:"replaced,omitempty"` // login sessions that have ended for it, in the same transaction
}

// Decide is the Decide of a SignIn. It refuses with channels.CodeSeatTaken, CodeElsewhere or CodeForbidden. What it refuses
// disturbs nobody.
func (s SignIn) Decide(d *channels.Draft) (any, error) {
	if err := admits(d.Rules(), s.Record.Roles); err != nil {
		return nil, err
	}
	answer, policy := SignedIn{Session: s.Session}, readPolicy(d.Rules())
	s.Record.Since = time.Time{} // the log says when
	if old, ok := ByHash(d, s.Resume); ok && old.User == s.Record.User {
		answer.Session, s.Record.Since = old.ID, old.Since
	}
	if err := meetOthers(d, policy, s.Record.User); err != nil {
		return nil, err
	}
	if own := otherSessions(d, s.Record.User, answer.Session); len(own) > 0 && answer.Session == s.Session {
		if err := s.meetOwn(d, policy, own); err != nil {
			return nil, err
		}
		if policy.SameUser != Join {
			answer.Replaced = idsOf(own)
		}
	}
	d.Set(sessionRef(answer.Session), s.Record)
	if !s.Stale {
		d.Set(factRef(confirmedFact, answer.Session), struct{}{})
	}
	return answer, nil
}

// meetOthers refuses a person while another is signed in, where the policy is so.
func meetOthers(d *channels.Draft, policy Policy, user string) error {
	if policy.OtherUser != Reject {
		return nil
	}
	if others := otherPeople(d, user); len(others) > 0 {
		return seatTaken(d, others)
	}
	return nil
}

// meetOwn lets a person in who is signed in elsewhere, or refuses. Whatever ends, ends before the new login session begins.
func (s SignIn) meetOwn(d *channels.Draft, policy Policy, own []Session) error {
	asks := policy.SameUser == Ask || policy.SameUser == Replace && s.Led
	switch {
	case policy.SameUser == Join && len(own) < MaxSessions:
		return nil
	case policy.SameUser == Replace && !s.Led, asks && s.Replace:
		by := &control.Party{Session: s.Session, User: s.Record.User, Name: s.Record.Name}
		for _, old := range own {
			if err := end(d, old, Ended{How: Replaced, By: by, From: s.Record.From}); err != nil {
				return err
			}
		}
		return nil
	}
	may, advice := []string{}, "sign out there, and then sign in here"
	if asks {
		may, advice = []string{"replace"}, "sign out there, or send this again with \"replace\": true to end that and sign in here"
	}
	r := channels.Refuse(channels.CodeElsewhere, "you are signed in elsewhere, from %s: %s", cmp.Or(own[0].From, "an address that is not known"), advice)
	r.More = map[string]any{"may": may, SessionsKey: idsOf(own)}
	return r
}

// MaxSessions is how many login sessions one person may have, where the policy is to join.
const MaxSessions = 20

// SessionsKey is the member of a refusal's More with the ids of the login sessions that stand in the way.
const SessionsKey = "sessions"

func idsOf(sessions []Session) (ids []string) {
	for _, s := range sessions {
		ids = append(ids, s.ID)
	}
	return ids
}

// ByHash returns the login session with the token's hash.
func ByHash(v channels.View, hash string) (Session, bool) {
	if hash == "" {
		return Session{}, false
	}
	few := having(v, hash) // letters and digits, as they are in JSON
	i := slices.IndexFunc(few, func(one Session) bool { return one.Hash == hash })
	if i < 0 {
		return Session{}, false
	}
	return few[i], true
}

// TakeBack returns the hub's decision that undoes a sign-in, or a new token, that came to nothing: nobody has the cookie
// with the hash. A login session that was taken up gets its former token again, a new one ends.
func TakeBack(hash string, before *Session) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		now, ok := ByHash(d, hash)
		switch {
		case !ok:
			return nil, signedOut()
		case before != nil && before.ID == now.ID:
			d.Set(sessionRef(now.ID), before.Record)
			d.Delete(factRef(confirmedFact, now.ID))
			return nil, nil
		}
		return nil, end(d, now, Ended{How: Undone})
	}
}

// otherPeople lists the login sessions of others than the user. A service is no person: it takes nobody's place.
func otherPeople(v channels.View, user string) []Session {
	return slices.DeleteFunc(All(v), func(s Session) bool { return s.User == user || slices.Contains(s.Roles, channels.RoleService) })
}

// otherSessions lists the login sessions of the user but one.
func otherSessions(v channels.View, user, but string) []Session {
	text, err := json.Marshal(user)
	if err != nil {
		panic(err) // it is a string
	}
	return slices.DeleteFunc(having(v, string(text)), func(s Session) bool { return s.User != user || s.ID == but })
}

// seatTaken names the operator if there is one, or else who signed in first.
func seatTaken(v channels.View, others []Session) error {
	holder := slices.MinFunc(others, func(a, b Session) int { return a.Since.Compare(b.Since) })
	if seat := ReadSeat(v); seat.Operator != nil {
		if i := slices.IndexFunc(others, func(s Session) bool { return s.ID == seat.Operator.Session }); i >= 0 {
			holder = others[i]
		}
	}
	name := cmp.Or(holder.Name, holder.User)
	r := channels.Refuse(channels.CodeSeatTaken,
		"%s is signed in, and here one person is at a time: ask them to sign out, or sign in when they have", name)
	r.More = map[string]any{"holder": map[string]string{"user": holder.User, "name": name}, "since": holder.Since}
	return r
}

// SignOut is the decision that ends a login session, at somebody's wish or by the hub itself. The answer is nil.
type SignOut struct {
	Session string
	By      string // the login session or token that asks; "" = the hub
	How     How    // if the hub does it
	Force   bool   // staff: although the instrument runs; with a reason, and fresh credentials
	Reason  string // shown to who is signed out by others, and in the journal; at most control.MaxText bytes
}

// Decide is the Decide of a SignOut. It refuses with channels.CodeSignedOut, CodeUnknownName, CodeBusy, CodeForbidden,
// CodeInvalid or CodeConfirm.
func (o SignOut) Decide(d *channels.Draft) (any, error) {
	if o.By == "" {
		s, ok := Find(d, o.Session)
		if !ok {
			return nil, signedOut()
		}
		seat := ReadSeat(d)
		if err := end(d, s, Ended{How: o.How, Reason: o.Reason}); err != nil {
			return nil, err
		}
		if seat.HeldBy(s.ID) && seat.Lost != nil {
			callOnLost(d, AtExpired) // there is no grace to wait for any more
		}
		return nil, nil
	}
	by, err := Authority{}.Identify(d, o.By)
	if err != nil {
		return nil, err
	}
	if t, ok := FindToken(d, o.Session); ok && o.By == o.Session && t.Kind != ProgramToken {
		t.end(d) // a script that has done what it was for
		return nil, nil
	}
	s, ok := Find(d, o.Session)
	if !ok || (s.User != by.User || len(by.Scope) > 0) && !Governs(by) {
		return nil, channels.Refuse(channels.CodeUnknownName, "you have no login session %.40q: GET /api/v1/sessions lists those you may end", o.Session)
	}
	if err := o.mayLeave(d, s, by); err != nil {
		return nil, err
	}
	how := Ended{How: SignedOut, Reason: o.Reason, forced: o.Force}
	if o.By != o.Session || o.Force {
		how.By, how.From = &control.Party{Session: by.ID, User: by.User, Name: by.Name}, by.From
	}
	if o.By != o.Session {
		how.How = EndedBy
	}
	return nil, end(d, s, how)
}

// Stays reports whether, as far as a node knows, the person stays signed in: the sign-out is one's own and will be refused.
func (o SignOut) Stays(state *channels.State) bool {
	s, ok := Find(state, o.Session)
	by, err := Authority{}.Identify(state, o.By)
	return ok && err == nil && o.mayLeave(state, s, by) != nil
}

// mayLeave refuses what would leave the instrument running with nobody in control, unless staff force it.
func (o SignOut) mayLeave(v ruled, s Session, by channels.Who) error {
	staff := isStaff(by)
	policy := readPolicy(v.Rules())
	if policy.Logout == Now || !policy.running(v) || !ReadSeat(v).HeldBy(s.ID) && len(people(v)) > 1 {
		return nil
	}
	switch {
	case !o.Force:
		return policy.busy(staff, "its operator, and who is the last one here, cannot be signed out")
	case !staff:
		return channels.Refuse(channels.CodeForbidden, "only staff may do this while the instrument runs: wait until it has ended, or ask them")
	case strings.TrimSpace(o.Reason) == "":
		return channels.Refuse(channels.CodeInvalid, "say why: the reason is kept in the journal")
	case Confirmed(v, by.ID):
		return nil
	}
	if _, person := Find(v, by.ID); !person {
		return channels.Refuse(channels.CodeForbidden, "signing out while the instrument runs needs fresh credentials, which a token of your scripts is not: sign in, and do it there")
	}
	return confirm("signing out while the instrument runs")
}

// people lists the login sessions that are no service's.
func people(v channels.View) []Session { return otherPeople(v, "") }

func isStaff(w channels.Who) bool { return w.Has(channels.RoleStaff) || w.Has(channels.RoleAdmin) }

// SignOutSome returns the decision that ends some login sessions, and then the bearers of people's scripts, at most limit
// together, and says how many.
func SignOutSome(limit int, how How) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		some := All(d)
		some = some[:min(limit, len(some))]
		for _, s := range some {
			if err := end(d, s, Ended{How: how}); err != nil {
				return nil, err
			}
		}
		bearers := Tokens(d, func(t KnownToken) bool { return t.Kind == BearerToken })
		bearers = bearers[:min(limit-len(some), len(bearers))]
		for _, t := range bearers {
			t.end(d)
		}
		return len(some) + len(bearers), nil
	}
}
