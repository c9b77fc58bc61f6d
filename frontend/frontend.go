// Package frontend carries the built web UI inside the binary and serves it.
//
// The UI is built by npm into app/dist and embedded from there. A tracked placeholder keeps that
// folder in a fresh clone, so that `go build` works without Node; the handler then serves a page
// that says how to build the UI. The build copies the placeholder back (it lies in app/public), so
// that building leaves the work tree clean.
package frontend

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed all:app/dist
var dist embed.FS

// policy lets the page load only from its own origin. Mantine puts its theme into a style element,
// hence 'unsafe-inline' for styles (never for scripts).
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Baton</title>
<body style="font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:15vh auto;padding:0 1rem;color:#222">
<h1>Baton is running; its web page was not built</h1>
<p>This binary was compiled without the UI. With Node 20 or newer, in the source tree:</p>
<pre style="background:#eee;padding:1rem;border-radius:6px">make run</pre>
<p>or, step by step:</p>
<pre style="background:#eee;padding:1rem;border-radius:6px">cd frontend &amp;&amp; npm ci &amp;&amp; npm run build
cd .. &amp;&amp; go build ./cmd/baton</pre>
<p>The API under <code>/api/v1</code> works as it is.</p>
`

// Built gives the files of the UI, index.html at the root, and whether it was built.
func Built() (fs.FS, bool) {
	files, err := fs.Sub(dist, "app/dist")
	if err != nil { // cannot happen: the path is a constant that go:embed has checked
		return nil, false
	}
	_, err = fs.Stat(files, "index.html")
	return files, err == nil
}

// Handler serves the UI, or the page that says how to build it.
func Handler() http.Handler {
	files, ok := Built()
	if !ok {
		return http.HandlerFunc(serveNotBuilt)
	}
	return serve(files)
}

// serve serves a built UI. Files under assets/ have their content's hash in the name and may be
// kept for ever; everything else is asked for again each time, so that a new binary shows at once.
func serve(files fs.FS) http.Handler {
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Clean(r.URL.Path)
		if hidden(name) {
			http.NotFound(w, r)
			return
		}
		head := w.Header()
		head.Set("Content-Security-Policy", policy)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "same-origin")
		if strings.HasPrefix(name, "/assets/") {
			if _, err := fs.Stat(files, strings.TrimPrefix(name, "/")); err == nil {
				head.Set("Cache-Control", "public, max-age=31536000, immutable")
			}
		} else {
			head.Set("Cache-Control", "no-cache")
		}
		server.ServeHTTP(w, r)
	})
}

// hidden reports whether a path is no part of the page: the placeholder, and listings of folders.
func hidden(name string) bool {
	return strings.HasPrefix(path.Base(name), ".") || name == "/assets" || name == "/docs/pictures"
}

func serveNotBuilt(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(notBuilt)) // the reader is gone if this fails
}
