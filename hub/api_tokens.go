package hub

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// issueBody is the body of a request for a token.
type issueBody struct {
	Name    string   `json:"name" doc:"What it is for, such as the program. Its account is service/ and this." minLength:"1" maxLength:"128"`
	Roles   []string `json:"roles,omitempty" doc:"service, or any that you have yourself. Default: service." maxItems:"16"`
	Scope   []string `json:"scope,omitempty" doc:"What it may do of what its roles may: names of channels and commands, or patterns such as queue.*, with read: before them if it may only read, and read to read everything. Default: all that its roles may." maxItems:"64"`
	Expires string   `json:"expires,omitempty" doc:"How long it is good for, 12h or 90d, or until when, as 2027-01-31T12:00:00Z. Default: until it is revoked." maxLength:"40" example:"90d"`
}

type issueInput struct {
	SpacePath
	Body issueBody
}

// issued is the one answer that has a token in it.
type issued struct {
	Token   string    `json:"token" doc:"The secret. It is shown this once, and kept as a hash."`
	ID      string    `json:"id" doc:"To revoke it by."`
	Expires time.Time `json:"expires,omitzero"`
}

type issuedOutput struct{ Body issued }

// TokenInfo is a token as lists show it.
type TokenInfo struct {
	ID        string    `json:"id"`
	Prefix    string    `json:"prefix" doc:"How it begins, to know it by."`
	Kind      string    `json:"kind" enum:"program,bearer,outside" doc:"program: of a program. bearer: of a person's scripts. outside: a JWT of another issuer that has been used."`
	Name      string    `json:"name"`
	User      string    `json:"user" doc:"The account that it acts as."`
	Roles     []string  `json:"roles"`
	Scope     []string  `json:"scope,omitempty" doc:"None: all that its roles may."`
	Created   time.Time `json:"created" doc:"Of one of another issuer, when it was first used."`
	CreatedBy string    `json:"created_by,omitempty" doc:"An account, or another issuer. None: the operator of the machine."`
	Expires   time.Time `json:"expires,omitzero" doc:"None: when it is revoked."`
	Ended     bool      `json:"ended,omitempty" doc:"Of one of another issuer: it was revoked, and is remembered until it has expired."`
}

type tokensInput struct {
	SpacePath
	PageInput
}

type tokensOutput struct {
	Body struct {
		Tokens     []TokenInfo `json:"tokens"`
		After      string      `json:"after,omitempty" doc:"If there are more: ask again with this."`
		Incomplete bool        `json:"incomplete" doc:"There are more."`
	}
}

type tokenInput struct {
	SpacePath
	Token string `path:"token" doc:"The id of the token." maxLength:"128"`
}

// tokenOperations look after what programs sign in with.
func tokenOperations(a *api) {
	member(a, issueOperation("/api/v1/spaces/{space}/tokens"), func(v *visit, in *issueInput) (*issuedOutput, error) {
		return v.hub.issue(v.r.Context(), v.room, v.who, in.Body)
	})
	member(a, listTokensOperation("/api/v1/spaces/{space}/tokens"), func(v *visit, in *tokensInput) (*tokensOutput, error) {
		out := &tokensOutput{}
		_, err := v.look(func(state *channels.State) (bool, error) {
			v.hub.listTokens(state, in.PageInput, out, func(t session.KnownToken) bool { return t.VisibleTo(v.who) })
			return true, nil
		})
		return out, err
	})
	member(a, revokeOperation("/api/v1/spaces/{space}/tokens/{token}"), func(v *visit, in *tokenInput) (*struct{}, error) {
		return nil, v.hub.revoke(v.r.Context(), v.room, v.who, in.Token)
	})
}

func issueOperation(path string) huma.Operation {
	return huma.Operation{
		OperationID: "create-token", Method: http.MethodPost, Path: path, Tags: []string{"tokens"},
		Summary: "Create a token for a program", DefaultStatus: http.StatusCreated,
		Description: "For admins, with a login session or a token without a scope. The answer is the only one that has the token in it. " +
			"It is not repeated under an operation id: whoever has lost the answer creates another, and revokes the first.",
	}
}

func listTokensOperation(path string) huma.Operation {
	return huma.Operation{
		OperationID: "list-tokens", Method: http.MethodGet, Path: path, Tags: []string{"tokens"},
		Summary: "List tokens", Description: "All of the space for admins, one's own for others: what their scripts have from POST /api/v1/bearer, and JWTs that they have used.",
	}
}

func revokeOperation(path string) huma.Operation {
	return huma.Operation{
		OperationID: "revoke-token", Method: http.MethodDelete, Path: path, Tags: []string{"tokens"},
		Summary: "Revoke a token", DefaultStatus: http.StatusNoContent,
		Description: "It ends at once, on every node, and what is connected with it is closed. For admins, and for those whose own it is.",
		Errors:      []int{http.StatusNotFound},
	}
}

// operator is who asks on the machine itself, past the API: nobody in the log, and allowed everything.
var operator = channels.Who{}

// issue makes a token, on behalf of who.
func (h *Hub) issue(ctx context.Context, r *room, who channels.Who, b issueBody) (*issuedOutput, error) {
	expires, err := parseExpiry(b.Expires, time.Now())
	if err != nil {
		return nil, err
	}
	if len(b.Roles) == 0 {
		b.Roles = []string{channels.RoleService}
	}
	token := session.NewToken(r.name)
	issue := session.IssueToken{Token: token, Name: b.Name, Roles: b.Roles, Scope: b.Scope, Expires: expires}
	if err := h.own(ctx, r, who, issue.Decide); err != nil {
		return nil, err
	}
	h.logger.Info("token created", "space", r.name, "token", token.ID, "name", b.Name, "roles", b.Roles, "scope", b.Scope, "expires", expires, "by", who.User)
	return &issuedOutput{issued{token.String(), token.ID, expires}}, nil
}

// revoke ends a token, on behalf of who, and its connections on every node, before it answers.
func (h *Hub) revoke(ctx context.Context, r *room, who channels.Who, id string) error {
	if err := h.own(ctx, r, who, session.RevokeToken{ID: id}.Decide); err != nil {
		return err
	}
	h.farewell(ctx, r, r.position(), []string{id})
	h.logger.Info("token revoked", "space", r.name, "token", id, "by", who.User)
	return nil
}

// own has something decided under an operation id that nobody is told: there is no answer that could be repeated.
func (h *Hub) own(ctx context.Context, r *room, who channels.Who, decide channels.Decide) error {
	op, err := oneOp(OpHeader{}, "")
	if err != nil {
		return err
	}
	o := r.replica().Do(ctx, channels.Proposal{Op: op.Op, Unnamed: true, Actor: who.ID, User: who.User, Urgent: true, Decide: decide})
	return o.Err
}

// listTokens is a page of the tokens that are for somebody to see, by id.
func (h *Hub) listTokens(state *channels.State, in PageInput, out *tokensOutput, visible func(session.KnownToken) bool) {
	tokens := session.Tokens(state, func(t session.KnownToken) bool { return t.ID > in.After && visible(t) })
	tokens, out.Body.Incomplete = firstOf(tokens, h.pageLimit(in.Limit))
	out.Body.Tokens = []TokenInfo{}
	for _, t := range tokens {
		out.Body.Tokens = append(out.Body.Tokens, TokenInfo{
			ID: t.ID, Prefix: t.Prefix, Kind: cmp.Or(string(t.Kind), "program"), Name: t.Name, User: t.Account(), Roles: slices.Clip(t.Roles), Scope: t.Scope,
			Created: t.Since, CreatedBy: t.CreatedBy, Expires: t.Expires, Ended: t.Ended,
		})
	}
	if out.Body.Incomplete {
		out.Body.After = out.Body.Tokens[len(out.Body.Tokens)-1].ID
	}
}

// Local serves the operations on tokens to the operator of the machine, who is asked for nothing: whoever lets a request
// through to it has made sure of that. Its addresses are those of the API.
func (h *Hub) Local() http.Handler {
	a := newAPI(h)
	space := func(v *visit, name string) (*room, error) {
		r := h.rooms[name]
		if r == nil {
			return nil, errNoSpace
		}
		_, err := r.opened(v.r.Context())
		return r, err
	}
	public(a, issueOperation("/api/v1/spaces/{space}/tokens"), func(v *visit, in *issueInput) (*issuedOutput, error) {
		r, err := space(v, in.Space)
		if err != nil {
			return nil, err
		}
		return h.issue(v.r.Context(), r, operator, in.Body)
	})
	public(a, listTokensOperation("/api/v1/spaces/{space}/tokens"), func(v *visit, in *tokensInput) (*tokensOutput, error) {
		r, err := space(v, in.Space)
		out := &tokensOutput{}
		if err == nil {
			r.replica().Read(func(state *channels.State) {
				h.listTokens(state, in.PageInput, out, func(session.KnownToken) bool { return true })
			})
		}
		return out, err
	})
	public(a, revokeOperation("/api/v1/spaces/{space}/tokens/{token}"), func(v *visit, in *tokenInput) (*struct{}, error) {
		r, err := space(v, in.Space)
		if err != nil {
			return nil, err
		}
		if o := r.replica().House(v.r.Context(), session.Revoke(in.Token)); o.Err != nil {
			return nil, o.Err
		}
		h.farewell(v.r.Context(), r, r.position(), []string{in.Token})
		h.logger.Info("token revoked", "space", r.name, "token", in.Token)
		return nil, nil
	})
	return a.mux
}
