package hub

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/session"
)

// How long a bearer is good for.
const (
	bearerLife    = time.Hour // if nothing else is asked for
	maxBearerLife = 12 * time.Hour
)

// bearerBody is the body of a request for a bearer.
type bearerBody struct {
	Space    string `json:"space" doc:"The space that it is for."`
	User     string `json:"user"`
	Password string `json:"password"`
	Proposal string `json:"proposal,omitempty" doc:"Which of one's proposals it is for, if there are several."`
	Expires  string `json:"expires,omitempty" doc:"How long it is good for, up to 12h. Default: 1h." example:"30m"`
}

const badBearer = `The body has to be {"space":"…","user":"…","password":"…","expires":"1h"}, each once, expires or not, beside them at most "proposal".`

type bearerInput struct{ Body bearerBody }

// bearerOperations trade a password for a bearer.
func bearerOperations(a *api) {
	public(a, huma.Operation{
		OperationID: "create-bearer", Method: http.MethodPost, Path: "/api/v1/bearer", Tags: []string{"tokens"},
		Summary: "Get a short-lived token for one's scripts", DefaultStatus: http.StatusCreated,
		Description: "It acts as the person, with their rights, in the header Authorization, and is revoked as other tokens are. " +
			"It is no login session: it takes nobody's place, and is never in control.",
		MaxBodyBytes: maxCredentials, Metadata: map[string]any{badBodyKey: badBearer},
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests},
	}, createBearer)
}

// createBearer checks the credentials by the same path as a sign-in, and puts the bearer on record before it is given out.
func createBearer(v *visit, in *bearerInput) (*issuedOutput, error) {
	h, r, b := v.hub, v.r, in.Body
	room := h.rooms[b.Space]
	if room == nil {
		return nil, errNoSpace
	}
	expires, err := bearerExpiry(b.Expires, time.Now())
	if err != nil {
		return nil, err
	}
	identity, err := h.setup.Load().guard.SignIn(r.Context(), session.Credentials{User: b.User, Password: b.Password}, h.address(r))
	if err != nil {
		h.noteFailure(r, credentials{Space: b.Space, User: b.User}, err)
		return nil, err
	}
	proposal, err := chooseProposal(identity, b.Proposal)
	if err != nil {
		return nil, err
	}
	if _, err := room.opened(r.Context()); err != nil {
		return nil, err
	}
	token := session.NewToken(room.name)
	issue := session.IssueBearer{Token: token, Expires: expires, Person: session.Record{
		User: identity.User, Name: identity.Name, Roles: identity.Roles, Proposal: proposal,
	}}
	if o := room.replica().House(r.Context(), issue.Decide); o.Err != nil {
		h.logger.Info("sign-in refused", "space", room.name, "user", identity.User, "from", h.address(r), "error", o.Err)
		return nil, o.Err
	}
	h.logger.Info("bearer created", "space", room.name, "user", identity.User, "token", token.ID, "expires", expires, "from", h.address(r))
	return &issuedOutput{issued{token.String(), token.ID, expires}}, nil
}

func bearerExpiry(s string, now time.Time) (time.Time, error) {
	if s == "" {
		s = bearerLife.String()
	}
	expires, err := parseExpiry(s, now)
	if err == nil && expires.Sub(now) > maxBearerLife {
		return expires, invalid("a bearer is good for 12h at most: ask an admin for a token if a program needs one for longer")
	}
	return expires, err
}
