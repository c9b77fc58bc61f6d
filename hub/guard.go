package hub

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/baton-hub/baton/session"
)

// noteFailure logs a sign-in that failed, for the audit. That an authenticator cannot tell is for staff to look at.
func (h *Hub) noteFailure(r *http.Request, c credentials, err error) {
	var throttled *session.Throttled
	log := h.logger.With("space", trimmed(c.Space, 128), "user", trimmed(c.User, 128), "from", h.address(r))
	switch {
	case errors.Is(err, session.ErrWrongCredentials):
		log.Info("sign-in failed")
	case errors.As(err, &throttled):
		log.Info("sign-in throttled", "wait", throttled.Wait)
	default:
		log.Warn("sign-in failed, because nobody can tell who it is", "error", err)
	}
}

// throttledProblem refuses a sign-in after too many failures.
func throttledProblem(wait time.Duration) *problem {
	seconds := int((wait + time.Second - 1) / time.Second)
	return &problem{
		status: http.StatusTooManyRequests, code: "throttled", retry: seconds,
		detail: fmt.Sprintf("Too many sign-ins have failed. Try again in %v.", time.Duration(seconds)*time.Second),
	}
}
