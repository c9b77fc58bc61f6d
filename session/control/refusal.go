package control

import "github.com/baton-hub/baton/channels"

// A Why is the exact reason of a refusal, for programs. It is under More["why"] of the *channels.Refusal.
type Why string

// The reasons of refusals.
const (
	Yours       Why = "yours"        // you are the operator
	Asked       Why = "asked"        // you are in line
	IsVacant    Why = "vacant"       // there is no operator
	NotOperator Why = "not_operator" // somebody else is the operator
	NotYours    Why = "not_yours"    // the request is somebody else's
	NoRequest   Why = "no_request"   // no such request stands in line
	NoReceiver  Why = "no_receiver"  // no login session was named
	NotStaff    Why = "not_staff"
	NoReason    Why = "no_reason"
	NoChange    Why = "no_change"   // lost, back, expired: it is so already, or not any more
	NoPosition  Why = "no_position" // lost without its position
	HubOnly     Why = "hub_only"
	NoActor     Why = "no_actor"
	NoVerb      Why = "no_verb"
	TooLong     Why = "too_long"
)

func refuse(code channels.Code, why Why, format string, args ...any) (Seat, Record, error) {
	r := channels.Refuse(code, format, args...)
	r.More = map[string]any{"why": why}
	return Seat{}, Record{}, r
}
