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

// The scopes of a store. In a user-scoped store everybody has values of their own under the same keys.
const (
	ScopeSpace Scope = "space"
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

// ChannelRules are the rules of one channel.
type ChannelRules struct {
	Kind  Kind    `json:"kind"`
	Scope Scope   `json:"scope,omitempty"` // stores only; default space
	Live  bool    `json:"live,omitempty"`  // stores only: last value in memory, no decision, no history
	Write []Right `json:"write"`           // who may write or append; any one suffices
	Read  []Right `json:"read,omitempty"`  // who may join; default member
	Keep  int     `json:"keep,omitempty"`  // logs only: how many messages are kept; default 1,000
}

// CommandRules are the rules of one command.
type CommandRules struct {
	Call  []Right `json:"call"`            // who may call it; any one suffices
	Serve []Right `json:"serve,omitempty"` // who may serve it; default service
	Stop  bool    `json:"stop,omitempty"`  // never fenced, and does not wait for the log (DESIGN §4)
}

// Servers returns who may serve the command.
func (c CommandRules) Servers() []Right {
	if len(c.Serve) == 0 {
		return []Right{"service"}
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

// Rules are what every decision of a space is checked against. They are in the log, so all nodes decide alike.
type Rules struct {
	Version  int                     `json:"version"` // a node with a higher version commits its own
	Title    string                  `json:"title,omitempty"`
	Channels map[string]ChannelRules `json:"channels"`
	Commands map[string]CommandRules `json:"commands,omitempty"`
	Policy   json.RawMessage         `json:"policy,omitempty"` // sign-in and control; package session reads it
}

// DefaultKeep is how many messages a log channel keeps when its rules do not say.
const DefaultKeep = 1000
