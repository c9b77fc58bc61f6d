package hub

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/hub/wire/asyncapi"
)

// document is the OpenAPI document before the operations are in it.
func document(version string) *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Baton", Version: version,
			Description: "A real-time hub for shared control: many see one live state, one may change it. " +
				"What is here works without a WebSocket; the WebSocket at /api/v1/ws is described by /api/asyncapi.json." +
				"\n\nWhat is refused is a problem (RFC 9457) with one of these codes, which error frames on the WebSocket have, too. Further ones may come.\n\n" +
				explainCodes(),
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Servers: []*huma.Server{{URL: "/", Description: "This hub"}},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"cookie": {Type: "apiKey", In: "cookie", Name: "__Host-baton", Description: "Set by POST /api/v1/session."},
				"token":  {Type: "http", Scheme: "bearer", Description: "Of a program or a script: what POST /api/v1/spaces/{space}/tokens or POST /api/v1/bearer gave, or a JWT of another issuer that the site trusts."},
			},
		},
		Tags: []*huma.Tag{
			{Name: "session", Description: "Signing in and out."},
			{Name: "nodes", Description: "The nodes that show a space, and who is connected to which."},
			{Name: "tokens", Description: "What programs, scripts and pages of other origins sign in with."},
			{Name: "spaces", Description: "What there is, who is there, who is in control."},
			{Name: "channels", Description: "Reading, changing and following the state."},
			{Name: "commands", Description: "Asking the services of a space to do something."},
			{Name: "portability", Description: "Taking data out of a space, and bringing it in."},
			{Name: "node", Description: "How this node is, and what it can do."},
		},
	}
}

// OpenAPI returns the OpenAPI 3.1 document of a hub's HTTP API.
func OpenAPI(version string) ([]byte, error) {
	a := newAPI(&Hub{options: Options{Version: version}})
	for _, register := range operations() {
		register(a)
	}
	return a.describe()
}

// describe returns the document, when all operations are in it.
func (a *api) describe() ([]byte, error) {
	doc := a.huma.OpenAPI()
	schemas := doc.Components.Schemas.Map()
	taken := map[string]bool{} // schemas of what clients send
	for _, path := range doc.Paths {
		for _, o := range []*huma.Operation{path.Post, path.Put, path.Patch} {
			if o == nil || o.RequestBody == nil {
				continue
			}
			for _, media := range o.RequestBody.Content {
				reach(schemas, media.Schema, taken)
			}
		}
	}
	for name, s := range schemas {
		if !taken[name] && s.Type == huma.TypeObject {
			s.AdditionalProperties = true // what a hub sends may grow
		}
	}
	if s := schemas["ControlState"]; s != nil {
		for _, name := range []string{"operator", "lost"} {
			s.Properties[name] = orNull(s.Properties[name])
		}
	}
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the OpenAPI document: %w", err)
	}
	return append(data, '\n'), nil
}

// reach notes the named schemas that a schema is made of.
func reach(schemas map[string]*huma.Schema, s *huma.Schema, into map[string]bool) {
	if s == nil {
		return
	}
	if name := strings.TrimPrefix(s.Ref, "#/components/schemas/"); s.Ref != "" && !into[name] {
		into[name] = true
		reach(schemas, schemas[name], into)
	}
	for _, property := range s.Properties {
		reach(schemas, property, into)
	}
	reach(schemas, s.Items, into)
	if values, ok := s.AdditionalProperties.(*huma.Schema); ok {
		reach(schemas, values, into)
	}
}

func orNull(s *huma.Schema) *huma.Schema {
	if s == nil || s.Ref == "" {
		return s
	}
	return &huma.Schema{AnyOf: []*huma.Schema{{Ref: s.Ref}, {Type: "null"}}, Description: s.Description}
}

// documentOperations serve the documents, and the page that shows them to people.
func documentOperations(a *api) {
	if a.hub.options.NoDocs {
		return
	}
	doc := func(id, path, summary, served string, write func() ([]byte, error)) {
		write = sync.OnceValues(write) // it is the same as long as the hub runs
		kind, _, _ := strings.Cut(served, ";")
		public(a, huma.Operation{
			OperationID: id, Method: http.MethodGet, Path: path, Tags: []string{"node"}, Summary: summary, Errors: []int{http.StatusNotModified},
			Responses: map[string]*huma.Response{"200": {
				Description: "OK", Content: map[string]*huma.MediaType{kind: {Schema: &huma.Schema{}}},
			}},
		}, func(v *visit, _ *struct{}) (*huma.StreamResponse, error) {
			data, err := write()
			if err != nil {
				v.hub.logger.Error("a document cannot be written", "path", path, "error", err)
				return nil, err
			}
			tag := contentTag(data)
			v.w.Header().Set("ETag", tag)
			v.w.Header().Set("Cache-Control", "no-cache")
			if none, err := conditionOf(v.r.Header, "If-None-Match"); err != nil || none.any || none.names(tag) {
				return nil, cmp.Or(err, error(&problem{status: http.StatusNotModified}))
			}
			return &huma.StreamResponse{Body: func(ctx huma.Context) {
				v.w.Header().Set("Content-Type", served)
				if kind == "text/html" {
					v.w.Header().Set("Content-Security-Policy", docsPolicy)
					v.w.Header().Set("Referrer-Policy", "same-origin")
				}
				_, _ = ctx.BodyWriter().Write(data) // the reader may be gone
			}}, nil
		})
	}
	doc("openapi", "/api/openapi.json", "The document that describes this API", "application/openapi+json", func() ([]byte, error) {
		return OpenAPI(a.hub.options.Version)
	})
	doc("asyncapi", "/api/asyncapi.json", "The document that describes the WebSocket, and the frames of event streams", "application/json", func() ([]byte, error) {
		return asyncapi.Document(a.hub.options.Version)
	})
	doc("docs", "/api/docs", "This API for people", "text/html; charset=utf-8", func() ([]byte, error) { return docsPage, nil })
}

// docsPage shows the OpenAPI document. Its script is part of the built UI.
//
//go:embed docs.html
var docsPage []byte

// docsPolicy lets the page load from this hub only. The script makes style elements, hence 'unsafe-inline' for styles.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
