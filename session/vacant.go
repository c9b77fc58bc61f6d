package session

import "github.com/baton-hub/baton/channels"

// Vacant reports whether nobody is in control. An import into what is the operator's goes on only as long as that is so.
func (Authority) Vacant(v channels.View) bool { return ReadSeat(v).Operator == nil }
