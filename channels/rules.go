package channels

import "encoding/json"

// A Kind says what a channel is.
type Kind string

// The kinds of channel, DESIGN §1.
const (
	KindStore  Kind = "store"
	KindLog    Kind = "log"
	KindSignal Kind = "signal"
)

// A Scope says whose values a store holds.
type Scope string

// The scopes of a store. In a user-scoped store everybody has values of their own under the same keys, in a
// group-scoped one every proposal (the group of people that a beamtime is given to).
const (
	ScopeSpace Scope = "space"
	ScopeGroup Scope = "group"
	ScopeUser  Scope = "user"
)

// A Right names who may do something: a role, or one of the words below.
type Right string

// The rights that are not roles. Any other right is the name of a role (user, staff, admin, service, the site's own).
const (
	RightMember   Right = "member"   // everybody who is signed in, services included
	RightOperator Right = "operator" // the operator, under the present term
	RightOwner    Right = "owner"    // whose values they are, in a user-scoped store
)

// Roles that rules name by default; a site adds its own.
const (
	RoleUser    = "user" // every person's
	RoleStaff   = "staff"
	RoleAdmin   = "admin"
	RoleService = "service"
)

// ChannelRules are the rules of one channel.
type ChannelRules struct {
	Kind    Kind                       `json:"kind"`
	Scope   Scope                      `json:"scope,omitempty"`    // stores only; default space
	Live    bool                       `json:"live,omitempty"`     // stores only: last value in memory, no decision, no history
	Write   []Right                    `json:"write"`              // who may write, append or send; any one suffices. What is another's: by a role but user
	Read    []Right                    `json:"read,omitempty"`     // who may join; default member
	ReadAll []Right                    `json:"read_all,omitempty"` // scoped stores: who may read everybody's values; default staff, service
	Keep    int                        `json:"keep,omitempty"`     // logs only: how many messages are kept; default 1,000
	KeepFor int64                      `json:"keep_ms,omitempty"`  // logs only: how long messages are kept, milliseconds; 0 = any time
	Default map[string]json.RawMessage `json:"default,omitempty"`  // stores only: what a key is that has no value
	Schema  json.RawMessage            `json:"schema,omitempty"`   // JSON Schema 2020-12 of each value or message
	Backend string                     `json:"backend,omitempty"`  // stores of scope space only: what else keeps the values, as the site file names it
}

// CommandRules are the rules of one command.
type CommandRules struct {
	Call     []Right         `json:"call"`                  // who may call it; any one suffices
	Serve    []Right         `json:"serve,omitempty"`       // who may serve it; default service
	Stop     bool            `json:"stop,omitempty"`        // never fenced, and does not wait for the log (DESIGN §4)
	Args     json.RawMessage `json:"args,omitempty"`        // JSON Schema 2020-12 of the arguments
	Progress json.RawMessage `json:"progress,omitempty"`    // and of what the service says while it goes on
	Result   json.RawMessage `json:"result,omitempty"`      // and of what it says at the end
	Deadline int64           `json:"deadline_ms,omitempty"` // how long a call may take as a whole, milliseconds; 0 = any time
}

// Servers returns who may serve the command.
func (c CommandRules) Servers() []Right {
	if len(c.Serve) == 0 {
		return []Right{RoleService}
	}
	return c.Serve
}

// Readers returns who may join the channel.
func (c ChannelRules) Readers() []Right {
	if len(c.Read) == 0 {
		return []Right{RightMember}
	}
	return c.Read
}

// OwnerFor returns whose values of a store are who's own: nobody's in particular, the user's, or their proposal's,
// without which there are none.
func (c ChannelRules) OwnerFor(who Who) (owner string, err error) {
	switch c.Scope {
	case ScopeUser:
		return who.User, nil
	case ScopeGroup:
		if who.Proposal == "" {
			return "", Refuse(CodeForbidden, "these values belong to a proposal, and you have signed in for none: sign in for one, or name the proposal as owner if you may read or write for others")
		}
		return who.Proposal, nil
	}
	return "", nil
}

// ReadersOfAll returns who may read everybody's values of a scoped store.
func (c ChannelRules) ReadersOfAll() []Right {
	if len(c.ReadAll) == 0 {
		return []Right{RoleStaff, RoleService}
	}
	return c.ReadAll
}

// Rules are what every decision of a space is checked against. They are in the log, so all nodes decide alike.
type Rules struct {
	Version  int                     `json:"version"` // a node with a higher version commits its own
	Title    string                  `json:"title,omitempty"`
	Channels map[string]ChannelRules `json:"channels"`
	Commands map[string]CommandRules `json:"commands,omitempty"`
	Policy   json.RawMessage         `json:"policy,omitempty"` // sign-in and control; package session reads it

	schemas *schemaCache // of rules that were read from the log; nil: nothing is kept compiled
}

// DefaultKeep is how many messages a log channel keeps when its rules do not say.
const DefaultKeep = 1000
