package control

// A Verb is what can be done to a seat.
type Verb string

// The verbs of people.
const (
	DoRequest Verb = "request" // ask for control; on a vacant seat: get it at once
	DoCancel  Verb = "cancel"  // withdraw one's own request
	DoGrant   Verb = "grant"   // the operator hands over to the one who asked
	DoDeny    Verb = "deny"    // the operator refuses a request
	DoGive    Verb = "give"    // the operator hands over to a login session that did not ask
	DoRelease Verb = "release" // the operator leaves the seat vacant
	DoTake    Verb = "take"    // staff with a reason, or the same person from another login session
)

// The verbs of the hub itself.
const (
	DoLost    Verb = "lost"    // the operator's last link is gone
	DoBack    Verb = "back"    // the operator has a link again
	DoExpired Verb = "expired" // the grace after a loss has passed
	DoEnded   Verb = "ended"   // a login session ended: it leaves the seat and the line
)

// A Move is one thing that somebody does.
type Move struct {
	Do    Verb
	Actor Party // who does it; the zero Party is the hub itself
	Staff bool  // whether the actor may take control from other people

	Request string // grant and deny: which. cancel: which, or empty for one's own
	To      Party  // give: the login session that gets control. The caller vouches that it is signed in
	Message string // request: shown to the operator. At most MaxText bytes
	Reason  string // deny, take, ended: shown to who loses by it. At most MaxText bytes

	Session string // lost, back, ended: the login session in question
	Forced  bool   // take, ended: although the instrument runs, which the caller has allowed
	By      Party  // ended: who ended it, if not the person there; To is that person then
	// Position is, for lost, where the log will keep it if it is committed; for expired, the Lost.Position whose grace
	// has passed.
	Position uint64
}

// MaxText is the longest message or reason, in bytes.
const MaxText = 500

// A Result is what came of a move, in one word.
type Result string

// The results of moves.
const (
	Seated    Result = "seated"    // somebody is operator who was not
	Waiting   Result = "waiting"   // a request is in line
	Emptied   Result = "vacant"    // the seat is vacant and was not
	Withdrawn Result = "withdrawn" // a request left the line
	Denied    Result = "denied"
	Counting  Result = "lost" // the link is lost, the grace runs
	Returned  Result = "back"
	Ended     Result = "ended" // by somebody else: a login session that was neither operator nor in line
	Nothing   Result = ""      // the same, by itself. Nothing to journal
)

// A Record is what the journal keeps of a move that was made.
type Record struct {
	Do      Verb   `json:"do"`
	Result  Result `json:"result"`
	Session string `json:"session,omitempty"` // who did it; empty: the hub
	User    string `json:"user,omitempty"`
	Name    string `json:"name,omitempty"`
	Term    uint64 `json:"term"`              // after it
	Was     *Party `json:"was,omitempty"`     // who was operator, when that changed
	To      *Party `json:"to,omitempty"`      // who became operator, was denied, or whose session ended
	Forced  bool   `json:"forced,omitempty"`  // although the instrument runs
	Request string `json:"request,omitempty"` // which was made, withdrawn, denied or granted
	Message string `json:"message,omitempty"`
	Reason  string `json:"reason,omitempty"`
	From    string `json:"from,omitempty"` // the address it came from; filled in by the caller
}
