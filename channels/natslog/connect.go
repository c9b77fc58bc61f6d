package natslog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

// ConnectOptions say which NATS to use.
type ConnectOptions struct {
	// URL of the server, or of several of one cluster separated by commas: nats://host:4222, tls://…. Required.
	URL string
	// Credentials is the path of a .creds file. Optional.
	Credentials string
	// Replicas is how many servers of a cluster keep each stream: 1 or 3. Default 1.
	Replicas int
	// Logger gets what the client reports. Default slog.Default().
	Logger *slog.Logger
}

// Connect connects to NATS servers that run elsewhere. It tries until ctx ends, except when it is turned away.
func Connect(ctx context.Context, o ConnectOptions) (*Store, error) {
	if o.URL == "" {
		return nil, errors.New("connecting to NATS needs a URL")
	}
	if o.Replicas != 0 && o.Replicas != 1 && o.Replicas != 3 {
		return nil, fmt.Errorf("streams are kept 1 or 3 times, not %d", o.Replicas)
	}
	var more []nats.Option
	if o.Credentials != "" {
		more = append(more, nats.UserCredentials(o.Credentials))
	}
	for {
		s, err := newStore(ctx, o.URL, o.Replicas, orDefault(o.Logger), more...)
		if err == nil || final(err) {
			return s, err
		}
		if !pause(ctx, 250*time.Millisecond) {
			return nil, err
		}
	}
}

// final reports whether trying again is of no use.
func final(err error) bool {
	var file *fs.PathError // it says whether it is a timeout, as what comes from the network does
	switch {
	case errors.As(err, &file):
		return true
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout), errors.Is(err, nats.ErrNoResponders),
		errors.Is(err, context.DeadlineExceeded), errors.Is(cause(err), ErrNotSent),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // a server that goes down takes a connection and closes it
		return false
	}
	var network interface{ Timeout() bool }
	return !errors.As(err, &network)
}

// pause waits; it returns false when ctx ends before that.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
