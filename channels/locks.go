package channels

import (
	"encoding/json"
)

// MaxLocks is how many locks one client may hold.
const MaxLocks = 32

// A LockRecord is a named lock that is held, in LocksStore under its name. Its position is the token: writes that name it
// in Held are refused when somebody else has it by then, so that a holder who has been away for too long does no harm.
type LockRecord struct {
	By     Who    `json:"by"`
	Client string `json:"client"` // that holds it

	Token uint64 `json:"-"` // under which it is held
}

// LockAnswer is the answer of a Lock.
type LockAnswer struct {
	Token uint64 `json:"token"`
}

func lockRef(name string) Ref { return Ref{Channel: LocksStore, Key: name} }

// A Lock takes a named lock for a program: at most one client holds it at a time. It is given up by Unlock, or when its
// client has been gone for a while, see LoseLocks.
type Lock struct{ Name string }

// Decide is the Decide of a Lock. The client that holds it already gets the same answer.
func (l Lock) Decide(d *Draft) (any, error) {
	who, err := d.Who()
	if err != nil {
		return nil, err
	}
	client := d.Op().Client
	if rights := []Right{RoleService, RoleStaff, RoleAdmin}; !permitsByRole(rights, who) {
		return nil, Refuse(CodeForbidden, "you may not take the lock %.64q: locks are for %s", l.Name, rights)
	}
	if err := CheckName(l.Name); err != nil {
		return nil, err
	}
	if err := who.MayUse("take the lock", l.Name); err != nil {
		return nil, err
	}
	if v, held := d.Get(lockRef(l.Name)); held {
		var r LockRecord
		if err := json.Unmarshal(v.Data, &r); err != nil {
			return nil, err
		}
		if r.Client == client && r.By.User == who.User {
			return LockAnswer{v.Position}, nil
		}
		return nil, lockedBy(l.Name, r, v)
	}
	if n := len(locksOf(d, func(r LockRecord) bool { return r.Client == client })); n >= MaxLocks {
		return nil, Refuse(CodeTooLarge, "a client holds %d locks at most: give one up first", MaxLocks)
	}
	who.Roles, who.Scope = nil, nil // who they were is enough
	d.Set(lockRef(l.Name), LockRecord{By: who, Client: client})
	return LockAnswer{d.Position()}, nil
}

func lockedBy(name string, r LockRecord, v Value) error {
	refusal := Refuse(CodeLocked, "%s holds the lock %.64q: try again when it is free", r.By.User, name)
	refusal.More = map[string]any{"holder": map[string]string{"user": r.By.User, "name": r.By.Name}, "since": v.At}
	return refusal
}

// An Unlock gives a lock up. That somebody else has it, or nobody, is refused.
type Unlock struct {
	Name  string
	Token uint64 // under which it is held; 0 = whichever
}

// Decide is the Decide of an Unlock.
func (u Unlock) Decide(d *Draft) (any, error) {
	who, err := d.Who()
	if err != nil {
		return nil, err
	}
	v, held := d.Get(lockRef(u.Name))
	var r LockRecord
	if !held || json.Unmarshal(v.Data, &r) != nil || r.Client != d.Op().Client || r.By.User != who.User ||
		u.Token != 0 && u.Token != v.Position {
		return nil, Refuse(CodeConflict, "you do not hold the lock %.64q, or no longer as you did", u.Name)
	}
	d.Delete(lockRef(u.Name))
	return nil, nil
}

// LoseLocks frees locks whose clients are gone, as whoever proposes it has found: by name, with the token under which it
// was held. One that was taken anew since is not touched.
type LoseLocks map[string]uint64

// Decide is the Decide of a LoseLocks; it is the hub's own.
func (l LoseLocks) Decide(d *Draft) (any, error) {
	for _, name := range sorted(l) {
		if v, held := d.Get(lockRef(name)); held && v.Position == l[name] {
			d.Delete(lockRef(name))
		}
	}
	if len(d.effects) == 0 {
		return nil, ErrNothing
	}
	return nil, nil
}

// Locks returns the locks that are held, by name.
func Locks(v View) map[string]LockRecord {
	return locksOf(v, func(LockRecord) bool { return true })
}

func locksOf(v View, accept func(LockRecord) bool) map[string]LockRecord {
	locks := map[string]LockRecord{}
	v.Range(LocksStore, "", func(name string, value Value) bool {
		var r LockRecord
		if json.Unmarshal(value.Data, &r) == nil && accept(r) {
			r.Token = value.Position
			locks[name] = r
		}
		return true
	})
	return locks
}

// holds refuses unless the client that asks holds the locks, under these tokens.
func (d *Draft) holds(tokens map[string]uint64) error {
	for _, name := range sorted(tokens) {
		v, held := d.Get(lockRef(name))
		var r LockRecord
		switch {
		case !held:
			return Refuse(CodeLocked, "the lock %.64q is free: take it again, look at what is so, and decide again", name)
		case json.Unmarshal(v.Data, &r) != nil || r.Client != d.Op().Client || v.Position != tokens[name]:
			return lockedBy(name, r, v)
		}
	}
	return nil
}
