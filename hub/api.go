package hub

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/trace"
	"github.com/baton-hub/baton/hub/wire"
)

// This file is the one door to the library that turns Go types into HTTP operations and their OpenAPI document. An
// operation is registered with [public] or [member]; what it takes and gives are the fields of two structs.

// The limits of a request.
const (
	maxBody  = 64 << 10
	bodyTime = 10 * time.Second // for the body to come in whole
)

// The library is set up by variables of its package.
func init() {
	huma.NewError = problemOfLibrary
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		v, ok := ctx.Context().Value(visitKey{}).(*visit)
		switch {
		case !ok:
			return problemOfLibrary(status, message, errs...)
		case v.badBody != "":
			return &problem{status: http.StatusBadRequest, code: string(channels.CodeInvalid), detail: v.badBody}
		}
		return v.discreet(v.problemOfLibrary(status, message, errs...))
	}
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true
}

// api is the HTTP API of a hub.
type api struct {
	hub   *Hub
	mux   *http.ServeMux
	huma  huma.API
	meter *meter
	names func() map[string]bool // of the members of all bodies, once all operations are there
}

func newAPI(h *Hub) *api {
	a := &api{hub: h, mux: http.NewServeMux(), meter: newMeter(h.options.Limits)}
	format := huma.Format{Marshal: marshal, Unmarshal: json.Unmarshal} // admit has been strict before
	config := huma.Config{
		OpenAPI:       document(h.options.Version),
		Formats:       map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat: "application/json",
	}
	a.huma = humago.New(a.mux, config)
	a.names = sync.OnceValue(a.propertyNames)
	return a
}

// A visit is one request to an operation.
type visit struct {
	hub *Hub
	api *api
	r   *http.Request
	w   http.ResponseWriter

	// Of members only.
	who   channels.Who
	room  *room
	proof proof

	span    *trace.Span
	after   []func() // called when it has been answered
	body    []byte   // as it was sent, if it is JSON
	badBody string   // what to say of a body that cannot be read, if more must not be said
}

type visitKey struct{}

// SpacePath is the part of the path that all operations of a space share.
type SpacePath struct {
	Space string `path:"space" doc:"The name of the space." maxLength:"128"`
}

// public registers an operation that anybody may ask for.
func public[I, O any](a *api, o huma.Operation, serve func(*visit, *I) (*O, error)) {
	if o.Security == nil {
		o.Security = []map[string][]string{{}}
	}
	register(a, o, false, serve)
}

// member registers an operation of the space in its path, for those who are signed in there, with a cookie or a token.
// They are in the visit. What they may do is not looked at.
func member[I, O any](a *api, o huma.Operation, serve func(*visit, *I) (*O, error)) {
	o.Security = []map[string][]string{{"cookie": {}}, {"token": {}}}
	o.Errors = append(o.Errors, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests)
	o.Parameters = append(o.Parameters, &huma.Param{
		Name: seenHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "A cursor that you have seen: the request is served by a node that has seen it, too, on whichever node it came to.",
	})
	register(a, o, true, serve)
}

// seenHeader is the header with a cursor that an HTTP client has seen.
const seenHeader = "Baton-Seen"

// register registers an operation. Its MaxBodyBytes are maxBody if zero; an operation without Body or RawBody in I reads
// the body itself, if it takes one. Its Errors are the statuses of problems that it may give, beyond those of all.
func register[I, O any](a *api, o huma.Operation, members bool, serve func(*visit, *I) (*O, error)) {
	limit := o.MaxBodyBytes
	if limit == 0 {
		limit = maxBody
	}
	o.MaxBodyBytes, o.BodyReadTimeout = -1, -1 // admit reads it
	a.documentErrors(&o, hasBody(reflect.TypeFor[I]()) || o.RequestBody != nil)
	o.Middlewares = append(huma.Middlewares{a.admit(members, hasBody(reflect.TypeFor[I]()), limit)}, o.Middlewares...)
	huma.Register(a.huma, o, func(ctx context.Context, in *I) (*O, error) {
		v := ctx.Value(visitKey{}).(*visit)
		out, err := serve(v, in)
		if err != nil {
			return nil, v.discreet(problemOf(err))
		}
		return out, nil
	})
}

func hasBody(in reflect.Type) bool {
	_, body := in.FieldByName("Body")
	_, raw := in.FieldByName("RawBody")
	return body || raw
}

// documentErrors says which problems an operation may give. The statuses 422 and 500, which the library would add, mean
// something else here or nothing.
func (a *api) documentErrors(o *huma.Operation, body bool) {
	errs := append(o.Errors, http.StatusBadRequest, http.StatusServiceUnavailable)
	if o.Method != http.MethodGet && o.Method != http.MethodHead {
		errs = append(errs, http.StatusForbidden) // a page of another site
	}
	if body {
		errs = append(errs, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if o.Responses == nil {
		o.Responses = map[string]*huma.Response{}
	}
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem](), true, "Problem")
	for _, status := range errs {
		r := &huma.Response{Description: http.StatusText(status)}
		if status != http.StatusNotModified {
			r.Content = map[string]*huma.MediaType{"application/problem+json": {Schema: schema}}
		}
		o.Responses[strconv.Itoa(status)] = r
	}
	o.Errors = nil
}

// admit makes the visit: it finds out who asks, reads the body, and refuses what must not go on.
func (a *api) admit(members, body bool, limit int64) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		v := &visit{hub: a.hub, api: a, r: r, w: w}
		v.badBody, _ = ctx.Operation().Metadata[badBodyKey].(string)
		v.span = v.trace(ctx.Operation(), ctx.Param("space"))
		refused := 0
		defer func() { v.traced(cmp.Or(refused, ctx.Status())) }()
		defer v.leave()
		w.Header().Set("Cache-Control", "no-store")
		var data []byte
		err := v.admit(members, ctx)
		switch {
		case err != nil:
		case body:
			data, err = v.readBody(ctx.Operation(), limit)
		case ctx.Operation().RequestBody != nil:
			err = v.checkKind(ctx.Operation())
		}
		if err != nil {
			p := problemOf(err)
			refused = p.status
			p.answer(w)
			return
		}
		v.body = data
		next(&visitContext{ctx, context.WithValue(ctx.Context(), visitKey{}, v), data, promptWriter{w}})
	}
}

// badBodyKey is the metadata of an operation whose bodies are secret: what to say of a bad one.
const badBodyKey = "bad body"

// leave is called when a request was answered.
func (v *visit) leave() {
	for _, f := range v.after {
		f()
	}
}

// admit finds out who asks, if that matters, and counts the request until it was answered.
func (v *visit) admit(members bool, ctx huma.Context) (err error) {
	space, identify := ctx.Param("space"), v.hub.identify
	stop := v.stops(space, ctx.Param("command"))
	if stop {
		identify = v.hub.lastKnown
	}
	if err := v.hub.setup.Load().origins.Check(v.r); err != nil {
		return errOrigin
	}
	if !members {
		return nil
	}
	if v.who, v.room, v.proof, err = identify(v.r); err != nil {
		return err
	}
	if space != "" && v.room.name != space {
		if v.hub.rooms[space] == nil {
			return errNoSpace
		}
		return channels.Refuse(channels.CodeForbidden, "you are signed in to the space %s, which is another: sign in to this one", v.room.name)
	}
	if stop {
		return v.api.meter.stop(v.who)
	}
	leave, err := v.api.meter.enter(v.who)
	if err != nil {
		v.room.counts.limitedRequest.Inc()
		return err
	}
	v.after = append(v.after, leave)
	return v.waitForSeen(v.r.Header.Get(seenHeader))
}

// stops reports whether a command is a stop command: it waits neither for the log nor for other requests.
func (v *visit) stops(space, command string) (stop bool) {
	r := v.hub.rooms[space]
	if r == nil || command == "" || r.replica() == nil {
		return false
	}
	r.replica().Read(func(state *channels.State) { stop = state.Rules().Commands[command].Stop })
	return stop
}

var (
	errOrigin  = &problem{status: http.StatusForbidden, code: "origin", detail: "A page of another site may not do this."}
	errNoSpace = &problem{status: http.StatusNotFound, code: "unknown_name", detail: "There is no such space here. GET /api/v1/spaces lists them."}
)

// waitForSeen lets the request wait until this node has caught up with a cursor that its client has seen.
func (v *visit) waitForSeen(seen string) error {
	cursor, err := channels.ParseCursor(seen)
	if err != nil {
		return invalid("%v", err)
	}
	if cursor.Epoch != v.room.replica().Epoch() {
		return nil
	}
	return v.room.replica().WaitFor(v.r.Context(), cursor.Position)
}

// readBody reads the body, which has one of the operation's content types, as strictly as a frame is read.
func (v *visit) readBody(o *huma.Operation, limit int64) ([]byte, error) {
	controller := http.NewResponseController(v.w)
	_ = controller.SetReadDeadline(time.Now().Add(bodyTime)) // not every server has one
	data, err := io.ReadAll(http.MaxBytesReader(v.w, v.r.Body, limit))
	_ = controller.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, channels.Refuse(channels.CodeTooLarge, "the body is larger than %d bytes: send less at once", limit)
	case err != nil:
		return nil, &problem{status: http.StatusRequestTimeout, code: string(channels.CodeInvalid), detail: "The body did not come in whole. Send it again."}
	case len(data) == 0 && !o.RequestBody.Required:
		return nil, nil
	}
	if err := v.checkKind(o); err != nil {
		return nil, err
	}
	data, err = wire.CheckJSON(data)
	if err != nil && v.badBody != "" {
		return nil, invalid("%s", v.badBody)
	}
	if err != nil {
		return nil, invalid("the body: %v", err)
	}
	return data, nil
}

// checkKind refuses a body of another content type than the operation's.
func (v *visit) checkKind(o *huma.Operation) error {
	kinds := slices.Sorted(maps.Keys(o.RequestBody.Content))
	kind, _, _ := strings.Cut(v.r.Header.Get("Content-Type"), ";")
	if slices.Contains(kinds, strings.ToLower(strings.TrimSpace(kind))) {
		return nil
	}
	return &problem{
		status: http.StatusUnsupportedMediaType, code: string(channels.CodeInvalid),
		detail: "Send JSON, with Content-Type " + strings.Join(kinds, " or ") + ".",
	}
}

// A visitContext is what the library sees of a visit: a body that has been read, and an answer that is always JSON.
type visitContext struct {
	humaContext
	context context.Context
	body    []byte
	answer  promptWriter
}

type humaContext huma.Context // embedded, it must not be called as its method is

func (c *visitContext) Context() context.Context        { return c.context }
func (c *visitContext) BodyReader() io.Reader           { return bytes.NewReader(c.body) }
func (c *visitContext) BodyWriter() io.Writer           { return c.answer }
func (c *visitContext) SetReadDeadline(time.Time) error { return nil }

// Unwrap returns the context of the adapter.
func (c *visitContext) Unwrap() huma.Context { return c.humaContext }

// Header returns a header, as if every client accepted JSON.
func (c *visitContext) Header(name string) string {
	switch name {
	case "Accept":
		return ""
	case "Content-Type":
		return "application/json"
	}
	return c.humaContext.Header(name)
}

// clearer says what to send where the library only says what is wrong; it has no words at all for numbers in maps.
var clearer = map[string]string{
	"":                "does not fit: GET /api/openapi.json says what does",
	"invalid boolean": "is neither true nor false: send one of them",
	"invalid integer": "is no whole number in range: send one",
}

// problemOfLibrary is what the library finds wrong with a request, without the values, which may be secret.
func problemOfLibrary(status int, message string, errs ...error) huma.StatusError {
	return (*visit)(nil).problemOfLibrary(status, message, errs...)
}

func (v *visit) problemOfLibrary(status int, message string, errs ...error) *problem {
	var details []string
	for _, err := range errs {
		var detailed huma.ErrorDetailer
		if errors.As(err, &detailed) {
			d := detailed.ErrorDetail()
			d.Message = cmp.Or(clearer[d.Message], d.Message)
			if v != nil {
				d.Location = v.place(d.Location)
			}
			details = append(details, fmt.Sprintf("%s: %s", trimmed(d.Location, 100), d.Message))
		}
	}
	if len(details) > 0 {
		message = strings.Join(details[:min(len(details), 5)], "; ")
	}
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	return &problem{status: status, code: string(channels.CodeInvalid), detail: message}
}

// GetStatus returns the status, for the library.
func (p *problem) GetStatus() int { return p.status }

// ContentType returns the content type of a problem, for the library.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// Schema returns the schema of a problem, for the library.
func (*problem) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[Problem](), true, "Problem")
}
