package channels

import (
	"encoding/json"
	"fmt"
	"time"
)

// A Proposal is a transaction that waits to be decided.
type Proposal struct {
	Op      Op     // required; the same id with the same body is applied once
	Actor   string // id of the login session or token that asks; "" = the hub itself
	User    string // the account that asks; an operation id is bound to it
	Body    []byte // what was asked, byte for byte the same in a retry
	Source  uint64 // the socket: proposals of one source are decided in order; 0 = on its own
	Unnamed bool   // nobody knows Op, so nobody can send it again: it need not be remembered
	Trace   string // where it belongs in what somebody traces, opaque; the entry carries it on. "" = nowhere
	Again   bool   // it may be on its way elsewhere, too: a refusal is put into the log, so that it is the last word; not if Unnamed
	Urgent  bool   // goes before proposals of other sources: control, sign-in and sign-out, the operator

	// How long it may wait to be decided, if that is less than Options.Patience: later it is not decided any more, whatever
	// happens. For who does it otherwise then. 0 = as long as may be.
	Within time.Duration

	Decide Decide // required

	// Done is called exactly once, within Options.Patience, from the goroutine of the space: it must not block.
	Done func(Outcome)
}

// An Outcome answers a Proposal. Err is nil (committed), a *Refusal (decided: no), or an *Uncertain.
type Outcome struct {
	Position uint64          // of the commit; of the first one if this was a retry; for a refusal, where it was decided or logged
	Answer   json.RawMessage // what the decision returned, nil if nothing
	Err      error
}

// Uncertain is the error of an Outcome that is neither yes nor no. In both cases the same operation may be sent again.
type Uncertain struct {
	Code   Code // CodeUnknown: perhaps committed. CodeUnavailable, CodeStorage: not committed.
	Op     Op
	Detail string
}

// Error says what is known.
func (u *Uncertain) Error() string {
	return fmt.Sprintf("%s: %s (operation %s)", u.Code, u.Detail, u.Op)
}
