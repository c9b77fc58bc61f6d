package check

import (
	"fmt"
	"time"

	"github.com/baton-hub/baton/tools/faults/history"
)

// silent is G8: after a sign-out is answered, nothing reaches any socket of that login session. What was on its way to this
// machine before has been read by the time at which the sign-out had settled.
func silent(h *history.History, _ *Ledger) (found []Violation) {
	captured := map[string]bool{} // login sessions with sockets that are
	for _, b := range h.Bytes {
		captured[b.Session] = true
	}
	out := map[string]history.Visit{}
	for _, v := range h.Visits {
		if !signedOut(v) || !captured[v.Session] {
			continue
		}
		if v.Settled < v.End {
			found = append(found, Violation{Promise: "G8", What: fmt.Sprintf("nobody looked whether anything came after %s had signed out", v.User), At: v.End})
			continue
		}
		out[v.Session] = v
	}
	told := map[string]bool{}
	for _, b := range h.Bytes {
		v, ok := out[b.Session]
		if !ok || b.At <= v.Settled || told[b.Conn] {
			continue
		}
		told[b.Conn] = true
		found = append(found, Violation{
			Promise: "G8", Conn: b.Conn, At: b.At,
			What: fmt.Sprintf("%d bytes reached a socket of %s in login session %s, %v after the sign-out at %s was answered",
				b.Count, v.User, v.Session, time.Duration(b.At-v.End).Round(time.Microsecond), v.Node),
		})
	}
	return found
}

// staysOut is G9: what asks with the cookie of a login session after the answer that it is signed out gets nothing.
func staysOut(h *history.History, _ *Ledger) (found []Violation) {
	out := map[string]history.Visit{} // by cookie
	for _, v := range h.Visits {
		if signedOut(v) && v.Cookie != "" {
			if first, ok := out[v.Cookie]; !ok || v.End < first.End {
				out[v.Cookie] = v
			}
		}
	}
	for _, v := range h.Visits {
		end, ok := out[v.Cookie]
		if v.What != history.Use || !ok || v.Begin <= end.End || v.Status == 0 || v.Status >= 300 {
			continue
		}
		found = append(found, Violation{
			Promise: "G9", At: v.Begin,
			What: fmt.Sprintf("%s of %s is answered %d by %s, %v after it was signed out at %s",
				v.Cookie, v.User, v.Status, v.Node, time.Duration(v.Begin-end.End).Round(time.Microsecond), end.Node),
		})
	}
	return found
}

func signedOut(v history.Visit) bool {
	return v.What == history.SignOut && v.Status >= 200 && v.Status < 300
}
