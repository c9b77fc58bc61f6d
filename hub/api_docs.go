package hub

import "github.com/danielgtaylor/huma/v2"

// document is the OpenAPI document before the operations are in it.
func document(version string) *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Baton", Version: version,
			Description: "A real-time hub for shared control: many see one live state, one may change it.",
			License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"cookie": {Type: "apiKey", In: "cookie", Name: "__Host-baton", Description: "Set by POST /api/v1/session."},
				"token":  {Type: "http", Scheme: "bearer", Description: "Of a program: baton token mint."},
			},
		},
		Tags: []*huma.Tag{
			{Name: "session", Description: "Signing in and out."},
			{Name: "spaces", Description: "What there is, who is there, who is in control."},
			{Name: "channels", Description: "Reading and changing the state without a WebSocket."},
			{Name: "commands", Description: "Asking the services of a space to do something."},
			{Name: "portability", Description: "Taking data out of a space, and bringing it in."},
			{Name: "node", Description: "How this node is."},
		},
	}
}
