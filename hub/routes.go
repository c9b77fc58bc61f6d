package hub

import (
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// operations are what the HTTP API consists of: functions that register some each.
func operations() []func(*api) {
	return []func(*api){
		signInOperations, loginOperations, sessionOperations, tokenOperations, bearerOperations, ticketOperations, listOperations, spaceOperations,
		controlOperations, readOperations, writeOperations, keyOperations, callOperations,
		eventOperations, taskOperations, nodeOperations, portOperations, documentOperations, healthOperations,
	}
}

// routes is what the hub serves.
func (h *Hub) routes() *http.ServeMux {
	a := newAPI(h)
	for _, register := range operations() {
		register(a)
	}
	a.mux.HandleFunc("GET /api/v1/ws", func(w http.ResponseWriter, r *http.Request) {
		if err := h.serveSocket(w, r); err != nil {
			problemOf(err).answer(w)
		}
	})
	mux := http.NewServeMux()
	for _, path := range []string{"/api/", "/healthz", "/readyz"} {
		mux.Handle(path, h.shared(a.mux))
	}
	if h.options.UI != nil {
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				w.Header().Set("Allow", "GET, HEAD")
				(&problem{status: http.StatusMethodNotAllowed, code: "invalid", detail: "Pages are read with GET."}).answer(w)
				return
			}
			h.options.UI.ServeHTTP(w, r)
		})
	}
	return mux
}

// methods are those that the API uses.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
}

// allowed lists the methods that an address has; none if there is no such address.
func allowed(mux *http.ServeMux, r *http.Request) (allowed []string) {
	probe := r.Clone(r.Context())
	for _, probe.Method = range methods {
		if _, pattern := mux.Handler(probe); pattern != "" {
			allowed = append(allowed, probe.Method)
		}
	}
	return allowed
}

// shared serves the API to the pages of the origins that may use it, and says so where there is nothing to serve. A page
// of another origin gets what it asks for, if its browser asks at all, but may not read it.
func (h *Hub) shared(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		may := h.share(w.Header(), r)
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		methods := allowed(mux, r)
		switch {
		case len(methods) == 0:
			(&problem{status: http.StatusNotFound, code: "unknown_name", detail: "There is nothing at this address. GET /api/openapi.json lists what there is."}).answer(w)
		case r.Method != http.MethodOptions:
			w.Header().Set("Allow", strings.Join(methods, ", "))
			(&problem{status: http.StatusMethodNotAllowed, code: "invalid", detail: "This address does not have this method: use " + strings.Join(methods, ", ") + "."}).answer(w)
		case r.Header.Get("Access-Control-Request-Method") != "" && !may:
			errOrigin.answer(w)
		default:
			if may {
				preflight(w.Header(), methods)
			}
			w.Header().Set("Allow", strings.Join(append(methods, http.MethodOptions), ", "))
			w.WriteHeader(http.StatusNoContent)
		}
	})
}

// The headers that pages of other origins may send and read.
const (
	sentHeaders = "Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID, Baton-Op, Baton-Again, Baton-Term, Baton-Seen"
	readHeaders = "ETag, Retry-After, Location, Allow, Baton-By"
)

// share says to the browser, if the page that asks is of an allowed origin, that it may read the answer.
func (h *Hub) share(head http.Header, r *http.Request) (may bool) {
	head.Set("X-Content-Type-Options", "nosniff")
	origins := h.setup.Load().Origins
	if len(origins) == 0 {
		return false
	}
	head.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	for _, o := range origins {
		if o == origin {
			head.Set("Access-Control-Allow-Origin", origin)
			head.Set("Access-Control-Allow-Credentials", "true")
			head.Set("Access-Control-Expose-Headers", readHeaders)
			return true
		}
	}
	return false
}

// preflight answers a browser that asks what a page of an allowed origin may do.
func preflight(head http.Header, methods []string) {
	head.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
	head.Set("Access-Control-Allow-Headers", sentHeaders)
	head.Set("Access-Control-Max-Age", "600")
}

type health struct {
	Body struct {
		Status string         `json:"status"`
		Rules  map[string]int `json:"rules,omitempty" doc:"When it is ready: the version of the rules in force, by space."`
	}
}

func healthOperations(a *api) {
	public(a, huma.Operation{
		OperationID: "alive", Method: http.MethodGet, Path: "/healthz", Tags: []string{"node"},
		Summary: "Whether this node runs",
	}, func(*visit, *struct{}) (*health, error) {
		out := &health{}
		out.Body.Status = "alive"
		return out, nil
	})
	public(a, huma.Operation{
		OperationID: "ready", Method: http.MethodGet, Path: "/readyz", Tags: []string{"node"},
		Summary: "Whether this node should get connections", Description: "If not, the detail says what is missing.",
	}, ready)
}

// ready says whether this node should get connections, and what is missing if not.
func ready(v *visit, _ *struct{}) (*health, error) {
	h := v.hub
	if missing := h.missing(); len(missing) > 0 {
		return nil, &problem{status: http.StatusServiceUnavailable, code: "not_ready", detail: strings.Join(missing, "; ")}
	}
	out := &health{}
	out.Body.Status, out.Body.Rules = "ready", h.RulesInForce()
	return out, nil
}

// missing is what keeps this node from serving connections.
func (h *Hub) missing() (missing []string) {
	for name, r := range h.rooms {
		space := r.replica()
		switch {
		case space == nil:
			if why := r.trouble.Load(); why != nil {
				missing = append(missing, name+": "+*why)
			}
		case space.Problem() != nil:
			missing = append(missing, name+": "+space.Problem().Error())
		case !space.Stale().IsZero():
			missing = append(missing, name+": the log has been out of reach since "+space.Stale().Format(time.RFC3339))
		}
	}
	if h.at() != serving {
		missing = append(missing, "this node is leaving")
	}
	return missing
}
