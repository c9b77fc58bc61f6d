package hub

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// connectionError refuses a request before anything was decided.
type connectionError struct{ code, detail string }

func (e *connectionError) Error() string { return e.detail }

// errorFrame is what a client is told of an error. What it does not know stays inside.
func errorFrame(err error) *wire.Error {
	var refused *channels.Refusal
	var uncertain *channels.Uncertain
	var early *connectionError
	switch {
	case errors.As(err, &refused):
		return &wire.Error{Code: string(refused.Code), Detail: refused.Detail, Current: refused.Current, More: refused.More}
	case errors.As(err, &uncertain):
		return &wire.Error{Code: string(uncertain.Code), Detail: uncertain.Detail}
	case errors.As(err, &early):
		return &wire.Error{Code: early.code, Detail: early.detail}
	}
	return &wire.Error{Code: string(channels.CodeUnavailable), Detail: "the hub could not do this now: send it again"}
}

// A problem is an answer of the HTTP API that is not the good one, RFC 9457. It has the same codes as error frames. The
// status 304 is one, too, without a body.
type problem struct {
	status  int
	code    string
	detail  string
	current map[string]json.RawMessage // present values, with conflict
	more    map[string]any             // further members
	retry   int                        // seconds
	header  http.Header                // optional
}

// Problem is what a problem looks like, for the documents.
type Problem struct {
	Type    string                `json:"type" doc:"Always about:blank: the code says more."`
	Title   string                `json:"title" doc:"The name of the status."`
	Status  int                   `json:"status" doc:"The status of the answer."`
	Code    string                `json:"code" doc:"A stable word that programs branch on; the description of this API lists them all."`
	Detail  string                `json:"detail" doc:"A sentence for a person: what is so, and what to do next."`
	Current map[string]wire.Value `json:"current,omitempty" doc:"With conflict: what the keys in question hold now, null if they do not exist."`
	Op      string                `json:"op,omitempty" doc:"The operation whose outcome is not known, or that was not tried: send it again under this id."`

	_ struct{} `additionalProperties:"true"`
}

func (p *problem) Error() string { return p.code + ": " + p.detail }

// problemOf is what an HTTP client is told of an error.
func problemOf(err error) *problem {
	var p *problem
	var throttled *session.Throttled
	var refused *channels.Refusal
	var uncertain *channels.Uncertain
	var early *connectionError
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, session.ErrWrongCredentials):
		return &problem{status: http.StatusUnauthorized, code: "wrong_credentials", detail: "The name or the password is wrong."}
	case errors.As(err, &throttled):
		return throttledProblem(throttled.Wait)
	case errors.As(err, &refused):
		p = coded(refused.Code, refused.Detail)
		p.current, p.more = refused.Current, refused.More
		return p
	case errors.As(err, &uncertain):
		p = coded(uncertain.Code, uncertain.Detail)
		if uncertain.Op != (channels.Op{}) {
			p.more = map[string]any{"op": uncertain.Op.String()}
		}
		return p
	case errors.As(err, &early):
		return coded(channels.Code(early.code), early.detail)
	}
	p = coded(channels.CodeUnavailable, "The hub cannot do this now, a part that it needs is out of reach. Try again in a moment.")
	return p
}

// coded is the problem of a code.
func coded(code channels.Code, detail string) *problem {
	p := &problem{status: statusOf(code), code: string(code), detail: detail}
	switch p.status {
	case http.StatusServiceUnavailable:
		p.retry = 2
	case http.StatusTooManyRequests:
		p.retry = 1
	}
	return p
}

// invalid is a request that makes no sense.
func invalid(format string, args ...any) error {
	return channels.Refuse(channels.CodeInvalid, format, args...)
}

// MarshalJSON writes the problem.
func (p *problem) MarshalJSON() ([]byte, error) {
	body := map[string]any{}
	maps.Copy(body, p.more)
	if len(p.current) > 0 {
		body["current"] = p.current
	}
	maps.Copy(body, map[string]any{
		"type": "about:blank", "title": http.StatusText(p.status), "status": p.status, "code": p.code, "detail": p.detail,
	})
	return json.Marshal(body)
}

// GetHeaders returns the headers of the answer beyond what all answers have.
func (p *problem) GetHeaders() http.Header {
	head := http.Header{}
	maps.Copy(head, p.header)
	if p.retry > 0 {
		head.Set("Retry-After", strconv.Itoa(p.retry))
	}
	return head
}

// answer writes a problem.
func (p *problem) answer(w http.ResponseWriter) {
	maps.Copy(w.Header(), p.GetHeaders())
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	body, err := p.MarshalJSON()
	if err != nil {
		panic(err) // it is made of plain values and JSON
	}
	w.WriteHeader(p.status)
	_, _ = promptWriter{w}.Write(append(body, '\n')) // the client may be gone
}
