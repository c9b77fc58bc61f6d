package frontend

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestServesTheBuiltPageAndLetsOnlyHashedFilesBeKept(t *testing.T) {
	h := serve(fstest.MapFS{
		"index.html":          {Data: []byte("<title>Baton</title>")},
		"assets/main-1a2.js":  {Data: []byte("let a")},
		"docs/rapidoc.js":     {Data: []byte("let b")},
		"docs/index.html":     {Data: []byte("<title>Docs</title>")},
		"docs/pictures/a.svg": {Data: []byte("<svg/>")},
		".placeholder":        {Data: []byte("x")},
	})
	for _, c := range []struct {
		path, cache, body string
		status            int
	}{
		{"/", "no-cache", "<title>Baton</title>", 200},
		{"/assets/main-1a2.js", "public, max-age=31536000, immutable", "let a", 200},
		{"/assets/main-old.js", "", "", 404},
		{"/assets/", "", "", 404},
		{"/docs/rapidoc.js", "no-cache", "let b", 200},
		{"/docs/", "no-cache", "<title>Docs</title>", 200},
		{"/docs", "no-cache", "", 301},
		{"/docs/pictures/", "", "", 404},
		{"/.placeholder", "", "", 404},
	} {
		w := get(h, c.path)
		if w.Code != c.status || w.Header().Get("Cache-Control") != c.cache || !strings.Contains(w.Body.String(), c.body) {
			t.Errorf("%s: %d, Cache-Control %q, %q", c.path, w.Code, w.Header().Get("Cache-Control"), w.Body)
		}
	}
	csp := get(h, "/").Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'self';") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
}

func TestWithoutTheUISaysHowToBuildIt(t *testing.T) {
	h := http.HandlerFunc(serveNotBuilt)
	if w := get(h, "/"); w.Code != 503 || !strings.Contains(w.Body.String(), "make run") {
		t.Errorf("/: %d %q", w.Code, w.Body)
	}
	if w := get(h, "/other"); w.Code != 404 {
		t.Errorf("/other: %d", w.Code)
	}
}
