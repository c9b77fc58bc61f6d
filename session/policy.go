package session

import (
	"encoding/json"
	"time"

	"github.com/baton-hub/baton/channels"
)

// A Policy is what a site decides about signing in and about control. It is in the rules, so all nodes decide alike. What
// is zero is left to the default.
type Policy struct {
	OtherUser OtherUser `json:"other_user,omitempty"` // a user signs in while another is signed in; default Observe
	Unlisted  bool      `json:"unlisted,omitempty"`   // who is not signed in is not told that the space is there
	Admit     []string  `json:"admit,omitempty"`      // the roles of which somebody needs one to sign in; default: any role
	SameUser  SameUser  `json:"same_user,omitempty"`  // a user signs in who is signed in elsewhere; default Ask
	Logout    When      `json:"logout,omitempty"`     // default RefusedWhileRunning
	Take      When      `json:"take,omitempty"`       // taking control from somebody; default Now
	OnLost    OnLost    `json:"on_lost,omitzero"`     // what to do about an operator whose link is lost; default: keep on
	Busy      *Busy     `json:"busy,omitempty"`       // when the instrument runs; nil: nothing says so

	// Times, in the log in nanoseconds.
	Grace     time.Duration `json:"grace,omitempty"`      // the seat of an operator whose link is lost is kept; default 30 s
	Linger    time.Duration `json:"linger,omitempty"`     // an operator has no connection before the link counts as lost; default 2 s, < 0: none
	Idle      time.Duration `json:"idle,omitempty"`       // a login session lives on without an open tab or a request; default 30 min
	IdleInput time.Duration `json:"idle_input,omitempty"` // and without deliberate input, tab or not; 0 = any time
	Absolute  time.Duration `json:"absolute,omitempty"`   // the longest life of a login session; default 24 h
}

// OtherUser is what happens when a user signs in while another is signed in.
type OtherUser string

// The choices for another user.
const (
	Observe OtherUser = "observe" // admitted; may watch, and ask for control
	Reject  OtherUser = "reject"  // refused while anybody else is signed in
)

// SameUser is what happens when a user signs in who is signed in elsewhere: on another computer, or in another browser.
type SameUser string

// The choices for the same user. Nowhere does control move: the seat of a login session that ends falls vacant.
const (
	Ask       SameUser = "ask"     // refused with the other login session's description, unless the sign-in says to replace it
	Join      SameUser = "join"    // admitted, both stay
	Replace   SameUser = "replace" // the other one ends
	RefuseOwn SameUser = "reject"  // refused while the other is there
)

// When says whether something may be done while the instrument runs, see Busy.
type When string

// The choices of when.
const (
	Now                 When = "now"
	RefusedWhileRunning When = "refused_while_running" // staff may, with a reason
)

// OnLost is a command that the hub calls when the operator's link is lost, if the instrument runs.
type OnLost struct {
	Call string `json:"call,omitempty"` // "": none, it goes on
	At   string `json:"at,omitempty"`   // AtExpired or AtLost; default AtExpired
}

// When the command of an OnLost is called.
const (
	AtExpired = "expired" // when the grace has passed and the seat falls vacant
	AtLost    = "lost"    // as soon as the link counts as lost
)

// Busy says when the instrument runs: while a key of a store has one of some values.
type Busy struct {
	Store string            `json:"store"`
	Key   string            `json:"key"`
	Path  string            `json:"path,omitempty"` // JSON pointer (RFC 6901) into the value; "" = the value itself
	Is    []json.RawMessage `json:"is"`
}

// JSON is the form for channels.Rules.
func (p Policy) JSON() json.RawMessage {
	data, err := json.Marshal(p)
	if err != nil {
		panic(err) // it is made of strings, numbers and JSON
	}
	return data
}

// Filled returns the policy with the defaults for what it does not say. What goes into the log is filled, so that nodes with
// other defaults decide alike.
func (p Policy) Filled() Policy {
	fill(&p.OtherUser, Observe)
	fill(&p.SameUser, Ask)
	fill(&p.Logout, RefusedWhileRunning)
	fill(&p.Take, Now)
	fill(&p.OnLost.At, AtExpired)
	fill(&p.Grace, 30*time.Second)
	fill(&p.Linger, 2*time.Second)
	fill(&p.Idle, 30*time.Minute)
	fill(&p.Absolute, Absolute)
	return p
}

func fill[T comparable](field *T, standard T) {
	var zero T
	if *field == zero {
		*field = standard
	}
}

// readPolicy returns the policy of rules, filled, with a Linger of 0 if there is none.
func readPolicy(rules *channels.Rules) Policy {
	var p Policy
	_ = json.Unmarshal(rules.Policy, &p) // empty, or written by JSON
	p = p.Filled()
	p.Linger = max(p.Linger, 0)
	return p
}

// PolicyOf returns the policy in force.
func PolicyOf(state *channels.State) *Policy {
	p := readPolicy(state.Rules())
	return &p
}
