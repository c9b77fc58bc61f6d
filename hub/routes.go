package hub

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// maxBody is the largest body of a request to the HTTP API.
const maxBody = 4 << 10

// routes is what the hub serves.
func (h *Hub) routes() *http.ServeMux {
	mux := http.NewServeMux()
	api := func(pattern string, serve func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := serve(w, r); err != nil {
				problemOf(err).answer(w)
			}
		})
	}
	guarded := func(pattern string, serve func(http.ResponseWriter, *http.Request) error) {
		api(pattern, func(w http.ResponseWriter, r *http.Request) error {
			if err := h.origins.Check(r); err != nil {
				return &problem{status: http.StatusForbidden, code: "origin", detail: "A page of another site may not do this."}
			}
			return serve(w, r)
		})
	}
	guarded("POST /api/v1/session", h.signIn)
	api("GET /api/v1/session", h.whoAmI)
	guarded("DELETE /api/v1/session", h.signOut)
	api("GET /api/v1/spaces", h.listSpaces)
	api("GET /api/v1/ws", h.serveSocket)
	api("GET /healthz", func(w http.ResponseWriter, _ *http.Request) error {
		return answerJSON(w, map[string]string{"status": "alive"})
	})
	api("GET /readyz", h.ready)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		(&problem{status: http.StatusNotFound, code: "unknown_name", detail: "There is nothing at this address."}).answer(w)
	})
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

// listSpaces tells the sign-in page what there is to sign in to.
func (h *Hub) listSpaces(w http.ResponseWriter, _ *http.Request) error {
	return answerJSON(w, struct {
		Title    string   `json:"title"`
		Spaces   []Site   `json:"spaces"`
		DevUsers []string `json:"dev_users,omitempty"`
	}{h.options.Title, h.options.Spaces, h.options.DevUsers})
}

// ready says whether this node should get connections, and what is missing if not.
func (h *Hub) ready(w http.ResponseWriter, _ *http.Request) error {
	var missing []string
	for name, r := range h.rooms {
		space := r.replica()
		switch {
		case space == nil:
		case space.Problem() != nil:
			missing = append(missing, name+": "+space.Problem().Error())
		case !space.Stale().IsZero():
			missing = append(missing, name+": the log has been out of reach since "+space.Stale().Format(time.RFC3339))
		}
	}
	if h.ctx.Err() != nil {
		missing = append(missing, "this node is leaving")
	}
	if len(missing) > 0 {
		return &problem{status: http.StatusServiceUnavailable, code: "not_ready", detail: strings.Join(missing, "; ")}
	}
	return answerJSON(w, map[string]string{"status": "ready"})
}

func answerJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(v)
}
