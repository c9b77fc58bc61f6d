package hub

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

type siteOutput struct {
	Body struct {
		Title    string   `json:"title" doc:"Of the site, for people."`
		Spaces   []Site   `json:"spaces"`
		DevUsers []string `json:"dev_users,omitempty" doc:"With --dev only: who can sign in, with the name as the password."`
	}
}

// spaceOperations tell what spaces there are, and what one is like.
func spaceOperations(a *api) {
	public(a, huma.Operation{
		OperationID: "list-spaces", Method: http.MethodGet, Path: "/api/v1/spaces", Tags: []string{"spaces"},
		Summary: "List what there is to sign in to",
	}, listSpaces)
}

// listSpaces tells the sign-in page what there is to sign in to.
func listSpaces(v *visit, _ *struct{}) (*siteOutput, error) {
	o := v.hub.options
	out := &siteOutput{}
	out.Body.Title, out.Body.Spaces, out.Body.DevUsers = o.Title, o.Spaces, o.DevUsers
	return out, nil
}
