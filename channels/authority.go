package channels

import "slices"

// Who is a person or program as the log knows them at one position.
type Who struct {
	ID    string   `json:"id"`              // of the login session or token
	User  string   `json:"user"`            // the account
	Name  string   `json:"name,omitempty"`  // for people to read
	Roles []string `json:"roles,omitempty"` // user, staff, admin, service, the site's own

	Proposal string   `json:"proposal,omitempty"` // what they signed in for; "" = none, as programs have
	Scope    []string `json:"scope,omitempty"`    // of a token: what it may do of what its roles may, see CheckScope; empty = all of it
	From     string   `json:"from,omitempty"`     // the address that they signed in from; "" = not known, as of programs
}

// Has reports whether the person has the role.
func (w Who) Has(role string) bool { return slices.Contains(w.Roles, role) }

// A View reads state: a State, or a Draft that is being decided on top of one.
type View interface {
	// Get returns the present value of a key; ok is false if there is none.
	Get(Ref) (v Value, ok bool)
	// Range calls f for every value of a store (owner "" unless it is user-scoped), sorted by key, until it returns false.
	Range(channel, owner string, f func(key string, v Value) bool)
}

// An Authority knows people and who is in control. Package session supplies it; it is a pure function of the view,
// so that every node decides alike and nobody acts on a record that has ended.
type Authority interface {
	// Identify returns who the login session or token with this id is. It refuses with CodeSignedOut when the log
	// holds no such record any more.
	Identify(v View, id string) (Who, error)
	// Fence returns nil only if who is the operator and term is the present one. It refuses with CodeNoTerm (term 0),
	// CodeNotOperator (naming the holder) or CodeOldTerm.
	Fence(v View, who Who, term uint64) error
}
