package channels

import (
	"encoding/json"
	"errors"
	"fmt"
)

// A Code is a stable word that programs branch on; hub/wire sends it as it is.
type Code string

// The codes with which a transaction is refused. It changes nothing then.
const (
	CodeInvalid     Code = "invalid"             // the request makes no sense; repeating it does not help
	CodeUnknownName Code = "unknown_name"        // no such channel, command or call in this space
	CodeForbidden   Code = "forbidden"           // the rules do not let this role do it
	CodeSignedOut   Code = "signed_out"          // the session or token that asks has ended
	CodeNotOperator Code = "not_operator"        // only the operator may; somebody else, or nobody, is
	CodeOldTerm     Code = "old_term"            // control has changed hands since the term that was sent
	CodeNoTerm      Code = "no_term"             // an operator-only request came without its term
	CodeSchema      Code = "schema"              // a value or argument is not as its schema says; More has the path of what is wrong
	CodeLocked      Code = "locked"              // somebody else holds the named lock; More has the holder
	CodeConflict    Code = "conflict"            // `if` or `unseen` does not hold; Current has what does
	CodeOpReused    Code = "op_reused"           // this operation id was used for something else, or by someone else
	CodeTooLarge    Code = "too_large"           // over a size limit; Detail names it
	CodeSeatTaken   Code = "seat_taken"          // a sign-in was refused by the site's policy; Detail names the holder
	CodeBusy        Code = "busy"                // the instrument, or what is asked for, runs: wait until it has ended
	CodeElsewhere   Code = "signed_in_elsewhere" // a sign-in was refused: the same person is signed in elsewhere; More has where
	CodeProposal    Code = "choose_proposal"     // a sign-in names none of several proposals; More has them
	CodeConfirm     Code = "confirm"             // only for who has entered the password in the last minutes: do so, then again
	CodeOverloaded  Code = "overloaded"          // too much is waiting for an answer; ask again later
	CodeNoService   Code = "no_service"          // nothing that serves this command is connected
	CodeControl     Code = "control"             // the seat is not in a state that allows this; Detail says which it is in
)

// The codes of answers that are not refusals: the outcome is not known, or was not tried.
const (
	CodeUnknown     Code = "unknown"     // perhaps done: send the same operation again to learn it
	CodeUnavailable Code = "unavailable" // not done, the log cannot be reached: send the same operation again later
	CodeStale       Code = "stale"       // this node has not caught up with what the client has seen
	CodeStorage     Code = "storage"     // not done, the log cannot store: somebody must look after its disk
)

// A Refusal is a decision: no, and why. It holds at a position at or after what its client has seen.
type Refusal struct {
	Code    Code                       `json:"code"`
	Detail  string                     `json:"detail"`            // a sentence for a person: what is so, and what to do next
	Current map[string]json.RawMessage `json:"current,omitempty"` // for CodeConflict: the present values of the keys in question, see CurrentValue
	More    map[string]any             `json:"more,omitempty"`    // further named facts, such as the holder of a seat; JSON-able
}

// Error gives code and detail.
func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Detail }

// Refuse makes a Refusal.
func Refuse(code Code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// IsCode reports whether err is a Refusal with the code.
func IsCode(err error, code Code) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Code == code
}
