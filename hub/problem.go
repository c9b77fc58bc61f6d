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

// statusOf maps codes to HTTP; what is not here is 409.
var statusOf = map[channels.Code]int{
	channels.CodeInvalid:     http.StatusBadRequest,
	channels.CodeUnknownName: http.StatusNotFound,
	channels.CodeForbidden:   http.StatusForbidden,
	channels.CodeSignedOut:   http.StatusUnauthorized,
	channels.CodeTooLarge:    http.StatusRequestEntityTooLarge,
	channels.CodeBusy:        http.StatusServiceUnavailable,
	channels.CodeUnknown:     http.StatusServiceUnavailable,
	channels.CodeUnavailable: http.StatusServiceUnavailable,
	channels.CodeStale:       http.StatusServiceUnavailable,
	channels.CodeStorage:     http.StatusServiceUnavailable,
}

// A problem is an answer of the HTTP API that is not the good one, RFC 9457.
type problem struct {
	status int
	code   string
	detail string
	more   map[string]any
	retry  int // seconds
}

func (p *problem) Error() string { return p.code + ": " + p.detail }

// problemOf is what an HTTP client is told of an error.
func problemOf(err error) *problem {
	var p *problem
	var refused *channels.Refusal
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, session.ErrWrongCredentials):
		return &problem{status: http.StatusUnauthorized, code: "wrong_credentials", detail: "The name or the password is wrong."}
	case errors.As(err, &refused):
		status, ok := statusOf[refused.Code]
		if !ok {
			status = http.StatusConflict
		}
		return &problem{status: status, code: string(refused.Code), detail: refused.Detail, more: refused.More}
	}
	return &problem{
		status: http.StatusServiceUnavailable, code: "unavailable", retry: 2,
		detail: "The hub cannot do this now, a part that it needs is out of reach. Try again in a moment.",
	}
}

// answer writes a problem.
func (p *problem) answer(w http.ResponseWriter) {
	body := map[string]any{
		"type": "about:blank", "title": http.StatusText(p.status), "status": p.status, "code": p.code, "detail": p.detail,
	}
	maps.Copy(body, p.more)
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	if p.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.retry))
	}
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
