package hub

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// A coding is what a code means, and the statuses with which a problem has it: the first is the one of a decision.
type coding struct {
	code     channels.Code
	statuses []int // none: only error frames have it
	means    string
}

// codings are all codes that a hub sends, in problems and error frames.
var codings = []coding{
	{channels.CodeInvalid, []int{http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusRequestTimeout, http.StatusUnsupportedMediaType}, "The request makes no sense, or did not come in whole. Repeating it as it is does not help."},
	{channels.CodeUnknownName, []int{http.StatusNotFound}, "There is no such space, channel, command, call or address."},
	{channels.CodeForbidden, []int{http.StatusForbidden}, "The rules do not let you do it."},
	{channels.CodeConfirm, []int{http.StatusForbidden}, "Only for who has entered the password in the last minutes: do so, then send it again."},
	{"origin", []int{http.StatusForbidden}, "A page of this origin may not do it."},
	{channels.CodeSignedOut, []int{http.StatusUnauthorized}, "You are not signed in, or not any more; or the token is not valid."},
	{"wrong_credentials", []int{http.StatusUnauthorized}, "The name or the password is wrong."},
	{channels.CodeSeatTaken, []int{http.StatusConflict}, "Somebody else is signed in, and this site admits one person at a time; holder and since say who and since when."},
	{channels.CodeElsewhere, []int{http.StatusConflict}, "You are signed in elsewhere: sessions says where, may what can be done about it."},
	{channels.CodeProposal, []int{http.StatusConflict}, "Name one of your proposals, which are listed."},
	{channels.CodeNotOperator, []int{http.StatusConflict}, "Only who is in control may do it. Somebody else is, or nobody."},
	{channels.CodeOldTerm, []int{http.StatusConflict}, "Control has changed hands since the term that was sent."},
	{channels.CodeNoTerm, []int{http.StatusConflict}, "What only the operator may do needs the term of control under which it was meant."},
	{channels.CodeControl, []int{http.StatusConflict}, "The seat is not in a state that allows this."},
	{channels.CodeBusy, []int{http.StatusConflict}, "Refused as long as the instrument, or what is asked for, runs."},
	{channels.CodeSchema, []int{http.StatusUnprocessableEntity}, "A value or argument does not fit its schema; path says where."},
	{channels.CodeConflict, []int{http.StatusConflict, http.StatusPreconditionFailed}, "What the change depends on does not hold; current has what does."},
	{channels.CodeLocked, []int{http.StatusConflict}, "Somebody else holds the named lock."},
	{channels.CodeOpReused, []int{http.StatusConflict}, "The operation id was used for something else, or by somebody else."},
	{"client_taken", []int{http.StatusConflict}, "Somebody else uses this client id: take a new random one."},
	{channels.CodeNoService, []int{http.StatusConflict}, "No service that carries out this command is connected."},
	{channels.CodeTooLarge, []int{http.StatusRequestEntityTooLarge}, "More than a limit, which the detail names."},
	{session.CodeTooMany, []int{http.StatusTooManyRequests}, "There are too many of these already."},
	{wire.CodeRate, []int{http.StatusTooManyRequests}, "Too many requests in a short time: wait a moment, then send it again."},
	{wire.CodeUnanswered, []int{http.StatusTooManyRequests}, "Too many of your requests wait for an answer: wait for one, then send it again."},
	{"login_expired", []int{http.StatusBadRequest}, "It took too long to sign in at another site, or it was begun in another browser: begin again. It comes as ?login= on the page."},
	{"throttled", []int{http.StatusTooManyRequests}, "Too many failed sign-ins: wait as long as Retry-After says."},
	{channels.CodeOverloaded, []int{http.StatusServiceUnavailable}, "Too much waits for an answer, of everybody: send the same operation again later."},
	{channels.CodeUnavailable, []int{http.StatusServiceUnavailable}, "Not done, something that it needs is out of reach: send the same operation again later."},
	{channels.CodeUnknown, []int{http.StatusServiceUnavailable}, "Perhaps done: send the same operation again, under the same id, to learn it; with forgotten, it is too old to learn that."},
	{channels.CodeStale, []int{http.StatusServiceUnavailable}, "This node has not caught up with what you have seen: send it again."},
	{channels.CodeStorage, []int{http.StatusServiceUnavailable}, "Not done, the log cannot store: somebody must look after its disk."},
	{"not_ready", []int{http.StatusServiceUnavailable}, "This node should get no connections now; the detail says what is missing."},
	{wire.CodeBadFrame, nil, "A message could not be read, and nothing of it was done."},
}

// statusOf is the HTTP status of a decision with a code.
func statusOf(code channels.Code) int {
	i := slices.IndexFunc(codings, func(c coding) bool { return c.code == code })
	if i < 0 || len(codings[i].statuses) == 0 {
		return http.StatusConflict
	}
	return codings[i].statuses[0]
}

// explainCodes is a table of the codes, in Markdown.
func explainCodes() string {
	var b strings.Builder
	b.WriteString("| code | status | means |\n|---|---|---|\n")
	for _, c := range codings {
		statuses := "WebSocket only"
		if len(c.statuses) > 0 {
			statuses = strings.Trim(fmt.Sprint(c.statuses), "[]")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.code, statuses, c.means)
	}
	return b.String()
}
