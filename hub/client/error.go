package client

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/baton-hub/baton/hub/wire"
)

// The ends of a client.
var (
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("the client is closed")
	// ErrSignedOut is returned when the hub does not know the token, or not any more, or when the password is wrong.
	ErrSignedOut = errors.New("signed out: the hub does not accept this token or password")
	// ErrForbidden is returned when the hub does not let the token in.
	ErrForbidden = errors.New("not allowed to connect")
	// ErrReplaced is returned when another program took this one's place.
	ErrReplaced = errors.New("another login took this one's place")
)

// The causes (see context.Cause) with which the context of a handler ends, beyond the end of the client.
var (
	// ErrCancelled says that the caller wants the call no more.
	ErrCancelled = errors.New("it was cancelled")
	// ErrDeadline says that the call's time is up.
	ErrDeadline = errors.New("its time is up")
)

// An Error is the hub's answer to a request that it refused. Repeating the request does not help.
type Error struct {
	Code    string           // what programs branch on: conflict, forbidden, not_operator and so on
	Detail  string           // a sentence: what is so, and what to do next
	Current map[string]Value // with conflict: the present values of the keys in question; nil Data: there is none
	More    map[string]any   // named facts, such as who is in control
}

// Error gives code and detail.
func (e *Error) Error() string { return e.Code + ": " + e.Detail }

// The codes of the Error that Call and Await return when a call did not end well.
const (
	CodeFailed    = "failed"    // the service could not carry out the command, or its time was up
	CodeCancelled = "cancelled" // it was cancelled
	CodeUnknown   = "unknown"   // its service was lost: it may have done it
)

// IsCode reports whether err is an Error with the code.
func IsCode(err error, code string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}

func errorOf(f *wire.Error) *Error {
	e := &Error{Code: f.Code, Detail: f.Detail, More: f.More}
	for key, raw := range f.Current {
		var v wire.Value
		if json.Unmarshal(raw, &v) != nil {
			continue // a newer hub may say more than values
		}
		if e.Current == nil {
			e.Current = make(map[string]Value)
		}
		e.Current[key] = valueOf(v)
	}
	return e
}

// again reports whether a refused request is to be sent again: it was not decided, or its outcome is not known.
func again(code string) bool {
	switch code {
	case "unknown", "unavailable", "stale", "overloaded", wire.CodeRate, wire.CodeUnanswered:
		return true
	}
	return false
}

// final returns why the client ends after a connection was closed with a code, nil if it is to come back.
func final(code int, reason string) error {
	var err error
	switch code {
	case wire.CloseSignedOut:
		err = ErrSignedOut
	case wire.CloseForbidden:
		err = ErrForbidden
	case wire.CloseReplaced:
		err = ErrReplaced
	default:
		return nil
	}
	if reason == "" {
		return err
	}
	return fmt.Errorf("%w (%s)", err, reason)
}
