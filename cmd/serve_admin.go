package cmd

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// serveAdmin serves metrics and profiles, away from the public address.
func (n *node) serveAdmin(failed chan<- error) (stop func(), err error) {
	if n.options.Admin == "" {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", n.options.Admin)
	if err != nil {
		return nil, fmt.Errorf("listening on --admin: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", serveMetrics(n.registry()))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()
	return func() { _ = server.Close(); <-ended }, nil
}
