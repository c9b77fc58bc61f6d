package hub_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/baton-hub/baton/hub"
)

// hush is what must never come back.
const hush = "hush.canary"

// A recorder keeps what is logged, at every level.
type recorder struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

// taken returns what was logged since the last time.
func (r *recorder) taken() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.text.Reset()
	return r.text.String()
}

// resolve follows a reference.
func (s schema) resolve(schemas map[string]schema) schema {
	if name := strings.TrimPrefix(s.Ref, "#/components/schemas/"); s.Ref != "" {
		return schemas[name]
	}
	return s
}

// planted are bodies with the canary in one place each, which fit the schema otherwise as far as that says.
func planted(s schema, schemas map[string]schema, depth int) (bodies []string) {
	s = s.resolve(schemas)
	text := fmt.Sprintf("%q", hush)
	switch {
	case depth > 4:
		return nil
	case s.Type == "array" && s.Items != nil:
		for _, one := range planted(*s.Items, schemas, depth+1) {
			bodies = append(bodies, "["+one+"]")
		}
	case s.Type == "object" && len(s.Properties) > 0:
		sample := map[string]string{}
		for _, name := range s.Required {
			sample[name] = harmless(s.Properties[name], schemas, depth+1)
		}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			for _, value := range planted(s.Properties[name], schemas, depth+1) {
				body := maps.Clone(sample)
				body[name] = value
				bodies = append(bodies, object(body))
			}
		}
		sample[hush] = "1"
		bodies = append(bodies, object(sample))
	case s.Type == "object":
		bodies = append(bodies, fmt.Sprintf(`{%s:1}`, text), fmt.Sprintf(`{%s:%[1]s}`, text), fmt.Sprintf(`{"k":%s}`, text), fmt.Sprintf(`{"k":{%s:%[1]s}}`, text))
	case s.Type == "":
		bodies = append(bodies, fmt.Sprintf(`{"data":%s}`, text))
	}
	return append(bodies, text, fmt.Sprintf(`[%s]`, text), fmt.Sprintf(`{%s:1}`, text))
}

func object(members map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		all = append(all, fmt.Sprintf("%q:%s", name, members[name]))
	}
	return "{" + strings.Join(all, ",") + "}"
}

// harmless is a value that fits a schema.
func harmless(s schema, schemas map[string]schema, depth int) string {
	s = s.resolve(schemas)
	switch {
	case s.Type == "integer" || s.Type == "number":
		return "1"
	case s.Type == "boolean":
		return "true"
	case s.Type == "array":
		return "[]"
	case s.Type == "object" && depth < 5:
		sample := map[string]string{}
		for _, name := range s.Required {
			sample[name] = harmless(s.Properties[name], schemas, depth+1)
		}
		return object(sample)
	}
	return `"lab"`
}

func TestWhatIsRefusedComesBackNowhere(t *testing.T) {
	said := &recorder{}
	n := newNode(t, nodeOptions{limits: hub.Limits{Rate: 100_000, Burst: 100_000}, more: func(o *hub.Options) {
		o.Logger = slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}})
	operations, schemas := documented(t)
	refused := 0
	for _, o := range operations {
		if o.RequestBody == nil || o.ID == "sign-out" {
			continue
		}
		for kind, media := range o.RequestBody.Content {
			sam := n.user(t, "sam")
			bodies := append(planted(media.Schema, schemas, 0), hush, "{"+hush, `{"a":`+hush+`}`, strings.Repeat(`{"`+hush+`":`, 40)+"1"+strings.Repeat("}", 40))
			for _, body := range bodies {
				said.taken()
				a := sam.Request(o.method, o.url(n), body, "Content-Type", kind)
				if a.Status < 400 {
					continue
				}
				refused++
				isProblem(t, fmt.Sprintf("%s %s with %s", o.method, o.path, body), a)
				if strings.Contains(a.Body, hush) {
					t.Errorf("%s %s with %s comes back: %s", o.method, o.path, body, a.Body)
				}
				// Whose sign-in failed is told, to who looks for somebody who guesses.
				if log := said.taken(); strings.Contains(log, hush) && !strings.Contains(log, `msg="sign-in failed"`) {
					t.Errorf("%s %s with %s is logged: %s", o.method, o.path, body, log)
				}
			}
		}
	}
	if refused < 100 {
		t.Errorf("%d bodies were refused", refused)
	}
}

func TestWrongMethodsAndContentTypesAreProblems(t *testing.T) {
	n := badNode(t)
	sam := n.user(t, "sam")
	operations, _ := documented(t)
	has := map[string]map[string]bool{}
	for _, o := range operations {
		if has[o.path] == nil {
			has[o.path] = map[string]bool{}
		}
		has[o.path][o.method] = true
	}
	for path, methods := range has {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"} {
			if methods[method] {
				continue
			}
			a := sam.Request(method, operation{path: path}.url(n), "")
			isProblem(t, method+" "+path, a)
			if a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") == "" {
				t.Errorf("%s %s was answered %d, allowing %q", method, path, a.Status, a.Header.Get("Allow"))
			}
		}
	}
	for _, o := range operations {
		if o.RequestBody == nil {
			continue
		}
		for _, kind := range []string{"", "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "nonsense", "*/*"} {
			if a := sam.Request(o.method, o.url(n), `{"space":"lab"}`, "Content-Type", kind); a.Status >= 500 {
				t.Errorf("%s %s as %q was answered %d: %s", o.method, o.path, kind, a.Status, a.Body)
			} else if a.Status >= 400 {
				isProblem(t, o.method+" "+o.path+" as "+kind, a)
			}
		}
	}
}
